"""The replayer: runs what a desk's strategies would have done on the same feed beside what they did, and compares.

It follows journal and feed as any reader does; nobody waits for it. A session's replay begins with what the book held
when the session began, so that one missed fill is one, and no position that is carried on for ever. Whatever comes from
outside in the middle of a session, such as a new version, a limit, an order by hand or a restart, ends the stretch
there and begins another with the books of that moment: it is not the strategy's difference. Nor is what the books do
not say: a replay waits to begin until it can know what its venues hold.
"""

from __future__ import annotations

import gc
import time
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from threading import Event
from typing import Final

import msgspec

from execution.services.outside import words_of
from execution.services.replayer_parts import ReplayerParts, ReplayerPlan
from toolkit.domain import events as ev
from toolkit.domain.errors import ExecutionError, JournalError, TransportError
from toolkit.domain.fold import apply, seal
from toolkit.domain.inbox import InboxEntry
from toolkit.domain.inbox_rules import TELL
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import Step
from toolkit.domain.ports import Sealed
from toolkit.domain.rungs import Divergence, Drift, Rung, SessionRungs
from toolkit.measures.divergence import added, drifts_of
from toolkit.simulation.heard import SAYS_HOW, Heard
from toolkit.simulation.rebased_venues import unknown
from toolkit.simulation.slim_books import ENDED_KEPT, copied
from toolkit.simulation.stretch import Stretch

LOOK_SECONDS: Final = 1.0
SHARE: Final = 3
"""It rests at least so many times as long as it worked: a quarter of one processor at most."""
STEPS_A_CALL: Final = 200
MOST_REMARKS: Final = 20
BATCHES_KEPT: Final = 100
"""Newest ones of the book, of which a replay that begins learns what no books hold: more than a busy step has."""
BEHIND: Final = "the replay could not keep up and the journal went on without it: it waits for the next session"
AWAY: Final = "nobody saw how it ended"
SESSION_BEGAN: Final = "a session began"
RAISED: Final = (
    ArithmeticError, AssertionError, AttributeError, ExecutionError, ImportError, LookupError, OSError, RuntimeError,
    TypeError, ValueError,
)  # fmt: skip
"""What a strategy's code may raise: its replay ends, this process does not."""


class Replayer:
    """One book's replayer. `run` returns when stopped."""

    def __init__(self, parts: ReplayerParts, plan: ReplayerPlan) -> None:
        self._parts = parts
        self._plan = plan
        self._stopped = Event()
        self._trouble = ""
        self._reached = 0
        self._read = 0
        self._skips = False
        self._named = ""
        self._whole: dict[str, Rung] = {}
        self._remarks: list[str] = []
        self._drifts: tuple[Drift, ...] | None = None
        self._forget()

    def stop(self) -> None:
        self._stopped.set()

    def run(self) -> None:
        """Look until stopped."""
        while not self._stopped.is_set():
            worked = -time.process_time()
            try:
                self.look()
                self._tell("")
            except (TransportError, JournalError) as problem:
                self._forget()
                self._tell(f"{type(problem).__name__}: {problem}")
            worked += time.process_time()
            self._rest(max(LOOK_SECONDS, SHARE * worked))

    def _rest(self, seconds: float) -> None:
        """Until stopped, with signs of life: whoever has much to replay rests for long, and would be taken for hung."""
        until = time.monotonic() + seconds
        while not self._stopped.is_set() and (left := until - time.monotonic()) > 0:
            self._stopped.wait(min(left, LOOK_SECONDS))
            self._parts.beat("resting", self._position)

    def look(self) -> None:
        """Everything that is new in the journal, replayed and compared."""
        book = self._book or self._begin()
        engine = self._parts.engine_step()  # first: whatever happened up to that step is in the journal then
        while found := self._parts.batches(self._read):
            for sealed in found:
                self._take(book, sealed)
            self._parts.beat("replaying", self._position)
        if engine is not None and engine > self._reached:
            self._reach(book, engine)
        self._live = True
        self._show(book)
        self._parts.beat("replaying", self._position)

    # ---- following the book

    def _forget(self) -> None:
        """Let go of books and replay; what was added up of a session stays."""
        self._book: Ledger | None = None
        self._stretch: Stretch | None = None
        self._live = False
        self._reached = 0
        self._coming: list[tuple[ev.Batch, bytes]] = []
        self._rolled: ev.SessionRolled | None = None
        self._outside = "the replay began"
        self._waits = ""
        self._unread: defaultdict[str, deque[InboxEntry]] = defaultdict(deque)
        self._batches: deque[Sequence[ev.Event]] = deque(maxlen=BATCHES_KEPT)
        self._has_same_data = True
        gc.collect()  # before other books are loaded: the parts of a replay know each other, books among them

    def _begin(self) -> Ledger:
        """The newest books; a session that goes on since the last replayer's end goes on here too.

        They may hold a part of the step after their own: the first step that they are compared at is a later one.
        """
        self._book = book = copied(self._parts.begin())
        self._reached, self._read = book.step, book.sequence
        known = self._parts.store.now
        was = None if known is None else known.now
        stored = {each.session for each in self._parts.store.sessions[-1:]}
        if was is not None and was.session != book.session and book.session not in stored | {self._named}:
            self._parts.store.add(msgspec.structs.replace(was, session=book.session, remarks=(*was.remarks, AWAY)))
            self._drifts = None
        if book.session != self._named:
            goes_on = was is not None and was.session == book.session
            self._whole = {rung.strategy: rung for rung in was.rungs} if was is not None and goes_on else {}
            self._remarks = list(was.remarks) if was is not None and goes_on else []
        self._named = book.session
        return book

    @property
    def _position(self) -> int:
        return 0 if self._stretch is None else self._stretch.position

    def _take(self, book: Ledger, sealed: Sealed) -> None:
        """The batches of a step are kept back until it is over: the books are only ever those at the end of one."""
        batch = self._parts.open_batch(sealed.payload)
        if batch.first != self._read + 1:
            self._skips = True
            self._remark(BEHIND)
            raise JournalError(f"event {batch.first} follows {self._read}: {BEHIND}")
        if batch.step > self._reached:
            self._reach(book, batch.step)
        self._coming.append((batch, sealed.digest))
        self._read = sealed.last

    def _reach(self, book: Ledger, step: int) -> None:
        """Everything up to the end of `step` has come: close and begin what has to be where it happened."""
        happened = [words for batch, _ in self._coming for event in batch.events if (words := words_of(event, book))]
        if happened:
            self._let_go(book)
            self._outside = happened[-1]
        for batch, digest in self._coming:
            for event in batch.events:
                apply(book, event)
                self._hear(book, event)
            seal(book, batch, digest)
            if said := [event for event in batch.events if isinstance(event, SAYS_HOW)]:
                self._batches.append(said)
        self._coming.clear()
        self._reached = step
        rolled, self._rolled = self._rolled, None
        if rolled is not None:
            self._end_session(book, rolled)
        if self._outside and self._live:
            self._begin_anew(book, step)

    def _hear(self, book: Ledger, event: ev.Event) -> None:
        if isinstance(event, ev.SessionRolled):
            self._rolled = event
        if self._stretch is not None:
            self._stretch.hear(event)
        told = TELL.get(type(event))
        if told is not None and (found := told(book, event)) is not None:
            strategy, items = found
            last = book.inbox_numbers.get(strategy, 0)
            entries = (InboxEntry(number=last - len(items) + place, item=item) for place, item in enumerate(items, 1))
            self._unread[strategy] += entries
        elif isinstance(event, ev.Answered):
            unread = self._unread[event.strategy]
            while unread and unread[0].number <= event.inbox:
                unread.popleft()

    # ---- stretches

    def _let_go(self, book: Ledger) -> None:
        """Add up what was measured up to where the books stand: what comes from outside counts for neither of both."""
        if self._stretch is not None:
            self._gather(book, self._reached)
            self._stretch = None
            gc.collect()  # the parts of a replay know each other, books of 10,000 orders among them: they would pile up

    def _begin_anew(self, book: Ledger, step: int) -> None:
        """Go on with the books of now; tried again with the next step while a replay cannot know what it must."""
        names = running(book)
        unread = {name: found for name in names if (found := self._unread_by(book, name)) is not None}
        if not names or len(unread) < len(names):
            return
        self._waits = BEHIND if self._skips else unknown(book, self._plan.venues)
        if self._waits:
            return
        if self._outside != SESSION_BEGAN:
            self._remark(f"{self._outside}, after step {step:,}")
        self._outside = ""
        self._rebase(book, step, unread)

    def _rebase(self, book: Ledger, step: int, unread: Mapping[str, Sequence[InboxEntry]]) -> None:
        plan = self._plan
        try:
            history = self._history(step)
            containers = self._parts.containers(book, tuple(unread))
            heard = Heard(history, unread, tuple(self._batches))
            self._stretch = Stretch(book, plan.settings, plan.venues, containers, heard)
        except TransportError:
            raise
        except RAISED as problem:
            self._fail(problem)

    def _unread_by(self, book: Ledger, strategy: str) -> Sequence[InboxEntry] | None:
        """What its runner has still to read; None while that was not heard whole."""
        read, last = book.runners[strategy].inbox, book.inbox_numbers.get(strategy, 0)
        found = [entry for entry in self._unread[strategy] if entry.number > read]
        return found if len(found) == max(0, last - read) else None

    def _gather(self, book: Ledger, step: int) -> None:
        """Replay up to a step and add what was earned to the session's sums."""
        if self._stretch is not None and self._advance(self._stretch, step):
            self._whole = self._together(book)

    def _together(self, book: Ledger) -> dict[str, Rung]:
        """The session so far: what was added up, and the stretch that goes on."""
        found = dict(self._whole)
        is_the_source = self._parts.source is not None and self._has_same_data
        for rung in () if self._stretch is None else self._stretch.rungs(book):
            told = rung if is_the_source else msgspec.structs.replace(rung, backtest=None)
            found[rung.strategy] = added(found.get(rung.strategy), told)
        return found

    def _advance(self, stretch: Stretch, step: int) -> bool:
        """Whether the replay got there; why it did not is said in the session's remarks."""
        try:
            while stretch.position < step:
                for each in self._steps(stretch.position, min(step, stretch.position + STEPS_A_CALL)):
                    stretch.advance(each)
                self._parts.beat("replaying", stretch.position)
        except TransportError:
            raise
        except RAISED as problem:
            self._fail(problem)
            return False
        return True

    def _fail(self, problem: Exception) -> None:
        """Nothing is measured until the next session; over steps that are missing, only until the next step."""
        self._stretch = None
        if isinstance(problem, JournalError):
            self._outside = f"not replayed: {problem}"
            return
        self._remark(f"not replayed any further: {type(problem).__name__}: {problem}")
        self._parts.say(self._remarks[-1])

    def _remark(self, words: str) -> None:
        if len(self._remarks) < MOST_REMARKS:
            self._remarks.append(words)

    def _history(self, step: int) -> Sequence[Step]:
        """What warms a replay up: as far back as the bus still has it, up to `step`."""
        after = max(0, step - self._plan.history)
        found = [each for each in self._parts.steps(after, step - after) if each.number <= step]
        return _whole(found, found[0].number if found else after + 1, step)

    def _steps(self, after: int, up_to: int) -> Sequence[Step]:
        """As the desk had them."""
        found = _whole(self._parts.steps(after, up_to - after), after + 1, up_to)
        source = self._parts.source
        if source is not None and self._has_same_data:
            self._has_same_data = list(source(after, len(found))) == list(found)
        return found

    # ---- telling

    def _end_session(self, book: Ledger, rolled: ev.SessionRolled) -> None:
        self._gather(book, rolled.step)
        missing = self._waits or self._outside or (self._remarks[-1] if self._remarks else "the replay began later")
        for name in running(book):
            self._whole.setdefault(name, Rung(strategy=name, version=version_of(book, name), missing=missing))
        if self._live and self._whole:
            self._parts.store.add(self._session(rolled.session, rolled.step, int(rolled.time), self._whole))
            self._drifts = None
        self._whole, self._remarks, self._has_same_data, self._named = {}, [], True, rolled.session
        self._skips = False
        book.forget_ended(book.closed, ENDED_KEPT)
        if self._stretch is not None and self._stretch.agrees(book):
            self._stretch.go_on(book)
        elif self._live and not self._outside:
            self._stretch, self._outside = None, SESSION_BEGAN
            gc.collect()

    def _session(self, name: str, step: int, time: int, rungs: Mapping[str, Rung]) -> SessionRungs:
        return SessionRungs(
            session=name, step=step, time=time, wall=self._parts.wall(), remarks=tuple(self._remarks),
            rungs=tuple(rungs[each] for each in sorted(rungs)),
        )  # fmt: skip

    def _show(self, book: Ledger) -> None:
        """The drifts after the last session, and the one that goes on."""
        if self._drifts is None:
            self._drifts = drifts_of(self._parts.store.sessions)
        if self._stretch is not None:
            self._advance(self._stretch, self._reached)
        time = 0 if self._stretch is None else self._stretch.time
        found = self._together(book)
        now = self._session(book.session, self._reached, time, found) if found else None
        self._parts.store.show(Divergence(wall=self._parts.wall(), drifts=self._drifts, now=now, problem=self._trouble))

    def _tell(self, trouble: str) -> None:
        if trouble and trouble != self._trouble:
            self._parts.say(trouble)
        self._trouble = trouble


def _whole(found: Sequence[Step], first: int, last: int) -> Sequence[Step]:
    """JournalError when the bus has let go of some."""
    if len(found) != last - first + 1 or not found or (found[0].number, found[-1].number) != (first, last):
        raise JournalError(f"steps {first:,} to {last:,} are not on the bus")
    return found


def running(book: Ledger) -> tuple[str, ...]:
    """The strategies whose runner runs what is deployed."""
    deployed = book.deployments
    return tuple(
        name for name, runner in sorted(book.runners.items())
        if name in deployed and runner.running and runner.digest == deployed[name].digest
    )  # fmt: skip


def version_of(book: Ledger, strategy: str) -> str:
    return f"v{book.deployments[strategy].version}"
