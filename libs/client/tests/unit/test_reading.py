"""A newer server may say more than this version knows; what is wrong stays wrong."""

from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from oblivion_client.reading import read
from oblivion_contracts.agent_socket import Acknowledgement, ApprovalAnswered

ANSWER: dict[str, Any] = {"run_id": str(uuid4()), "fence": 1, "approval_id": str(uuid4()), "approved": True}


def test_unknown_fields_are_left_out_at_any_depth() -> None:
    said = {"ok": True, "approval": ANSWER | {"mood": "good"}, "novelty": {"a": 1}}
    known = read(Acknowledgement, said)
    assert known.approval == ApprovalAnswered.model_validate(ANSWER)
    assert "novelty" in said, "what was given is not changed"


@pytest.mark.parametrize("said", [{"ok": "perhaps", "novelty": 1}, {"novelty": 1}, [], None, "ok"])
def test_what_is_wrong_is_refused_all_the_same(said: object) -> None:
    with pytest.raises(ValidationError):
        read(Acknowledgement, said)
