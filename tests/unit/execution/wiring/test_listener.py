from decimal import Decimal
from itertools import islice
from pathlib import Path

import msgspec
import pytest

from execution.settings import Settings, read_settings
from execution.wiring.listener import feed_of, sample_feed
from toolkit.adapters.step_files import write_steps
from toolkit.domain.errors import ConfigError
from toolkit.research.data import sample
from toolkit.simulation.sample_feed import SampleFeed


@pytest.fixture(scope="module")
def settings(repository: Path) -> Settings:
    return read_settings(repository)


def test_the_desk_as_shipped_publishes_what_a_notebook_backtests(settings: Settings) -> None:
    """Equal feeds are the first half of "equal to the cent"."""
    source, _, _ = feed_of(settings, 1.0, None)
    assert list(islice(source.steps(), 196 * 15)) == list(sample())


@pytest.mark.parametrize(("speed", "seconds"), [(1.0, 5 / 15), (10.0, 0.5 / 15), (0.0, 0.0)])
def test_speed_multiplies_the_pace_and_nought_is_as_fast_as_possible(
    settings: Settings, speed: float, seconds: float
) -> None:
    _, pace, _ = feed_of(settings, speed, None)
    assert pace.seconds_per_step == pytest.approx(seconds)
    assert pace.history == 100 * 15


def test_a_negative_speed_is_refused(settings: Settings) -> None:
    with pytest.raises(ConfigError, match="--speed -1: give a number above 0, or 0"):
        feed_of(settings, -1, None)


def test_instead_of_the_sample_a_recording_may_be_published(settings: Settings, tmp_path: Path) -> None:
    write_steps(tmp_path / "feed.steps", islice(sample(), 50))
    source, pace, _ = feed_of(settings, 1.0, tmp_path / "feed.steps")
    assert list(source.steps(40)) == list(islice(sample(), 40, 50))
    assert (pace.seconds_per_step, pace.history) == (0, 50)


def test_the_sample_follows_the_desks_instruments(settings: Settings) -> None:
    two = [instrument for instrument in settings.instruments if instrument.symbol in {"AAPL", "IBM"}]
    foreign = msgspec.structs.replace(two[0], symbol="BTCUSDT", calendar="24/7")
    feed = sample_feed(settings.desk.feed, [*two, foreign])
    assert isinstance(feed, SampleFeed)
    assert (feed.symbols, len(feed.bars.days)) == (("AAPL", "IBM"), 3270)


def test_another_tick_than_the_samples_is_refused(settings: Settings) -> None:
    coarse = msgspec.structs.replace(settings.instrument("IBM"), tick=Decimal("0.05"))
    with pytest.raises(
        ConfigError, match=r"IBM has tick 0\.05 and lot 1, the sample feed has 0\.01 and 1; write those"
    ):
        sample_feed(settings.desk.feed, [coarse])


def test_an_instrument_without_bars_is_refused(settings: Settings) -> None:
    unknown = msgspec.structs.replace(settings.instrument("IBM"), symbol="TSLA")
    with pytest.raises(ConfigError, match="no sample bars of TSLA"):
        sample_feed(settings.desk.feed, [unknown])
