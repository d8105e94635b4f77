"""Work that is done to its end although the caller hangs up meanwhile: what has to be recorded, or given back."""

import asyncio
from collections.abc import Coroutine
from typing import Any


async def to_the_end(work: Coroutine[Any, Any, None]) -> None:
    """Wait for it also where the caller hangs up meanwhile; the hang-up is told afterwards."""
    task = asyncio.ensure_future(work)
    hang_up: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError as again:
            hang_up = again
    task.result()
    if hang_up is not None:
        raise hang_up
