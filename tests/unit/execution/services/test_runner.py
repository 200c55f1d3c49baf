"""The runner service against a desk in memory: hello, warm-up, lockstep, free, new epochs, and what it survives."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count

import msgspec
import pytest

from execution.services import runner
from execution.services.runner import RunnerService, StrategyFailed
from execution.services.runner_line import FEED, Identity, Outside, RunnerLine
from tests.unit.toolkit.engine.strategy_kit import ONE, USD, Feed, fill, nothing, order, quote, started
from toolkit.adapters import codec
from toolkit.adapters.memory_bus import MemoryBus
from toolkit.adapters.memory_journal import MemoryJournal
from toolkit.adapters.memory_server import MemoryServer
from toolkit.domain.beats import Beat
from toolkit.domain.commands import Command, RunnerAnswer, RunnerHello
from toolkit.domain.errors import StaleIncarnation
from toolkit.domain.inbox import InboxEntry, InboxItem, Released, Restored
from toolkit.domain.market import FeedMode, Step, Trade
from toolkit.domain.time import MonoTime, WallTime
from toolkit.engine import strategy_market
from toolkit.engine.strategy import Strategy
from toolkit.engine.strategy_runner import StrategyContainer

NAME = "trend"


class Averaging(Strategy):
    """Says something at some steps, and what it says hangs on history, state and fills."""

    bar = "1m"
    warmup = 2

    class State(msgspec.Struct):
        bought: int = 0

    def on_bar(self, bar: strategy_market.Bar) -> None:
        if bar.close > sum(self.history.closes(2)) / 2:
            self.state.bought += 1
            self.buy(self.state.bought, reason=f"{self.position}")

    def on_fill(self, fill: strategy_market.Fill) -> None:
        self.state.bought -= 1


class Raising(Strategy):
    def on_quote(self, quote: strategy_market.Quote) -> None:
        raise ZeroDivisionError("by hand")


class Desk:
    """The engine's side: its beat, its releases, its inbox, and what the runner has sent."""

    def __init__(self) -> None:
        self.server = MemoryServer()
        self.bus = MemoryBus(self.server)
        self.journal = MemoryJournal(self.server, mono=lambda: MonoTime(0))
        self.said: list[tuple[str, int]] = []
        self._walls = count(1000)

    def line(self) -> RunnerLine:
        outside = Outside(
            journal=self.journal,
            bus=self.bus,
            wall=lambda: WallTime(next(self._walls)),
            reach=lambda name: None,
            beat=lambda state, step: self.said.append((state, step)),
        )
        return RunnerLine(Identity(NAME, "trend v1", "abc"), outside, patience=0.01)

    async def begin(self, epoch: int) -> None:
        await self.bus.beat(Beat(process="engine", pid=1, wall=WallTime(0), epoch=epoch))

    def tell(self, *items: InboxItem) -> None:
        inbox = self.server.inboxes[NAME]
        for item in items:
            inbox.append(InboxEntry(number=len(inbox) + 1, item=item))
        self.server.change()

    async def release(self, epoch: int, step: Step) -> None:
        inbox = self.server.inboxes[NAME]
        released = Released(
            step=codec.encode(step), number=step.number, inboxes=((NAME, inbox[-1].number if inbox else 0),)
        )
        await self.bus.release(epoch, [released])

    def sent(self, kind: type[Command]) -> list[tuple[int, int, Command]]:
        return [
            (incarnation, number, envelope.body)
            for incarnation, number, _, envelope in self.server.commands[NAME]
            if isinstance(envelope.body, kind)
        ]

    async def hello(self, number: int = 1) -> int:
        """Wait for the n-th hello; its incarnation."""
        await until(lambda: len(self.sent(RunnerHello)) >= number)
        return self.sent(RunnerHello)[number - 1][0]

    async def answers(self, number: int) -> list[RunnerAnswer]:
        await until(lambda: len(self.sent(RunnerAnswer)) >= number)
        return [body for _, _, body in self.sent(RunnerAnswer) if isinstance(body, RunnerAnswer)]


async def until(true: object) -> None:
    assert callable(true)
    async with asyncio.timeout(60):
        while not true():
            await asyncio.sleep(0.001)


@asynccontextmanager
async def running(
    desk: Desk, mode: FeedMode = FeedMode.LOCKSTEP, strategy: type[Strategy] = Averaging
) -> AsyncIterator["asyncio.Task[None]"]:
    service = RunnerService(desk.line(), lambda: StrategyContainer(strategy, {}, ONE, USD, name=NAME), mode)
    task = asyncio.create_task(service.run())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def steps(number: int = 60) -> list[Step]:
    feed = Feed()
    return [feed.step(quote(mid - 1, mid + 1), at=20 * i) for i in range(number) for mid in [1000 + (i * 37) % 41]]


def unbroken(feed: Sequence[Step], news: dict[int, InboxItem], first_inbox: int) -> list[RunnerAnswer]:
    """What a container in one piece answers; `news` arrives before the step of its key."""
    container = started(Averaging, ONE, nothing(inbox=first_inbox))
    container.name = NAME
    answers = []
    for step in feed:
        items = [(container.inbox + 1, news[step.number])] if step.number in news else []
        answers.append(container.process(items, step))
    return answers


def said_something(answer: RunnerAnswer) -> bool:
    return bool(answer.signals or answer.intents or answer.logs or answer.state)


async def welcome(desk: Desk, restored: Restored, number: int = 1) -> None:
    incarnation = await desk.hello(number)
    desk.tell(msgspec.structs.replace(restored, incarnation=incarnation))


async def test_it_says_hello_and_answers_each_released_step_once() -> None:
    desk, feed = Desk(), steps()
    await desk.begin(1)
    async with running(desk):
        await welcome(desk, nothing())
        news = {20: fill(position=1), 40: order("5.1.0")}
        for step in feed:
            if step.number in news:
                desk.tell(news[step.number])
            await desk.release(1, step)
            answers = await desk.answers(step.number)
    (hello,) = desk.sent(RunnerHello)
    assert hello == (1000, 1, RunnerHello(strategy=NAME, version="trend v1", digest="abc"))
    assert answers == unbroken(feed, news, first_inbox=1)
    assert [number for _, number, _ in desk.sent(RunnerAnswer)] == list(range(2, 62))
    assert sum(map(said_something, answers)) > 5


async def test_an_older_answer_to_somebody_elses_hello_is_not_taken() -> None:
    desk, feed = Desk(), steps(1)
    desk.tell(nothing(step=50, incarnation=7), fill(position=3))
    await desk.begin(1)
    async with running(desk):
        await welcome(desk, nothing(inbox=2))
        await desk.release(1, feed[0])
        (answer,) = await desk.answers(1)
    assert (answer.step, answer.inbox) == (1, 3)


@pytest.mark.parametrize("stopped", [3, 21, 40, 59])
@pytest.mark.parametrize("kept", [True, False], ids=["released steps kept", "released steps gone"])
async def test_a_new_epoch_begins_anew_and_goes_on_as_if_nothing_had_happened(stopped: int, kept: bool) -> None:
    desk, feed, news = Desk(), steps(), {20: fill(position=1)}
    await desk.bus.publish(FEED, feed)
    await desk.begin(1)
    async with running(desk):
        await welcome(desk, nothing())
        for step in feed[:stopped]:
            if step.number in news:
                desk.tell(news[step.number])
            await desk.release(1, step)
            answers = await desk.answers(step.number)

        journaled = [answer for answer in answers if said_something(answer)]
        last = journaled[-1] if journaled else RunnerAnswer(strategy=NAME, step=0, inbox=1)
        states = [answer.state for answer in journaled if answer.state is not None]
        if not kept:
            await desk.bus.forget_epoch(1)
        await desk.begin(2)
        await welcome(
            desk,
            nothing(
                step=last.step,
                inbox=last.inbox,
                state=states[-1] if states else None,
                positions=(("AAPL", 1 if last.step >= 20 else 0),),
            ),
            number=2,
        )
        for step in feed[stopped:]:
            if step.number in news:
                desk.tell(news[step.number])
            await desk.release(2, step)
            answers = await desk.answers(step.number)
    expected = unbroken(feed, news, first_inbox=1)

    def words(each: Sequence[RunnerAnswer]) -> list[object]:
        """All but inbox numbers, which count the second Restored too."""
        return [(a.step, [msgspec.structs.astuple(i)[1:] for i in a.intents], a.state) for a in each]

    assert len(answers) == len(feed)
    assert words(answers[stopped:]) == words(expected[stopped:])


async def test_a_step_that_the_dead_engine_had_released_is_answered_to_its_successor() -> None:
    desk, feed = Desk(), steps(30)
    await desk.bus.publish(FEED, feed)
    await desk.begin(1)
    async with running(desk):
        await welcome(desk, nothing())
        for step in feed[:20]:
            await desk.release(1, step)
            answers = await desk.answers(step.number)
        await desk.begin(2)
        await welcome(desk, nothing(step=15, state=next(a.state for a in reversed(answers[:15]) if a.state)), number=2)
        await desk.release(2, feed[19])
        again = await desk.answers(21)
    assert again[-1].step == 20
    assert [answer.step for answer in again[20:] if not said_something(answer)] in ([], [20])


@pytest.mark.parametrize("mode", list(FeedMode))
async def test_what_the_feed_held_before_the_first_start_is_history(mode: FeedMode) -> None:
    desk, feed = Desk(), steps()
    await desk.bus.publish(FEED, feed[:30])
    await desk.begin(1)
    async with running(desk, mode):
        await welcome(desk, nothing())
        if mode is FeedMode.FREE:
            await until(lambda: ("running", 30) in desk.said or desk.sent(RunnerAnswer))
        for step in feed[30:]:
            await desk.bus.publish(FEED, [step])
            await desk.release(1, step)
        await until(lambda: any(answer.step == 60 for _, _, answer in desk.sent(RunnerAnswer)))
    said = [answer for _, _, answer in desk.sent(RunnerAnswer) if said_something(answer)]
    history = started(Averaging, ONE, nothing(step=30, inbox=1), feed[:30])
    expected = [answer for step in feed[30:] if said_something(answer := history.process((), step))]
    assert [(a.step, a.intents) for a in said] == [(a.step, a.intents) for a in expected]
    assert said


async def test_in_lockstep_a_runner_has_its_history_however_long_the_listener_takes_to_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(runner, "HISTORY_PATIENCE", 0.05)
    desk, feed = Desk(), steps()
    await desk.begin(1)
    async with running(desk):
        await welcome(desk, nothing(step=30, inbox=1))
        await until(lambda: desk.said.count(("warming-up", 0)) > 20)
        await desk.bus.publish(FEED, feed)
        for step in feed[30:]:
            await desk.release(1, step)
        said = await desk.answers(30)
    history = started(Averaging, ONE, nothing(step=30, inbox=1), feed[:30])
    assert [(a.step, a.intents) for a in said] == [
        (a.step, a.intents) for a in (history.process((), s) for s in feed[30:])
    ]


async def test_free_mode_answers_when_there_is_something_to_say_and_tells_its_cursor() -> None:
    desk, feed = Desk(), steps()
    await desk.begin(1)
    async with running(desk, FeedMode.FREE):
        await welcome(desk, nothing())
        await desk.answers(1)
        await desk.bus.publish(FEED, feed)
        expected = [answer for answer in unbroken(feed, {}, first_inbox=1) if said_something(answer)]
        await until(lambda: len([a for _, _, a in desk.sent(RunnerAnswer) if said_something(a)]) == len(expected))
        await until(lambda: any(a.step == 60 and not said_something(a) for _, _, a in desk.sent(RunnerAnswer)))
    said = [answer for _, _, answer in desk.sent(RunnerAnswer) if said_something(answer)]
    assert [(a.step, len(a.intents), a.state) for a in said] == [(a.step, len(a.intents), a.state) for a in expected]


async def test_a_slow_strategy_gets_the_latest_quote_and_every_trade_and_the_journal_tells_which() -> None:
    desk, feed = Desk(), busy_feed(2_000)
    last = feed[-1].number
    await desk.begin(1)
    async with running(desk, FeedMode.FREE, Slow):
        await welcome(desk, nothing())
        await desk.answers(1)
        for index in range(0, len(feed), 100):
            await desk.bus.publish(FEED, feed[index : index + 100])
            await asyncio.sleep(0)
        await until(lambda: any(f"quote {last}" in a.logs for _, _, a in desk.sent(RunnerAnswer)))
    answers = [answer for _, _, answer in desk.sent(RunnerAnswer) if isinstance(answer, RunnerAnswer)]
    words = [word for answer in answers for word in answer.logs]
    trades = [f"trade {step.number}" for step in feed if isinstance(step.events[0], Trade)]
    assert [word for word in words if word.startswith("trade")] == trades
    told = [int(word.split()[1]) for word in words if word.startswith("quote")]
    assert told == sorted(told)
    assert (told[0], told[-1]) == (1, last)
    assert len(told) < 500, "most of 1,900 quotes were overtaken by a newer one"
    assert any(state == "behind" for state, _ in desk.said)
    again = words_again(feed, [(answer.held, answer.step) for answer in answers if answer.held])
    assert again == words


class Slow(Strategy):
    """Takes 10 ms over every quote that it is asked about."""

    warmup = 0

    def on_quote(self, quote: strategy_market.Quote) -> None:
        time.sleep(0.01)
        self.log(f"quote {round(quote.bid * 100)}")

    def on_trade(self, trade: strategy_market.Trade) -> None:
        self.log(f"trade {round(trade.price * 100)}")


def busy_feed(number: int) -> list[Step]:
    """Prices are step numbers; each twentieth step is a trade."""
    feed = Feed()
    for price in range(1, number + 1):
        is_trade = price % 20 == 10
        feed.step(Trade(instrument="AAPL", price=price, size=1) if is_trade else quote(price, price + 2))
    return feed.steps


def words_again(feed: Sequence[Step], told: Sequence[tuple[int, int]]) -> list[str]:
    """What the strategy says to the same feed, given where quotes were held back as the journal has it."""
    held = [(first, last) for first, last in told if first != last]
    container = started(Slow, ONE, nothing(inbox=1))
    words: list[str] = []
    for step in feed:
        words += container.process((), step, hold=any(first <= step.number <= last for first, last in held)).logs
        if any(step.number == last for _, last in held):
            words += container.process((), None).logs
    return words


async def test_free_mode_hears_its_inbox_while_the_feed_is_silent() -> None:
    desk = Desk()
    await desk.begin(1)
    async with running(desk, FeedMode.FREE):
        await welcome(desk, nothing())
        await desk.answers(1)
        await desk.bus.publish(FEED, steps(9))
        await until(lambda: any(a.step == 9 for _, _, a in desk.sent(RunnerAnswer)))
        desk.tell(fill(position=1))
        await until(lambda: any(a.inbox == 2 for _, _, a in desk.sent(RunnerAnswer)))
        (heard,) = [a for _, _, a in desk.sent(RunnerAnswer) if a.inbox == 2 and said_something(a)]
        assert heard.state is not None


async def test_servers_may_be_away_for_a_while() -> None:
    desk, feed = Desk(), steps(2)
    await desk.begin(1)
    async with running(desk):
        await welcome(desk, nothing())
        await desk.release(1, feed[0])
        await desk.answers(1)
        desk.server.away = True
        await until(lambda: ("without-servers", 1) in desk.said)
        desk.server.away = False
        await desk.release(1, feed[1])
        await desk.answers(2)


@pytest.mark.parametrize("mode", list(FeedMode))
async def test_a_strategy_that_raises_ends_the_service_and_sends_nothing_of_that_answer(mode: FeedMode) -> None:
    desk, feed = Desk(), steps(1)
    await desk.begin(1)
    async with running(desk, mode, Raising) as task:
        await welcome(desk, nothing())
        await until(lambda: ("running", 0) in desk.said)
        await desk.bus.publish(FEED, feed)
        await desk.release(1, feed[0])
        with pytest.raises(StrategyFailed) as failure:
            await asyncio.wait_for(task, 60)
    assert isinstance(failure.value.__cause__, ZeroDivisionError)
    assert not [answer for _, _, answer in desk.sent(RunnerAnswer) if answer.step == 1]


async def test_a_runner_that_another_has_replaced_ends() -> None:
    desk, feed = Desk(), steps(1)
    await desk.begin(1)
    async with running(desk) as task:
        await welcome(desk, nothing())
        await until(lambda: ("running", 0) in desk.said)
        introducing = asyncio.create_task(desk.line().introduce())
        await desk.hello(2)
        introducing.cancel()
        await desk.release(1, feed[0])
        with pytest.raises(StaleIncarnation):
            await asyncio.wait_for(task, 60)


async def test_a_wall_clock_that_was_set_back_keeps_no_runner_from_starting() -> None:
    desk = Desk()
    await desk.begin(1)
    for now in (10**18, 10**18 - 3600 * 10**9):
        desk._walls = count(now)
        introducing = asyncio.create_task(desk.line().introduce())
        incarnation = await asyncio.wait_for(desk.hello(1 if now == 10**18 else 2), 60)
        introducing.cancel()
    assert incarnation > 10**18


async def test_it_says_that_it_lives_while_it_waits() -> None:
    desk = Desk()
    async with running(desk):
        await until(lambda: desk.said.count(("seeking-the-engine", 0)) >= 3)
        await desk.begin(1)
        await until(lambda: desk.said.count(("saying-hello", 0)) >= 3)
        desk.tell(nothing(incarnation=await desk.hello()))
        await until(lambda: desk.said.count(("running", 0)) >= 3)
