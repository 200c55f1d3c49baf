import math
from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from tests.tools.recordings import BTCUSDT, IBM, binance, nyse_ibm
from toolkit.domain.errors import ConfigError
from toolkit.domain.market import FeedGap, MarketEvent, Quote, SessionClosed, Step, Trade
from toolkit.domain.raw_rows import RawQuote, RawTrade
from toolkit.domain.time import NANOSECONDS, FeedTime
from toolkit.engine.market_data import MarketDataListener
from toolkit.engine.price_models import PriceModels
from toolkit.simulation.data import sample_histories
from toolkit.simulation.sample_bars import common_span
from toolkit.simulation.sample_feed import CALENDAR, SYMBOLS, SampleFeed

EXACT = 1e-12


def models(interval: float = 10, half_life: float = 30, calendar: str = "C") -> PriceModels:
    return PriceModels({"A": calendar, "B": calendar}, interval=interval, half_life=half_life)


def quote(instrument: str, bid: int, ask: int, bid_size: int = 1, ask_size: int = 1) -> Quote:
    return Quote(instrument=instrument, bid=bid, ask=ask, bid_size=bid_size, ask_size=ask_size)


def fold(model: PriceModels, *told: tuple[float, MarketEvent]) -> PriceModels:
    for number, (at, event) in enumerate(told, start=1):
        model.take(Step(number=number, time=FeedTime(round(at * NANOSECONDS)), label="x", events=(event,)))
    return model


def test_the_micro_price_leans_towards_the_thin_side() -> None:
    found = fold(models(), (1, quote("A", 100, 102, bid_size=9, ask_size=1))).prices("A")
    assert found is not None
    assert (found.mid, found.micro_price) == (101, (100 * 1 + 102 * 9) / 10)


@pytest.mark.parametrize("sides", [(0, 102), (100, 0), (102, 100)])
def test_without_a_sound_quote_there_is_no_mid(sides: tuple[int, int]) -> None:
    found = fold(models(), (1, quote("A", 100, 102)), (2, quote("A", *sides))).prices("A")
    assert found is not None
    assert (found.bid, found.ask) == sides
    assert math.isnan(found.mid)
    assert math.isnan(found.micro_price)


def test_the_age_of_a_quote_grows_with_feed_time_and_trades_do_not_renew_it() -> None:
    model = fold(models(), (5, quote("A", 100, 102)), (9, Trade(instrument="A", price=101, size=1)))
    assert model.age("A", FeedTime(12 * NANOSECONDS)) == 7 * NANOSECONDS
    assert model.age("B", FeedTime(12 * NANOSECONDS)) is None
    found = model.prices("A")
    assert found is not None
    assert (found.last, found.step) == (101, 1)


def test_one_return_gives_its_size_per_square_root_of_a_second() -> None:
    model = fold(models(), (1, quote("A", 99, 101)), (11, quote("A", 109, 111)), (21, quote("A", 1, 2)))
    assert model.volatility("A") == pytest.approx(math.log(110 / 100) / math.sqrt(10), rel=EXACT)


def test_a_stale_instrument_gives_no_sample_and_its_next_return_counts_for_the_time_it_took() -> None:
    told = [(1, quote("A", 99, 101)), (1, quote("B", 99, 101)), (11, quote("B", 99, 101)), (21, quote("B", 99, 101))]
    model = fold(models(), *told, (31, quote("A", 109, 111)), (41, quote("B", 99, 101)))
    assert model.volatility("A") == pytest.approx(math.log(1.1) / math.sqrt(30), rel=EXACT)
    assert model.volatility("B") == 0
    assert math.isnan(model.correlation("A", "B")), "the two were never sampled over the same time"


@pytest.mark.parametrize(
    "broken", [FeedGap(), FeedGap(instrument="A"), SessionClosed(calendar="C", session="2013-10-07")]
)
def test_no_return_spans_a_gap_or_a_night(broken: MarketEvent) -> None:
    told = [(1, quote("A", 99, 101)), (11, broken), (21, quote("A", 109, 111)), (31, quote("A", 109, 111))]
    model = fold(models(), *told, (41, quote("A", 1, 2)))
    assert model.volatility("A") == 0


def test_the_bell_of_another_calendar_changes_nothing() -> None:
    told = [(1, quote("A", 99, 101)), (11, quote("A", 109, 111)), (21, quote("A", 99, 101)), (31, quote("A", 1, 2))]
    bell = (12, SessionClosed(calendar="OTHER", session="2013-10-07"))
    assert fold(models(), *told[:2], bell, *told[2:]).volatility("A") == fold(models(), *told).volatility("A") > 0


def test_a_gap_is_remembered_until_the_next_quote() -> None:
    model = fold(models(), (1, quote("A", 99, 101)), (2, FeedGap()))
    found = model.prices("A")
    assert found is not None
    assert found.gapped
    fold(model, (3, quote("A", 99, 101)))
    assert not found.gapped


@pytest.mark.parametrize(("interval", "half_life"), [(0, 1), (1, 0), (math.nan, 1), (math.inf, 1), (1, -1)])
def test_an_interval_that_is_none_is_refused(interval: float, half_life: float) -> None:
    with pytest.raises(ConfigError, match="must be seconds above 0"):
        models(interval, half_life)


# ---- against an independent computation by numpy, on real recordings


def volatility(times: np.ndarray, mids: np.ndarray, interval: float, half_life: float) -> float:
    """Weights written out: the last sound mid of each interval, age in intervals, no recursion."""
    buckets = times // round(interval * NANOSECONDS)
    last = np.append(np.flatnonzero(np.diff(buckets)), len(buckets) - 1)
    last = last[~np.isnan(mids[last])][:-1]  # the present interval is not over
    changes, steps = np.diff(np.log(mids[last])), np.diff(buckets[last])
    keep = 2.0 ** (-interval / half_life * steps)
    weights = (1 - keep) * np.append(np.cumprod(keep[::-1])[::-1][1:], 1)
    return float(np.sqrt(np.sum(weights * changes**2 / steps) / np.sum(weights) / interval))


def folded(rows: Iterable[RawQuote | RawTrade], model: PriceModels) -> tuple[np.ndarray, ...]:
    feed = MarketDataListener((BTCUSDT, IBM), label="x", longest_silence={})
    seen = []
    for row in rows:
        if isinstance(row, RawQuote) and (step := feed.take(row).step):
            model.take(step)
            now = model.prices(row.instrument)
            assert now is not None
            seen.append(
                (
                    int(step.time),
                    float(row.bid),
                    float(row.ask),
                    float(row.bid_size),
                    float(row.ask_size),
                    now.mid,
                    now.micro_price,
                )
            )
    return tuple(np.array(column) for column in zip(*seen, strict=True))


@pytest.mark.parametrize("name", ["IBM", "BTCUSDT"])
def test_mid_and_micro_price_equal_numpy_on_a_real_recording(recordings: Path, name: str) -> None:
    rows = nyse_ibm(recordings) if name == "IBM" else binance(recordings)
    _, bid, ask, bid_size, ask_size, mid, micro = folded(rows, PriceModels({}))
    sound = (bid > 0) & (bid <= ask)
    assert np.array_equal(np.isnan(mid), ~sound)
    np.testing.assert_allclose(mid[sound], ((bid + ask) / 2 * 100)[sound], rtol=EXACT)
    leaning = (bid * ask_size + ask * bid_size) / (bid_size + ask_size) * 100
    np.testing.assert_allclose(micro[sound], leaning[sound], rtol=EXACT)


@pytest.mark.parametrize(("interval", "half_life"), [(1, 60), (60, 3_600), (300, 900)])
def test_volatility_equals_numpy_on_a_real_day_of_ibm(recordings: Path, interval: float, half_life: float) -> None:
    model = PriceModels({}, interval=interval, half_life=half_life)
    times, *_, mids, _ = folded(nyse_ibm(recordings), model)
    expected = volatility(times.astype(np.int64), mids, interval, half_life)
    assert model.volatility("IBM") == pytest.approx(expected, rel=EXACT)
    assert 0.05 < expected * math.sqrt(252 * 6.5 * 3_600) < 1, "an annual volatility that a stock can have"


def test_volatility_equals_numpy_on_a_real_recording_of_bitcoin(recordings: Path) -> None:
    model = PriceModels({}, interval=0.5, half_life=20)
    times, *_, mids, _ = folded(binance(recordings), model)
    assert model.volatility("BTCUSDT") == pytest.approx(volatility(times.astype(np.int64), mids, 0.5, 20), rel=EXACT)


def test_correlation_of_the_sample_equals_numpy() -> None:
    interval, half_life, sessions = 3_600.0, 36_000.0, 40
    feed = SampleFeed(common_span(sample_histories()))
    model = PriceModels(dict.fromkeys(SYMBOLS, CALENDAR), interval=interval, half_life=half_life)
    changes: dict[str, list[float]] = {symbol: [] for symbol in SYMBOLS}
    for session in range(sessions):
        steps = feed.session(session)
        for step in steps:
            model.take(step)
        for symbol, returns in changes.items():
            returns.extend(session_returns(steps, symbol, interval))
    keep = 2 ** (-interval / half_life)
    weights = keep ** np.arange(len(changes["IBM"]))[::-1]
    for one in SYMBOLS:
        for other in SYMBOLS:
            x, y = np.array(changes[one]), np.array(changes[other])
            expected = (weights @ (x * y)) / math.sqrt((weights @ x**2) * (weights @ y**2))
            assert model.correlation(one, other) == pytest.approx(expected, rel=1e-10)


def session_returns(steps: Iterable[Step], symbol: str, interval: float) -> np.ndarray:
    last = {
        int(step.time) // round(interval * NANOSECONDS): math.log((event.bid + event.ask) / 2)
        for step in steps
        for event in step.events
        if isinstance(event, Quote) and event.instrument == symbol
    }
    assert set(np.diff(list(last))) == {1}
    return np.diff(list(last.values()))


def test_every_consumer_gets_the_same_floats_wherever_else_it_looks() -> None:
    feed = SampleFeed(common_span(sample_histories()))
    one, other = (PriceModels(dict.fromkeys(SYMBOLS, CALENDAR)) for _ in range(2))
    for step in islice(feed.steps(), 500):
        one.take(step)
        other.take(step)
        one.volatility("IBM")
    assert [one.volatility(s) for s in SYMBOLS] == [other.volatility(s) for s in SYMBOLS]
    assert one.correlation("IBM", "FB") == other.correlation("FB", "IBM")
