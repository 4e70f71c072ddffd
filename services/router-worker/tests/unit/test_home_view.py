from uuid import uuid4

from oblivion_router_worker.domain.surface_view import home_view


def test_what_waits_for_an_approval_is_shown_with_its_detail_and_asked_once_more() -> None:
    approval_id = uuid4()
    view = home_view([], [], [(approval_id, "May I use tracker__delete?", '```\n{"id": "ABC-1"}\n```')])
    shown = str(view["blocks"])
    assert "ABC-1" in shown
    buttons = [e for b in view["blocks"] if b["type"] == "actions" for e in b["elements"]]
    assert [each["value"] for each in buttons] == [str(approval_id)] * 2
    assert all("confirm" in each for each in buttons)


def test_a_home_says_how_to_be_the_same_person_elsewhere() -> None:
    address = "https://oblivion.example.com/t/acme/login?provider=slack"
    shown = str(home_view([], [], [], sign_in_address=address))
    assert f"<{address}|Sign in with Slack>" in shown
    assert "oblivion users link" in shown
    for elsewhere in ("ClickUp", "GitHub"):
        assert elsewhere in shown
    assert "Sign in" not in str(home_view([], [], []))
