"""The kill switch from outside of the trading process: latch, record, engine, venue, in this order.

The latch is shut before anything else is tried, and needs neither engine nor journal. What proves a kill is the
venue's own word, and its word again once a "not found" has become worth something. Nothing here lets go of a kill.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread

import msgspec

from toolkit.adapters.kill_record import KillRecord
from toolkit.adapters.latch import BOOK, strategy_scope, venue_scope
from toolkit.client import emergency
from toolkit.client.books import Books
from toolkit.client.commands import Outcome, give
from toolkit.client.exposed import by_the_books, held_at, still_open, without_protection
from toolkit.client.flattening import Flattener
from toolkit.client.home import Home
from toolkit.client.stopping import Belongs, Leftover, look, stop_at_venues, verify_stopped
from toolkit.client.taken_book import EngineHolds, taken_book
from toolkit.domain.commands import Kill, KillMode
from toolkit.domain.errors import ExecutionError, TransportError
from toolkit.domain.front_desk import Credential
from toolkit.domain.orders import OrderClass
from toolkit.domain.requests import VenueOrder
from toolkit.replica.replica import Replica

ENGINE_SECONDS = 1.0
AT_ONCE_SECONDS = 0.1
VENUE_SECONDS = 5.0
BOOKS_SECONDS = 2.0
LOOK_AGAIN = 0.1


class Killed(msgspec.Struct, frozen=True, kw_only=True):
    """What a kill has done so far, and what the venues said at the last look, `seconds` after it was asked for.

    `open_latch` is why the latch could not be shut, `past_engine` why the engine did not do it, `event` its record in
    the journal (0 while there is none). `unresolved` are orders whose fate the books still wait for, `unknown` what may
    rest at a venue that does not answer, `unprotected` positions that no resting order protects.
    """

    kill: Kill
    left: Leftover
    seconds: float
    event: int = 0
    refused: str = ""
    open_latch: str = ""
    past_engine: str = ""
    problems: tuple[str, ...] = ()
    unresolved: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()
    unprotected: tuple[str, ...] = ()

    @property
    def verified(self) -> bool:
        """The latch is shut, every venue answered, and what was to go is gone."""
        return self.left.clean and not (self.open_latch or self.unresolved or self.refused)


class Concerns:
    """Whether a kill is about an order: all are, or those of one strategy, which the books must say.

    Reading a long journal takes longer than a kill, which mostly ends with nothing of anybody at the venue: the books
    are read when an order rests, or beside an engine that takes its time (`begin`).
    """

    def __init__(self, strategy: str | None, read: Callable[[], Replica | None]) -> None:
        self._strategy = strategy
        self._read = read
        self._books: Future[Replica | None] | None = None

    def begin(self) -> None:
        """Begin to read; nobody waits."""
        if self._strategy is not None and self._books is None:
            reader = ThreadPoolExecutor(1, thread_name_prefix="books")
            self._books = reader.submit(self._read)
            reader.shutdown(wait=False)

    def __call__(self, order: VenueOrder) -> bool:
        self.begin()
        if self._strategy is None or self._books is None:
            return True
        replica = self._books.result()
        return replica is None or emergency.owner_is(replica, self._strategy)(order)


class KillSwitch:
    """Kills on one desk: `throw`, then `confirm` after the quarantine, then, as a decision of its own, `flatten`."""

    def __init__(self, home: Home, book: str, venues: Sequence[str], credential: Credential | None = None) -> None:
        """`credential` says who kills where the system does not: an app that vouches for a login."""
        self._home = home
        self._book = book
        self._credential = credential
        self._sockets = emergency.venue_sockets(home, venues)
        self._record = KillRecord(home.book(book) / "kills")
        self._recorded: set[str] = set()
        self._answers: SimpleQueue[tuple[Outcome, str]] = SimpleQueue()

    def throw(self, kill: Kill) -> Killed:
        """Shut the latch, have the engine cancel, or do it past the engine; the first proof from the venues."""
        began = time.monotonic()
        open_latch = self._shut(kill)
        problems = self._write_down(kill)
        concerns = self._concerns(kill)
        outcome, past_engine = self._tell(kill, concerns.begin)
        if past_engine or outcome.refused:
            left = self._cancel_past_engine(kill, concerns, problems)
        else:
            left = self._watch_the_engine(kill, concerns)
        return Killed(
            kill=kill, left=left, seconds=time.monotonic() - began, event=outcome.event, refused=outcome.refused,
            open_latch=open_latch, past_engine=past_engine, problems=tuple(problems),
        )  # fmt: skip

    def confirm(self, killed: Killed, quarantine_seconds: float) -> Killed:
        """Watch the venues until a "not found" is worth something, cancel what appears meanwhile, and look again."""
        killed = self._late_answer(killed)
        kill, began = killed.kill, time.monotonic()
        concerns, problems = self._concerns(kill), list(killed.problems)
        while (waited := time.monotonic() - began) < quarantine_seconds:
            left = look(self._asked(kill), concerns, _stays(kill))
            if left.open_orders:
                self._cancel(left, kill, problems)
            time.sleep(min(2 * LOOK_AGAIN, max(0.0, quarantine_seconds - waited)))
        left = look(self._asked(kill), concerns, _stays(kill))
        replica = self._books()
        return msgspec.structs.replace(
            killed,
            left=left,
            seconds=killed.seconds + time.monotonic() - began,
            problems=tuple(problems),
            unresolved=self._unresolved(kill) if killed.event else (),
            unknown=by_the_books(replica, kill, left.silent),
            unprotected=without_protection(replica, kill, left),
        )

    def flatten(self, killed: Killed, patience_seconds: float, *, accept_unknown: bool = False) -> str:
        """Close what the scope of a kill holds; what is still held then, "" when it is flat.

        It is the engine's work. Where none takes the kill it goes straight to the venues. Over what is not proven gone
        positions are closed with `accept_unknown` alone.
        """
        if killed.open_latch or killed.refused:
            return "not flattened: first the kill itself must hold"
        if not (killed.verified or accept_unknown):
            return (
                "not flattened: first what is left must be gone (--accept-unknown of `execution kill` closes over it)"
            )
        kill = msgspec.structs.replace(killed.kill, mode=KillMode.FLATTEN, accept_unknown=accept_unknown)
        try:
            if killed.event or not self._tell(killed.kill, _nothing)[1]:
                with suppress(TransportError):  # it took the kill, and has died or hung since
                    return self._flatten_by_engine(kill, patience_seconds)
            return self._flatten_past_engine(kill, patience_seconds)
        except ExecutionError as problem:
            return f"not flattened: {problem}"

    def _flatten_by_engine(self, kill: Kill, patience_seconds: float) -> str:
        outcome = self._ask(kill, VENUE_SECONDS)
        if outcome.refused:
            return outcome.refused
        deadline = time.monotonic() + patience_seconds
        while held := self._held(kill):
            if time.monotonic() > deadline:
                return f"{held} after {patience_seconds:.0f} s"
            time.sleep(LOOK_AGAIN)
        return ""

    def _flatten_past_engine(self, kill: Kill, patience_seconds: float) -> str:
        """Nothing may trade beside it: the latch is shut, and the book is in this hand until all is closed."""
        try:
            with taken_book(self._home, self._book, f"flatten of {kill.who.identity}") as still_ours:
                replica = self._books()
                if replica is None:
                    return "not flattened: neither journal nor snapshot and mirror can be read: whose it is is unknown"
                book = self._home.book(self._book)
                return Flattener(book, replica.ledger, kill, self._asked(kill), still_ours).flatten(patience_seconds)
        except EngineHolds:
            return self._flatten_by_engine(kill, patience_seconds)

    # ---- parts

    def _ask(self, kill: Kill, patience: float) -> Outcome:
        books = Books(home=self._home, book=self._book)
        return give(books, kill, patience_seconds=patience, credential=self._credential)

    def _shut(self, kill: Kill) -> str:
        try:
            emergency.shut_scope(self._home, self._book, latch_scope(kill.scope, kill.name))
        except TransportError as problem:
            return str(problem)
        return ""

    def _write_down(self, kill: Kill) -> list[str]:
        try:
            self._record.add(kill)
        except TransportError as problem:
            return [str(problem)]
        return []

    def _tell(self, kill: Kill, meanwhile: Callable[[], None]) -> tuple[Outcome, str]:
        """What the engine made of it, and why it did not take it in time; a front desk that hangs is not waited for.

        `meanwhile` is done once it takes longer than it mostly does.
        """
        self._answers = SimpleQueue()
        answers = self._answers
        Thread(target=lambda: answers.put(self._give(kill)), name="kill", daemon=True).start()
        try:
            return answers.get(timeout=AT_ONCE_SECONDS)
        except Empty:
            meanwhile()
        try:
            return answers.get(timeout=ENGINE_SECONDS + 0.5 - AT_ONCE_SECONDS)
        except Empty:
            return Outcome(0, ""), "neither front desk nor engine said a word in time; they are still being asked"

    def _late_answer(self, killed: Killed) -> Killed:
        """With the record in the journal of an engine that took its time."""
        try:
            outcome, _ = self._answers.get_nowait()
        except Empty:
            return killed
        return msgspec.structs.replace(killed, event=outcome.event, refused=outcome.refused)

    def _give(self, kill: Kill) -> tuple[Outcome, str]:
        try:
            outcome = self._ask(kill, ENGINE_SECONDS)
        except ExecutionError as problem:  # of a journal that cannot be read either
            return Outcome(0, ""), str(problem)
        try:
            self._record.forget(kill.scope, kill.name)
        except TransportError:  # the supervisor finds it in the journal and forgets it then
            return outcome, ""
        return outcome, ""

    def _watch_the_engine(self, kill: Kill, concerns: Belongs) -> Leftover:
        """Mostly nothing of anybody rests after a moment; else it matters whose it is."""
        left = verify_stopped(self._asked(kill), AT_ONCE_SECONDS, stays=_stays(kill))
        if left.clean:
            return left
        return stop_at_venues(self._asked(kill), ENGINE_SECONDS, True, concerns, _stays(kill))

    def _cancel_past_engine(self, kill: Kill, concerns: Belongs, problems: list[str]) -> Leftover:
        """Each cancel is in the lifeboat before it leaves; tried again until nothing rests or the time is over."""
        deadline = time.monotonic() + VENUE_SECONDS
        while True:
            left = look(self._asked(kill), concerns, _stays(kill))
            if left.open_orders:
                self._cancel(left, kill, problems)
                left = look(self._asked(kill), concerns, _stays(kill))
            if left.clean or time.monotonic() >= deadline:
                return left
            time.sleep(LOOK_AGAIN)

    def _cancel(self, left: Leftover, kill: Kill, problems: list[str]) -> None:
        new = [found for found in left.open_orders if found[1].order_id not in self._recorded]
        known = [found for found in left.open_orders if found[1].order_id in self._recorded]
        cause = f"kill by {kill.who.identity}: {kill.reason}"
        said = emergency.cancel_all(self._home, self._book, self._sockets, new, cause)
        said += emergency.cancel_again(self._sockets, known)
        self._recorded |= {order.order_id for _, order in new}
        problems.extend(problem for problem in said if problem not in problems)

    def _asked(self, kill: Kill) -> dict[str, Path]:
        """The venues that the kill is about."""
        names = (kill.name,) if kill.scope == "venue" else tuple(self._sockets)
        return {name: self._sockets[name] for name in names if name in self._sockets}

    def _concerns(self, kill: Kill) -> Concerns:
        return Concerns(kill.name if kill.scope == "strategy" else None, self._books)

    def _books(self) -> Replica | None:
        """The journal's, else what this machine's files have: snapshot and mirror; None when neither can be read."""
        books = Books(home=self._home, book=self._book)
        for read in (books.replica, books.replica_without_server):
            try:
                return read()
            except ExecutionError:
                continue
        return None

    def _unresolved(self, kill: Kill) -> tuple[str, ...]:
        """Orders that the engine still waits for; the venue's word is on its way to the books for a moment."""
        deadline = time.monotonic() + BOOKS_SECONDS
        while (found := still_open(self._books(), kill)) and time.monotonic() < deadline:
            time.sleep(LOOK_AGAIN)
        return found

    def _held(self, kill: Kill) -> str:
        replica = self._books()
        if replica is None:
            return "positions that cannot be read"
        if kill.scope == "venue":
            held = held_at(replica, kill.name)
        elif kill.scope == "strategy":
            held = emergency.held_by(replica, kill.name)
        else:
            found = {name: emergency.position_of(replica, name) for name in replica.ledger.positions}
            held = "; ".join(f"{name} {position}" for name, position in found.items() if position)
        return f"still held: {held}" if held else ""


def _nothing() -> None:
    """Nobody needs the books."""


def latch_scope(scope: str, name: str) -> str:
    """The latch's row for a scope of the journal."""
    if scope == "strategy":
        return strategy_scope(name)
    return venue_scope(name) if scope == "venue" else BOOK


def _stays(kill: Kill) -> Belongs:
    """What a kill leaves at the venue: all but entries, or nothing."""

    def stays(order: VenueOrder) -> bool:
        return kill.mode is KillMode.HALT_ENTRIES and order.order_class is not OrderClass.ENTRY

    return stays
