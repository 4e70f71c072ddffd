import logging
from typing import Any

from oblivion_agent.logs import without_words


def test_an_exception_is_logged_by_its_name_and_where_it_came_from_without_its_words() -> None:
    try:
        try:
            raise ValueError("the prompt: fire Ben")
        except ValueError as error:
            raise RuntimeError("token=hunter2") from error
    except RuntimeError as error:
        record: dict[str, Any] = {"event": "failed", "exc_info": (type(error), error, error.__traceback__)}
    told = without_words(logging.getLogger(), "error", record)
    assert "exc_info" not in told
    assert "fire Ben" not in str(told)
    assert "hunter2" not in str(told)
    assert [line for line in told["exception"] if not line.startswith(" ")] == ["RuntimeError", "ValueError"]
    assert "test_logs.py" in str(told["exception"])


def test_a_line_without_an_exception_stays_as_it_is() -> None:
    assert without_words(logging.getLogger(), "info", {"event": "hello"}) == {"event": "hello"}
