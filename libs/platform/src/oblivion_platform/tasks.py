"""Tasks that go on until they are told to end; the SDK, which stands alone, has the same."""

import asyncio
from typing import Any

CANCELLED_AGAIN_S = 1.0


async def end(*tasks: asyncio.Task[Any]) -> None:
    """Cancel them until they have ended; what they raise is dropped.

    Once is not always enough: a library may take a cancellation for the end of a request of its own.
    """
    left = {task for task in tasks if not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=CANCELLED_AGAIN_S)
    await asyncio.gather(*tasks, return_exceptions=True)
