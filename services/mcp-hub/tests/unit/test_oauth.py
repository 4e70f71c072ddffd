"""Token endpoints' answers as vendors bend them, when a token is fresh, and the addresses to open."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from oblivion_mcp_hub.domain.oauth import AnswerUnusable, Client, Plan, Tokens, challenge, read_tokens
from oblivion_mcp_hub.domain.oauth_vendors import VENDORS, VendorAddresses, vendor_plan

NOW = datetime(2026, 11, 22, tzinfo=UTC)
HOUR = timedelta(hours=1)
PLAN = Plan(
    authorization_endpoint="https://as.example/authorize",
    token_endpoint="https://as.example/token",
    redirect_uri="https://oblivion.example.com/oauth/callback",
    client_id="app",
    token_auth="none",
)


def test_the_challenge_is_that_of_the_standards_own_example():
    """RFC 7636, appendix B."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    assert challenge(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


@pytest.mark.parametrize(
    ("answer", "expires", "ends"),
    [
        ({"expires_in": 3600}, HOUR, HOUR),
        ({"expires_in": "3600"}, HOUR, HOUR),
        ({"expires_in": 3600, "refresh_token": "r"}, HOUR, None),
        ({"expires_in": 3600, "refresh_token": "r", "refresh_token_expires_in": 7200}, HOUR, 2 * HOUR),
        ({"refresh_token": "r"}, None, None),
        ({}, None, None),
        ({"expires_in": 0}, None, None),
        ({"expires_in": -1}, None, None),
        ({"expires_in": 10**12}, None, None),
        ({"expires_in": True}, None, None),
        ({"expires_in": "soon", "refresh_token": "r"}, HOUR, None),
    ],
)
def test_how_long_tokens_are_good(answer, expires, ends):
    tokens = read_tokens({"access_token": "a", **answer}, NOW)
    assert tokens.expires_at == (None if expires is None else NOW + expires)
    assert tokens.ends_at == (None if ends is None else NOW + ends)


@pytest.mark.parametrize("access", [None, "", 1, ["a"], "x" * 20_000])
def test_an_answer_without_a_token_is_none(access):
    with pytest.raises(AnswerUnusable):
        read_tokens({"access_token": access}, NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(), st.lists, max_leaves=5
)


@given(st.dictionaries(st.sampled_from(["expires_in", "refresh_token", "scope", "refresh_expires_in"]), JSON))
def test_whatever_else_an_answer_holds_is_lived_with(answer):
    assert read_tokens({"access_token": "a", **answer}, NOW).access_token == "a"


@pytest.mark.parametrize(
    ("life_s", "age_s", "fresh"),
    [(3600, 0, True), (3600, 3539, True), (3600, 3541, False), (10, 7, True), (10, 9, False)],
)
def test_a_token_is_renewed_shortly_before_its_end(life_s, age_s, fresh):
    tokens = Tokens(access_token="a", obtained_at=NOW, expires_at=NOW + timedelta(seconds=life_s))
    assert tokens.is_fresh(NOW + timedelta(seconds=age_s)) is fresh


def test_what_a_renewal_leaves_out_is_as_it_was():
    before = Tokens(access_token="a", refresh_token="r", obtained_at=NOW, scopes=("read",))
    after = read_tokens({"access_token": "b", "expires_in": 3600}, NOW).renewed_from(before)
    assert (after.access_token, after.refresh_token, after.scopes) == ("b", "r", ("read",))


def test_secrets_do_not_show():
    shown = repr(Tokens(access_token="canary-1", refresh_token="canary-2", obtained_at=NOW))
    shown += repr(Client(client_id="app", client_secret="canary-3"))
    assert "canary" not in shown


def test_an_endpoint_that_has_a_query_keeps_it():
    plan = PLAN.model_copy(update={"authorization_endpoint": "https://as.example/authorize?realm=a"})
    query = parse_qs(urlsplit(plan.authorization_url("s", "v" * 43)).query)
    assert (query["realm"], query["state"], query["code_challenge_method"]) == (["a"], ["s"], ["S256"])


def test_values_of_others_cannot_add_parameters():
    plan = PLAN.model_copy(
        update={"scope": "read&redirect_uri=https://evil.example", "resource": "https://a/?b=c&d"}
    )
    query = parse_qs(urlsplit(plan.authorization_url("s", "v" * 43)).query)
    assert query["redirect_uri"] == [PLAN.redirect_uri]
    assert query["resource"] == ["https://a/?b=c&d"]


@pytest.mark.parametrize("provider", VENDORS)
def test_each_vendor_is_asked_for_its_own_scopes_or_the_admins(provider):
    at = VendorAddresses("https://vendor.example/authorize", "https://vendor.example/token")
    ours = vendor_plan(VENDORS[provider], at, Client(client_id="app", client_secret="s"), PLAN.redirect_uri)
    theirs = vendor_plan(VENDORS[provider], at, Client(client_id="app", scopes=("one",)), PLAN.redirect_uri)
    assert (ours.scope or "").replace(",", " ").split() == list(VENDORS[provider].scopes)
    assert (theirs.scope, theirs.token_auth, ours.uses_pkce) == ("one", "none", True)


@pytest.mark.parametrize(
    ("change", "fits"),
    [
        ({}, True),
        ({"issuer": "https://other.example"}, False),
        ({"redirect_uri": "https://elsewhere.example/oauth/callback"}, False),
        ({"expires_at": NOW - HOUR}, False),
        ({"origin": "admin", "issuer": None}, True),
    ],
)
def test_an_app_that_registered_itself_is_used_where_it_did(change, fits):
    made = {"origin": "registered", "issuer": "https://as.example", "redirect_uri": PLAN.redirect_uri}
    client = Client.model_validate({"client_id": "app", **made, **change})
    assert client.fits("https://as.example", PLAN.redirect_uri, NOW) is fits
