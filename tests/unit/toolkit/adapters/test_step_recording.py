"""A recorded feed in Parquet: read back step for step, moved in whole, and honest about what a kill took."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit.adapters.step_recording import MARKER, StepRecorder, StepRecording
from toolkit.domain.errors import ConfigError
from toolkit.domain.market import (
    Bar,
    FeedGap,
    MarketEvent,
    Quote,
    SessionClosed,
    SessionOpened,
    Step,
    Trade,
    TradingHalted,
)
from toolkit.domain.time import FeedTime, WallTime

SECOND = 1_000_000_000
EVENTS: tuple[tuple[MarketEvent, ...], ...] = (
    (SessionOpened(calendar="24/7", session="2024-08-08"),),
    (Quote(instrument="A/B", bid=10, ask=12, bid_size=3, ask_size=4),),
    (FeedGap(instrument="A/B"), Trade(instrument="A/B", price=11, size=0)),
    (TradingHalted(instrument="A/B", halted=False), TradingHalted(instrument="C", halted=True)),
    (FeedGap(), Quote(instrument="A/B", bid=0, ask=12, bid_size=0, ask_size=4)),
    (SessionClosed(calendar="24/7", session="2024-08-08"),),
)


def steps(first: int = 1) -> Iterator[Step]:
    for number, events in enumerate(EVENTS, start=first):
        yield Step(number=number, time=FeedTime(number * SECOND), label="a market", events=events)


def test_what_was_recorded_comes_back_step_for_step(tmp_path: Path) -> None:
    recorder = StepRecorder(tmp_path, "what it is")
    for step in steps():
        recorder.take([step], WallTime(int(step.time) * 20))  # twenty seconds each: several parts
    recorder.close()
    recording = StepRecording(tmp_path)
    assert len(list(tmp_path.glob("*.parquet"))) == 2
    assert list(recording.steps()) == list(steps())
    assert list(recording.steps(after=3)) == list(steps())[3:]
    assert list(recording.times()) == [number * SECOND for number in range(1, 7)]
    assert (recording.first, recording.last, recording.description, recording.lost) == (1, 6, "what it is", "")


def test_steps_that_are_said_again_are_recorded_once(tmp_path: Path) -> None:
    """A stop interrupts whoever hands steps over; the same are then said again, with newer ones."""
    recorder = StepRecorder(tmp_path, "what it is", part_seconds=1)
    told = list(steps())
    recorder.take(told[:2], WallTime(0))
    recorder.take(told[:4], WallTime(2 * SECOND))  # the part is moved in
    recorder.take(told, WallTime(3 * SECOND))
    recorder.close()
    assert list(StepRecording(tmp_path).steps()) == told


def test_a_killed_recorder_loses_the_open_part_alone_and_says_so(tmp_path: Path) -> None:
    recorder = StepRecorder(tmp_path, "what it is")
    recorder.take(list(steps()), WallTime(0))
    recorder.close()
    recorder.take(list(steps(7)), WallTime(1_700_000_000 * SECOND))  # and now kill -9
    recording = StepRecording(tmp_path)
    assert recording.last == 6
    assert (
        recording.lost == "the recorder was killed: what came after step 6, from 2023-11-14 22:13:20+00:00 on, is lost"
    )
    successor = StepRecorder(tmp_path, "what it is")
    assert (successor.last, successor.lost) == (6, recording.lost)
    successor.take(list(steps(7)), WallTime(0))
    successor.close()
    assert StepRecording(tmp_path).lost == recording.lost, "a loss is not forgotten when the recording goes on"


def test_killed_between_the_part_and_its_marker_nothing_is_lost(tmp_path: Path) -> None:
    recorder = StepRecorder(tmp_path, "what it is")
    recorder.take(list(steps()), WallTime(0))
    marker = (tmp_path / MARKER).read_bytes()
    recorder.close()
    (tmp_path / MARKER).write_bytes(marker)
    assert StepRecording(tmp_path).lost == ""


def test_a_missing_or_damaged_part_is_named(tmp_path: Path) -> None:
    recorder = StepRecorder(tmp_path, "what it is")
    for first in (1, 7, 13):
        recorder.take(list(steps(first)), WallTime(0))
        recorder.close()
    middle = tmp_path / "steps-000000000007-000000000012.parquet"
    whole = middle.read_bytes()
    middle.write_bytes(whole[:100])
    with pytest.raises(ConfigError, match=r"steps-000000000007.*cannot be read"):
        list(StepRecording(tmp_path).steps())
    middle.unlink()
    with pytest.raises(ConfigError, match="begins with step 13 after 6: a part between them is missing"):
        StepRecording(tmp_path)


def test_a_folder_without_a_recording_and_a_bar_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no recording"):
        StepRecording(tmp_path)
    bar = Bar(instrument="A", start=FeedTime(0), open=1, high=1, low=1, close=1, volume=1)
    recorder = StepRecorder(tmp_path, "x", part_seconds=0)
    with pytest.raises(ConfigError, match="a Bar cannot be recorded"):
        recorder.take([Step(number=1, time=FeedTime(0), label="", events=(bar,))], WallTime(1))
