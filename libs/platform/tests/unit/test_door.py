"""From which pages a cookie may change something."""

import pytest

from oblivion_platform.door import CrossSiteRefused, is_local, own_origins, refuse_cross_site

OURS = own_origins("https://oblivion.example")


def is_refused(method: str, headers: dict[str, str]) -> bool:
    try:
        refuse_cross_site(method, headers, OURS)
    except CrossSiteRefused:
        return True
    return False


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "https://oblivion.example"},
        {"origin": "https://oblivion.example", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "none"},
    ],
)
def test_a_page_of_ours_may_change_things(headers):
    assert not is_refused("POST", headers)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "https://evil.example"},
        {"origin": "http://oblivion.example"},
        {"origin": "https://oblivion.example:8443"},
        {"origin": "https://oblivion.example.evil.example"},
        {"origin": "https://evil.example", "sec-fetch-site": "same-origin"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "cross-site"},
    ],
)
def test_another_sites_page_may_not(headers):
    assert is_refused("DELETE", headers)


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_whoever_only_looks_comes_from_anywhere(method):
    assert not is_refused(method, {"origin": "https://evil.example"})


@pytest.mark.parametrize(
    ("public_url", "origins"),
    [
        ("https://oblivion.example/", {"https://oblivion.example"}),
        ("https://user@oblivion.example:8443/x", {"https://oblivion.example:8443"}),
        ("https://[2001:db8::1]:8443", {"https://[2001:db8::1]:8443"}),
        (
            "http://localhost:8300",
            {"http://localhost:8300", "http://127.0.0.1:8300", "http://[::1]:8300"},
        ),
    ],
)
def test_own_pages_come_from_the_public_address(public_url, origins):
    assert own_origins(public_url) == origins


def test_what_only_begins_with_localhost_is_not_local():
    assert is_local("http://localhost:8300")
    assert is_local("http://[::1]:8300")
    assert not is_local("http://localhost:8300@evil.example")
    assert not is_local("http://localhost.evil.example")
