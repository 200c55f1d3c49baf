"""The book as a whole for those who decide on one order: its exposures, what bounds them, and what is left of them."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import NamedTuple

import msgspec

from toolkit.domain import events as ev
from toolkit.domain.instruments import Instrument
from toolkit.domain.ledger import HOUSE, MANUAL, Ledger
from toolkit.domain.money import LARGEST
from toolkit.domain.orders import BUY, Side
from toolkit.domain.overrides import in_force
from toolkit.domain.positions import Interval
from toolkit.domain.results import RunningResults
from toolkit.domain.standing import DAILY_LOSS
from toolkit.engine.risk.portfolio_exposure import BOOK, HARMLESS, Exposures, Sums
from toolkit.engine.risk.portfolio_limits import (
    CONFIDENCE,
    HORIZON,
    LEAST_CONFIDENCE,
    MOST_CONFIDENCE,
    OF_EVERY_SCOPE,
    PARTS,
    Bound,
    Bounds,
    bounds_of_book,
    bounds_of_strategy,
    bounds_of_venue,
)
from toolkit.engine.risk.portfolio_var import BookRisk, multiple
from toolkit.engine.sampled_models import SampledModels

NO_ROOM = -1
OPEN_END = 1 << 200  # beyond what any book can be worth
BOTTOMLESS = -OPEN_END


class Worth(NamedTuple):
    """Exposure of one scope in halves of a base quantum."""

    gross: int
    net: int
    margin: int


class Caps(msgspec.Struct, frozen=True, gc=False):
    """What one scope may reach, in the same units; `unset` names a limit that nobody set."""

    gross: int
    net: int
    margin: int
    unset: str
    bounds: Bounds


Room = tuple[Sums, int, int, int]
"""One scope, and what its gross, net and margin may reach."""


class Place(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Where an order of one strategy at one venue counts, and up to what.

    `rooms` are the scopes that it has to fit into, the book last; a book of one venue has the margin there in its own.
    """

    rooms: tuple[Room, ...]
    own_caps: Caps
    book: Sums
    book_caps: Caps
    venue_caps: Caps
    unset: str


class LossBounds(NamedTuple):
    """What one scope may lose in a day, and since the highest; None where nobody set it."""

    daily: Bound | None
    drawdown: Bound | None


class VarTerms(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What the value at risk of a book may be, and how it is reckoned; a limit of None lets every order pass."""

    limit: int | None
    source: str
    confidence: float
    horizon: float
    multiple: float
    sessions: int
    sessions_source: str


class Portfolio:
    """Follows a ledger's events and answers what a scope would be worth with one more order.

    `running` are results from mark to mark, `within` is what controls 20 and 21 found, by cause and strategy, where no
    more was lost than may be; it holds until results are looked at again or limits change.
    """

    def __init__(self, ledger: Ledger, models: SampledModels | None = None) -> None:
        self.ledger = ledger
        self.exposures = Exposures(ledger)
        self._models = models or SampledModels()
        self._learn_calendars()
        self.risk = BookRisk(ledger, self.exposures, self._models)
        self._var_terms: VarTerms | None = None
        self.enforced: frozenset[int] = frozenset()
        self.results_changed = True
        self.running = RunningResults(ledger)
        self._results: Mapping[str, int | None] | None = None
        self._lost: dict[str, Mapping[str, int | None]] = {}
        self._loss_bounds: dict[str, LossBounds] = {}
        self._floors: dict[str, int] = {}
        self.within: dict[tuple[str, str], ev.Check] = {}
        self._caps: dict[str, Caps] = {}
        self._places: dict[tuple[str, str], Place] = {}

    def note(self, event: ev.Event) -> None:
        """Take in what has just been folded."""
        kind = type(event)
        if isinstance(event, ev.Marked):  # far more often than anything else
            self.results_changed = True
            self.exposures.reprice(event.instrument)
            return
        if kind in MOVES_FLOORS:
            self._floors.clear()
        if kind in CHANGES_NOTHING:
            return
        if kind in ENDS_A_COUNT:
            self._results = None
            self.within.clear()
        if kind not in KEEPS_RESULTS:
            self.forget_results()
        if kind in CHANGES_CAPS:
            self.limits_changed()
        elif kind is ev.InstrumentDefined:
            self._learn_calendars()
        self.exposures.note(event)

    def forget_results(self) -> None:
        """Something else than a price moved them."""
        self.results_changed = True
        self.running.forget()

    def limits_changed(self) -> None:
        self._caps.clear()
        self._places.clear()
        self._loss_bounds.clear()
        self._floors.clear()
        self.within.clear()
        self._var_terms = None

    def var_terms(self) -> VarTerms | None:
        """What control 12 asks for; None when nobody set max_var."""
        if self._var_terms is None:
            bounds = self.caps(BOOK).bounds
            if "max_var" in bounds:
                self._var_terms = _var_terms(bounds)
        return self._var_terms

    def loss_bounds(self, scope: str) -> LossBounds:
        """What the book (`""`) or a strategy may lose."""
        found = self._loss_bounds.get(scope)
        if found is None:
            bounds = self.caps(scope or BOOK).bounds
            found = LossBounds(bounds.get("max_daily_loss"), bounds.get("max_drawdown"))
            self._loss_bounds[scope] = found
        return found

    def floor(self, scope: str) -> int:
        """The PnL below which a scope lost more than it may, by one of the two ways to count."""
        found = self._floors.get(scope)
        if found is None:
            standing, bounds = self.ledger.standing, self.loss_bounds(scope)
            opening, high = standing.opening.get(scope, 0), standing.high_water.get(scope, 0)
            floors = [start - bound.value for start, bound in zip((opening, high), bounds, strict=True) if bound]
            found = self._floors[scope] = max(floors, default=BOTTOMLESS)
        return found

    def results_anew(self) -> dict[str, int | None]:
        """PnL of the book and of each strategy at confirmed prices; None for what is not known."""
        results = self.running.now()
        self.results_changed = False
        self._results = results
        self._lost.clear()
        self.within.clear()
        if HOUSE in results or MANUAL in results:
            return {scope: pnl for scope, pnl in results.items() if scope not in (HOUSE, MANUAL)}
        return results

    def losses(self, cause: str) -> Mapping[str, int | None]:
        """What each scope lost when it was last looked at, by one of the two ways to count; reckoned when an order asks
        for it, as there are far more marks than orders."""
        if self._results is None:
            self.results_anew()
        found = self._lost.get(cause)
        if found is None:
            found = self._lost[cause] = self._losses(cause, self._results or {})
        return found

    def _losses(self, cause: str, results: Mapping[str, int | None]) -> Mapping[str, int | None]:
        standing = self.ledger.standing
        lost = standing.loss if cause == DAILY_LOSS else standing.drawdown
        return {name: None if pnl is None else lost(name, pnl) for name, pnl in results.items()}

    def place(self, strategy: str, venue: str) -> Place:
        """The scopes of an order with their caps, resolved once."""
        found = self._places.get((strategy, venue))
        if found is None:
            own, book, there = self.caps(strategy), self.caps(BOOK), self.caps(f"venue:{venue}")
            found = self._places[strategy, venue] = Place(
                rooms=self._rooms(strategy, venue, own, book, there),
                own_caps=own,
                book=self.exposures.of(BOOK),
                book_caps=book,
                venue_caps=there,
                unset=own.unset or book.unset or there.unset,
            )
        return found

    def _rooms(self, strategy: str, venue: str, own: Caps, book: Caps, there: Caps) -> tuple[Room, ...]:
        of_own = self.exposures.of(strategy), own.gross, own.net, own.margin
        of_book = self.exposures.of(BOOK)
        if len(self.ledger.venues) == 1:
            return of_own, (of_book, book.gross, book.net, min(book.margin, there.margin))
        of_venue = self.exposures.of(f"venue:{venue}"), there.gross, there.net, there.margin
        return of_own, of_venue, (of_book, book.gross, book.net, book.margin)

    def after(self, scope: str, instrument: Instrument, interval: Interval, side: Side, adds: int) -> Worth:
        """What a scope is worth in the worst case once an order of so many lots works; `interval` is without it.

        Net is what it could reach on the side of the order: a buy does not make a short book shorter.
        """
        sums = self.exposures.of(scope)
        unit, bound = self.exposures.unit(instrument)
        low, high = interval.low, interval.high
        if side is BUY:
            high += adds
        else:
            low -= adds
        worst = high if high > -low else -low
        cell = sums.cells.get(instrument.symbol)
        if cell is None:
            gross, margin = sums.gross + worst * unit, sums.margin + worst * bound
            up, down = sums.high + high * unit, -sums.low - low * unit
        else:
            gross = sums.gross + worst * unit - cell.worst * cell.unit
            margin = sums.margin + worst * bound - cell.worst * cell.bound
            up, down = sums.high + high * unit - cell.high * cell.unit, cell.low * cell.unit - sums.low - low * unit
        return Worth(gross, up if side is BUY else down, margin)

    def now(self, scope: str) -> Worth:
        """What a scope is worth in the worst case of what works already."""
        self.exposures.refresh()
        sums = self.exposures.of(scope)
        return Worth(sums.gross, sums.net, sums.margin)

    def caps(self, scope: str) -> Caps:
        """What bounds a scope: `book:`, a strategy's name, or `venue:<name>`."""
        found = self._caps.get(scope)
        if found is None:
            found = self._caps[scope] = self._make_caps(scope)
        return found

    def _learn_calendars(self) -> None:
        self._models.trades_on({one.symbol: one.calendar for one in self.ledger.instruments.all()})

    def _make_caps(self, scope: str) -> Caps:
        ledger = self.ledger
        quantum = ledger.currencies[ledger.base_currency].quantum
        kind, _, venue = scope.partition(":")
        rows = in_force(ledger.limits, ledger.overrides)
        if kind == "venue":
            bounds = bounds_of_venue(rows, venue, quantum)
            return Caps(OPEN_END, OPEN_END, _doubled(bounds, "max_margin"), _unset(bounds, "max_margin"), bounds)
        if scope == BOOK:
            bounds, capital = bounds_of_book(rows, quantum), self.exposures.capital()
        else:
            bounds, capital = self._of_strategy(scope, quantum), self.exposures.capital(scope)
        return Caps(
            gross=min(_doubled(bounds, "max_gross"), _of_capital(bounds, "max_leverage", capital)),
            net=_doubled(bounds, "max_net"),
            margin=_of_capital(bounds, "max_capital_use", capital),
            unset=_unset(bounds, *OF_EVERY_SCOPE),
            bounds=bounds,
        )

    def _of_strategy(self, strategy: str, quantum: Decimal) -> Bounds:
        deployment = self.ledger.deployments.get(strategy)
        rows = in_force(self.ledger.limits, self.ledger.overrides)
        return bounds_of_strategy(rows, strategy, deployment.stage if deployment else "", quantum)


def gross_after(place: Place, symbol: str, worth: tuple[int, int], side: Side, adds: int) -> int:
    """The book's gross with one more order, or NO_ROOM where it does not fit: buys reach for the high ends of all
    intervals, sales for the low ones. As `Portfolio.after` says, for cells that are up to date and an order that
    replaces none; in one go, because every entry asks."""
    (unit, bound), gross, buys = worth, NO_ROOM, side is BUY
    for sums, most_gross, most_net, most_margin in place.rooms:
        cell = sums.cells.get(symbol)
        if cell is None:
            grows = adds
        else:
            grows = (cell.high if buys else -cell.low) + adds - cell.worst
            if grows < 0:
                grows = 0
        gross = sums.gross + grows * unit
        reaches = (sums.high if buys else -sums.low) + adds * unit
        if gross > most_gross or reaches > most_net or sums.margin + grows * bound > most_margin:
            return NO_ROOM
    return gross


ENDS_A_COUNT = frozenset({ev.TradingStateChanged, ev.SessionRolled})
KEEPS_RESULTS = frozenset(
    {
        ev.OrderSubmitted, ev.OrderAcknowledged, ev.OrderDenied, ev.OrderCanceled, ev.CancelRequested, ev.Answered,
        ev.SignalRaised, ev.CommandTaken, ev.HighWaterRaised, ev.Alarmed, ev.IntentRefused,
    }
)  # fmt: skip
"""The events of every day that change no result; whatever is not here makes people's results be looked at again."""

MOVES_FLOORS = frozenset({*ENDS_A_COUNT, ev.HighWaterRaised})
CHANGES_NOTHING = KEEPS_RESULTS & HARMLESS
CHANGES_CAPS = frozenset({ev.LimitsChanged, ev.CapitalAllocated, ev.DeploymentChanged, ev.BookOpened})


def _var_terms(bounds: Bounds) -> VarTerms:
    bound, sessions = bounds["max_var"], bounds.get("var_sessions")
    confidence = min(max(_part(bounds, "var_confidence", CONFIDENCE), LEAST_CONFIDENCE), MOST_CONFIDENCE)
    horizon = _part(bounds, "var_horizon", HORIZON)
    return VarTerms(
        limit=None if bound.value == LARGEST else bound.value,
        source=bound.source,
        confidence=confidence,
        horizon=horizon,
        multiple=multiple(confidence, horizon),
        sessions=0 if sessions is None else sessions.value,
        sessions_source="" if sessions is None else sessions.source,
    )


def _part(bounds: Bounds, name: str, default: float) -> float:
    return default if (bound := bounds.get(name)) is None else bound.value / PARTS


def _doubled(bounds: Bounds, name: str) -> int:
    bound = bounds.get(name)
    return OPEN_END if bound is None else 2 * bound.value


def _of_capital(bounds: Bounds, name: str, capital: int) -> int:
    bound = bounds.get(name)
    return OPEN_END if bound is None else 2 * bound.value * capital // PARTS


def _unset(bounds: Bounds, *names: str) -> str:
    return next((name for name in names if name not in bounds), "")
