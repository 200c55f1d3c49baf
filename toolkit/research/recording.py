"""What a backtest keeps of its run: events with feed times, each order as the books last knew it, the curve."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from typing import NamedTuple

from toolkit.domain import events as ev
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import Quote, Step
from toolkit.domain.orders import Order

_CHANGES_EQUITY = (
    ev.Marked, ev.OrderFilled, ev.FxMarked, ev.CashMoved, ev.FillBusted, ev.FillCorrected, ev.SessionRolled,
)  # fmt: skip

_HAS_A_MIDDLE = (ev.OrderFilled, ev.OrderCanceled, ev.OrderExpired, ev.OrderRejected)

REMEMBERED = 1_000  # quotes of an instrument: the way of a report from a venue is shorter


class Fact(NamedTuple):
    """One event, its number in the journal that a desk would have written, and the feed time of its step (ns).

    `middle` is of a trade, and of an order's end without one: twice the mid of its instrument's newest two-sided quote
    then, 0 where there was none.
    """

    number: int
    time: int
    event: ev.Event
    middle: int = 0


class Held(NamedTuple):
    """`Σ|position · mark|` and `Σ position · mark`, in quanta of the base currency."""

    gross: int
    net: int


class CurvePoint(NamedTuple):
    """The books after a step: PnL of each strategy and what is held, in quanta; None where a mark is missing.

    `ends_session` marks the last point of a trading session; where a feed has sessions, only those and points with
    fills know what is `held`.
    """

    time: int
    pnl: tuple[int | None, ...]
    held: Held | None
    ends_session: bool


class Recording:
    """The recorder of one run over the strategies `names`; hand `record` and `after_step` to `Backtest`."""

    def __init__(self, names: Sequence[str]) -> None:
        self.names = tuple(names)
        self.facts: list[Fact] = []
        self.orders: dict[str, Order] = {}
        self.curve: list[CurvePoint] = []
        self.steps = 0
        self.last_time = 0
        self._fresh: list[ev.Event] = []
        self._instruments: dict[str, str] = {}
        self._counted = 0
        self._has_sessions = False
        self._middles: defaultdict[str, deque[tuple[int, int]]] = defaultdict(lambda: deque(maxlen=REMEMBERED))

    def record(self, events: Sequence[ev.Event], ledger: Ledger) -> None:
        """Take a committed batch."""
        self._fresh += events
        for event in events:
            identifier = getattr(event, "order_id", "")
            if identifier and (order := ledger.order(identifier)) is not None:
                self.orders[order.chain[0]] = order
                self._instruments[identifier] = order.instrument

    def after_step(self, step: Step, ledger: Ledger) -> None:
        """A step is done: what was committed in it happened at its time."""
        self.steps += 1
        time = self.last_time = int(step.time)
        for seen in step.events:
            if type(seen) is Quote:
                self._middles[seen.instrument].append((time, seen.bid + seen.ask if seen.bid and seen.ask else 0))
        if not self.curve:
            self.curve.append(CurvePoint(time, (0,) * len(self.names), Held(0, 0), False))
        if not self._fresh:
            return
        changed = ends_session = traded = False
        for event in self._fresh:
            self._counted += 1
            middle = self._middle(event) if isinstance(event, _HAS_A_MIDDLE) else 0
            self.facts.append(Fact(self._counted, time, event, middle))
            changed = changed or isinstance(event, _CHANGES_EQUITY)
            ends_session = ends_session or isinstance(event, ev.SessionRolled)
            traded = traded or isinstance(event, ev.OrderFilled)
        self._fresh.clear()
        if changed:
            self.curve.append(self._point(time, ledger, ends_session, traded))

    @property
    def last_middles(self) -> dict[str, int]:
        """Twice the mid of each instrument's last quote."""
        return {instrument: middles[-1][1] for instrument, middles in self._middles.items() if middles}

    def _middle(self, event: ev.OrderFilled | ev.OrderCanceled | ev.OrderExpired | ev.OrderRejected) -> int:
        """Of the quote that stood when the venue made the trade or ended the order; its report comes later."""
        instrument = (
            event.instrument if isinstance(event, ev.OrderFilled) else self._instruments.get(event.order_id, "")
        )
        known = self._middles.get(instrument, ())
        return next((middle for time, middle in reversed(known) if time <= int(event.time)), 0)

    def _point(self, time: int, ledger: Ledger, ends_session: bool, traded: bool) -> CurvePoint:
        self._has_sessions = self._has_sessions or ends_session
        counts = ends_session or traded or not self._has_sessions
        return CurvePoint(
            time, tuple(map(ledger.pnl, self.names)), held(ledger, self.names) if counts else None, ends_session
        )


def held(ledger: Ledger, names: Sequence[str]) -> Held | None:
    """What these strategies hold at the last marks; None when a mark or a rate is missing."""
    gross = net = 0
    for name in names:
        for symbol, position in ledger.positions.get(name, {}).items():
            if not position.lots:
                continue
            instrument, mark = ledger.instruments.require(symbol), ledger.marks.get(symbol)
            rate = ledger.rate(instrument.currency)
            if mark is None or rate is None:
                return None
            worth = mark.twice * abs(position.lots) * instrument.tick_value // 2
            worth = worth if rate == 1 else int(worth * rate)
            gross, net = gross + worth, net + (worth if position.lots > 0 else -worth)
    return Held(gross, net)
