"""Follows a desk in a thread of its own and draws what pages ask for, once for all who ask the same."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from threading import Lock
from typing import Final

import msgspec

from toolkit.client import emergency
from toolkit.client.alert_lines import AlertLines
from toolkit.client.books import Books
from toolkit.client.desk_state import SHIPPED_DRIFT_RULE, DeskState, read_desk_state, to_mend
from toolkit.client.following import Rounds
from toolkit.client.home import Home
from toolkit.client.ladders import ladder_of
from toolkit.client.watching import Watching
from toolkit.dashboards import markup
from toolkit.dashboards.choice import Choice
from toolkit.dashboards.face import Face
from toolkit.dashboards.known import Known, Reference
from toolkit.dashboards.pages import VIEWS
from toolkit.dashboards.zones import Zone
from toolkit.domain.errors import ExecutionError
from toolkit.domain.people import People
from toolkit.monitoring.alert_book import AlertBook
from toolkit.replica.replica import Replica

OFTEN, SELDOM = 1.0, 10.0
LONGEST_LOOK: Final = 0.5
ASKED_SECONDS: Final = 8.0
"""What nobody has asked for so long is drawn no more."""
MOST_DRAWN: Final = 64
LONGEST_DRAWING: Final = 1.0
SHARE: Final = 5
"""A drawing is made again once so many times as long as it took has passed."""


class Drawn(msgspec.Struct, frozen=True, kw_only=True):
    """One view of one choice, and its texts, once for all pages that show it. `looked` is when (steady seconds);
    `seconds` is how long drawing took."""

    face: Face
    texts: markup.Texts
    headline: str
    kind: str
    operations: str
    looked: float
    seconds: float


class DeskWatch:
    """`run` in a thread; pages call `drawn`. `watched` says whether a page is open."""

    def __init__(
        self, home: Home, book: str, *, watched: Callable[[], bool] = lambda: True, zone: Zone | None = None,
        references: tuple[Reference, ...] = (),
    ) -> None:  # fmt: skip
        self._home = home
        self._book = book
        self._zone = zone or Zone()
        self._references = references
        self._ladder = ladder_of(home, book)
        self._watching = Watching(home, book)
        self._alerts = AlertBook()
        self._lines = AlertLines(Books(home=home, book=book))
        self._known: Known | None = None
        self._looked = 0.0
        self._lock = Lock()
        self._asked: dict[Choice, float] = {}
        self._drawn: dict[Choice, Drawn] = {}
        self._problem = ""
        self._read_all = False
        self._people = People()
        self._rounds = Rounds(self.look, watched=lambda: watched() or not self._read_all, often=OFTEN, seldom=SELDOM)

    @property
    def people(self) -> People:
        """Who may come in, as the engine has it in force."""
        return self._people

    @property
    def problem(self) -> str:
        """Why there is nothing to see, or nothing newer."""
        return self._problem

    def run(self) -> None:
        """Look until `stop`: each second while somebody looks on, else now and then."""
        self._rounds.run()
        self.close()

    def close(self) -> None:
        """Let go of the line to the journal."""
        self._watching.close()

    def stop(self) -> None:
        self._rounds.stop()

    def wake(self) -> None:
        """Somebody looks: do not sleep any longer."""
        self._rounds.wake()

    def drawn(self, choice: Choice, *, patience: float = 0.0) -> Drawn | None:
        """The newest drawing of a choice, and from now on a new one with each look.

        None while there is none and none can be made within `patience` seconds: a look may be going on.
        """
        self._asked[choice] = time.monotonic()
        found = self._drawn.get(choice)
        if found is None and self._lock.acquire(timeout=patience):
            try:
                found = self._draw(choice)
            finally:
                self._lock.release()
        return found

    def look(self) -> Known | None:
        """One look at journal, operations log, latch and processes; then what is asked for is drawn. Blocks."""
        with self._lock:
            state = read_desk_state(self._home.processes)
            replica: Replica | None
            try:
                self._catch_up()
                replica, problem = self._watching.replica, ""
                self._hear_operations()
            except ExecutionError as found:
                replica, problem = self._or_from_files(), str(found)
            self._problem = problem
            if replica is not None:
                self._people = replica.ledger.people
                self._known = self._make_known(replica, state, problem)
            self._looked = time.monotonic()
            self._draw_asked()
            return self._known

    def _catch_up(self) -> None:
        """To the journal's end, or as far as one look may take: a page that waits is told how far."""
        deadline = time.monotonic() + LONGEST_LOOK
        self._read_all = False
        while not self._read_all and time.monotonic() < deadline:
            self._watching.advance()
            self._read_all = self._watching.read_at_end

    def _make_known(self, replica: Replica, state: DeskState | None, problem: str) -> Known:
        return Known(
            replica=replica, tallies=self._watching.tallies, alerts=self._alerts, state=state,
            to_mend=to_mend(state), shut=emergency.shut_rows(self._home, self._book), wall=time.time_ns(),
            zone=self._zone, read_all=self._read_all, problem=problem, references=self._references,
            sessions=self._ladder.sessions(), divergence=self._ladder.now(),
            drift_rule=SHIPPED_DRIFT_RULE if state is None else state.drift_rule,
        )  # fmt: skip

    def _hear_operations(self) -> None:
        """What is new in the operations log, for the alerts."""
        for line in self._lines.new():
            self._alerts.hear(line)

    def _or_from_files(self) -> Replica | None:
        """The last books; before the first ones, what this machine's files say, so that people are known."""
        if self._known is not None:
            return self._known.replica
        with suppress(ExecutionError):  # it is said that the books cannot be read
            replica = Books(home=self._home, book=self._book).replica_without_server()
            return replica if replica.ledger.sequence else None
        return None

    def _draw_asked(self) -> None:
        """The newest drawing of everything that is asked for, the oldest one first; what takes long, less often."""
        now, asked = time.monotonic(), dict(self._asked)  # a copy at once: pages go on asking
        kept = sorted(asked, key=lambda choice: -asked[choice])[:MOST_DRAWN]
        wanted = [choice for choice in kept if asked[choice] >= now - ASKED_SECONDS]
        for choice in {*asked, *self._drawn} - set(wanted):
            self._asked.pop(choice, None)
            self._drawn.pop(choice, None)
        for choice in sorted(wanted, key=self._drawn_at):
            found = self._drawn.get(choice)
            if found is None or now - found.looked >= SHARE * found.seconds:
                self._draw(choice)
            if time.monotonic() - now > LONGEST_DRAWING:
                return

    def _drawn_at(self, choice: Choice) -> float:
        found = self._drawn.get(choice)
        return 0.0 if found is None else found.looked

    def _draw(self, choice: Choice) -> Drawn | None:
        if self._known is None:
            return None
        began = time.perf_counter()
        face = VIEWS[choice.view].face(self._known, choice)
        texts = markup.texts(
            face, choice, strategies=self._known.strategies(), venues=self._known.venues(),
            zone=self._zone.label(self._known.wall), past=self._known.past(choice),
        )  # fmt: skip
        self._drawn[choice] = found = Drawn(
            face=face, texts=texts, headline=self._known.headline(), kind=self._known.kind,
            operations=self._known.operations, looked=self._looked, seconds=time.perf_counter() - began,
        )  # fmt: skip
        return found
