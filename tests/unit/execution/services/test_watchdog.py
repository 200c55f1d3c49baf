"""The watchdog without processes: when it fires, how often, and when it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from execution.services.watchdog import Watchdog
from toolkit.adapters.beat_file import BeatFile

AFTER = 0.08


class Engine:
    """Silent for as long as a test says; the last for ever, which `said_all` tells."""

    def __init__(self, *silences: float | None) -> None:
        self._silences = list(silences)
        self.said_all: Callable[[], None] = lambda: None

    def silence(self) -> float | None:
        if len(self._silences) > 1:
            return self._silences.pop(0)
        self.said_all()
        return self._silences[0]


async def watched(engine: Engine, *, alone: bool = True) -> list[float]:
    """How often it fired until it ended by itself, or was told to when the engine had said all."""
    fired: list[float] = []
    looks: list[None] = []

    async def fire(silence: float) -> None:
        fired.append(silence)

    watchdog = Watchdog(engine, AFTER, fire, lambda: looks.append(None))
    if alone:
        watchdog.left_alone()
    else:
        engine.said_all = watchdog.stop
    async with asyncio.timeout(60):
        await watchdog.run()
    assert looks
    return fired


async def test_a_silence_fires_once_and_left_alone_it_ends_then() -> None:
    assert await watched(Engine(0.0, 0.05, AFTER)) == [AFTER]


async def test_a_sign_of_life_arms_it_again() -> None:
    assert await watched(Engine(0.0, 0.1, 0.2, 0.3, 0.0, 0.1), alone=False) == [0.1, 0.1]


@pytest.mark.parametrize("silences", [(None,), (0.0, 0.05, None)])
async def test_an_engine_that_ended_in_order_is_no_silence(silences: tuple[float | None, ...]) -> None:
    assert await watched(Engine(*silences)) == []


async def test_left_alone_with_an_engine_that_beats_it_goes_on() -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3):
            await watched(Engine(0.0))


def test_a_beat_file_says_how_long_nobody_beat(tmp_path: Path) -> None:
    beat = BeatFile(tmp_path / "book" / "engine-beat")
    assert beat.silence() is None
    beat.beat()
    beat.beat()
    silence = beat.silence()
    assert silence is not None
    assert silence < 60
    beat.clear()
    beat.clear()
    assert beat.silence() is None


def test_a_disk_that_refuses_stops_no_engine(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    beat = BeatFile(tmp_path / "file" / "engine-beat")
    beat.beat()
    assert beat.silence() is None
