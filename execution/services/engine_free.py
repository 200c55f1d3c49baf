"""The engine on a free feed: whatever comes next is processed, whatever gathered meanwhile is committed together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any

from execution.services.budget_keeper import BudgetKeeper
from execution.services.engine_core import FORGET_EVERY, EngineCore
from execution.services.journal_writer import LedgerCopy
from execution.services.venue_link import VenueLink
from toolkit.domain.errors import DomainError, TransportError
from toolkit.domain.people import COMMANDERS
from toolkit.domain.requests import VenueReport, VenueRequest
from toolkit.engine.messages import HeldBack, LineBack, LineLost, Looked, Message, NotSent, TimePassed

FEED = "feed"
BLOCK_MS = 100
AT_ONCE = 512
MOST_MAIL = 8 * AT_ONCE
CLOCKS_EVERY = 8
"""Messages that share a reading of the clocks: less than a millisecond of work, while a reading for each is felt."""

PAUSE_EACH, LONGEST_PAUSE = 0.000_25, 0.005
"""Seconds in which commands gather before more is asked for: none behind one alone, more the more come at once.

Each turn through journal, venue and journal again costs ten orders' worth of work in all processes together, whatever
it carries. A busy desk that took each order at once would spend itself on turns, and be late with all of them.
"""

TICK = 0.25
OVER_RATE = "over the rate that the venue allows its key; `budgets` of config/venues.yaml"
REPORTS_PATIENCE = 100
MEET_WITHIN = 5.0


class FreeEngine:
    """Runs a book on a feed that does not wait, until `stop`."""

    def __init__(self, core: EngineCore) -> None:
        self._core = core
        self._engine = core.engine
        self._parts = core.parts
        self._links = tuple(core.links.values())
        self._keeper = BudgetKeeper(core.parts.budgets, core.parts.bank, core.parts.clock.mono)
        self._mail: deque[Message] = deque()
        self._news = asyncio.Event()
        self._stopping = asyncio.Event()
        self._read: dict[str, str] = {}
        self._since_forgot = FORGET_EVERY
        self._absent: set[str] = set()
        self._copies: asyncio.Queue[LedgerCopy] = asyncio.Queue()
        self.state = "starting"

    def stop(self) -> None:
        """Finish what is in hand and return from `run`."""
        self._stopping.set()
        self._news.set()

    async def run(self, warming: asyncio.Task[None]) -> None:
        """Meet the venue, then process mail until stopped, once the View is warm.

        Raises what ends an engine, bare, so that it ends as in lockstep: Fenced, JournalError, TransportError.
        """
        await self._meet_venues()
        await warming
        self.state = "running"
        try:
            await self._trade()
        except ExceptionGroup as several:
            raise _gravest(several) from several

    async def _trade(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            pumps: list[Coroutine[Any, Any, None]] = [
                self._pump_feed(),
                self._pump_commands(),
                *(self._pump_reports(link) for link in self._links),
                self._pump_time(),
                self._keeper.run(),
                self._pump_copies(),
                *(self._pump_looks(link) for link in self._links),
            ]
            running = [tasks.create_task(pump) for pump in pumps]
            while not self._stopping.is_set():
                await self._news.wait()
                self._news.clear()
                await self._work_off()
            for task in running:
                task.cancel()

    async def _meet_venues(self) -> None:
        """Connect and book what happened without us; doubts are asked for and resolve as the answers come.

        People are heard while a venue is away. Of several one that stays away holds up the others for `MEET_WITHIN`
        seconds: nothing enters there, what is open there counts as it may be, and it is met when it comes.
        """
        people = asyncio.create_task(self._pump_commands())
        lines = {link.name: asyncio.create_task(self._line_back(link)) for link in self._links}
        patience = asyncio.get_running_loop().time() + MEET_WITHIN
        try:
            while not self._stopping.is_set():
                waiting = [line for line in lines.values() if not line.done()]
                out_of_patience = asyncio.get_running_loop().time() > patience
                if not waiting or (out_of_patience and len(waiting) < len(lines)):
                    break
                done, _ = await asyncio.wait((*waiting, people), timeout=BLOCK_MS / 1000)
                for task in done:
                    task.result()
                await self._work_off()
        finally:
            for task in (people, *lines.values()):
                task.cancel()
        self._absent = {name for name, line in lines.items() if not line.done()}
        self._post(*(LineLost(venue=name) for name in sorted(self._absent)), TimePassed())
        await self._work_off()
        for link in self._links:
            if link.name not in self._absent:
                await self._reconcile(link)

    async def _reconcile(self, link: VenueLink) -> None:
        try:
            state = await link.state()
        except TransportError:  # the pump of reports will find the line cut
            return
        output = self._engine.reconcile(self._core.now(), state, self._parts.clock.mono())
        await self._core.commit(output)
        if output.requests:  # what protects, and is not there any more, before anything trades
            await self._release(output.requests)

    async def _meet_late(self, link: VenueLink) -> None:
        """What a start does with a venue, for one that was away then; the others trade on."""
        await self._line_back(link)
        asked = self._parts.clock.mono()
        try:
            self._post(Looked(state=await link.state(), at=asked, at_start=True))
        except TransportError:  # cut again
            return
        self._absent.discard(link.name)

    # ---- the loop

    async def _work_off(self) -> None:
        while self._mail:
            await self._work()

    async def _work(self) -> None:
        """Process what has gathered, commit it as one batch, release its requests."""
        engine, mail, now = self._engine, self._mail, self._core.now()
        transaction = engine.begin(now)
        for place in range(min(AT_ONCE, len(mail))):
            if place % CLOCKS_EVERY == CLOCKS_EVERY - 1:
                now = self._core.now()
            engine.take(transaction, now, mail.popleft())
        output = engine.end(transaction)
        engine.ledger.step = engine.view.step
        await self._core.commit(output)
        if output.requests:
            await self._release(output.requests)
        if self._since_forgot >= FORGET_EVERY:
            self._since_forgot = 0
            await self._core.forget_commands()
        if (copy := self._core.writer.copy()) is not None:
            self._copies.put_nowait(copy)

    async def _release(self, requests: Sequence[VenueRequest]) -> None:
        """Send what the venues' rates allow: cancels and exits at once, entries perhaps with the next block."""
        if not self._keeper:
            await self._write(requests)
            return
        may, held, refused = self._keeper.sort_out(requests)
        if held:
            self._mail.appendleft(HeldBack(requests=tuple(held)))  # before anybody asks for a cancel of what never left
            self._news.set()
        if may:
            await self._write(may)
        if refused:
            await self._keeper.filled()
            may, _, refused = self._keeper.sort_out(refused)
            if may:
                await self._write(may)
            if refused:
                self._post(NotSent(requests=tuple(refused), cause=OVER_RATE))

    async def _write(self, requests: Sequence[VenueRequest]) -> None:
        sent = await self._core.send(requests)
        for cut in sent.cut.values():
            self._post(NotSent(requests=tuple(cut), cause="no line to the venue"))
        if sent.dropped:
            self._post(NotSent(requests=tuple(sent.dropped), cause="latched shut, or past its time"))

    def _post(self, *messages: Message) -> None:
        self._mail.extend(messages)
        self._news.set()

    # ---- pumps

    async def _pump_feed(self) -> None:
        position = self._engine.ledger.step
        while True:
            try:
                steps = await self._parts.bus.steps(FEED, position, BLOCK_MS, AT_ONCE)
            except TransportError:
                self.state = "waiting for the bus"
                await asyncio.sleep(BLOCK_MS / 1000)
                continue
            if steps:
                self.state = "running"
                position = steps[-1].number
                self._post(*steps)

    async def _pump_commands(self) -> None:
        while True:
            try:
                received = await self._parts.journal.commands(self._positions(), BLOCK_MS)
            except TransportError:  # whether the journal is gone is decided by appends and by the lease
                await asyncio.sleep(BLOCK_MS / 1000)
                continue
            for command in received:
                self._read[command.envelope.producer] = command.position
                self._post(command.envelope)
            self._since_forgot += len(received)
            while len(self._mail) > MOST_MAIL:  # those who command wait in their streams, and in the end at the door
                await asyncio.sleep(0)
            if received:  # what came goes to the journal before more is asked for
                await asyncio.sleep(pause_after(len(received)))

    async def _pump_reports(self, link: VenueLink) -> None:
        while link.name in self._absent:
            await self._meet_late(link)
        while True:
            try:
                async for report in link.line.reports():
                    if link.is_next(report):
                        self._post(report)
                    else:
                        await self._hear(link, (report,))
            except TransportError:
                self._post(LineLost(venue=link.name))
                await self._line_back(link)
                await self._look_for_protection(link)

    async def _pump_time(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            self._post(TimePassed())

    async def _pump_copies(self) -> None:
        """The ledger of one moment is kept while orders come and go."""
        while True:
            self._post(await self._core.keep(await self._copies.get()))

    async def _pump_looks(self, link: VenueLink) -> None:
        """Hold the venue's own account against the books, again and again."""
        while True:
            await asyncio.sleep(self._core.plan.reconcile_seconds)
            try:
                state = await link.state()
            except TransportError:  # cut, or silent for too long: the pump of reports finds it cut
                continue
            asked = self._parts.clock.mono()
            for _ in range(REPORTS_PATIENCE):  # what it said before is on its way through the other pump
                if link.heard >= state.last_report:
                    self._post(Looked(state=state, at=asked))
                    break
                await asyncio.sleep(0.01)

    async def _line_back(self, link: VenueLink) -> None:
        while True:
            try:
                await self._hear(link, await link.rejoin())
                self._post(LineBack(venue=link.name))
                return
            except TransportError:
                await asyncio.sleep(BLOCK_MS / 1000)

    async def _look_for_protection(self, link: VenueLink) -> None:
        """A venue that comes back may have lost what rested there; what protects a position is put again."""
        try:
            self._post(await link.state())
        except TransportError:
            return  # the pump finds the line cut and comes here again

    async def _hear(self, link: VenueLink, reports: Iterable[VenueReport]) -> None:
        self._post(*await link.believe(reports, patient=False))

    def _positions(self) -> dict[str, str]:
        names = {*COMMANDERS, *self._core.plan.strategies, *self._engine.ledger.deployments}
        return {name: self._read.get(name) or self._taken(name) for name in names}

    def _taken(self, producer: str) -> str:
        cursor = self._engine.cursor(producer)
        return f"{cursor.incarnation}-{cursor.number}" if cursor.number else "0"


def pause_after(received: int) -> float:
    """Seconds to wait after so many commands came at once."""
    return min(LONGEST_PAUSE, PAUSE_EACH * (received - 1))


def _gravest(several: ExceptionGroup[Exception]) -> Exception:
    """A broken rule before a broken line: a fenced engine cancels nothing more, one without a journal does."""
    broken_rules, others = several.split(DomainError)
    group = broken_rules or others or several
    first = group.exceptions[0]
    return _gravest(first) if isinstance(first, ExceptionGroup) else first
