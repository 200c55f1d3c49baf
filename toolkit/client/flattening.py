"""A flatten past the engine: what is held is closed straight at the venues, one market order after the other.

Each order is on the disk (lifeboat) before it leaves, under the sub-account whose position it closes: the next engine
finds it there and books what it filled. Nothing else may trade meanwhile: the latch is shut, and what rested is gone.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from toolkit.adapters.clock import wall_time
from toolkit.adapters.lifeboat import Lifeboat
from toolkit.adapters.venue_hotline import AT_ONCE, NEVER_TOO_LATE, VenueHotline
from toolkit.domain.commands import Kill
from toolkit.domain.errors import ExecutionError
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


class Flattener:
    """Closes holdings at venues. `sockets` are those of the venues that the kill is about."""

    def __init__(self, home_of_book: Path, ledger: Ledger, kill: Kill, sockets: Mapping[str, Path]) -> None:
        self._lifeboat = home_of_book / "lifeboat"
        self._ledger = ledger
        self._kill = kill
        self._sockets = sockets
        self._last_number = 0

    def flatten(self, patience_seconds: float) -> str:
        """Close what the scope holds, as books and venues agree on it; what is still held then, "" when it is flat.

        Where they differ somebody's fate is open: that is closed with `accept_unknown` alone, down to what the venue
        says for a venue or the book, and as the books say for a strategy.
        """
        deadline = time.monotonic() + patience_seconds
        problems: list[str] = []
        boat = Lifeboat(self._lifeboat)
        try:
            for venue, socket in self._sockets.items():
                try:
                    with VenueHotline(socket, "operator", PATIENCE) as line:
                        problems += self._flatten_at(venue, line, boat, deadline)
                except ExecutionError as problem:
                    problems.append(f"{venue}: {problem}")
        finally:
            boat.close()
        return "; ".join(problems)

    def _flatten_at(self, venue: str, line: VenueHotline, boat: Lifeboat, deadline: float) -> list[str]:
        closed = self._closed_before(venue, line, boat)
        held = self._held_at(venue, closed)
        shown = dict(line.ask_state().positions)
        if (doubtful := self._differences(venue, shown, held, closed)) and not self._kill.accept_unknown:
            return [f"{venue} not flattened: {', '.join(doubtful)} (--accept-unknown closes it all the same)"]
        if self._kill.scope != "strategy":
            held = list(down_to(shown, held, venue))
        return [problem for holding in held if (problem := self._close(holding, line, boat, deadline))]

    def _closed_before(self, venue: str, line: VenueHotline, boat: Lifeboat) -> dict[tuple[str, str], int]:
        """Lots by sub-account and instrument that traded past the engine, and that the books do not know yet."""
        found: dict[tuple[str, str], int] = {}
        for entry in boat.flattens:
            order = entry.order
            if order.venue == venue and self._ledger.order(order.order_id) is None:
                answer = line.find(order)
                key = order.strategy, order.instrument
                found[key] = found.get(key, 0) + order.side * (0 if answer is None else answer.filled)
        return found

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

    def _close(self, holding: Holding, line: VenueHotline, boat: Lifeboat, deadline: float) -> str:
        """One order after the other until nothing is left of it; each is known to be over before the next leaves."""
        rest, pause, why = holding.lots, PAUSE, ""
        while rest:
            order = self._order(holding, rest)
            boat.record_flatten(order, wall_time(), self._kill.who, self._kill.reason)
            line.submit(order)
            ended = _ended(line, order, deadline)
            if ended is None:
                return f"{_words(holding, rest)}: order {order.order_id} was sent, and nothing is known of it"
            rest -= (1 if rest > 0 else -1) * ended.filled
            why = " (the venue rejects it)" if ended.status is Status.REJECTED else ""
            if rest and time.monotonic() + pause > deadline:
                return f"{_words(holding, rest)}{why}"
            if rest:
                time.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
        return ""

    def _order(self, holding: Holding, rest: int) -> SubmitOrder:
        self._last_number = max(int(wall_time()) // 1_000_000, self._last_number + 1)
        instrument = self._ledger.instruments.require(holding.instrument)
        largest = abs(rest) if instrument.maximum is None else min(abs(rest), instrument.maximum)
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


def _ended(line: VenueHotline, order: SubmitOrder, deadline: float) -> OrderFound | None:
    """What became of an order: asked for until it is over. None where the venue does not say so in time."""
    while True:
        found = line.find(order)
        if found is not None and found.status in FINAL:
            return found
        if time.monotonic() > deadline:
            return None
        time.sleep(PAUSE)


def _words(holding: Holding, rest: int) -> str:
    return f"{holding.strategy} still holds {holding.instrument} {rest:+d} lots at {holding.venue}"
