"""One stretch of a running book beside its replay: what both earned, and by which part they differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from toolkit.domain import events as ev
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import Step
from toolkit.domain.rungs import Rung
from toolkit.engine.messages import EngineSettings
from toolkit.engine.strategy_runner import StrategyContainer
from toolkit.measures.ladder import Execution
from toolkit.simulation.heard import Heard
from toolkit.simulation.paired_trades import MIDDLES_KEPT, Middles, PairedTrades, Trades
from toolkit.simulation.paper_settings import PaperSettings
from toolkit.simulation.rebased import Rebased
from toolkit.simulation.slim_books import ENDED_KEPT, copied


class Stretch:
    """From the last step that was heard on. `book` are the books that are followed; the replay goes on with a copy.

    `hear` is told of every event of the book, `advance` gets the steps; `rungs` compares at one step of both.
    """

    def __init__(
        self, book: Ledger, settings: EngineSettings, venues: Sequence[PaperSettings],
        containers: Mapping[str, StrategyContainer], heard: Heard,
    ) -> None:  # fmt: skip
        self.names, history = tuple(sorted(containers)), heard.history
        self.position = history[-1].number
        self.time = int(history[-1].time)
        self._middles = Middles()
        self._begin(book)
        ledger = copied(book)
        ledger.step = self.position
        for step in history[-MIDDLES_KEPT:]:
            self._middles.see(step)
        forgetful = [msgspec.structs.replace(each, closed_orders_kept=ENDED_KEPT) for each in venues]
        self._live, self._replayed = Trades(book), Trades(ledger)
        self._paired = PairedTrades(self._live, self._replayed, self._middles)
        self._replay = Rebased(ledger, settings, forgetful, containers, self._record, lambda step, after: None, heard)

    def hear(self, event: ev.Event) -> None:
        """An event of the book."""
        if isinstance(event, ev.OrderSubmitted) and event.strategy in self._sent:
            self._sent[event.strategy] += 1
            self._lots[event.strategy][event.instrument] += event.quantity
        self._live.hear(event)

    def advance(self, step: Step) -> None:
        """The next step of the feed. What a strategy raises goes through."""
        self._middles.see(step)
        self._replay.run((step,))
        self.position, self.time = step.number, int(step.time)

    def rungs(self, book: Ledger) -> tuple[Rung, ...]:
        """Both as of the position, at the book's own marks."""
        execution = self._paired.execution(book)
        return tuple(self._rung(name, book, *execution.get(name, (Execution(), 0.0))) for name in self.names)

    def agrees(self, book: Ledger) -> bool:
        """Whether the replay stands where the book does: then it goes on as it is."""
        replay = self._replay.engine.ledger
        ids_go_on_alike = book.order_count == replay.order_count  # what a venue draws hangs on them
        return ids_go_on_alike and all(_standing(book, name) == _standing(replay, name) for name in self.names)

    def go_on(self, book: Ledger) -> None:
        """A new session, of a replay that agrees with the book."""
        replay = self._replay.engine.ledger
        replay.forget_ended(replay.closed, ENDED_KEPT)
        self._begin(book)
        self._paired.begin()

    # ---- parts

    def _begin(self, book: Ledger) -> None:
        self._began = {name: book.pnl(name) for name in self.names}
        self._sent = dict.fromkeys(self.names, 0)
        self._lots: dict[str, Counter[str]] = {name: Counter() for name in self.names}

    def _record(self, events: Sequence[ev.Event], ledger: Ledger) -> None:
        for event in events:
            self._replayed.hear(event)

    def _rung(self, name: str, book: Ledger, parts: Execution, fees: float) -> Rung:
        deployed, stands, began = book.deployments.get(name), book.pnl(name), self._began[name]
        replayed = _at_marks_of(book, self._replay.engine.ledger, name)
        rung = Rung(
            strategy=name, version="" if deployed is None else f"v{deployed.version}", stands=stands,
            orders=self._sent[name], noise=sum(self._half_spread(book, *lots) for lots in self._lots[name].items()),
        )  # fmt: skip
        if stands is None or began is None or replayed is None:
            return msgspec.structs.replace(rung, missing="a mark or a rate is missing")
        apart = stands - replayed
        return msgspec.structs.replace(
            rung, live=stands - began, replay=replayed - began, backtest=replayed - began, delay=parts.delay / 2,
            spread_impact=parts.spread_impact / 2, missed=parts.missed / 2, fees=fees,
            signal=apart - (parts.total / 2 + fees),
        )  # fmt: skip

    def _half_spread(self, book: Ledger, instrument: str, quantity: int) -> float:
        definition = book.instruments.require(instrument)
        rate = float(book.rate(definition.currency) or 0)
        return self._middles.half_spread(instrument) * quantity * definition.tick_value * rate


def _at_marks_of(book: Ledger, replay: Ledger, name: str) -> int | None:
    """What the replay earned, marked as the book is: else a difference of marks would look like one of books."""
    own = replay.marks
    replay.marks = {**own, **book.marks}
    try:
        return replay.pnl(name)
    finally:
        replay.marks = own


def _standing(ledger: Ledger, name: str) -> object:
    return (
        {symbol: held.lots for symbol, held in ledger.positions.get(name, {}).items() if held.lots},
        ledger.cash.get(name, {}),
        ledger.fees.get(name, {}),
        [(order.chain[0], order.quantity, order.filled, order.price) for order in ledger.open_orders(name)],
        ledger.states.get(f"strategy:{name}", {}),
        None if (runner := ledger.runners.get(name)) is None else runner.state,
    )
