"""A flatten past the engine: what is held is closed straight at the venues, one market order after the other.

Each order is on the disk (lifeboat) before it leaves, under the sub-account whose position it closes: the next engine
finds it there and books what it filled. Nothing else may trade meanwhile: the latch is shut, what rested is gone, and
whoever flattens holds the book, which no engine then does.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from toolkit.adapters.clock import wall_time
from toolkit.adapters.lifeboat import Lifeboat
from toolkit.adapters.venue_hotline import AT_ONCE, NEVER_TOO_LATE, VenueHotline
from toolkit.domain.commands import Kill
from toolkit.domain.errors import ExecutionError, Fenced, TransportError
from toolkit.domain.identifiers import lifeboat_id
from toolkit.domain.ledger import MANUAL, Ledger
from toolkit.domain.orders import FINAL, OrderClass, OrderType, Side, Status, TimeInForce
from toolkit.domain.positions import venues_of
from toolkit.domain.requests import OrderFound, SubmitOrder
from toolkit.domain.sub_accounts import is_of

PATIENCE = 2.0
PAUSE, LONGEST_PAUSE = 0.05, 1.0


class Holding(NamedTuple):
    """Lots of one sub-account at one venue that are to be closed."""

    strategy: str
    venue: str
    instrument: str
    lots: int


@dataclass(kw_only=True)
class Closing:
    """What is still to be closed of a holding, the order that is out for it, and why it does not go on."""

    holding: Holding
    rest: int
    order: SubmitOrder | None = None
    why: str = ""
    given_up: bool = False


class Flattener:
    """Closes holdings at venues. `sockets` are those of the venues that the kill is about.

    `still_ours` raises Fenced once somebody else has the book: then no order leaves any more.
    """

    def __init__(
        self,
        home_of_book: Path,
        ledger: Ledger,
        kill: Kill,
        sockets: Mapping[str, Path],
        still_ours: Callable[[], None] = lambda: None,
    ) -> None:
        self._lifeboat = home_of_book / "lifeboat"
        self._ledger = ledger
        self._kill = kill
        self._sockets = sockets
        self._still_ours = still_ours
        self._last_number = 0

    def flatten(self, patience_seconds: float) -> str:
        """Close what the scope holds, as books and venues agree on it; what is still held then, "" when it is flat.

        Where they differ somebody's fate is open: that is closed with `accept_unknown` alone, down to what the venue
        says for a venue or the book, and as the books say for a strategy.
        """
        deadline = time.monotonic() + patience_seconds
        problems: list[str] = []
        closings: list[Closing] = []
        boat = Lifeboat(self._lifeboat)
        try:
            for venue, socket in self._sockets.items():
                try:
                    with VenueHotline(socket, "operator", PATIENCE) as line:
                        closings += self._to_close(venue, line, boat, problems)
                except ExecutionError as problem:
                    problems.append(f"{venue}: {problem}")
            self._close(closings, boat, deadline)
        except Fenced as problem:
            problems.append(f"no further order leaves: {problem}")
        finally:
            boat.close()
        return "; ".join((*problems, *(_words(closing) for closing in closings if closing.rest)))

    def _to_close(self, venue: str, line: VenueHotline, boat: Lifeboat, problems: list[str]) -> list[Closing]:
        closed, doubtful = self._closed_before(venue, line, boat)
        held = self._held_at(venue, closed)
        shown = dict(line.ask_state().positions)
        doubtful += self._differences(venue, shown, held, closed)
        if doubtful and not self._kill.accept_unknown:
            problems.append(f"{venue} not flattened: {', '.join(doubtful)} (--accept-unknown closes it all the same)")
            return []
        if self._kill.scope != "strategy":
            held = list(down_to(shown, held, venue))
        return [Closing(holding=holding, rest=holding.lots) for holding in held]

    def _closed_before(
        self, venue: str, line: VenueHotline, boat: Lifeboat
    ) -> tuple[dict[tuple[str, str], int], list[str]]:
        """Lots by sub-account and instrument that traded past the engine, and that the books do not know yet.

        With the orders of an earlier flatten that may still trade: what they close is not closed a second time.
        """
        found: dict[tuple[str, str], int] = {}
        working = []
        for entry in boat.flattens:
            order = entry.order
            if order.venue == venue and self._ledger.order(order.order_id) is None:
                answer = line.find(order)
                if isinstance(answer, OrderFound):
                    key = order.strategy, order.instrument
                    found[key] = found.get(key, 0) + order.side * answer.filled
                if answer is None or (isinstance(answer, OrderFound) and answer.status not in FINAL):
                    working.append(f"{order.order_id} of an earlier flatten may still trade")
        return found, working

    def _held_at(self, venue: str, closed: Mapping[tuple[str, str], int]) -> list[Holding]:
        found = []
        for strategy, held in sorted(self._ledger.positions.items()):
            if self._kill.scope == "strategy" and not is_of(strategy, self._kill.name):
                continue
            for symbol, position in sorted(held.items()):
                own = self._ledger.instruments.require(symbol).venue
                lots = venues_of(self._ledger.elsewhere, strategy, symbol, position.lots, own).get(venue, 0)
                if lots := lots + closed.get((strategy, symbol), 0):
                    found.append(Holding(strategy, venue, symbol, lots))
        return found

    def _differences(
        self, venue: str, shown: Mapping[str, int], held: Sequence[Holding], closed: Mapping[tuple[str, str], int]
    ) -> list[str]:
        """What the venue holds otherwise than the books say, in instruments that the scope is about."""
        known = dict(self._ledger.venue_positions.get(venue, {}))
        for (_, symbol), lots in closed.items():
            known[symbol] = known.get(symbol, 0) + lots
        concerned = {holding.instrument for holding in held}
        if self._kill.scope != "strategy":
            concerned |= shown.keys() | known.keys()
        return [
            f"{symbol}: the venue holds {shown.get(symbol, 0):+d} lots, the books say {known.get(symbol, 0):+d}"
            for symbol in sorted(concerned)
            if shown.get(symbol, 0) != known.get(symbol, 0)
        ]

    # ---- orders

    def _close(self, closings: Sequence[Closing], boat: Lifeboat, deadline: float) -> None:
        """Round after round, one order out for each: what trades does not wait for what does not."""
        pause = PAUSE
        while open_ := [closing for closing in closings if closing.rest and not closing.given_up]:
            for closing in open_:
                self._still_ours()
                self._go_on(closing, boat)
            if time.monotonic() + pause > deadline:
                return
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    def _go_on(self, closing: Closing, boat: Lifeboat) -> None:
        """Send the next order if none is out, and look what has become of it; what may have left is never sent anew."""
        try:
            with VenueHotline(self._sockets[closing.holding.venue], "operator", PATIENCE) as line:
                if closing.order is None:
                    order = self._order(closing)
                    boat.record_flatten(order, wall_time(), self._kill.who, self._kill.reason)
                    closing.order, closing.why = order, ""
                    line.submit(order)
                _look(closing, closing.order, line)
        except TransportError as problem:
            closing.why = str(problem)
        except ExecutionError as problem:  # of an instrument that nobody knows, or of a venue that does not take it
            closing.why, closing.given_up = str(problem), True

    def _order(self, closing: Closing) -> SubmitOrder:
        holding, rest = closing.holding, closing.rest
        instrument = self._ledger.instruments.require(holding.instrument)
        largest = abs(rest) if instrument.maximum is None else min(abs(rest), instrument.maximum)
        self._last_number = max(int(wall_time()) // 1_000_000, self._last_number + 1)
        return SubmitOrder(
            venue=holding.venue, order_id=lifeboat_id(self._ledger.desk, self._last_number), strategy=holding.strategy,
            instrument=holding.instrument, side=Side.SELL if rest > 0 else Side.BUY, quantity=largest,
            order_type=OrderType.MARKET, price=None, time_in_force=TimeInForce.IOC, order_class=OrderClass.EXIT,
            post_only=False, reduce_only=False, time=AT_ONCE, epoch=0, send_by=NEVER_TOO_LATE,
        )  # fmt: skip


def down_to(shown: Mapping[str, int], held: Sequence[Holding], venue: str) -> Iterator[Holding]:
    """What each sub-account closes so that the venue holds nothing; what no sub-account has a claim to is `manual`'s.

    Where claims and venue agree each closes its own, also where two hold against each other.
    """
    for symbol in sorted(shown.keys() | {holding.instrument for holding in held}):
        claims, left = [holding for holding in held if holding.instrument == symbol], shown.get(symbol, 0)
        if sum(claim.lots for claim in claims) == left:
            yield from claims
            continue
        for claim in claims:
            if claim.lots * left > 0:
                part = min(abs(claim.lots), abs(left)) * (1 if left > 0 else -1)
                left -= part
                yield claim._replace(lots=part)
        if left:
            yield Holding(MANUAL, venue, symbol, left)


def _look(closing: Closing, order: SubmitOrder, line: VenueHotline) -> None:
    """Take off what an order closed once it is over."""
    found = line.find(order)
    if not isinstance(found, OrderFound) or found.status not in FINAL:
        return
    closing.order = None
    closing.rest -= (1 if closing.rest > 0 else -1) * found.filled
    closing.why = "the venue rejects it" if found.status is Status.REJECTED else ""


def _words(closing: Closing) -> str:
    holding, why = closing.holding, closing.why
    if closing.order is not None:
        why = f"order {closing.order.order_id} was sent, and nothing is known of it" + (f": {why}" if why else "")
    said = f"{holding.strategy} still holds {holding.instrument} {closing.rest:+d} lots at {holding.venue}"
    return f"{said} ({why})" if why else said
