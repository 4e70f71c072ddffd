"""Decisions already made."""

from uuid import uuid4

from oblivion_platform.routing import Decision, DecisionCache

A, B = uuid4(), uuid4()
FOR_NOTION = Decision("notion", "default", 1.0, "x")
KEY = DecisionCache.key("hello", None)


def test_a_decision_is_found_again_by_its_own_tenant_alone():
    cache = DecisionCache()
    cache.put(A, KEY, FOR_NOTION)
    assert cache.get(A, KEY) == FOR_NOTION
    assert cache.get(B, KEY) is None


def test_a_changed_registry_forgets_the_tenants_decisions():
    cache = DecisionCache()
    cache.put(A, KEY, FOR_NOTION)
    cache.put(B, KEY, FOR_NOTION)
    cache.drop(A)
    assert cache.get(A, KEY) is None
    assert cache.get(B, KEY) is not None


def test_the_least_recently_used_decision_leaves_first():
    cache = DecisionCache(most_decisions=2)
    first, second, third = (DecisionCache.key(str(n)) for n in range(3))
    cache.put(A, first, FOR_NOTION)
    cache.put(A, second, FOR_NOTION)
    assert cache.get(A, first)
    cache.put(A, third, FOR_NOTION)
    assert cache.get(A, first)
    assert cache.get(A, second) is None


def test_tenants_are_bounded_too():
    cache = DecisionCache(most_tenants=1)
    cache.put(A, KEY, FOR_NOTION)
    cache.put(B, KEY, FOR_NOTION)
    assert cache.get(A, KEY) is None


def test_text_and_context_cannot_be_confused():
    keys = {
        DecisionCache.key("ab", "c"),
        DecisionCache.key("a", "bc"),
        DecisionCache.key("ab", None),
        DecisionCache.key("ab", ""),
        DecisionCache.key("\ud800"),
    }
    assert len(keys) == 5
