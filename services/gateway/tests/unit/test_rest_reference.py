from pathlib import Path

import pytest

from oblivion_gateway import rest_reference
from oblivion_gateway.domain.access import ACCESS
from oblivion_gateway.routes.application import describe

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


def test_a_stale_page_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "rest.md"
    file.write_text("old")
    monkeypatch.setattr("sys.argv", ["rest_reference", str(file), "--check"])
    assert rest_reference.main() == 1
    monkeypatch.setattr("sys.argv", ["rest_reference", str(file)])
    assert rest_reference.main() == 0
    assert file.read_text() == rest_reference.page()
