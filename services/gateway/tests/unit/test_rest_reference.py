from pathlib import Path

import pytest

from oblivion_gateway import rest_reference
from oblivion_gateway.domain.access import ACCESS
from oblivion_gateway.routes.application import describe

NO_NEED_OF_A_KEY = {"search_history", "try_route", "retain_agents"}
"""They store nothing, or the same whenever they are repeated."""
PAGE = Path(__file__).parents[4] / "docs" / "reference" / "rest.md"


def test_the_page_is_as_the_api_is() -> None:
    assert PAGE.read_text(encoding="utf-8") == rest_reference.page()


def test_every_operation_is_described_with_its_errors() -> None:
    operations = [operation for methods in describe()["paths"].values() for operation in methods.values()]

    assert {operation["operationId"] for operation in operations} >= ACCESS.keys()
    for operation in operations:
        assert operation["description"], operation["operationId"]
        assert operation["tags"], operation["operationId"]
        # FastAPI's own 422 would be no problem document.
        assert "HTTPValidationError" not in str(operation["responses"]), operation["operationId"]
        if operation["operationId"] in ACCESS:
            assert {"401", "403", "429", "503"} <= operation["responses"].keys()


def test_every_error_is_a_problem_document_but_for_what_oauth_clients_read() -> None:
    other = [
        (method, path, status, sorted(answer.get("content", {})))
        for path, methods in describe()["paths"].items()
        for method, operation in methods.items()
        for status, answer in operation["responses"].items()
        if int(status) >= 400 and "application/problem+json" not in answer.get("content", {})
    ]
    assert other == [("post", "/auth/token", "401", ["application/json"])]


def test_every_post_that_makes_something_takes_an_idempotency_key() -> None:
    posts = [
        methods["post"]
        for path, methods in describe()["paths"].items()
        if path.startswith("/api/") and "post" in methods
    ]
    without = {
        operation["operationId"]
        for operation in posts
        if "Idempotency-Key" not in {each["name"] for each in operation.get("parameters", ())}
    }
    assert without == NO_NEED_OF_A_KEY


def test_a_stale_page_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "rest.md"
    file.write_text("old")
    monkeypatch.setattr("sys.argv", ["rest_reference", str(file), "--check"])
    assert rest_reference.main() == 1
    monkeypatch.setattr("sys.argv", ["rest_reference", str(file)])
    assert rest_reference.main() == 0
    assert file.read_text() == rest_reference.page()
