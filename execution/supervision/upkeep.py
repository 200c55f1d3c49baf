"""Work in the background of a desk: what stops it is shown, and it begins again; what it does is not known here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from toolkit.domain.errors import ExecutionError

RETRY_SECONDS = 0.25
SHOWN_SECONDS = 60.0

Show = Callable[[str, str], None]


def keep(name: str, work: Callable[[], Awaitable[None]], show: Show) -> asyncio.Task[None]:
    """Do the work until it returns. Nobody would miss a watch that a full disk ended: `show` is told of it."""

    def show_what_ended(task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (problem := task.exception()) is not None:
            show(name, f"ended, restart the desk: {problem!r}")

    task = asyncio.create_task(_again_and_again(name, work, show), name=name)
    task.add_done_callback(show_what_ended)
    return task


async def _again_and_again(name: str, work: Callable[[], Awaitable[None]], show: Show) -> None:
    while True:
        try:
            return await work()
        except (ExecutionError, OSError) as problem:
            show(name, f"stopped and began again: {problem}")
        asyncio.get_running_loop().call_later(SHOWN_SECONDS, show, name, "")
        await asyncio.sleep(RETRY_SECONDS)
