"""Work in the background never ends unseen."""

import asyncio
from collections.abc import Callable

import pytest

from execution.supervision import upkeep
from toolkit.domain.errors import TransportError


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.001)


@pytest.mark.parametrize("problem", [OSError(28, "No space left on device"), TransportError("away")])
async def test_what_stops_it_is_shown_and_it_begins_again(problem: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "RETRY_SECONDS", 0.001)
    monkeypatch.setattr(upkeep, "SHOWN_SECONDS", 0.01)
    begun, shown = 0, list[tuple[str, str]]()

    async def watch() -> None:
        nonlocal begun
        begun += 1
        if begun < 3:
            raise problem
        await asyncio.Event().wait()

    task = upkeep.keep("watch", watch, lambda name, text: shown.append((name, text)))
    await until(lambda: begun == 3 and ("watch", "") in shown)
    assert shown[0] == ("watch", f"stopped and began again: {problem}")
    task.cancel()


async def test_a_mistake_of_ours_that_ends_it_is_shown() -> None:
    shown = dict[str, str]()

    async def watch() -> None:
        raise KeyError("oops")

    upkeep.keep("watch", watch, shown.__setitem__)
    await until(lambda: "oops" in shown.get("watch", ""))
