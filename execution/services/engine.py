"""The engine's service: takes the book, recovers, trades; ends in order, fenced, or without a journal."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from execution.services.collector import collect_seldom
from execution.services.engine_core import EngineCore
from execution.services.engine_free import FreeEngine
from execution.services.engine_lockstep import LockstepEngine, StoppedMidStep
from execution.services.engine_parts import EngineParts, EnginePlan
from execution.services.engine_recovery import forget_old_releases, recover_ledger, take_book
from execution.services.journal_writer import JournalWriter
from toolkit.domain.beats import Beat
from toolkit.domain.errors import DomainError, JournalGone, TransportError
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import FeedMode
from toolkit.domain.ports import Lease
from toolkit.domain.time import NANOSECONDS
from toolkit.engine.engine import Engine
from toolkit.engine.messages import EngineSettings

RENEWALS_PER_LEASE = 5
KEPT_FOR_THE_LIFEBOAT = 0.4  # of the lease
SIGNS_PER_SILENCE = 4
FEED, LISTENER = "feed", "listener"
FEED_PATIENCE = 20.0
WARM_UP_AT_ONCE = 500
UNHEARD_SECONDS = 0.01


class EngineService:
    """One engine process. `run` returns when stopped in order and raises what ended it otherwise."""

    def __init__(self, parts: EngineParts, plan: EnginePlan) -> None:
        self._parts = parts
        self._plan = plan
        self._stopping = asyncio.Event()
        self._loop: LockstepEngine | FreeEngine | None = None
        self._ledger: Ledger | None = None
        self._epoch = 0
        self._in_order = False

    def told_in_order(self) -> None:
        """Somebody looks after what rests: no dead man is needed. One whose supervisor died was not told so."""
        self._in_order = True

    def stop(self) -> None:
        """Finish what is in hand and end in order."""
        self._stopping.set()
        if self._loop is not None:
            self._loop.stop()

    async def run(self) -> None:
        """Take the book and trade until stopped.

        Raises Fenced when a successor took over, JournalError when the journal is not what it should be, JournalGone
        (after cancelling what it could through the lifeboat) when the journal cannot be written.
        """
        lease = await take_book(self._parts, self._stopping)
        if lease is None:
            return
        ledger = await recover_ledger(self._parts, self._plan, lease)
        core = self._core(ledger, lease)
        self._loop = self._way(core)
        self._ledger, self._epoch = ledger, lease.epoch
        background = [
            asyncio.create_task(work) for work in (self._keep_lease(core), self._beat(), self._stay_alive(core))
        ]
        try:
            await self._trade(core, background[0])
        except TransportError as problem:
            survivors = await core.abandon()
            raise JournalGone(
                f"{problem}. Entry orders that still rest at the venue: {', '.join(survivors) or 'none'}"
            ) from problem
        finally:
            for task in background:
                task.cancel()
        if self._in_order:
            await self._disarm(core)
        if core.writer.lease is not None:
            with suppress(TransportError):
                await self._parts.journal.release(core.writer.lease)

    async def _trade(self, core: EngineCore, lease_keeper: asyncio.Task[None]) -> None:
        """Everything after recovery; ends with the first of: stopped, the loop failed, the lease was lost."""
        work = asyncio.create_task(self._open_and_run(core))
        done, _ = await asyncio.wait((work, lease_keeper), return_when=asyncio.FIRST_COMPLETED)
        if work not in done:
            work.cancel()
            with suppress(asyncio.CancelledError):
                await work
        for task in done:
            task.result()

    async def _open_and_run(self, core: EngineCore) -> None:
        await self._open(core)
        await self._begin(core)
        collect_seldom()
        if self._loop is None:
            raise DomainError("nothing to run")
        warming = asyncio.create_task(self._warm_view(core))
        try:
            with suppress(StoppedMidStep):
                await self._loop.run(warming)
        finally:
            warming.cancel()

    def _core(self, ledger: Ledger, lease: Lease) -> EngineCore:
        engine = Engine(
            ledger,
            EngineSettings(
                feed_mode=self._plan.feed_mode,
                acknowledge_within=int(max(5.0, self._plan.quarantine_seconds) * NANOSECONDS),
                abilities=self._plan.abilities,
                router=self._plan.router,
                valuations=self._plan.valuations,
                exchange_rates=self._plan.exchange_rates,
            ),
        )
        core = EngineCore(engine, JournalWriter(self._parts, self._plan, ledger), self._parts, self._plan)
        core.lease_renewed(lease)
        return core

    def _way(self, core: EngineCore) -> LockstepEngine | FreeEngine:
        return LockstepEngine(core) if self._plan.feed_mode is FeedMode.LOCKSTEP else FreeEngine(core)

    async def _open(self, core: EngineCore) -> None:
        """The first event of a new book."""
        plan = self._plan
        await core.commit(
            core.engine.open_book(
                core.now(),
                book=plan.book,
                desk=plan.desk,
                base=plan.base_currency,
                currencies=plan.currencies,
                venues=plan.venues,
                first_step=plan.first_step,
            )
        )

    async def _begin(self, core: EngineCore) -> None:
        """The first events of this epoch, then what left through the lifeboat."""
        engine, now, lease = core.engine, core.now(), core.writer.lease
        if lease is None:
            raise DomainError("an epoch begins with a lease")
        await core.commit(engine.begin_epoch(now, lease, self._parts.host, self._parts.pid))
        await core.commit(engine.import_cancels(now, self._parts.lifeboat.orders()))
        await core.commit(engine.import_flattens(now, self._parts.lifeboat.left()))
        self._parts.lifeboat.empty()
        await forget_old_releases(self._parts.bus, lease.epoch)

    async def _warm_view(self, core: EngineCore) -> None:
        """Rebuild the View from the feed's history up to the book's step. A feed that lost it leaves the View empty.

        In lockstep nothing is decided without a feed, and the listener has all the time that it takes to start: orders
        that hang on how long a desk took to come up would be no backtest's.
        """
        target = core.engine.ledger.step
        position = max(0, target - self._plan.history_steps)
        loop = asyncio.get_running_loop()
        deadline, in_lockstep = loop.time() + FEED_PATIENCE, self._plan.feed_mode is FeedMode.LOCKSTEP
        while position < target and loop.time() < deadline and not self._stopping.is_set():
            try:
                steps = await self._parts.bus.steps(FEED, position, 100, WARM_UP_AT_ONCE)
                if steps or (in_lockstep and LISTENER not in await self._parts.bus.beats()):
                    deadline = loop.time() + FEED_PATIENCE
            except TransportError:
                await asyncio.sleep(0.1)
                continue
            for step in steps:
                if step.number <= target:
                    core.engine.warm(step)
            position = steps[-1].number if steps else position

    # ---- in the background

    async def _keep_lease(self, core: EngineCore) -> None:
        """Renew the lease well before it ends. Fenced ends the engine; so does a server that does not answer.

        Only while there is time left to cancel through the lifeboat what rests is the server given another try.
        """
        pause = self._plan.lease_seconds / RENEWALS_PER_LEASE
        while True:
            await asyncio.sleep(pause)
            lease = core.writer.lease
            if lease is None:
                return
            try:
                core.lease_renewed(await self._parts.journal.renew(lease))
                pause = self._plan.lease_seconds / RENEWALS_PER_LEASE
            except TransportError:
                left = (lease.send_by - self._parts.clock.mono()) / NANOSECONDS
                if left <= KEPT_FOR_THE_LIFEBOAT * self._plan.lease_seconds:
                    raise
                pause /= RENEWALS_PER_LEASE

    async def _beat(self) -> None:
        while True:
            with suppress(TransportError):
                await self._parts.bus.beat(
                    Beat(
                        process="engine",
                        pid=self._parts.pid,
                        wall=self._parts.clock.wall(),
                        state=self._loop.state if self._loop else "starting",
                        epoch=self._epoch,
                        step=self._ledger.step if self._ledger else 0,
                    )
                )
            await asyncio.sleep(min(self._plan.beat_seconds, 0.1))

    async def _stay_alive(self, core: EngineCore) -> None:
        """Give venues and watchdog a sign of life, for as long as this engine may send anything.

        A venue that did not hear one is soon given the next: it still counts from the last of the engine before this
        one, and would cancel what this one sends as soon as the line is up.
        """
        while True:
            dead_men, beat = core.dead_men(), self._plan.beat_seconds
            pause = min([beat, *(after / SIGNS_PER_SILENCE for after in dead_men.values())])
            lease = core.writer.lease
            if lease is not None and self._parts.clock.mono() <= lease.send_by:
                self._parts.beat_file.beat()
                heard = [await self._sign(venue, after) for venue, after in dead_men.items()]
                await asyncio.sleep(pause if all(heard) else UNHEARD_SECONDS)
            else:
                await asyncio.sleep(pause)

    async def _disarm(self, core: EngineCore) -> None:
        self._parts.beat_file.clear()
        for venue in core.dead_men():
            await self._sign(venue, 0)

    async def _sign(self, venue: str, after: float) -> bool:
        """Whether it was heard: a venue that is away cancels by itself, which is what this is for."""
        try:
            await self._parts.venues[venue].stay_alive(after)
        except TransportError:
            return False
        return True
