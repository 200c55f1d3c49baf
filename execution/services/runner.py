"""The service around one strategy: hands feed and inbox to the container, in lockstep or free, and sends its answers.

One task runs the strategy and says that it lives, so that silence means a hang. A new epoch of the engine starts the
strategy anew from what the journal kept; so does a restart of this process: there is no second path.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, ParamSpec, TypeVar

import msgspec

from execution.services.runner_line import STEPS_A_CALL, EpochOver, RunnerLine
from toolkit.domain.commands import RunnerAnswer
from toolkit.domain.inbox import EPOCHS_KEPT, InboxEntry, InboxItem, Released
from toolkit.domain.market import FeedMode, Step
from toolkit.engine.strategy_runner import StrategyContainer

CURSOR_SECONDS: Final = 0.5
LATE_SECONDS: Final = 0.1
LONGEST_HELD_SECONDS: Final = 0.5
TOLD_BEHIND_SECONDS: Final = 5.0

Given = ParamSpec("Given")
Said = TypeVar("Said")
_step = msgspec.msgpack.Decoder(Step).decode


HISTORY_PATIENCE = 20.0  # seconds without a new step, until what the feed holds counts as all there is


class StrategyFailed(Exception):
    """A hook raised, or its answer could not be made; the cause is chained. Nothing of the answer was sent."""


class RunnerService:
    """Runs one strategy until it is cancelled; `make` builds a fresh container."""

    def __init__(self, line: RunnerLine, make: Callable[[], StrategyContainer], mode: FeedMode) -> None:
        self._line = line
        self._make = make
        self._mode = mode
        self._container = make()

    async def run(self) -> None:
        """Run for ever. Raises StrategyFailed, StaleIncarnation (another runner took over), ConfigError."""
        while True:
            try:
                await self._run_epoch()
            except EpochOver:
                self._container = self._make()

    def stop(self) -> tuple[str, ...]:
        """The strategy's last words. Raises StrategyFailed."""
        return guarded(self._container.stop)

    async def _run_epoch(self) -> None:
        await self._line.find_engine()
        await self._restore()
        if self._mode is FeedMode.LOCKSTEP:
            await Lockstep(self._line, self._container).run()
        else:
            await Free(self._line, self._container).run()

    async def _restore(self) -> None:
        """Warm up from the feed's history, in pieces, so that the process goes on saying that it lives.

        The listener may still be filling the bus: a strategy that starts with less history decides otherwise. In
        lockstep there is nothing to decide before it is there, however long it takes to start.
        """
        restored = await self._line.introduce()
        self._container.take_back(restored)
        after, waited = 0, 0.0
        while after < restored.step and waited < HISTORY_PATIENCE:
            self._line.beat("warming-up")
            steps = await self._line.steps(after, wait=True)
            if steps:
                self._container.warm_up(steps)
                self._line.step = after = steps[-1].number
                waited = 0.0
            elif self._mode is FeedMode.FREE or await self._line.hears_a_listener():
                waited += self._line.patience
        self._container.go_live()


class Lockstep:
    """Each step that the engine releases is answered once, whatever the answer says."""

    def __init__(self, line: RunnerLine, container: StrategyContainer) -> None:
        self._line = line
        self._container = container
        self._read: deque[InboxEntry] = deque()  # ahead of what the engine let the strategy see

    async def run(self) -> None:
        line = self._line
        while True:
            for released in await line.released(line.epoch, self._container.step, wait=True):
                if released.number > self._container.step + 1:
                    await self._fill_hole(released.number)
                await line.send(await self._follow(released))
                line.beat("running")
            line.beat("running")
            await line.check_epoch()

    async def _fill_hole(self, until: int) -> None:
        """Go through the steps before `until`.

        Those that an earlier epoch released are followed like any other: what said something then is in the journal, so
        the rest says nothing again. Those that nobody released, such as what the feed held before the desk began, are
        history: they fill bars and call no hook.
        """
        for epoch in range(self._line.epoch - 1, max(0, self._line.epoch - EPOCHS_KEPT), -1):
            for released in await self._line.released(epoch, self._container.step, wait=False):
                if self._container.step + 1 == released.number < until:
                    await self._send_unless_quiet(await self._follow(released))
        await pass_over(self._line, self._container, until)

    async def _follow(self, released: Released) -> RunnerAnswer:
        """Read the inbox as far as the engine says, then the step."""
        items = await self._news(dict(released.inboxes).get(self._line.strategy, 0))
        answer = run_strategy(self._container, items, _step(released.step))
        self._line.step = answer.step
        return answer

    async def _news(self, until: int) -> list[tuple[int, InboxItem]]:
        """What the inbox holds up to number `until` and the strategy has not seen."""
        items: list[tuple[int, InboxItem]] = []
        while (known := self._container.inbox + len(items)) < until:
            if not self._read:
                self._read.extend(await self._line.inbox(known))
                self._line.beat("running")
            if not self._read:
                await self._line.check_epoch()
                continue
            entry = self._read.popleft()
            items.append((entry.number, entry.item))
        return items

    async def _send_unless_quiet(self, answer: RunnerAnswer) -> None:
        self._line.beat("catching-up")
        if not is_quiet(answer):
            await self._line.send(answer)


class Arrived(NamedTuple):
    """Something from feed or inbox, and when it came, in seconds of the loop's clock."""

    came: float
    what: Step | InboxEntry


class Free:
    """Feed and inbox as they come; an answer when the strategy has something to say, and its cursor twice a second.

    Each item of the inbox is answered, whatever the strategy says to it: the journal then tells after which step it was
    read, and recorded feed and journal together give the same intents again.

    A strategy that is too slow for its feed gets the latest quotes: from the first step on that waited longer than
    LATE_SECONDS quotes are held back until all that has come is read, and then the newest of each instrument is told.
    Trades, bars, gaps and fills are never held back. Where that begins and ends is in the journal too.

    A strategy that has never answered takes what the feed holds by then for history.
    """

    def __init__(self, line: RunnerLine, container: StrategyContainer) -> None:
        self._line = line
        self._container = container
        self._arrived: asyncio.Queue[Arrived] = asyncio.Queue(maxsize=2 * STEPS_A_CALL)
        self._clock = asyncio.get_running_loop().time
        self._told = 0.0
        self._more = False  # whether the feed may hold steps that have not arrived here
        self._held = 0  # the step since which quotes are held back
        self._held_at = -TOLD_BEHIND_SECONDS

    async def run(self) -> None:
        if not self._container.step:
            await pass_over(self._line, self._container, await self._line.newest_step() + 1)
        readers = [asyncio.create_task(self._read_feed()), asyncio.create_task(self._read_inbox())]
        try:
            while not any(reader.done() for reader in readers):
                for arrived in await self._next():
                    await self._take(arrived)
                if self._held and self._arrived.empty() and not self._more:
                    await self._tell_held()
                was_behind = self._clock() - self._held_at < TOLD_BEHIND_SECONDS
                self._line.beat("behind" if was_behind else "running")
                await self._tell_cursor()
            for reader in readers:
                if reader.done():
                    reader.result()
        finally:
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)

    async def _next(self) -> list[Arrived]:
        """What has arrived, waiting for the first; none when patience ends, or when what is held back can be told."""
        if self._held and self._arrived.empty():
            await asyncio.sleep(0)  # the reader puts what it has
            if self._arrived.empty() and not self._more:
                return []
        try:
            async with asyncio.timeout(self._line.patience):
                arrived = [await self._arrived.get()]
        except TimeoutError:
            return []
        while not self._arrived.empty() and len(arrived) < STEPS_A_CALL:
            arrived.append(self._arrived.get_nowait())
        return arrived

    async def _take(self, arrived: Arrived) -> None:
        container, what = self._container, arrived.what
        if isinstance(what, InboxEntry):
            answer = run_strategy(container, [(what.number, what.item)], None, hold=self._held > 0)
        else:
            begins = not self._held and container.hears_quotes and self._clock() - arrived.came > LATE_SECONDS
            if begins:
                self._held, self._held_at = what.number, self._clock()
            answer = run_strategy(container, (), what, hold=self._held > 0)
            if begins:
                answer = msgspec.structs.replace(answer, held=self._held)
        self._line.step = answer.step
        if isinstance(what, InboxEntry) or not is_quiet(answer):
            await self._line.send(answer)
        if self._held and self._clock() - self._held_at > LONGEST_HELD_SECONDS:
            await self._tell_held()

    async def _tell_held(self) -> None:
        """The end of what was held back. A strategy that is slower than even that is told at times all the same."""
        answer = run_strategy(self._container, (), None)
        held, self._held = self._held, 0
        await self._line.send(msgspec.structs.replace(answer, held=held))

    async def _tell_cursor(self) -> None:
        now = self._clock()
        if now - self._told < CURSOR_SECONDS:
            return
        self._told = now
        container = self._container
        await self._line.send(RunnerAnswer(strategy=self._line.strategy, step=container.step, inbox=container.inbox))
        await self._line.check_epoch()

    async def _read_feed(self) -> None:
        after = self._container.step
        while True:
            steps = await self._line.steps(after, wait=True)
            self._more = len(steps) == STEPS_A_CALL
            came = self._clock()
            for step in steps:
                await self._arrived.put(Arrived(came, step))
                after = step.number

    async def _read_inbox(self) -> None:
        after = self._container.inbox
        while True:
            for entry in await self._line.inbox(after):
                await self._arrived.put(Arrived(self._clock(), entry))
                after = entry.number


async def pass_over(line: RunnerLine, container: StrategyContainer, until: int) -> None:
    """Take the feed's steps before `until` for history. Where it was trimmed the container sees a jump: lost data."""
    while container.step + 1 < until and (steps := await line.steps(container.step, wait=False)):
        if steps[0].number >= until:
            return
        container.pass_over(step for step in steps if step.number < until)
        line.step = container.step
        line.beat("warming-up")


def run_strategy(
    container: StrategyContainer, items: Sequence[tuple[int, InboxItem]], step: Step | None, *, hold: bool = False
) -> RunnerAnswer:
    """Hand an input to the strategy, or hold its quotes back. Raises StrategyFailed."""
    return guarded(container.process, items, step, hold=hold)


def guarded(call: Callable[Given, Said], *args: Given.args, **options: Given.kwargs) -> Said:
    """Whatever a strategy raises becomes StrategyFailed, chained: it ends this process and no other."""
    try:
        return call(*args, **options)
    except (Exception, SystemExit) as error:
        raise StrategyFailed(str(error)) from error


def is_quiet(answer: RunnerAnswer) -> bool:
    """Whether an answer says nothing but how far it has read: such are not journaled, and come out the same again."""
    return not (answer.signals or answer.intents or answer.logs or answer.held) and answer.state is None
