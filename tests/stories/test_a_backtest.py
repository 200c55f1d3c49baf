"""A backtest is the desk without its processes: same schedule, same books, whenever and however often it runs."""

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

import toolkit as tk
from toolkit.client.registry import Registry
from toolkit.domain.errors import ConfigError
from toolkit.domain.instruments import Currency
from toolkit.domain.ledger import Ledger
from toolkit.engine.book import BookSpec, StrategySpec
from toolkit.engine.strategy_runner import StrategyContainer
from toolkit.research.assumptions import research_limits, research_venue
from toolkit.research.recording import Recording
from toolkit.research.restarting import RestartingBacktest
from toolkit.research.result_tables import booked_fills
from toolkit.simulation.book import DeskBook, SampleIdentity, decode_book, encode_book
from toolkit.simulation.paper_settings import (
    FeeTier,
    Impact,
    LogNormal,
    NamedAsset,
    OrdinaryDay,
    PaperSettings,
    QueueModel,
    Uniform,
)
from toolkit.simulation.sample_feed import USD, sample_instruments

SOURCE = '''
import msgspec
import toolkit as tk


class Swing(tk.Strategy):
    """Decides on the close, trades at the open, and asks again for what did not fill."""

    instruments = ("IBM", "MSFT")
    bar = "1d"
    warmup = 3
    size: int = 400

    class State(msgspec.Struct):
        wanted: dict[str, float] = {}

    def on_bar(self, bar):
        closes = self.history.closes(bar.instrument, 3)
        self.state.wanted[bar.instrument] = self.size if closes[-1] > sum(closes) / 3 else -self.size
        self.target_position(bar.instrument, self.state.wanted[bar.instrument], reason="swing")


class Quoter(tk.Strategy):
    """Keeps a bid and an offer resting around every quote, and logs its fills."""

    instruments = ("IBM",)
    bar = "1h"

    def on_quote(self, quote):
        for order in self.orders:
            self.cancel(order.intent_id)
        self.buy(40, quote.bid, tif="day", post_only=True)
        self.sell(40, quote.ask, tif="day", post_only=True)

    def on_fill(self, fill):
        self.set_timer(3600, "later")
        self.log(f"{fill.side} {fill.quantity} now {self.position}")

    def on_timer(self, name):
        self.target_position(0, reason="time is up")
'''
_module: dict[str, type[tk.Strategy]] = {"__name__": __name__}
exec(SOURCE, _module)
Swing, Quoter = _module["Swing"], _module["Quoter"]
CALM = msgspec.structs.replace(research_venue(), rejects_per_million=0, partial_fills_per_million=0)
CLASSES: Mapping[str, type[tk.Strategy]] = {"quoter": Quoter, "swing": Swing}


def desk_book(first_step: int = 0, strategies: tuple[StrategySpec, ...] = ()) -> DeskBook:
    """The book that a supervisor would write down for this desk."""
    spec = BookSpec(
        book="paper", desk="DSK", base_currency="USD", currencies=(USD,), venues=("paper",),
        instruments=sample_instruments(("IBM", "MSFT")), limits=research_limits(), limits_checksum="x",
        strategies=strategies or tuple(strategy(name) for name in CLASSES), first_step=first_step,
    )  # fmt: skip
    feed = SampleIdentity(
        symbols=("IBM", "MSFT"), seed=7, spread_ticks=2, path_points=3, minimum_size=100, maximum_size=2_000
    )
    return DeskBook(spec=spec, venue=research_venue(), feed=feed)


def strategy(name: str, path: str = "", digest: str = "", version: int = 1, enabled: bool = True) -> StrategySpec:
    return StrategySpec(
        name=name, version=version, digest=digest, path=path, instruments=tuple(CLASSES[name].instruments),
        capital=Decimal(100_000), enabled=enabled,
    )  # fmt: skip


def registered(folder: Path, name: str, source: str = SOURCE) -> StrategySpec:
    version = Registry(folder).add(
        name, f"{name}.py", source, CLASSES[name].__name__, {}, tuple(CLASSES[name].instruments), lambda *_: None
    )
    return strategy(name, str(version.path), version.digest, version.number)


def test_twice_is_the_same_to_the_bit() -> None:
    data = tk.data.sample(25, ["IBM", "MSFT"])
    first, second = (tk.backtest([Swing, Quoter], data) for _ in range(2))
    assert first.ledger.to_bytes() == second.ledger.to_bytes()
    assert first.events.equals(second.events)
    assert len(first.fills) > 100


def test_another_strategy_beside_it_costs_it_nothing() -> None:
    """Sub-accounts: what one does shows in its own books only (draws hang on order numbers: nothing is drawn here)."""
    here, there = (
        type(one.__name__, (one,), {"instruments": (symbol,)}) for one, symbol in ((Swing, "IBM"), (Quoter, "MSFT"))
    )
    data = tk.data.sample(25, ["IBM", "MSFT"])
    alone, beside = (tk.backtest(classes, data, venue=CALM) for classes in ([here], [here, there]))
    assert alone.pnl == beside.pnl_of("swing")
    assert beside.pnl_of("quoter")


def test_two_that_would_trade_with_each_other_are_kept_apart_and_the_page_says_by_what() -> None:
    """One account, one book: where the quoter stands at the best price the other one's order meets it first."""
    result = tk.backtest([Swing, Quoter], tk.data.sample(25, ["IBM", "MSFT"]), venue=CALM)
    assert set(result.denials["control"]) >= {15}


def test_a_daily_strategy_decides_on_the_close_and_trades_at_the_open() -> None:
    result = tk.backtest(Swing, tk.data.sample(10, ["IBM", "MSFT"]))
    assert result.denials.empty
    assert set(result.orders.index.tz_convert("America/New_York").strftime("%H:%M:%S")) == {"09:30:01"}
    closes = tk.data.sample(3, ["IBM"]).frame("IBM")["mid"].groupby(lambda time: time.date()).last()
    first = result.signals[result.signals["instrument"] == "IBM"].iloc[0]
    assert (first["target"] > 0) == (closes.iloc[2] > closes.mean())


# Everything of the paper model at once: queues, impact, drawn latencies both ways, fees in a third asset
DAY = OrdinaryDay(volatility_percent=Decimal("1.5"), volume=Decimal(4_000_000))
RICH = msgspec.structs.replace(
    research_venue(),
    submit_latency=LogNormal(median=20_000_000, p99=3_000_000_000),
    report_latency=Uniform(low=1_000_000, high=2_000_000_000),
    impact=Impact(coefficient=Decimal(1), days={"IBM": DAY, "MSFT": DAY}),
    queue=QueueModel(ahead_percent=50, unprinted_traded_percent=50, unseen_touch_per_million=0),
    fees=msgspec.structs.replace(
        research_venue().fees,
        minimum=Decimal("0.001"),
        maximum_basis_points=Decimal(100),
        asset=NamedAsset(code="PTS", quantum=Decimal("0.00001"), price=Decimal("250")),
        tiers=(FeeTier(from_volume=Decimal(50_000), maker_basis_points=Decimal(0), taker_basis_points=Decimal("0.3")),),
    ),
)


@pytest.mark.parametrize("venue", [research_venue(), RICH], ids=["as shipped", "everything on"])
def test_losing_everything_at_any_step_changes_no_fill_and_no_cent(venue: PaperSettings, full: bool) -> None:
    """The in-process kill -9: the ledger's and the venue's bytes, the inboxes and the feed are all that survives."""
    uninterrupted = run_with_restarts(venue, ())
    assert len(uninterrupted[0]) > 100
    assert None not in uninterrupted[1].values()
    for step in range(1, 150) if full else (1, 46, 55, 77):
        assert run_with_restarts(venue, (step,)) == uninterrupted, f"lost everything after step {step}"
    assert run_with_restarts(venue, range(3, 150, 4)) == uninterrupted


def run_with_restarts(venue: PaperSettings, after: object) -> tuple[list[tuple[object, ...]], dict[str, int | None]]:
    """Fills without the ids, which carry the epoch, and PnL in quanta."""
    book = msgspec.structs.replace(desk_book(), venue=venue)
    points = Currency(code="PTS", quantum=Decimal("0.00001"))
    book = msgspec.structs.replace(book, spec=msgspec.structs.replace(book.spec, currencies=(USD, points)))
    steps = [step for session in range(10) for step in book.feed.open().session(session)]
    recording = Recording(tuple(CLASSES))
    test = RestartingBacktest(book.spec, book.venue, containers, recording.record, recording.after_step)
    ledger: Ledger = test.run_with_restarts(steps, after)
    fills = [
        (fill.time, fill.strategy, fill.instrument, fill.quantity, fill.price, fill.fee, fill.liquidity)
        for fill in booked_fills(recording.facts)
    ]
    return fills, {name: ledger.pnl(name) for name in CLASSES}


def containers() -> dict[str, StrategyContainer]:
    known = {one.symbol: one for one in sample_instruments(("IBM", "MSFT"))}
    return {
        name: StrategyContainer(one, {}, {symbol: known[symbol] for symbol in one.instruments}, USD, name=name)
        for name, one in CLASSES.items()
    }


def test_a_desks_book_runs_from_its_registered_versions(tmp_path: Path) -> None:
    book = desk_book(strategies=tuple(registered(tmp_path, name) for name in CLASSES))
    desk = tk.backtest(decode_book(encode_book(book)), sessions=12)
    research = tk.backtest([Swing, Quoter], tk.data.sample(12, ["IBM", "MSFT"]))
    assert desk.pnl == research.pnl
    assert desk.fills.drop(columns="order_id").equals(research.fills.drop(columns="order_id"))
    assert desk.setting.limits_name == "the desk's limits"


def test_the_sessions_before_a_book_trades_warm_its_strategies_up(tmp_path: Path) -> None:
    book = desk_book(first_step=5 * 15, strategies=(registered(tmp_path, "swing"),))
    result = tk.backtest(book, last_step=6 * 15)
    assert result.steps == 15
    assert result.signals["step"].tolist() == [77, 77]


def test_a_disabled_strategy_of_the_book_does_not_run(tmp_path: Path) -> None:
    book = desk_book(strategies=(registered(tmp_path, "swing"), strategy("quoter", enabled=False)))
    assert tk.backtest(book, sessions=5).strategies == ("swing",)


def test_a_version_that_was_touched_does_not_run(tmp_path: Path) -> None:
    version = registered(tmp_path, "swing")
    source = Path(version.path) / "swing.py"
    source.chmod(0o644)
    source.write_text(SOURCE + "\n# only a comment\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"swing\.py was changed since it was promoted"):
        tk.backtest(desk_book(strategies=(version,)))


@pytest.mark.parametrize("beside", ["data", "parameters", "limits", "venue"])
def test_a_desks_book_brings_its_own_assumptions(beside: str, tmp_path: Path) -> None:
    book = desk_book(strategies=(registered(tmp_path, "swing"),))
    with pytest.raises(ConfigError, match=f"{beside} belongs to the desk's book already"):
        tk.backtest(book, **{beside: {"max_position": 1}})
