"""The engine in lockstep: carries out the schedule on journal, bus, venue line and runners; people are always heard."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable, Sequence

import msgspec

from execution.services.engine_core import FORGET_EVERY, EngineCore, Sent
from execution.services.venue_link import VenueLink
from toolkit.domain.commands import Envelope, RunnerAnswer, RunnerHello, RunnerStopped
from toolkit.domain.errors import TransportError
from toolkit.domain.inbox import Released
from toolkit.domain.market import Step
from toolkit.domain.people import COMMANDERS
from toolkit.domain.ports import Lease
from toolkit.domain.requests import QueryOrder, VenueReport, VenueRequest, VenueState
from toolkit.domain.time import NANOSECONDS, MonoTime, Now
from toolkit.engine.messages import LineBack, LineLost, Looked, Message, NotSent, TimePassed
from toolkit.simulation.lockstep import Commit, Consult, Match, Schedule, absorb, lockstep, settle

FEED = "feed"
AHEAD = 64
IDLE_MS = 100
RELEASE_AGAIN_MS = 1_000


class LockstepEngine:
    """Runs a book step by step until `stop`."""

    def __init__(self, core: EngineCore) -> None:
        self._core = core
        self._engine = core.engine
        self._parts = core.parts
        runners = core.engine.ledger.runners
        self._expected = {name for name in core.plan.strategies if name not in runners or not runners[name].given_up}
        self._answers: dict[str, Envelope] = {}
        self._ahead: deque[Step] = deque()
        self._stopping = False
        self._greeted: set[str] = set()
        self._read: dict[str, str] = {}
        self._since_forgot = FORGET_EVERY
        self._links = tuple(core.links.values())
        self._venue_steps = dict.fromkeys(core.links, 0)
        self._look_at = MonoTime(0)
        self._reconciled: set[str] = set()
        self._withheld: dict[str, list[Message]] = {name: [] for name in core.links}
        self.state = "starting"

    def stop(self) -> None:
        """Finish what is in hand and return from `run`."""
        self._stopping = True

    async def run(self, warming: asyncio.Task[None]) -> None:
        """Step after step, once the View is warm, the venue met and every runner there.

        Raises what ends an engine: Fenced, JournalError, TransportError.
        """
        await self._wait_until(warming.done, "waiting for the feed")
        if self._stopping:
            return
        warming.result()
        for link in self._links:
            await self._meet_venue(link)
        await self._wait_until(lambda: self._expected <= self._greeted, "waiting for runners")
        self.state = "running"
        while not self._stopping:
            await self._take_commands(0)
            await self._look_when_due()
            step = await self._next_step()
            if step is None:
                await self._take_commands(IDLE_MS)
                continue
            await self.carry_out(lockstep(self._engine, step, self._clock))
            for link in self._links:
                if link.name not in self._reconciled:
                    await self._reconcile(link)
            await self._snapshot()

    # ---- carrying out the schedule

    async def carry_out(self, schedule: Schedule) -> None:
        """Do what the schedule asks for until it is done."""
        answer: Iterable[Message] = ()
        try:
            wish = next(schedule)
            while True:
                match wish:
                    case Match():
                        answer = await self._match(wish.step)
                    case Commit():
                        answer = await self._commit(wish)
                    case Consult():
                        answer = await self._consult(wish.step)
                wish = schedule.send(answer)
        except StopIteration:
            return

    async def _match(self, step: Step) -> list[Message]:
        """Have each venue match a step, one after the other; what they say is heard in that order."""
        heard: list[Message] = []
        for link in self._links:
            heard += await self._match_at(link, step)
        return heard

    async def _match_at(self, link: VenueLink, step: Step) -> list[Message]:
        """Have a venue match a step, which it does once; over a cut line again until it says that it has."""
        missed: list[Message] = []
        while True:
            await self._hold_the_book()
            try:
                reports = await link.within_reason(link.line.advance(step))
                self._parts.reach("after_report_before_append")
                return [*missed, *await self._hear(link, reports)]
            except TransportError:
                missed += await self._line_back(link)

    async def _commit(self, commit: Commit) -> list[Message]:
        await self._core.writer.commit(commit.events, commit.inbox)
        return await self._exchange(commit.requests) if commit.requests else []

    async def _exchange(self, requests: Sequence[VenueRequest]) -> list[Message]:
        """Send durable requests and hear what they led to at once. Over a cut line all of it is doubt."""
        sent = await self._core.send(requests)
        if sent.dropped:
            late = await self._send_late(sent.dropped)
            sent = Sent(late.dropped, {**sent.cut, **late.cut})
        heard: list[Message] = []
        for venue in {request.venue: None for request in requests}:
            link = self._core.links[venue]
            heard += await (self._line_back(link) if venue in sent.cut else self._answers_of(link))
        if sent.dropped:
            heard.append(NotSent(requests=tuple(sent.dropped), cause="the latch is shut"))
        return heard

    async def _answers_of(self, link: VenueLink) -> list[Message]:
        try:
            reports = await link.within_reason(link.line.sync())
            self._parts.reach("after_report_before_append")
            return await self._hear(link, reports)
        except TransportError:
            return await self._line_back(link)

    async def _send_late(self, dropped: Sequence[VenueRequest]) -> Sent:
        """What only came too late goes out under a renewed lease: feed time stood still. A fenced engine ends here."""
        lease = await self._fresh_lease()
        renewed: list[VenueRequest] = [
            request if isinstance(request, QueryOrder) else msgspec.structs.replace(request, send_by=lease.send_by)
            for request in dropped
        ]
        return await self._core.send(renewed)

    async def _hold_the_book(self) -> None:
        """Fenced for an engine that slept while another took over: it must not move the venue's time on."""
        lease = self._core.writer.lease
        if lease is None or self._parts.clock.mono() > lease.send_by:
            await self._fresh_lease()

    async def _fresh_lease(self) -> Lease:
        lease = self._core.writer.lease
        if lease is None:
            raise TransportError("no lease")
        lease = await self._parts.journal.renew(lease)
        self._core.lease_renewed(lease)
        return lease

    async def _line_back(self, link: VenueLink) -> list[Message]:
        """A new line to a venue, and every report that the old one did not bring.

        What is unanswered there is UNKNOWN from the moment the line is lost, and asked for when there is one again.
        People are heard meanwhile. Only called with nothing decided that is not committed.
        """
        await self.carry_out(absorb(self._engine, [LineLost(venue=link.name)], self.here()))
        self._withheld[link.name].clear()
        self._reconciled.discard(link.name)  # a venue that comes back may have lost what rested there
        while True:
            try:
                missed = await link.rejoin()
                self._venue_steps[link.name] = (await link.state()).step
                return [LineBack(venue=link.name), *await self._hear(link, missed), TimePassed()]
            except TransportError:
                if self._stopping:
                    raise StoppedMidStep from None
                self.state = "waiting for the venue"
                await self._take_commands(IDLE_MS)

    async def _hear(self, link: VenueLink, reports: Iterable[VenueReport]) -> list[Message]:
        """Reports as the engine may take them now.

        Steps without an event leave no trace in the journal and are done again after a start. The venue is ahead then:
        what it reports belongs to its own step and waits for that, so that strategies hear of it when they should.
        """
        withheld = self._withheld[link.name]
        withheld += await link.believe(reports, patient=True)
        if self._engine.ledger.step + 1 < self._venue_steps[link.name]:
            self._withheld[link.name] = [message for message in withheld if getattr(message, "report", 0)]
            return []
        self._withheld[link.name] = []
        return withheld

    # ---- venue and runners at the start

    async def _meet_venue(self, link: VenueLink) -> None:
        """Connect, book what happened without us, and resolve every doubt, before any strategy is asked."""
        missed = await self._line_back(link)
        await self.carry_out(absorb(self._engine, missed, self.here()))
        await self._reconcile(link)

    async def _reconcile(self, link: VenueLink) -> None:
        """Hold a venue's own account of itself against the books; what it does not list is asked for at once.

        A venue that is ahead of the books is looked at when they have caught up: its step begun, its reports heard.
        """
        try:
            state = await link.state()
        except TransportError:
            await self._meet_venue(link)
            return
        if not self._has_caught_up(link, state):
            self._reconciled.discard(link.name)
            return
        self._reconciled.add(link.name)
        found = self._engine.reconcile(self.here(), state, self._parts.clock.mono())
        await self.carry_out(settle(self._engine, found, self.here()))
        await self.carry_out(absorb(self._engine, [TimePassed()], self.here()))

    async def _look_when_due(self) -> None:
        """Hold each venue's account against the books from time to time, by the clock: feed time may stand still."""
        asked = self._parts.clock.mono()
        if asked < self._look_at:
            return
        self._look_at = asked + int(self._core.plan.reconcile_seconds * NANOSECONDS)
        for link in self._links:
            await self._look(link, asked)

    async def _look(self, link: VenueLink, asked: MonoTime) -> None:
        try:
            state = await link.state()
        except TransportError:
            await self._meet_venue(link)
            return
        if self._has_caught_up(link, state):
            await self.carry_out(absorb(self._engine, [Looked(state=state, at=asked)], self.here()))

    def _has_caught_up(self, link: VenueLink, state: VenueState) -> bool:
        return self._engine.ledger.step + 1 >= state.step and not self._withheld[link.name]

    async def _wait_until(self, reached: Callable[[], bool], state: str) -> None:
        while not self._stopping and not reached():
            self.state = state
            await self._take_commands(IDLE_MS)

    async def _consult(self, step: Step) -> list[Message]:
        """Release the step and wait until every live runner has answered it."""
        self._parts.reach("before_release")
        await self._release(step)
        self._parts.reach("after_release")
        waited = 0
        while not self._stopping and (missing := self._missing(step)):
            self.state = f"waiting for {', '.join(sorted(missing))}"
            if await self._take_commands(IDLE_MS):
                continue
            waited += IDLE_MS
            if waited >= RELEASE_AGAIN_MS:
                waited = 0
                await self._release(step)
        if self._stopping and self._missing(step):
            raise StoppedMidStep
        self.state = "running"
        answers = [self._answers.pop(name) for name in sorted(self._answers)]
        return list(answers)

    def _missing(self, step: Step) -> set[str]:
        runners = self._engine.ledger.runners
        return {
            name
            for name in self._expected - self._answers.keys()
            if name not in runners or runners[name].step < step.number
        }

    async def _release(self, step: Step) -> None:
        watermarks = tuple(sorted(self._engine.ledger.inbox_numbers.items()))
        released = Released(step=self._parts.codec.encode_step(step), number=step.number, inboxes=watermarks)
        try:
            await self._parts.bus.release(self._engine.ledger.epoch, (released,))
        except TransportError:
            await asyncio.sleep(IDLE_MS / 1000)

    # ---- commands

    async def _take_commands(self, block_ms: int) -> bool:
        """Hear everybody. Answers to the present step are kept for the schedule, all else takes effect now."""
        try:
            received = await self._parts.journal.commands(self._positions(), block_ms)
        except TransportError:  # whether the journal is gone is decided by appends and by the lease
            self.state = "waiting for the journal"
            await asyncio.sleep(IDLE_MS / 1000)
            return False
        for command in received:
            self._read[command.envelope.producer] = command.position
            await self._take(command.envelope)
        self._since_forgot += len(received)
        if self._since_forgot >= FORGET_EVERY:  # whatever took effect is committed here
            self._since_forgot = 0
            await self._core.forget_commands()
        return bool(received)

    async def _take(self, envelope: Envelope) -> None:
        body = envelope.body
        if isinstance(body, RunnerAnswer):
            is_due = body.step == self._engine.view.step and body.step > self._engine.ledger.step
            if is_due and self._engine.heeds(body.strategy):
                self._answers[envelope.producer] = envelope
            else:
                self._engine.skip(envelope)
            return
        if isinstance(body, RunnerHello):
            self._answers.pop(body.strategy, None)
        await self.carry_out(absorb(self._engine, [envelope], self.here()))
        self._count_runner(body)

    def _count_runner(self, body: object) -> None:
        if isinstance(body, RunnerHello):
            runner = self._engine.ledger.runners.get(body.strategy)
            if runner is not None and runner.running:
                self._greeted.add(body.strategy)
                self._expected.add(body.strategy)
        elif isinstance(body, RunnerStopped) and body.given_up:
            self._expected.discard(body.strategy)

    def _positions(self) -> dict[str, str]:
        names = {*COMMANDERS, *self._expected, *self._engine.ledger.deployments}
        return {name: self._read.get(name) or self._taken(name) for name in names}

    def _taken(self, producer: str) -> str:
        """Where to read on after a start: behind the last command that took effect."""
        cursor = self._engine.cursor(producer)
        return f"{cursor.incarnation}-{cursor.number}" if cursor.number else "0"

    # ---- feed, time, snapshots

    async def _next_step(self) -> Step | None:
        wanted = self._engine.ledger.step + 1
        while self._ahead and self._ahead[0].number < wanted:
            self._ahead.popleft()
        if not self._ahead:
            try:
                self._ahead.extend(await self._parts.bus.steps(FEED, wanted - 1, IDLE_MS, AHEAD))
            except TransportError:
                self.state = "waiting for the bus"
                await asyncio.sleep(IDLE_MS / 1000)
                return None
        if self._ahead and self._ahead[0].number == wanted:
            return self._ahead.popleft()
        if self._ahead:
            self.state = f"step {wanted} is missing on the bus"
            self._ahead.clear()
        return None

    async def _snapshot(self) -> None:
        if (copy := self._core.writer.copy()) is not None:
            await self.carry_out(absorb(self._engine, [await self._core.keep(copy)], self.here()))

    def here(self) -> Now:
        """Feed time stands still; rates and time-outs follow it."""
        time = self._engine.view.time
        return Now(time, self._parts.clock.wall(), MonoTime(int(time)))

    def _clock(self, step: Step) -> Now:
        return Now(step.time, self._parts.clock.wall(), MonoTime(int(step.time)))


class StoppedMidStep(Exception):
    """Told to stop while runners still had to answer; the step is done again at the next start."""
