"""The body of every HTTP error: RFC 9457 problem details, https://www.rfc-editor.org/rfc/rfc9457."""

from typing import Annotated

from pydantic import Field

from oblivion_contracts.model import Contract

PROBLEM_MEDIA_TYPE = "application/problem+json"


class Problem(Contract):
    """What went wrong, in words that say what to do."""

    type: str = "about:blank"
    title: str
    status: Annotated[int, Field(ge=400, le=599)]
    detail: str
    code: str
    """Stable, for programs: `signature_rejected`, `body_too_large`, …"""
