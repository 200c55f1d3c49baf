from itertools import islice
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.recordings import BTCUSDT, IBM, binance, lean_trades
from toolkit.adapters.step_files import MAGIC, StepFile, write_steps
from toolkit.domain.errors import ConfigError
from toolkit.domain.market import Step
from toolkit.domain.raw_rows import RawQuote, RawTrade
from toolkit.engine.market_data import MarketDataListener
from toolkit.simulation.data import sample_histories
from toolkit.simulation.sample_bars import common_span
from toolkit.simulation.sample_feed import SampleFeed

STEPS = tuple(islice(SampleFeed(common_span(sample_histories())).steps(), 40))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_steps(tmp_path / "feed.steps", STEPS)
    return tmp_path / "feed.steps"


def test_what_was_written_is_read_from_any_step_on(path: Path) -> None:
    file = StepFile(path)
    assert tuple(file.steps()) == STEPS
    assert tuple(file.steps(after=37)) == STEPS[37:]
    assert (file.first, file.last, tuple(file.steps(after=40))) == (1, 40, ())


def test_a_recording_may_begin_anywhere(tmp_path: Path) -> None:
    write_steps(tmp_path / "later.steps", STEPS[10:])
    file = StepFile(tmp_path / "later.steps")
    assert (file.first, file.last) == (11, 40)
    assert tuple(file.steps()) == STEPS[10:]
    assert tuple(file.steps(after=20)) == STEPS[20:]


def test_a_file_without_steps_is_a_file(tmp_path: Path) -> None:
    assert write_steps(tmp_path / "none.steps", ()) == 0
    assert tuple(StepFile(tmp_path / "none.steps").steps()) == ()


def test_steps_with_a_gap_are_not_written_and_what_was_there_stays(path: Path) -> None:
    with pytest.raises(ConfigError, match=r"feed\.steps: step 3 comes after 1; number steps without gaps"):
        write_steps(path, (STEPS[0], STEPS[2]))
    assert tuple(StepFile(path).steps()) == STEPS


@given(st.data())
def test_a_truncated_file_is_refused_wherever_it_was_cut(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("cut") / "feed.steps"
    write_steps(path, STEPS[:5])
    whole = path.read_bytes()
    keep = data.draw(st.integers(len(MAGIC), len(whole) - 1))
    path.write_bytes(whole[:keep])
    with pytest.raises(
        ConfigError, match=rf"feed\.steps is cut short at byte {keep}, after [0-5] whole steps; copy it again"
    ):
        StepFile(path)


@given(place=st.integers(0, 10_000), mask=st.integers(1, 255))
def test_one_changed_byte_anywhere_is_noticed(tmp_path_factory: pytest.TempPathFactory, place: int, mask: int) -> None:
    path = tmp_path_factory.mktemp("changed") / "feed.steps"
    write_steps(path, STEPS[:5])
    content = bytearray(path.read_bytes())
    content[place % len(content)] ^= mask
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"feed\.steps .*(copy it again|give the path)"):
        StepFile(path)


@pytest.mark.parametrize("content", [b"", b"time,bid,ask\n"])
def test_another_kind_of_file_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "quotes.csv").write_bytes(content)
    with pytest.raises(ConfigError, match=r"quotes\.csv .*give the path of one"):
        StepFile(tmp_path / "quotes.csv")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.steps cannot be read"):
        StepFile(tmp_path / "none.steps")


@pytest.mark.parametrize("name", ["binance", "lean"])
def test_a_real_recording_becomes_a_file_of_steps(tmp_path: Path, recordings: Path, name: str) -> None:
    rows = binance(recordings) if name == "binance" else lean_trades(recordings, "IBM", "20131007")
    steps = list(normalised(islice(rows, 5_000)))
    assert write_steps(tmp_path / "real.steps", steps) == 5_000
    assert list(StepFile(tmp_path / "real.steps").steps()) == steps


def normalised(rows: "islice[RawQuote | RawTrade]") -> "list[Step]":
    feed = MarketDataListener((BTCUSDT, IBM), label="recorded", longest_silence={})
    return [step for row in rows if (step := feed.take(row).step)]
