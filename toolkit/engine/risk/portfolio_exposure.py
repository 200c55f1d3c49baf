"""What a book and its strategies could be worth in the worst case of what works, kept up to date cell by cell.

A cell is one instrument in one scope: the interval [L, H] of its position over all outcomes, in lots. Its worth is
counted at the last mark and the last rate, in halves of a quantum of the base currency, so that a mid between two ticks
is exact. Everything is a function of the ledger; events say which cells to look at again, and an event that is not
known here makes all of them be made anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from toolkit.domain import events as ev
from toolkit.domain.instruments import Instrument
from toolkit.domain.ledger import HOUSE, ONE, Ledger
from toolkit.domain.positions import Interval

BOOK = "book:"
NO_PRICE = -1
FRACTIONS = {"LIVE_10": 10, "LIVE_50": 50}
"""Percent of its allocation that a strategy may use at a stage; 100 at the others."""


class Cell:
    """One instrument in one scope: lots of the interval, the worth of a lot, and the margin that it binds."""

    __slots__ = ("bound", "high", "low", "unit", "worst")

    def __init__(self) -> None:
        self.low = self.high = self.worst = 0
        self.unit = self.bound = 0


class Sums:
    """One scope: what its cells are worth together, by the largest, all bought, all sold, and as margin."""

    __slots__ = ("cells", "gross", "high", "low", "margin", "unpriced")

    def __init__(self) -> None:
        self.cells: dict[str, Cell] = {}
        self.unpriced: dict[str, None] = {}
        self.gross = self.high = self.low = self.margin = 0

    def reset(self) -> None:
        """Begin anew; whoever keeps this scope goes on seeing it."""
        self.cells.clear()
        self.unpriced.clear()
        self.gross = self.high = self.low = self.margin = 0

    def put(self, symbol: str, low: int, high: int, unit: int, bound: int) -> None:
        """Set one cell; a unit of NO_PRICE counts nothing and is remembered."""
        if unit == NO_PRICE:
            if low or high:
                self.unpriced[symbol] = None
            else:
                self.unpriced.pop(symbol, None)
            unit = bound = 0
        elif self.unpriced:
            self.unpriced.pop(symbol, None)
        cell = self.cells.get(symbol)
        if cell is None:
            if not (low or high):
                return
            cell = self.cells[symbol] = Cell()
        worst = high if high > -low else -low
        if unit == cell.unit and bound == cell.bound:  # an order or a fill, and no new price
            grows = worst - cell.worst
            self.gross += grows * unit
            self.margin += grows * bound
            self.high += (high - cell.high) * unit
            self.low += (low - cell.low) * unit
            cell.low, cell.high, cell.worst = low, high, worst
        else:
            self.gross += worst * unit - cell.worst * cell.unit
            self.margin += worst * bound - cell.worst * cell.bound
            self.high += high * unit - cell.high * cell.unit
            self.low += low * unit - cell.low * cell.unit
            cell.low, cell.high, cell.worst, cell.unit, cell.bound = low, high, worst, unit, bound
        if not (low or high):
            del self.cells[symbol]

    @property
    def net(self) -> int:
        """The larger of all bought and all sold."""
        return max(self.high, -self.low)


class Exposures:
    """The scopes of one ledger: `book:`, each strategy by its name, each venue as `venue:<name>`.

    The only venue of a book is worth what the book is: both names lead to one scope.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.scopes: dict[str, Sums] = {}
        self.units: dict[str, tuple[int, int]] = {}
        self.foreign: dict[str, str] = {}  # instruments in other currencies that the book holds or may
        self.is_current = False
        self.changed: dict[str, None] = {}  # instruments looked at again, for whoever keeps figures of his own
        self.remade = 0
        self._touched: dict[tuple[str, str], None] = {}
        self._repriced: dict[str, None] = {}
        self._all = True
        self._capital: dict[str, int] = {}

    # ---- following the ledger

    def note(self, event: ev.Event) -> None:
        """Remember what an event may have changed."""
        kind = type(event)
        if kind in HARMLESS:
            return
        self.is_current = False
        find = FINDERS.get(kind)
        if find is None:
            self._all = True
        else:
            find(self, event)

    def refresh(self) -> None:
        """Bring everything up to date."""
        if self.is_current:
            return
        self.is_current = True
        if self._all:
            self._make_anew()
            return
        if self._repriced:
            for symbol in self._repriced:
                self.units.pop(symbol, None)
                self._reprice(symbol)
            self._repriced.clear()
        if self._touched:
            for strategy, symbol in self._touched:
                self._look(strategy, symbol)
            self._touched.clear()

    def touch(self, event: Any) -> None:
        """The place that an event names itself."""
        self._touched[event.strategy, event.instrument] = None

    def touch_order(self, identifier: str) -> None:
        """The place of an order; where it is no longer known, everything is looked at again."""
        order = self._ledger.order(identifier)
        if order is None:
            self._all = True
        else:
            self._touched[order.strategy, order.instrument] = None

    def reprice(self, symbol: str) -> None:
        """It was marked anew."""
        self.is_current = False
        self._repriced[symbol] = None

    def reprice_currency(self, currency: str) -> None:
        find = self._ledger.instruments.find
        for symbol in self.units:
            instrument = find(symbol)
            if instrument is not None and instrument.currency == currency:
                self._repriced[symbol] = None

    def forget_capital(self) -> None:
        self._capital.clear()

    # ---- reading

    def of(self, scope: str) -> Sums:
        """A scope for good: it is kept up to date and never replaced."""
        found = self.scopes.get(scope)
        if found is None:
            venues = self._ledger.venues
            is_whole = len(venues) == 1 and scope == f"venue:{venues[0]}"
            found = self.scopes[scope] = self.of(BOOK) if is_whole else Sums()
        return found

    def unit(self, instrument: Instrument) -> tuple[int, int]:
        """Worth and margin of a lot in halves of a base quantum; NO_PRICE without a mark or a rate."""
        found = self.units.get(instrument.symbol)
        if found is None:
            found = self.units[instrument.symbol] = self._unit(instrument)
        return found

    def capital(self, strategy: str = "") -> int:
        """Quanta that a strategy, or the whole book, may use: what was allocated times the stage's fraction."""
        found = self._capital.get(strategy)
        if found is None:
            ledger = self._ledger
            names = (strategy,) if strategy else tuple(ledger.capital)
            found = self._capital[strategy] = sum(usable_capital(ledger, name) for name in names)
        return found

    # ---- machinery

    def _make_anew(self) -> None:
        for sums in self.scopes.values():
            sums.reset()
        self.units.clear()
        self._touched.clear()
        self._repriced.clear()
        self._capital.clear()
        self.foreign.clear()
        self.remade += 1
        self._all = False
        for strategy, symbol in _pairs(self._ledger):
            self._look(strategy, symbol)

    def _look(self, strategy: str, symbol: str) -> None:
        ledger = self._ledger
        instrument = ledger.instruments.find(symbol)
        if instrument is None:
            return
        self.changed[symbol] = None
        unit, bound = self.units.get(symbol) or self.unit(instrument)
        own, of_account = ledger.interval(strategy, symbol), ledger.account_interval(symbol)
        self.of(strategy).put(symbol, own.low, own.high, unit, bound)
        self.of(BOOK).put(symbol, of_account.low, of_account.high, unit, bound)
        if len(ledger.venues) > 1:
            for venue, there in _at_venues(ledger, symbol, of_account):
                self.of(f"venue:{venue}").put(symbol, there.low, there.high, unit, bound)
        if instrument.currency != ledger.base_currency:
            if of_account.low or of_account.high:
                self.foreign[symbol] = instrument.currency
            else:
                self.foreign.pop(symbol, None)

    def _reprice(self, symbol: str) -> None:
        instrument = self._ledger.instruments.find(symbol)
        if instrument is None:
            return
        self.changed[symbol] = None
        unit, bound = self.unit(instrument)
        for sums in self.scopes.values():
            cell = sums.cells.get(symbol)
            if cell is not None:
                sums.put(symbol, cell.low, cell.high, unit, bound)

    def _unit(self, instrument: Instrument) -> tuple[int, int]:
        ledger = self._ledger
        mark, rate = ledger.marks.get(instrument.symbol), ledger.rate(instrument.currency)
        if mark is None or rate is None:
            return NO_PRICE, NO_PRICE
        unit = mark.twice * instrument.tick_value
        if rate is not ONE:
            unit = int((unit * rate).to_integral_value())
        if instrument.margin is None:
            return unit, unit
        return unit, int((unit * instrument.margin).to_integral_value())


def usable_capital(ledger: Ledger, strategy: str) -> int:
    """What was allocated to a strategy times its stage's fraction, in quanta. PnL is not compounded."""
    deployment = ledger.deployments.get(strategy)
    percent = FRACTIONS.get(deployment.stage, 100) if deployment is not None else 100
    return ledger.capital.get(strategy, 0) * percent // 100


def _pairs(ledger: Ledger) -> Iterator[tuple[str, str]]:
    """Every strategy and instrument that holds something or may."""
    pairs = {(name, symbol) for name, held in ledger.positions.items() for symbol, one in held.items() if one.lots}
    pairs |= {(name, symbol) for name, works in ledger.working.items() for symbol, roots in works.items() if roots}
    pairs |= {(HOUSE, symbol) for lots in ledger.venue_positions.values() for symbol, held in lots.items() if held}
    yield from sorted(pairs)


def _at_venues(ledger: Ledger, symbol: str, of_account: Interval) -> Iterator[tuple[str, Interval]]:
    """What lies at each venue, with all that works in the instrument: where it will fill is not certain."""
    total = sum(lots.get(symbol, 0) for lots in ledger.venue_positions.values())
    for venue in ledger.venues:
        apart = ledger.venue_positions.get(venue, {}).get(symbol, 0) - total
        yield venue, Interval(low=of_account.low + apart, high=of_account.high + apart)


def _by_order(exposures: Exposures, event: Any) -> None:
    exposures.touch_order(event.order_id)


def _by_mark(exposures: Exposures, event: Any) -> None:
    exposures.reprice(event.instrument)


def _by_rate(exposures: Exposures, event: Any) -> None:
    exposures.reprice_currency(event.asset)


def _by_capital(exposures: Exposures, _: Any) -> None:
    exposures.forget_capital()


FINDERS: dict[type, Callable[[Exposures, Any], None]] = {
    **dict.fromkeys((ev.OrderSubmitted, ev.OrderFilled), Exposures.touch),
    **dict.fromkeys(
        (
            ev.ReplaceRequested, ev.OrderRejected, ev.OrderCanceled, ev.OrderExpired, ev.OrderReplaced,
            ev.OrderReleased, ev.CancelRejected, ev.ReplaceRejected, ev.OrderDoubted, ev.DoubtResolved,
        ),
        _by_order,
    ),
    ev.Marked: _by_mark,
    ev.FxMarked: _by_rate,
    **dict.fromkeys((ev.CapitalAllocated, ev.DeploymentChanged), _by_capital),
}  # fmt: skip
HARMLESS = frozenset(
    {
        ev.EpochBegan, ev.LimitsChanged, ev.VersionRegistered, ev.TradingStateChanged, ev.ThrottleChanged,
        ev.CommandTaken, ev.RunnerStarted, ev.RunnerEnded, ev.Answered, ev.SignalRaised, ev.IntentRefused,
        ev.ExitQueued, ev.ExitUnqueued, ev.FlattenStarted, ev.FlattenEnded, ev.OrderDenied, ev.OrderAcknowledged,
        ev.CancelRequested, ev.OrderResubmitted, ev.OrderTriggered, ev.TrailMoved, ev.SessionRolled, ev.CashMoved,
        ev.HighWaterRaised, ev.Alarmed, ev.SnapshotTaken,
    }
)  # fmt: skip
"""Events that change no position, no order that works, no mark, no rate and no instrument."""
