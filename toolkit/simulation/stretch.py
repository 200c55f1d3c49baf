"""One stretch of a running book beside its replay: what both earned, and by which part they differ."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from toolkit.domain import events as ev
from toolkit.domain.inbox import InboxEntry
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import Quote, Step
from toolkit.domain.orders import Order
from toolkit.domain.rungs import Rung
from toolkit.engine.messages import EngineSettings
from toolkit.engine.strategy_runner import StrategyContainer
from toolkit.measures.ladder import Execution, OrderPair, PairedFill, execution_of
from toolkit.simulation.paper_settings import PaperSettings
from toolkit.simulation.rebased import Rebased

MIDDLES_KEPT: Final = 1_000  # of an instrument: the way of a report is shorter
CLOSED_KEPT: Final = 1_000
"""Closed orders that a replay's venue remembers: nobody asks it for older ones."""

Fills = dict[str, list[ev.OrderFilled]]


class Stretch:
    """From the last step of `history` on. `ledger` is a copy of the book's own there, which the replay goes on with.

    `hear` is told of every event of the book, `advance` gets the steps; `rungs` compares at one step of both.
    """

    def __init__(
        self, ledger: Ledger, settings: EngineSettings, venues: Sequence[PaperSettings],
        containers: Mapping[str, StrategyContainer], history: Sequence[Step],
        unread: Mapping[str, Sequence[InboxEntry]],
    ) -> None:  # fmt: skip
        self.names = tuple(sorted(containers))
        self.position = history[-1].number
        self.time = int(history[-1].time)
        self._middles: defaultdict[str, deque[tuple[int, int]]] = defaultdict(lambda: deque(maxlen=MIDDLES_KEPT))
        self._half_spreads: dict[str, float] = {}
        self._replayed: Fills = {}
        self._begin(ledger)
        for step in history[-MIDDLES_KEPT:]:
            self._see(step)
        forgetful = [msgspec.structs.replace(each, closed_orders_kept=CLOSED_KEPT) for each in venues]
        self._replay = Rebased(
            ledger, settings, forgetful, containers, self._record, lambda step, after: None, history, unread
        )

    def hear(self, event: ev.Event) -> None:
        """An event of the book."""
        if isinstance(event, ev.OrderSubmitted):
            if event.strategy in self._sent:
                self._sent[event.strategy].append((event.instrument, event.quantity))
        elif isinstance(event, ev.OrderFilled):
            self._filled.setdefault(event.order_id, []).append(event)

    def advance(self, step: Step) -> None:
        """The next step of the feed. What a strategy raises goes through."""
        self._see(step)
        self._replay.run((step,))
        self.position, self.time = step.number, int(step.time)

    def rungs(self, book: Ledger) -> tuple[Rung, ...]:
        """Both as of the position, at the book's own marks."""
        return tuple(self._rung(name, book) for name in self.names)

    def agrees(self, book: Ledger) -> bool:
        """Whether the replay stands where the book does: then it goes on as it is."""
        replay = self._replay.engine.ledger
        return all(_standing(book, name) == _standing(replay, name) for name in self.names)

    def go_on(self, book: Ledger) -> None:
        """A new session, of a replay that agrees with the book."""
        self._begin(book)
        self._replayed.clear()

    # ---- parts

    def _begin(self, book: Ledger) -> None:
        self._began = {name: book.pnl(name) for name in self.names}
        self._sent: dict[str, list[tuple[str, int]]] = {name: [] for name in self.names}
        self._filled: Fills = {}

    def _see(self, step: Step) -> None:
        for event in step.events:
            if type(event) is Quote and event.bid and event.ask:
                self._middles[event.instrument].append((int(step.time), event.bid + event.ask))
                self._half_spreads[event.instrument] = max(event.ask - event.bid, 0) / 2

    def _record(self, events: Sequence[ev.Event], ledger: Ledger) -> None:
        for event in events:
            if isinstance(event, ev.OrderFilled):
                self._replayed.setdefault(event.order_id, []).append(event)

    def _rung(self, name: str, book: Ledger) -> Rung:
        deployed, stands, began = book.deployments.get(name), book.pnl(name), self._began[name]
        replayed = _at_marks_of(book, self._replay.engine.ledger, name)
        rung = Rung(
            strategy=name, version="" if deployed is None else f"v{deployed.version}", stands=stands,
            orders=len(self._sent[name]), noise=sum(self._half_spread(book, *sent) for sent in self._sent[name]),
        )  # fmt: skip
        if stands is None or began is None or replayed is None:
            return msgspec.structs.replace(rung, missing="a mark or a rate is missing")
        parts, fees = self._execution(name, book)
        apart = stands - replayed
        return msgspec.structs.replace(
            rung, live=stands - began, replay=replayed - began, backtest=replayed - began, delay=parts.delay / 2,
            spread_impact=parts.spread_impact / 2, missed=parts.missed / 2, fees=fees,
            signal=apart - (parts.total / 2 + fees),
        )  # fmt: skip

    def _half_spread(self, book: Ledger, instrument: str, quantity: int) -> float:
        definition = book.instruments.require(instrument)
        rate = float(book.rate(definition.currency) or 0)
        return self._half_spreads.get(instrument, 0.0) * quantity * definition.tick_value * rate

    def _execution(self, name: str, book: Ledger) -> tuple[Execution, float]:
        """Of the orders that both sent, in half quanta, and their fees in quanta."""
        total, fees = Execution(), 0.0
        replay = self._replay.engine.ledger
        roots = {order.chain[0]: order for order in self._orders(self._filled, book, name)}
        roots |= {order.chain[0]: order for order in self._orders(self._replayed, replay, name)}
        for root, order in roots.items():
            if root in book.orders and root in replay.orders:
                live, twin = (_of(root, ledger, fills) for ledger, fills in
                              ((book, self._filled), (replay, self._replayed)))  # fmt: skip
                total += self._pair(order, book, live, twin)
                fees += _fees(book, twin) - _fees(book, live)
        return total, fees

    def _orders(self, fills: Fills, ledger: Ledger, name: str) -> list[Order]:
        found = (ledger.order(identifier) for identifier in fills)
        return [order for order in found if order is not None and order.strategy == name]

    def _pair(
        self, order: Order, book: Ledger, live: Sequence[ev.OrderFilled], twin: Sequence[ev.OrderFilled]
    ) -> Execution:
        definition, known = book.instruments.require(order.instrument), self._middles.get(order.instrument)
        if not known:
            return Execution()
        rate = book.rate(definition.currency) or 0
        parts = execution_of(
            OrderPair(
                side=int(order.side), tick_value=definition.tick_value, live=self._paired(live),
                twin=self._paired(twin), ended=known[-1][1],
            )
        )  # fmt: skip
        return parts if rate == 1 else Execution(*(int(part * rate) for part in parts))

    def _paired(self, fills: Sequence[ev.OrderFilled]) -> tuple[PairedFill, ...]:
        return tuple(
            PairedFill(fill.quantity, 2 * fill.price, self._middle(fill.instrument, int(fill.time))) for fill in fills
        )

    def _middle(self, instrument: str, time: int) -> int:
        """Of the quote that stood when the venue made the trade."""
        known = self._middles[instrument]
        return next((middle for at, middle in reversed(known) if at <= time), known[0][1])


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


def _of(root: str, ledger: Ledger, fills: Fills) -> list[ev.OrderFilled]:
    return [fill for identifier in ledger.orders[root].chain for fill in fills.get(identifier, ())]


def _fees(book: Ledger, fills: Sequence[ev.OrderFilled]) -> float:
    return float(sum(fill.fee * (book.rate(fill.fee_asset) or 0) for fill in fills))
