"""The main job on real input: minutes of Binance BTCUSDT through listener, engine, venue and a quoting strategy."""

import shutil
import signal
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
import yaml

from execution.home import Home
from tests.tools.desk_kit import PROJECT, DeskKit
from tests.tools.limit_kit import FAR_AWAY
from tests.tools.recordings import BTCUSDT, binance
from toolkit.adapters.step_files import write_steps
from toolkit.adapters.versions import load_version
from toolkit.domain.commands import RunnerAnswer
from toolkit.domain.events import (
    Answered,
    ExitQueued,
    IntentRefused,
    OrderDenied,
    OrderFilled,
    OrderSubmitted,
    RunnerStarted,
)
from toolkit.domain.fold import apply
from toolkit.domain.inbox import InboxEntry, InboxItem, Restored
from toolkit.domain.inbox_rules import TELL
from toolkit.domain.intents import CancelIntent
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import SessionClosed, SessionOpened, Step
from toolkit.engine.market_data import MarketDataListener
from toolkit.engine.strategy_runner import StrategyContainer

ROWS = 12_000
DAYS = {"2024-08-08": "spot_btcusdt_20240808.gz", "2024-08-09": "spot_btcusdt_20240809.gz"}
STRATEGY = '''"""Quotes around the middle, a few ticks away, and follows it."""

import msgspec

import toolkit as tk


class Quoting(tk.Strategy):
    bar = "1m"
    warmup = 0

    class State(msgspec.Struct):
        bid: str = ""
        middle: float = 0.0

    def on_quote(self, quote):
        middle = (quote.bid + quote.ask) / 2
        if abs(middle - self.state.middle) < 5:
            return
        self.state.middle = middle
        if self.state.bid:
            self.cancel(self.state.bid)
            self.state.bid = ""
        if self.position < 0.05:
            self.state.bid = self.buy("BTCUSDT", 0.01, self.instrument.price(middle - 0.5))
        if self.position >= 0.01:
            self.sell("BTCUSDT", 0.01, tif="ioc", price=self.instrument.price(middle - 10))
'''


def btc_home(folder: Path) -> Home:
    """A desk for one instrument on a free feed."""

    def write(name: str, content: object) -> None:
        (folder / "config" / name).write_text(yaml.safe_dump(content))

    (folder / "config").mkdir(parents=True)
    shutil.copy(PROJECT / "config" / "people.yaml", folder / "config")
    (folder / "notebooks" / "strategies").mkdir(parents=True)
    (folder / "notebooks" / "strategies" / "quoting.py").write_text(STRATEGY)
    desk = yaml.safe_load((PROJECT / "config" / "desk.yaml").read_text())
    desk["feed"] = {"kind": "sample", "mode": "free"}
    desk["base_currency"] = "USDT"
    desk["engine"] |= {"lease_seconds": 2.0, "quarantine_seconds": 0.5}
    write("desk.yaml", desk)
    write(
        "instruments.yaml",
        {
            "currencies": {"USDT": {"quantum": 1e-7}},
            "instruments": {
                "BTCUSDT": {"tick": 0.01, "lot": 1e-5, "currency": "USDT", "calendar": "24/7", "venue": "paper"}
            },
        },
    )
    limits = {
        "max_order_value": 5000, "max_order_quantity": 1, "max_position": 1, "max_working_orders": 50,
        "message_rate": 1000, "cancel_reserve": 20, "duplicate_window": 0.001, "permitted": "*",
        "permitted_venues": "*", "max_quote_age": 10,
    "price_collar": 50, "exit_collar": 90, "max_price_drift": 50, "drift_window": 60, "max_executions": 1000000,
    "burst_value": 1000000000, "burst_quantity": 1000000000, "burst_window": 1, "self_match": "cancel_resting",
        **FAR_AWAY,
    }  # fmt: skip
    write("limits.yaml", {"book": limits, "venues": {"paper": {"message_rate": 1000}}})
    row = {
        "source": "notebooks/strategies/quoting.py", "class": "Quoting", "capital": 10000,
        "instruments": ["BTCUSDT"], "parameters": {}, "enabled": True,
    }  # fmt: skip
    write("strategies.yaml", {"strategies": {"quoting": row}})
    venues = yaml.safe_load((PROJECT / "config" / "venues.yaml").read_text())
    venues["venues"]["paper"] |= {"submit_latency_ms": 5, "cancel_latency_ms": 5, "rejects_per_million": 0}
    write("venues.yaml", venues)
    home = Home(folder)
    home.prepare()
    return home


def recorded_steps(recordings: Path, rows: int | None) -> Iterator[Step]:
    """The recording's first rows, or all of them, as steps; each day begins with its bell."""
    feed = MarketDataListener((BTCUSDT,), label="Binance, recorded", longest_silence={})
    session = ""
    of_days = ((day, row) for day, name in DAYS.items() for row in binance(recordings, name))
    for day, row in islice(of_days, rows):
        if day != session and session:
            yield feed.tell(row.time, SessionClosed(calendar="24/7", session=session))
        if day != session:
            yield feed.tell(row.time, SessionOpened(calendar="24/7", session=day))
            session = day
        step = feed.take(row).step
        if step is not None:
            yield step


@pytest.fixture
async def traded(tmp_path: Path, recordings: Path, full: bool) -> tuple[DeskKit, list[Step], bool]:
    """A desk that has seen those steps, and whether books and venue agreed at its end."""
    steps = list(recorded_steps(recordings, None if full else ROWS))
    path = tmp_path / "btc.steps"
    write_steps(path, steps)
    kit = DeskKit(btc_home(tmp_path / "desk"))
    kit.listener_arguments = ("--recording", str(path))
    kit.arm("listener", "before_publish:stop:2")
    try:
        await kit.start()
        await kit.until_stopped("listener")
        await kit.until(lambda: "quoting" in kit.ledger.runners)  # a feed that waits for nobody would be over by then
        kit.processes["listener"].send_signal(signal.SIGCONT)
        await kit.until_step(steps[-1].number, 900 if full else 180)
        await kit.until(lambda: _agrees(kit))
        return kit, steps, _agrees(kit)
    finally:
        await kit.stop()


def _agrees(kit: DeskKit) -> bool:
    books = {symbol: lots for symbol, lots in kit.ledger.venue_positions.get("paper", {}).items() if lots}
    return books == dict(kit.venue().positions)


async def test_books_equal_the_venue_and_the_same_inputs_give_the_same_intents(
    traded: tuple[DeskKit, list[Step], bool],
) -> None:
    kit, steps, agreed = traded
    events = [event for batch in kit.batches for event in batch.events]
    assert agreed
    # how many is a matter of the machine, since nothing waits on a free feed; without any the rest says nothing
    assert sum(isinstance(event, OrderSubmitted) for event in events) > 5
    assert sum(isinstance(event, OrderFilled) for event in events) > 1
    again, cancels = _intents_again(kit, steps)
    journaled = [known for known in _intents_of(kit) if known[2] not in cancels]
    assert again == journaled


def _intents_of(kit: DeskKit) -> list[tuple[int, int, str]]:
    """Cursor and intent id of everything that the strategy asked for, whatever became of it."""
    found: dict[str, tuple[int, int, str]] = {}  # by intent: a waiting exit is heard of twice
    cursor = (0, 0)
    for batch in kit.batches:
        for event in batch.events:
            if isinstance(event, Answered):
                cursor = (event.step, event.inbox)
            elif isinstance(event, OrderSubmitted | OrderDenied | ExitQueued | IntentRefused):
                found.setdefault(event.intent_id, (*cursor, event.intent_id))
    return list(found.values())


def _intents_again(kit: DeskKit, steps: list[Step]) -> tuple[list[tuple[int, int, str]], set[str]]:
    """The strategy once more, from the recorded feed and the journaled inbox, in the journaled order of reading.

    Returns the orders it asks for, and the ids of its cancels.
    """
    deployment = kit.ledger.deployments["quoting"]
    loaded = load_version(kit.home.registry / "quoting" / f"v{deployment.version}", deployment.digest)
    container = StrategyContainer(
        loaded.strategy_class, {}, {"BTCUSDT": kit.settings.instrument("BTCUSDT")}, kit.settings.base_currency,
        name="quoting",
    )  # fmt: skip
    inbox = _inbox(kit)
    started = next(e for b in kit.batches for e in b.events if isinstance(e, RunnerStarted))
    restored = next(entry.item for entry in inbox if isinstance(entry.item, Restored))
    assert restored.incarnation == started.incarnation
    container.restore(restored)
    cursors = [e for b in kit.batches for e in b.events if isinstance(e, Answered)]
    answers: list[RunnerAnswer] = []
    by_number = {step.number: step for step in steps}
    step, read, holds = container.step, restored.inbox, False
    for cursor in cursors:
        ends = holds and bool(cursor.held)  # quotes are held back from one cursor that says so to the next
        while step < cursor.step:
            step += 1
            holds = holds or step == cursor.held
            answers.append(container.process((), by_number[step], hold=holds))
        items: list[tuple[int, InboxItem]] = [(e.number, e.item) for e in inbox if read < e.number <= cursor.inbox]
        read = cursor.inbox
        for item in items:
            answers.append(container.process((item,), None, hold=holds))
        if ends:
            answers.append(container.process((), None))
            holds = False
    said = [(answer, intent) for answer in answers for intent in answer.intents]
    orders = [(a.step, a.inbox, i.intent_id) for a, i in said if not isinstance(i, CancelIntent)]
    return orders, {i.intent_id for _, i in said if isinstance(i, CancelIntent)}


def _inbox(kit: DeskKit) -> list[InboxEntry]:
    """The strategy's inbox, made again from the journal."""
    ledger, entries = Ledger(), []
    for batch in kit.batches:
        ledger.step = batch.step
        for event in batch.events:
            apply(ledger, event)
            tell = TELL.get(type(event))
            made = None if tell is None else tell(ledger, event)
            if made is not None and made[0] == "quoting":
                entries += [InboxEntry(number=len(entries) + k, item=item) for k, item in enumerate(made[1], 1)]
    return entries
