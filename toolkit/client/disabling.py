"""Stops one strategy and proves it: latch, engine, venue, in this order; without an engine straight at the venue.

Who asks, and what is said of it, is for the command line and the operations app.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from toolkit.client import emergency
from toolkit.client.books import Books
from toolkit.client.commands import give
from toolkit.client.desk_state import DeskState
from toolkit.client.home import Home
from toolkit.client.stopping import Belongs, Leftover, held_in_engine, look, stop_at_venues, verify_stopped
from toolkit.domain.commands import DisableStrategy
from toolkit.domain.errors import ExecutionError, TransportError
from toolkit.domain.front_desk import Credential

ENGINE_SECONDS = 5.0
DEAD_ENGINE_SECONDS = 1.0
VERIFY_SECONDS = 5.0
LIFEBOAT_SECONDS = 4.0


class Disabled(msgspec.Struct, frozen=True, kw_only=True):
    """What became of it, and what the venues showed at the last look.

    `event` is its record in the journal (0: none yet), `open_latch` why the latch is not shut, `past_engine` why no
    engine took it, `problems` cancels that could not be asked for, `in_engine` protective orders that no venue holds.
    """

    left: Leftover = Leftover()
    event: int = 0
    refused: str = ""
    open_latch: str = ""
    past_engine: str = ""
    problems: tuple[str, ...] = ()
    in_engine: tuple[str, ...] = ()


def disable(home: Home, state: DeskState, command: DisableStrategy, credential: Credential | None = None) -> Disabled:
    """Blocks until the venues have proved it, or for some seconds. An engine or a journal that is away is no error."""
    open_latch = _shut_latch(home, state, command.strategy)
    engine = state.process("engine")
    patience = ENGINE_SECONDS if engine is not None and engine.is_alive() else DEAD_ENGINE_SECONDS
    books, sockets = Books(home=home, book=state.book), emergency.venue_sockets(home, state.venues)
    try:
        outcome = give(books, command, patience_seconds=patience, credential=credential)
    except ExecutionError as problem:  # of a journal that cannot be read either
        past = _past_the_engine(home, state, command.strategy, sockets)
        return msgspec.structs.replace(past, open_latch=open_latch, past_engine=str(problem))
    if outcome.refused:
        return Disabled(event=outcome.event, refused=outcome.refused, open_latch=open_latch)
    left = stop_at_venues(sockets, VERIFY_SECONDS, True, _concerns(home, state, command.strategy))
    held = held_in_engine(books.replica().ledger, command.strategy)
    return Disabled(left=left, event=outcome.event, open_latch=open_latch, in_engine=held)


def _shut_latch(home: Home, state: DeskState, strategy: str) -> str:
    """The engine is told to stop the strategy either way."""
    try:
        emergency.shut(home, state.book, strategy)
    except TransportError as problem:
        return str(problem)
    return ""


def _past_the_engine(home: Home, state: DeskState, strategy: str, sockets: dict[str, Path]) -> Disabled:
    """The engine cancels through its lifeboat, else we do."""
    mine = emergency.belongs_to(home, state.book, strategy)
    left = verify_stopped(sockets, LIFEBOAT_SECONDS, mine)
    if not left.open_orders:
        return Disabled(left=left)
    cause = f"disable {strategy}, without a journal"
    problems = emergency.cancel_all(home, state.book, sockets, left.open_orders, cause)
    return Disabled(left=look(sockets, mine), problems=tuple(problems))


def _concerns(home: Home, state: DeskState, strategy: str) -> Belongs:
    """Whose is an order? As the books say; one that they do not know may be anybody's, so it counts."""
    try:
        replica = Books(home=home, book=state.book).replica()
    except ExecutionError:
        return emergency.belongs_to(home, state.book, strategy)
    return emergency.owner_is(replica, strategy)
