"""What every line to a paper venue promises, checked on the one in our process and on the one over a socket."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from execution.services.venue_drill import SetBehaviour
from execution.services.venue_ledger import Took, read_ledger
from tests.tools.venue_kit import SECOND, cancel, order, quote, replace, said, settings, step, stock, submit
from tests.tools.venue_process import RawLine, VenueProcess, venue_process
from toolkit.adapters.clock import mono_time
from toolkit.adapters.memory_venue import MemoryVenue
from toolkit.adapters.paper_venue import PaperVenueLine
from toolkit.adapters.venue_hotline import VenueHotline
from toolkit.domain.errors import DomainError, TransportError
from toolkit.domain.market import Step
from toolkit.domain.orders import Side
from toolkit.domain.ports import Venue
from toolkit.domain.requests import OrderFound, OrderNotFound, QueryOrder, VenueReport
from toolkit.domain.time import MonoTime
from toolkit.domain.venue_line import Advance, Sync, Synced
from toolkit.simulation.matching import PaperVenue

pytestmark = pytest.mark.integration

Line = MemoryVenue | PaperVenueLine


class Rows:
    """A latch in memory: shut scopes."""

    def __init__(self) -> None:
        self.shut: set[str] = set()

    def open_for(self, strategy: str, venue: str) -> bool:
        return not {strategy, venue} & self.shut


@pytest.fixture
def latch() -> Rows:
    return Rows()


@pytest.fixture
def process() -> Iterator[VenueProcess]:
    with venue_process() as running:
        yield running


@pytest.fixture(params=["memory", "socket"])
async def line(request: pytest.FixtureRequest, latch: Rows) -> AsyncIterator[Line]:
    if request.param == "memory":
        yield MemoryVenue(PaperVenue(settings(), (stock(),)), latch, mono_time)
        return
    process: VenueProcess = request.getfixturevalue("process")
    real = PaperVenueLine(process.socket, "engine", latch, mono_time)
    await real.connect(within=60.0)
    yield real
    real.close()


def quotes(number: int, bid: int = 1000, ask: int = 1002) -> Step:
    return step(number, number * SECOND, quote(bid, ask))


async def test_it_is_a_venue(line: Line) -> None:
    venue: Venue = line
    assert (await venue.state()).last_report == 0


async def test_in_lockstep_reports_come_with_the_step_or_the_sync(line: Line) -> None:
    assert await line.advance(quotes(1)) == ()
    await line.send([submit(order(1), Side.BUY, 10), submit(order(2), Side.BUY, 10, 990)])
    assert said(tuple(await line.sync())) == ["acknowledged", "filled", "acknowledged"]
    assert await line.sync() == ()
    assert said(tuple(await line.advance(quotes(2, 980, 981)))) == ["filled"]
    assert await line.advance(quotes(2, 980, 981)) == ()
    assert (await line.state()).positions == (("AAPL", 20),)


async def test_in_free_mode_reports_arrive_by_themselves(line: Line) -> None:
    await line.advance(quotes(1))
    arriving = line.reports()
    await line.send([submit(order(1), Side.BUY, 10)])
    heard = [await asyncio.wait_for(anext(arriving), 60), await asyncio.wait_for(anext(arriving), 60)]
    assert said(tuple(heard)) == ["acknowledged", "filled"]


async def test_questions_about_orders_are_answered_in_the_stream(line: Line) -> None:
    await line.advance(quotes(1))
    await line.send([submit(order(1), Side.BUY, 10, 990)])
    await line.sync()
    await line.send([QueryOrder(venue="paper", order_id=order(1)), QueryOrder(venue="paper", order_id=order(2))])
    found, missing = await line.sync()
    assert isinstance(found, OrderFound)
    assert isinstance(missing, OrderNotFound)


async def test_a_replay_gives_every_report_above_a_number(line: Line) -> None:
    await line.advance(quotes(1))
    await line.send([submit(order(1), Side.BUY, 10), submit(order(2), Side.BUY, 10, 990)])
    heard = await line.sync()
    assert tuple(await line.replay(0)) == tuple(heard)
    assert tuple(await line.replay(2)) == tuple(heard)[2:]
    assert await line.replay(99) == ()


async def test_a_shut_scope_stops_orders_and_replaces_but_no_cancel_and_no_persons_flatten(
    line: Line, latch: Rows
) -> None:
    await line.advance(quotes(1))
    await line.send([submit(order(1), Side.BUY, 10, 990), submit(order(2), Side.BUY, 10, 990)])
    await line.sync()
    latch.shut.add("trend")
    stopped = [submit(order(3), Side.BUY, 10), replace(order(2), order(4), 20, 991)]
    flatten = submit(order(5), Side.SELL, 1)

    dropped = await line.send([*stopped, cancel(order(1)), flatten], by_person=frozenset({order(5)}))

    assert list(dropped) == stopped
    assert said(tuple(await line.sync())) == ["canceled", "acknowledged", "filled"]
    latch.shut = {"paper"}
    other = submit(order(6), Side.BUY, 10, strategy="reversion")
    assert list(await line.send([other])) == [other]


async def test_nothing_leaves_after_its_send_by(line: Line) -> None:
    await line.advance(quotes(1))
    late = MonoTime(int(mono_time()) - 1)
    requests = [submit(order(1), Side.BUY, 10, send_by=late), cancel(order(1), send_by=late)]
    assert list(await line.send(requests)) == requests
    assert await line.sync() == ()


# ---------------------------------------------------------------- over the socket only


async def test_a_cut_line_is_told_and_what_was_asked_is_open(process: VenueProcess, latch: Rows) -> None:
    line = PaperVenueLine(process.socket, "engine", latch, mono_time)
    with pytest.raises(TransportError, match="no line"):
        await line.send([submit(order(1), Side.BUY, 10)])
    await line.connect(within=60.0)
    await line.advance(quotes(1))
    await line.send([submit(order(1), Side.BUY, 10, 990)])
    await line.sync()

    process.kill()

    with pytest.raises(TransportError):
        await asyncio.wait_for(anext(line.reports()), 60)
    with pytest.raises(TransportError):
        await line.sync()
    with pytest.raises(TransportError, match="no venue answers"):
        await line.connect(within=0.1)
    process.start()
    await line.connect(within=60.0)
    assert said(tuple(await line.replay(0))) == ["acknowledged"]
    line.close()


async def test_a_line_cut_between_effect_and_answer_is_ambiguous_and_the_replay_tells(
    process: VenueProcess, latch: Rows
) -> None:
    script = RawLine(process.socket, "drill", trading=False)
    line = PaperVenueLine(process.socket, "engine", latch, mono_time)
    await line.connect(within=60.0)
    await line.advance(quotes(1))
    script.say(SetBehaviour(cut=("submit_order",), count=1), Sync(token=1))
    script.hear(Synced)

    await line.send([submit(order(1), Side.BUY, 10, 990)])
    with pytest.raises(TransportError):  # AmbiguousOutcome, unless the cut is seen before the question leaves
        await line.sync()

    await line.connect(within=60.0)
    assert said(tuple(await line.replay(0))) == ["acknowledged"]
    line.close()


async def test_the_venues_complaint_is_an_error_that_stops(process: VenueProcess, latch: Rows) -> None:
    line = PaperVenueLine(process.socket, "engine", latch, mono_time)
    await line.connect(within=60.0)
    await line.advance(quotes(1))
    with pytest.raises(DomainError, match="step 9 follows step 1"):
        await line.advance(quotes(9))
    assert (await line.state()).step == 1
    line.close()


@pytest.mark.parametrize("seconds", [2.0, 60.0], ids=["its time is over", "nobody reads"])
async def test_a_frame_that_cannot_leave_in_time_is_cut_off_and_has_no_effect(
    process: VenueProcess, latch: Rows, seconds: float
) -> None:
    """The venue stops reading; what did not leave whole before `send_by` never leaves, and nobody waits for long."""
    script = RawLine(process.socket, "drill", trading=False)
    line = PaperVenueLine(process.socket, "engine", latch, mono_time)
    await line.connect(within=60.0)
    await line.sync()
    assert process.process is not None
    process.process.send_signal(signal.SIGSTOP)
    send_by = MonoTime(int(mono_time()) + int(seconds * SECOND))
    crowd = [submit(order(number), Side.BUY, 10, 990, send_by=send_by) for number in range(1, 20_001)]
    sending = asyncio.ensure_future(line.send(crowd))
    with pytest.raises(TransportError, match="cut off"):
        await asyncio.wait_for(sending, 60)
    process.process.send_signal(signal.SIGCONT)
    script.say(Sync(token=1))
    script.hear(Synced)
    assert not [record for record in read_ledger(process.ledger) if isinstance(record.entry, Took)]


async def test_a_long_replay_comes_whole(process: VenueProcess, latch: Rows) -> None:
    line = PaperVenueLine(process.socket, "engine", latch, mono_time)
    await line.connect(within=60.0)
    await line.advance(quotes(1))
    await line.send([submit(order(number), Side.BUY, 1, 990) for number in range(1, 3001)])
    heard: list[VenueReport] = list(await line.sync())
    assert [report.report for report in heard if not isinstance(report, (OrderFound, OrderNotFound))] == list(
        range(1, 3001)
    )
    assert list(await line.replay(0)) == heard
    assert len((await line.state()).open_orders) == 3000
    line.close()


# ---------------------------------------------------------------- a person's hotline


def test_the_hotline_asks_and_cancels_without_engine_and_while_the_feed_stands_still() -> None:
    with venue_process(submit_latency=0, cancel_latency=SECOND) as process:
        trader = RawLine(process.socket)
        trader.say(Advance(step=quotes(1)), submit(order(1), Side.BUY, 10, 990), submit(order(2), Side.BUY, 10, 991))
        trader.say(Sync(token=1))
        trader.hear(Synced)
        trader.close()
        with VenueHotline(process.socket, "anna", timeout=60.0) as hotline:
            found = hotline.ask_state().open_orders
            assert [listed.order_id for listed in found] == [order(1), order(2)]
            assert hotline.cancel(found[:1]).open_orders == found[1:]


def test_a_hotline_to_nobody_says_so(tmp_path: Path) -> None:
    with pytest.raises(TransportError, match="no venue answers"):
        VenueHotline(tmp_path / "none.sock", "anna", timeout=1.0)


def test_the_hotline_loads_neither_redis_nor_an_event_loop() -> None:
    code = "import toolkit.adapters.venue_hotline, sys; print({'redis', 'asyncio'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"
