"""What a person can do when servers or engine are gone: latch, lifeboat, a line to the venue; no book is written."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

from toolkit.adapters.clock import wall_time
from toolkit.adapters.kill_record import KillRecord
from toolkit.adapters.latch import BOOK, Latch, strategy_scope, venue_scope
from toolkit.adapters.lifeboat import Lifeboat
from toolkit.adapters.sockets import socket_path
from toolkit.adapters.venue_hotline import AT_ONCE, NEVER_TOO_LATE, VenueHotline
from toolkit.client.books import Books
from toolkit.client.desk_state import DeskState
from toolkit.client.home import Home
from toolkit.domain.commands import Kill
from toolkit.domain.errors import ConfigError, ExecutionError
from toolkit.domain.requests import CancelOrder, VenueOrder
from toolkit.domain.sub_accounts import is_of
from toolkit.replica.replica import Replica

PATIENCE = 2.0


def shut(home: Home, book: str, strategy: str) -> None:
    """From now on nothing leaves for the strategy but cancels and a person's flatten."""
    shut_scope(home, book, strategy_scope(strategy))


def shut_scope(home: Home, book: str, scope: str) -> None:
    """The same for `book`, `venue:<name>` or `strategy:<name>`."""
    _latch(home, book).shut(scope)


def reopen(home: Home, book: str, strategy: str) -> None:
    reopen_scope(home, book, strategy_scope(strategy))


def reopen_scope(home: Home, book: str, scope: str) -> None:
    """`book`, `venue:<name>` or `strategy:<name>`."""
    _latch(home, book).reopen(scope)


def shut_scopes(home: Home, book: str, venues: Sequence[str]) -> tuple[str, ...]:
    """Which of the book's and the venues' latches are shut, or missing."""
    latch = _latch(home, book)
    return tuple(scope for scope in (BOOK, *map(venue_scope, venues)) if not latch.is_open(scope))


def shut_rows(home: Home, book: str) -> tuple[str, ...]:
    """Every scope whose latch is shut; all of a book whose latch is missing."""
    rows = _latch(home, book).rows()
    return tuple(scope for scope, is_open in rows.items() if not is_open) if rows else (BOOK,)


def latch_rows(home: Home, book: str) -> Mapping[str, bool]:
    """Every readable row: scope → open. Empty when the latch is missing or unreadable, which means shut."""
    latch = _latch(home, book)
    try:
        return latch.rows()
    finally:
        latch.close()


def waiting_kills(home: Home, book: str) -> tuple[Kill, ...]:
    """Kills that no engine has journaled yet, oldest first."""
    return _kills(home, book).kills()


def forget_kill(home: Home, book: str, scope: str, name: str) -> None:
    """A kill that waits for the journal is over: the journal has it, or a person let go."""
    _kills(home, book).forget(scope, name)


def check_strategy(home: Home, state: DeskState, strategy: str) -> None:
    """ConfigError when the desk has no such strategy, with the nearest. Nothing to compare with: no error."""
    rows = _latch(home, state.book).rows()
    known = {row.partition(":")[2] for row in rows if row.startswith("strategy:")}
    known |= {process.name.removeprefix("runner-") for process in state.processes if process.kind == "runner"}
    if known and strategy not in known:
        close = get_close_matches(strategy, known, n=1, cutoff=0.5)
        guess = f"did you mean {close[0]}? " if close else ""
        raise ConfigError(f"no strategy {strategy!r}; {guess}There are {', '.join(sorted(known))}")


def venue_sockets(home: Home, venues: Sequence[str]) -> dict[str, Path]:
    """Venue → where to ask it."""
    return {name: socket_path(home.run, f"venue-{name}") for name in venues}


def belongs_to(home: Home, book: str, strategy: str) -> Callable[[VenueOrder], bool]:
    """Whose an order is, by the files of this machine alone."""
    try:
        return owner_is(Books(home=home, book=book).replica_without_server(), strategy)
    except ExecutionError:
        return lambda _: True


def owner_is(replica: Replica, strategy: str) -> Callable[[VenueOrder], bool]:
    """Whether the order is this strategy's. One that the books do not know may be anybody's, so it counts as well."""

    def concerns(order: VenueOrder) -> bool:
        known = replica.ledger.order(order.order_id)
        return known is None or is_of(known.strategy, strategy)

    return concerns


def position_of(replica: Replica, strategy: str) -> str:
    """`AAPL +100`, "" when flat."""
    held = replica.ledger.positions.get(strategy, {})
    instruments = replica.ledger.instruments
    return ", ".join(
        f"{symbol} {instruments.require(symbol).quantity_of(position.lots):+f}"
        for symbol, position in sorted(held.items())
        if position.lots
    )


def held_by(replica: Replica, strategy: str) -> str:
    """What a strategy holds in each of its sub-accounts, "" when all of them are flat."""
    held = {name: position_of(replica, name) for name in replica.ledger.positions if is_of(name, strategy)}
    return "; ".join(f"{name} {position}" for name, position in held.items() if position)


def cancel_all(
    home: Home, book: str, sockets: Mapping[str, Path], orders: Sequence[tuple[str, VenueOrder]], cause: str
) -> list[str]:
    """Cancel each of these (venue, order), whatever becomes of the others; what could not be asked for, in words."""
    problems: list[str] = []
    recorded = _record(home, book, orders, cause, problems)
    for venue in dict.fromkeys(venue for venue, _ in recorded):
        problems += cancel_again(sockets, [found for found in recorded if found[0] == venue])
    return problems


def cancel_again(sockets: Mapping[str, Path], orders: Sequence[tuple[str, VenueOrder]]) -> list[str]:
    """Ask the venues for cancels that are written down already; what could not be asked for, in words."""
    problems = []
    for venue in dict.fromkeys(venue for venue, _ in orders):
        of_venue = [order for name, order in orders if name == venue]
        try:
            with VenueHotline(sockets[venue], "operator", PATIENCE) as line:
                line.cancel(of_venue)
        except ExecutionError as problem:
            names = ", ".join(order.order_id for order in of_venue)
            problems.append(f"{names} could not be cancelled: {problem}")
    return problems


def _record(
    home: Home, book: str, orders: Sequence[tuple[str, VenueOrder]], cause: str, problems: list[str]
) -> list[tuple[str, VenueOrder]]:
    """Put each into the lifeboat, which the next engine imports; only what is on the disk may be sent."""
    recorded = []
    boat = Lifeboat(home.book(book) / "lifeboat")
    try:
        for venue, order in orders:
            try:
                boat.record(_cancel(venue, order), wall_time(), cause)
            except ExecutionError as problem:
                problems.append(f"{order.order_id} could not be cancelled: {problem}")
            else:
                recorded.append((venue, order))
    finally:
        boat.close()
    return recorded


def _cancel(venue: str, order: VenueOrder) -> CancelOrder:
    return CancelOrder(
        venue=venue, order_id=order.order_id, strategy="", instrument=order.instrument, time=AT_ONCE, epoch=0,
        send_by=NEVER_TOO_LATE,
    )  # fmt: skip


def _kills(home: Home, book: str) -> KillRecord:
    return KillRecord(home.book(book) / "kills")


def _latch(home: Home, book: str) -> Latch:
    return Latch(home.book(book) / "latch")
