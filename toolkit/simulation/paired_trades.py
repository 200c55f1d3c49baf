"""The orders of a book and of its replay, paired by what was decided, and what their trades cost more or less."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from dataclasses import dataclass, field
from typing import Final

from toolkit.domain import events as ev
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import Quote, Step
from toolkit.measures.ladder import Execution, OrderPair, PairedFill, execution_of

MIDDLES_KEPT: Final = 1_000  # of an instrument: the way of a report is shorter
ENDS: Final = (ev.OrderCanceled, ev.OrderExpired, ev.OrderRejected)

Decision = tuple[str, str, int, int]
"""By which an order is known in both books: the step that its strategy answered, instrument, side, which one of these.
On a free feed its id is another one as soon as one of the two sent an order more."""


class Middles:
    """The newest quotes of each instrument: twice their middles with feed times, and half of the newest spread."""

    def __init__(self) -> None:
        self._known: defaultdict[str, deque[tuple[int, int]]] = defaultdict(lambda: deque(maxlen=MIDDLES_KEPT))
        self._half_spreads: dict[str, float] = {}
        self.time = 0

    def see(self, step: Step) -> None:
        self.time = int(step.time)
        for event in step.events:
            if type(event) is Quote and event.bid and event.ask:
                self._known[event.instrument].append((int(step.time), event.bid + event.ask))
                self._half_spreads[event.instrument] = max(event.ask - event.bid, 0) / 2

    def half_spread(self, instrument: str) -> float:
        """In ticks; 0 before the first quote."""
        return self._half_spreads.get(instrument, 0.0)

    def at(self, instrument: str, time: int) -> int:
        """Twice the middle of the quote that stood then; of the oldest one before that, 0 where there was none."""
        known = self._known[instrument]
        return next((middle for at, middle in reversed(known) if at <= time), known[0][1] if known else 0)


@dataclass(slots=True)
class SentOrder:
    """One order in one of the books. `asked` are the quantities and prices that it was to have, one after the other.

    `ended` is the feed time of its end, 0 while it is open; fees in base quanta.
    """

    strategy: str
    asked: list[tuple[int | None, int | None]] = field(default_factory=list)
    fresh: list[ev.OrderFilled] = field(default_factory=list)
    fills: list[PairedFill] = field(default_factory=list)
    fees: float = 0.0
    ended: int = 0


class Trades:
    """What one of the two books did since `begin`, as it says so event by event."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.begin()

    def begin(self) -> None:
        """What is open is the same in both books here."""
        self._decided: dict[str, Decision] = {}
        self._counts: Counter[tuple[str, str, int]] = Counter()
        self.orders: dict[Decision, SentOrder] = {}
        for order in self._ledger.open_orders():
            self._note(order.chain[0], (order.chain[0], order.instrument, int(order.side), 0), order.strategy)

    def hear(self, event: ev.Event) -> None:
        """An event right after it was folded."""
        if isinstance(event, ev.OrderSubmitted):
            what = (event.intent_id.partition(".")[0], event.instrument, int(event.side))
            self._note(event.order_id, (*what, self._counts[what]), event.strategy)
            self._ask(event.order_id, event.quantity, event.price)
            self._counts[what] += 1
        elif isinstance(event, ev.ReplaceRequested):
            self._ask(event.order_id, event.quantity, event.price)
        elif isinstance(event, ev.OrderFilled):
            self._take(event.order_id, int(event.time), event)
        elif isinstance(event, ENDS):
            self._take(event.order_id, int(event.time))

    def settle(self, middles: Middles) -> None:
        """Hold what filled against the quotes that stood then; what filled later than the newest of them waits."""
        for (_, instrument, _, _), order in self.orders.items():
            known = [fill for fill in order.fresh if int(fill.time) <= middles.time]
            for fill in known:
                rate = self._ledger.rate(fill.fee_asset) or 0
                order.fees += float(fill.fee * rate)
                middle = middles.at(instrument, int(fill.time))
                order.fills.append(PairedFill(fill.quantity, 2 * fill.price, middle))
            if known:
                order.fresh = order.fresh[len(known) :]

    def _note(self, root: str, decided: Decision, strategy: str) -> None:
        self._decided[root] = decided
        self.orders[decided] = SentOrder(strategy)

    def _ask(self, identifier: str, quantity: int | None, price: int | None) -> None:
        sent = self._sent(identifier)
        if sent is not None:
            sent.asked.append((quantity, price))

    def _sent(self, identifier: str) -> SentOrder | None:
        order = self._ledger.order(identifier)
        decided = None if order is None else self._decided.get(order.chain[0])
        return None if decided is None else self.orders.get(decided)

    def _take(self, identifier: str, time: int, fill: ev.OrderFilled | None = None) -> None:
        sent, order = self._sent(identifier), self._ledger.order(identifier)
        if order is None or sent is None:
            return
        if fill is not None:
            sent.fresh.append(fill)
        if not order.is_open:
            sent.ended = time


class PairedTrades:
    """Live less replay by part, of the orders that both sent; what ended in both is added up and forgotten."""

    def __init__(self, live: Trades, replay: Trades, middles: Middles) -> None:
        self._live, self._replay, self._middles = live, replay, middles
        self._done: dict[str, tuple[Execution, float]] = {}

    def begin(self) -> None:
        self._live.begin()
        self._replay.begin()
        self._done.clear()

    def execution(self, book: Ledger) -> dict[str, tuple[Execution, float]]:
        """By strategy: the parts in half quanta of the base currency, and its fees in quanta."""
        self._live.settle(self._middles)
        self._replay.settle(self._middles)
        found = dict(self._done)
        for decided in [each for each in self._live.orders if each in self._replay.orders]:
            one, other = self._live.orders[decided], self._replay.orders[decided]
            if one.asked != other.asked:
                continue  # the same step, another decision
            parts, fees = self._parts(book, decided, one, other), other.fees - one.fees
            _add(found, one.strategy, parts, fees)
            if one.ended and other.ended and not one.fresh and not other.fresh:
                _add(self._done, one.strategy, parts, fees)
                del self._live.orders[decided], self._replay.orders[decided]
        return found

    def _parts(self, book: Ledger, decided: Decision, live: SentOrder, replay: SentOrder) -> Execution:
        _, instrument, side, _ = decided
        if not live.fills and not replay.fills:
            return Execution()
        definition = book.instruments.require(instrument)
        ended = self._middles.at(instrument, live.ended or 1 << 62)
        parts = execution_of(
            OrderPair(
                side=side, tick_value=definition.tick_value, live=tuple(live.fills), twin=tuple(replay.fills),
                ended=ended,
            )
        )  # fmt: skip
        rate = book.rate(definition.currency) or 0
        return parts if rate == 1 else Execution(*(int(part * rate) for part in parts))


def _add(totals: dict[str, tuple[Execution, float]], strategy: str, parts: Execution, fees: float) -> None:
    before, paid = totals.get(strategy, (Execution(), 0.0))
    totals[strategy] = before + parts, paid + fees
