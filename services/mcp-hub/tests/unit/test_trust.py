import pytest

from oblivion_mcp_hub.domain.trust import Standing, Trust, lowest


@pytest.mark.parametrize(
    ("roles", "heard_tools", "trust"),
    [
        (["admin"], False, Trust.MEMBER),
        (["user", "admin"], False, Trust.MEMBER),
        (["user", "guest"], False, Trust.GUEST),
        (["user", "outsider"], False, Trust.OUTSIDER),
        (["guest", "outsider"], False, Trust.OUTSIDER),
        (["something new"], False, Trust.OUTSIDER),
        ([], False, Trust.OUTSIDER),
        (["admin"], True, Trust.OUTSIDER),
    ],
)
def test_the_least_trusted_voice_decides(roles, heard_tools, trust):
    assert lowest(roles, heard_tools=heard_tools) is trust


@pytest.mark.parametrize(
    ("patterns", "run_patterns", "allowed"),
    [
        (None, None, True),
        (("wiki__*",), None, True),
        (("wiki__read",), None, True),
        (("wiki__*",), ("wiki__read",), True),
        (("wiki__*",), ("wiki__write",), False),
        (("wiki2__*",), None, False),
        ((), None, False),
        (("wiki__*",), (), False),
    ],
)
def test_a_tool_has_to_be_on_every_list(patterns, run_patterns, allowed):
    standing = Standing(Trust.MEMBER, "free", patterns, run_patterns)
    assert standing.allows("wiki__read") is allowed
