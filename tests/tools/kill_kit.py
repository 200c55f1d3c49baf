"""A desk to kill: a free feed, a scriptable venue, the test as its only runner, a kill switch as a person has it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from execution.commands import disabling, killing
from execution.commands.exits import Exit
from execution.services.venue_drill import LineMessage
from execution.supervision.latches import Latches
from execution.wiring import specifications
from execution.wiring.desk_line import start_time
from execution.wiring.front_desk import Door
from tests.benchmarks.bench_desk import STRATEGY, SYMBOLS, bench_desk
from tests.benchmarks.order_path import Client, desk_client
from tests.tools.desk_kit import PATIENCE, DeskKit
from tests.tools.servers_kit import kill
from tests.tools.venue_process import RawLine
from toolkit.adapters.server_access import ServerRole
from toolkit.client import emergency
from toolkit.client.books import Books
from toolkit.client.commands import give, person
from toolkit.client.desk_state import DeskState, ProcessState, write_desk_state
from toolkit.client.killing import KillSwitch, latch_scope
from toolkit.domain.commands import Command, EnableStrategy, Kill, KillMode, Reopen, RunnerAnswer
from toolkit.domain.identifiers import order_id
from toolkit.domain.intents import PlaceOrder
from toolkit.domain.orders import OrderClass, OrderType, Side, Status, Terms, TimeInForce
from toolkit.domain.requests import SubmitOrder, VenueOrder
from toolkit.domain.time import FeedTime, MonoTime
from toolkit.domain.venue_line import Sync, Synced

MARKET, FAR = 10_001, 9_000


class KillDesk:
    """Orders on one side, a kill on the other. `switch` is what a person holds."""

    def __init__(self, kit: DeskKit, client: Client) -> None:
        self.kit = kit
        self.client = client
        self.book = kit.settings.desk.book
        self.switch = KillSwitch(kit.home, self.book, ("paper",))
        self._ids = 0

    # ---- the strategy

    async def order(self, side: Side, quantity: int, price: int | None = None, **more: Any) -> str:
        """Say one order; nothing is waited for. `stop` makes it a stop."""
        self._ids += 1
        stop = more.pop("stop", None)
        kind = OrderType.STOP if stop else OrderType.LIMIT if price else OrderType.MARKET
        intent = PlaceOrder(
            intent_id=f"k.{self._ids}", instrument=more.pop("symbol", SYMBOLS[0]), side=side, quantity=quantity,
            order_type=kind, price=price, reason="kill", terms=Terms(stop=stop) if stop else None, **more,
        )  # fmt: skip
        await self.client.say(RunnerAnswer(strategy=STRATEGY, step=1, inbox=self.client.read, intents=(intent,)))
        return intent.intent_id

    async def rest(self, count: int) -> None:
        """So many entries that rest far away from the market, at the venue and in the books."""
        resting = len(self.at_venue())
        for number in range(count):
            await self.order(Side.BUY, 1 + number, FAR - number, symbol=SYMBOLS[number % len(SYMBOLS)])
        await self.kit.until(lambda: len(self.at_venue()) == resting + count and self.books_list_what_rests())

    async def hold(self, quantity: int, *, stop: int | None = None, symbol: str = SYMBOLS[0]) -> None:
        """A position, with a stop that rests at the venue where one is given; the books know both."""
        await self.order(Side.BUY, quantity, symbol=symbol)
        await self.kit.until(lambda: dict(self.kit.venue().positions).get(symbol) == quantity)
        await self.kit.until(lambda: self.kit.ledger.position(STRATEGY, symbol).lots == quantity)
        if stop is not None:
            before = len(self.at_venue())
            await self.order(Side.SELL, quantity, stop=stop, symbol=symbol)
            await self.kit.until(lambda: len(self.at_venue()) == before + 1 and self.books_list_what_rests())

    def books_list_what_rests(self) -> bool:
        """Whether the venue's word of everything that rests there has reached the books."""
        listed = {order.order_id for order in self.kit.ledger.open_orders() if order.status is Status.NEW}
        return {order.order_id for order in self.at_venue()} <= listed

    # ---- the venue

    def at_venue(self) -> tuple[VenueOrder, ...]:
        return self.kit.venue().open_orders

    def classes(self) -> list[str]:
        """The classes of what rests."""
        return sorted(order.order_class.value for order in self.at_venue())

    def script(self, *messages: LineMessage) -> None:
        """Make the venue misbehave; it does when this returns."""
        line = RawLine(specifications.venue_socket(self.kit.home, "paper"), trading=False)
        line.say(*messages, Sync(token=1))
        line.hear(Synced)
        line.close()

    def arrive_late(self, *, market: bool = False) -> None:
        """An entry that was on the wire all the time; at the `market` it fills."""
        self._ids += 1
        submit = SubmitOrder(
            venue="paper", order_id=order_id("ZZZ", 1, self._ids), strategy=STRATEGY, instrument=SYMBOLS[0],
            side=Side.BUY, quantity=3, order_type=OrderType.MARKET if market else OrderType.LIMIT,
            price=None if market else FAR, time_in_force=TimeInForce.GTC,
            order_class=OrderClass.ENTRY, post_only=False, reduce_only=False, time=FeedTime(0), epoch=1,
            send_by=MonoTime(2**62),
        )  # fmt: skip
        line = RawLine(specifications.venue_socket(self.kit.home, "paper"), trading=True)
        line.say(submit, Sync(token=1))
        line.hear(Synced)
        line.close()

    # ---- faults

    def send_signal(self, name: str, number: signal.Signals) -> None:
        self.kit.processes[name].send_signal(number)

    def kill_process(self, name: str) -> None:
        """kill -9, and nobody starts it again."""
        process = self.kit.processes.pop(name)
        process.kill()
        process.wait(PATIENCE)
        if process.stdin is not None:
            with contextlib.suppress(BrokenPipeError):
                process.stdin.close()

    def leave_alone(self, name: str) -> subprocess.Popen[bytes]:
        """What a process hears of a supervisor that is killed: its pipe closes, and no signal comes."""
        process = self.kit.processes.pop(name)
        assert process.stdin is not None
        process.stdin.close()
        return process

    def venue_answers(self) -> bool:
        return specifications.venue_answers(self.kit.home, "paper")

    def kill_journal(self) -> None:
        """kill -9; it is gone when this returns."""
        kill(self.kit.line.servers, ServerRole.JOURNAL)

    # ---- the person

    def wish(self, scope: str = "book", mode: KillMode = KillMode.HALT_ENTRIES) -> Kill:
        name = {"book": "", "venue": "paper", "strategy": STRATEGY}[scope]
        return Kill(scope=scope, name=name, mode=mode, who=person("cli"), reason="a test")

    async def command(self, **options: Any) -> Exit:
        """`execution kill` as it is typed, in a thread of its own."""
        wanted: dict[str, Any] = {"strategy": None, "venue": None, "everything": False, "cancel_all": False}
        wanted |= {"flatten": False, "reason": "a test", "as_json": True} | options
        if not (wanted["strategy"] or wanted["venue"]):
            wanted["everything"] = True
        return await asyncio.to_thread(killing.kill, self.kit.home.root, **wanted)

    async def flatten(self) -> Exit:
        """`execution kill --all --flatten` as it is typed."""
        return await self.command(flatten=True)

    async def disable(self) -> Exit:
        """`execution disable --flatten` as it is typed."""
        return await asyncio.to_thread(
            disabling.disable, self.kit.home.root, STRATEGY, flatten=True, reason="a test", as_json=True
        )

    async def reopen(self, scope: str) -> None:
        """`execution reopen` or `enable`: the command of a person, then the latch."""
        wish = self.wish(scope)
        reason = "looked at it"
        release: Command = Reopen(scope=scope, name=wish.name, who=wish.who, reason=reason)
        if scope == "strategy":
            release = EnableStrategy(strategy=wish.name, who=wish.who, reason=reason)
        outcome = await asyncio.to_thread(give, Books(home=self.kit.home, book=self.book), release)
        assert not outcome.refused, outcome.refused
        emergency.forget_kill(self.kit.home, self.book, scope, wish.name)
        emergency.reopen_scope(self.kit.home, self.book, latch_scope(scope, wish.name))

    async def journal_what_the_latch_says(self) -> list[Command]:
        """What a supervisor does in two of its rounds."""
        latches = Latches(self.kit.home, self.kit.settings, person("latch"))
        assert list(latches.not_journaled(self.kit.ledger)) == [], "one look alone is no reason"
        found = list(latches.not_journaled(self.kit.ledger))
        for command in found:
            taken = await self.kit.line.give(command, PATIENCE)
            assert not taken.refused, taken.refused
        return found


@contextlib.asynccontextmanager
async def kill_desk(
    durability: str = "process",
    dead_man: Mapping[str, object] | None = None,
    door: Callable[[DeskKit], Door] | None = None,
) -> AsyncIterator[KillDesk]:
    """A running desk whose journal is read in the background, as a supervisor's is; with a front desk of one's own."""
    async with bench_desk(durability, scriptable=True, venue={"dead_man": dead_man}) as kit:
        following = asyncio.create_task(kit._follow())
        front_desk = door(kit) if door is not None else Door(kit.home, kit.settings, kit.line, {})
        await front_desk.open(lambda subject, problem: None)
        try:
            async with desk_client(kit) as client:
                _say_that_it_runs(kit)
                yield KillDesk(kit, client)
        finally:
            await front_desk.close()
            following.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await following


def _say_that_it_runs(kit: DeskKit) -> None:
    """What a supervisor writes for everybody; this one has no supervisor but the test."""
    supervisor = ProcessState(name="supervisor", kind="supervisor", pid=os.getpid(), started=start_time(os.getpid()))
    state = DeskState(
        name=kit.settings.desk.name, kind="paper", book=kit.settings.desk.book, venues=("paper",), ready=True,
        supervisor=supervisor,
    )  # fmt: skip
    write_desk_state(kit.home.processes, state)
