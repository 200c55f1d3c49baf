"""What `execution record` kept is data for a backtest: the same steps, and the instruments that the exchange told."""

from pathlib import Path
from typing import Any

import pytest

import toolkit as tk
from execution.settings.reading import traded_on
from execution.wiring.feeds import feed_text
from tests.tools.replay_kit import FEED, SYMBOL
from toolkit.adapters.step_recording import StepRecorder
from toolkit.domain.errors import ConfigError
from toolkit.domain.market import FeedGap, Quote, SessionOpened, Step, Trade
from toolkit.domain.time import FeedTime, WallTime

SECOND = 1_000_000_000
BEGAN = 1_700_000_000 * SECOND


class Buys(tk.Strategy):
    """Ten thousandths of a coin, once."""

    def on_quote(self, quote: Any) -> None:
        if not self.orders and not self.position:
            self.buy(quote.instrument, 0.01, quote.ask, tif="ioc", reason="once")


def steps(first: int, count: int) -> list[Step]:
    """A bell, then a quote or a trade each second, and a gap among them."""
    events: list[Any] = [SessionOpened(calendar="24/7", session="2023-11-14")] if first == 1 else [FeedGap()]
    for number in range(count - 1):
        bid = 6_000_000 + number
        quote = Quote(instrument=SYMBOL, bid=bid, ask=bid + 100, bid_size=100_000, ask_size=100_000)
        events.append(Trade(instrument=SYMBOL, price=bid + 100, size=50_000) if number % 5 == 4 else quote)
    return [
        Step(number=number, time=FeedTime(BEGAN + number * SECOND), label="recorded", events=(event,))
        for number, event in enumerate(events, start=first)
    ]


def record(folder: Path, kept: list[Step], description: str) -> None:
    recorder = StepRecorder(folder, description)
    recorder.take(kept, WallTime(BEGAN))
    recorder.close()


def test_a_recording_is_called_as_its_folder_wherever_one_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "recording"
    record(folder, steps(1, 5), feed_text(FEED))
    monkeypatch.chdir(folder)
    assert tk.data.recorded(".").title == "recording"


def test_a_backtest_gets_the_steps_and_instruments_that_were_recorded(tmp_path: Path) -> None:
    folder = tmp_path / "recording"
    kept = [*steps(1, 20), *steps(21, 20)]
    record(folder, kept[:20], feed_text(FEED))
    record(folder, kept[20:], feed_text(FEED))
    data = tk.data.recorded(folder)
    assert list(data) == list(data) == kept
    assert data.instruments == traded_on(FEED)[1]
    assert (data.title, data.label) == ("recording", "recorded from ccxt:binance:BTC/USDT")
    result = tk.backtest(Buys, data)
    assert [float(one) for one in result.fills["quantity"]] == [0.01]
    assert tk.check(Buys, data).passed


def test_what_a_killed_recorder_lost_is_on_every_picture(tmp_path: Path) -> None:
    record(tmp_path, steps(1, 5), feed_text(FEED))
    recorder = StepRecorder(tmp_path, feed_text(FEED))
    recorder.take(steps(6, 5), WallTime(BEGAN))  # and no more is heard of it
    data = tk.data.recorded(tmp_path)
    assert len(data) == 5
    assert "the recorder was killed: what came after step 5" in data.label


def test_a_folder_without_a_recording_or_with_a_strange_one_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="holds no recording"):
        tk.data.recorded(tmp_path)
    record(tmp_path, steps(1, 5), "somebody's own")
    with pytest.raises(ConfigError, match="do not say of which feed they are"):
        tk.data.recorded(tmp_path)
