"""Server-Sent Events on the wire; https://html.spec.whatwg.org/multipage/server-sent-events.html."""

from collections.abc import AsyncGenerator

from fastapi.sse import format_sse_event
from starlette.responses import StreamingResponse

from oblivion_contracts.runs import RunEvent

_HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}


def as_stream(events: AsyncGenerator[RunEvent | None]) -> StreamingResponse:
    """An answer that goes on; None becomes a comment, which keeps proxies from hanging up."""
    return StreamingResponse(_encoded(events), media_type="text/event-stream", headers=_HEADERS)


async def _encoded(events: AsyncGenerator[RunEvent | None]) -> AsyncGenerator[bytes]:
    try:
        async for event in events:
            if event is None:
                yield format_sse_event(comment="still here")
            else:
                yield format_sse_event(
                    data_str=event.model_dump_json(), event=event.kind.value, id=str(event.sequence)
                )
    finally:
        await events.aclose()
