"""`execution venue` as a process: what its lines see, and that its ledger survives whatever happens to it."""

import random
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from execution.services.venue_drill import SetBehaviour
from execution.services.venue_ledger import Took, read_ledger
from execution.wiring.venue import main
from tests.tools.venue_kit import SECOND, cancel, order, quote, step, submit
from tests.tools.venue_process import PROGRAM, RawLine, VenueProcess, venue_process
from toolkit.domain.market import Step
from toolkit.domain.orders import OrderClass, Side
from toolkit.domain.requests import Filled, Liquidity, OrderNotFound, QueryOrder, SubmitOrder, VenueState
from toolkit.domain.venue_line import (
    Advance,
    Advanced,
    AskReplay,
    AskState,
    FromVenue,
    LineError,
    Login,
    ReplayDone,
    Sync,
    Synced,
)
from toolkit.simulation.surprises import BustFill, CorrectFill, LateFill, RefuseCancels

pytestmark = pytest.mark.integration


@pytest.fixture
def venue() -> Iterator[VenueProcess]:
    with venue_process() as running:
        yield running


def quotes(number: int, bid: int = 1000, ask: int = 1002) -> Step:
    return step(number, number * SECOND, quote(bid, ask))


def tags(messages: list[FromVenue]) -> list[str]:
    return [str(message.__struct_config__.tag) for message in messages]


def state_of(line: RawLine) -> VenueState:
    line.say(AskState())
    state = line.hear(VenueState)[-1]
    assert isinstance(state, VenueState)
    return state


def replay_of(line: RawLine, after: int = 0) -> list[FromVenue]:
    line.say(AskReplay(after=after))
    return line.hear(ReplayDone)[:-1]


# ---------------------------------------------------------------- lines


def test_orders_steps_and_questions_over_a_line(venue: VenueProcess) -> None:
    line = RawLine(venue.socket)
    line.say(Advance(step=quotes(1)))
    line.say(submit(order(1), Side.BUY, 10), submit(order(2), Side.BUY, 10, 990), Sync(token=5))
    heard = line.hear(Synced)
    assert tags(heard) == ["advanced", "acknowledged", "filled", "acknowledged", "synced"]
    line.say(QueryOrder(venue="paper", order_id=order(2)), QueryOrder(venue="paper", order_id=order(9)))
    assert tags(line.hear(OrderNotFound)) == ["order_found", "order_not_found"]
    state = state_of(line)
    assert state.positions == (("AAPL", 10),)
    assert [listed.order_id for listed in state.open_orders] == [order(2)]


def test_a_step_is_matched_once_however_often_it_is_sent(venue: VenueProcess) -> None:
    line = RawLine(venue.socket)
    line.say(Advance(step=quotes(1)), submit(order(1), Side.BUY, 10, 990))
    line.say(Advance(step=quotes(2, 980, 981)), Sync(token=1))
    assert "filled" in tags(line.hear(Synced))
    line.say(Advance(step=quotes(2, 980, 981)))
    assert line.hear(Advanced) == [Advanced(number=2)]


def test_reports_go_to_the_newest_trading_line_and_the_older_one_is_still_heard(venue: VenueProcess) -> None:
    old = RawLine(venue.socket, "engine-1")
    old.say(Advance(step=quotes(1)))
    old.hear(Advanced)
    new = RawLine(venue.socket, "engine-2")
    new.say(Sync(token=1))
    new.hear(Synced)

    old.say(submit(order(1), Side.BUY, 10, epoch=1), Sync(token=2))

    assert tags(old.hear(Synced)) == ["synced"]
    assert tags(new.hear(Filled)) == ["acknowledged", "filled"]
    (took,) = [entry for entry in took_of(venue.ledger) if entry.reports]
    assert took.client == "engine-1"
    assert msgspec.msgpack.decode(took.message, type=SubmitOrder).epoch == 1


def test_a_line_without_trading_may_ask_and_cancel_and_hears_no_reports(venue: VenueProcess) -> None:
    trader = RawLine(venue.socket)
    trader.say(Advance(step=quotes(1)), submit(order(1), Side.BUY, 10, 990), Sync(token=1))
    trader.hear(Synced)
    person = RawLine(venue.socket, "anna", trading=False)

    person.say(cancel(order(1)), Sync(token=1))

    assert tags(person.hear(Synced)) == ["synced"]
    assert state_of(person).open_orders == ()
    assert tags(trader.hear((object,))) == ["canceled"]
    person.say(submit(order(2), Side.BUY, 10, 990))
    assert "needs a trading line" in error_on(person)


def test_on_a_line_without_trading_the_venue_goes_by_its_own_position_and_by_no_label(venue: VenueProcess) -> None:
    trader, person = RawLine(venue.socket), RawLine(venue.socket, "anna", trading=False)
    trader.say(Advance(step=quotes(1)), submit(order(1), Side.BUY, 10), Sync(token=1))
    trader.hear(Synced)
    for number, quantity, side in ((2, 10, Side.BUY), (3, 11, Side.SELL)):
        wrong = submit(order(number), side, quantity)
        person.say(msgspec.structs.replace(wrong, order_class=OrderClass.EXIT))
        assert "may close what the account holds, no more" in error_on(person)
    person.say(msgspec.structs.replace(submit(order(4), Side.SELL, 10), order_class=OrderClass.ENTRY), Sync(token=2))
    assert tags(person.hear(Synced)) == ["synced"]
    assert state_of(person).positions == ()


def error_on(line: RawLine) -> str:
    error = line.hear(LineError)[-1]
    assert isinstance(error, LineError)
    return error.problem


def test_what_makes_no_sense_is_answered_with_what_to_do(venue: VenueProcess) -> None:
    stranger = RawLine(venue.socket, None)
    stranger.say(AskState())
    assert "log in first" in error_on(stranger)

    line = RawLine(venue.socket)
    line.say(Advance(step=quotes(1)))
    line.say(Advance(step=quotes(7)))
    assert "step 7 follows step 1" in error_on(line)

    garbage = RawLine(venue.socket)
    garbage.write(b"\xc1 what")
    assert "unreadable" in error_on(garbage)
    assert garbage.ends()

    huge = RawLine(venue.socket)
    huge._socket.sendall(b"\xff\xff\xff\xff")
    assert "bytes" in error_on(huge)
    assert state_of(RawLine(venue.socket)).step == 1


def test_only_this_user_can_open_the_socket(venue: VenueProcess) -> None:
    assert venue.socket.stat().st_mode & 0o777 == 0o600


# ---------------------------------------------------------------- ledger


def took_of(ledger: Path) -> list[Took]:
    return [record.entry for record in read_ledger(ledger) if isinstance(record.entry, Took)]


@pytest.mark.parametrize("durable", [False, True])
def test_a_killed_venue_goes_on_where_it_was(durable: bool) -> None:
    with venue_process(durable=durable, participation_percent=50) as venue:
        line = RawLine(venue.socket)
        line.say(Advance(step=quotes(1)), submit(order(1), Side.BUY, 30), submit(order(2), Side.BUY, 99, 990))
        line.say(Advance(step=quotes(2, 980, 981)), Sync(token=1))
        heard = [report for report in line.hear(Synced) if not isinstance(report, (Advanced, Synced))]
        before = state_of(line)

        venue.kill()
        venue.start()

        again = RawLine(venue.socket)
        assert state_of(again) == before
        assert replay_of(again) == heard
        assert replay_of(again, after=2) == heard[2:]
        again.say(Advance(step=quotes(3, 980, 981)))
        assert tags(again.hear(Advanced)) == ["filled", "advanced"]


def test_an_orderly_stop_leaves_no_socket_and_loses_nothing() -> None:
    with venue_process() as venue:
        line = RawLine(venue.socket)
        line.say(Advance(step=quotes(1)), submit(order(1), Side.BUY, 30, 990), Sync(token=1))
        line.hear(Synced)
        before = state_of(line)
        assert venue.stop() == 0
        assert not venue.socket.exists()
        venue.start()
        assert state_of(RawLine(venue.socket)) == before


def test_a_ledger_cut_at_any_byte_is_a_ledger_that_ended_earlier() -> None:
    """As kill -9 leaves it: for each length the venue starts, and knows exactly the records that are whole."""
    with venue_process() as venue:
        line = RawLine(venue.socket)
        line.say(Advance(step=quotes(1)))
        for number in range(1, 5):
            line.say(submit(order(number), Side.BUY, 10, 990 + number), Sync(token=number))
            line.hear(Synced)
        venue.kill()
        whole = venue.ledger.read_bytes()
        complete = took_of(venue.ledger)
        draws = random.Random(5)
        for length in sorted(draws.sample(range(1, len(whole)), 4)):
            venue.ledger.write_bytes(whole[:length])
            kept = took_of(venue.ledger)
            assert kept == complete[: len(kept)]
            venue.start()
            state = state_of(RawLine(venue.socket))
            assert len(state.open_orders) == sum(bool(entry.reports) for entry in kept)
            venue.kill()


@pytest.mark.parametrize(
    ("name", "known"), [("before_ledger", False), ("after_ledger_before_reply", True), ("after_reply", True)]
)
def test_killed_at_a_failpoint_it_knows_what_it_had_written_and_said_nothing_else(name: str, known: bool) -> None:
    with venue_process() as venue:
        line = RawLine(venue.socket)
        line.say(Advance(step=quotes(1)))
        line.hear(Advanced)
        venue.stop()
        venue.failpoints.write_text(f"{name}:kill:2\n")
        venue.start()
        line = RawLine(venue.socket, None)
        line.say(Login(client="engine", trading=True), Sync(token=1))  # one frame: the first turn of the loop
        line.hear(Synced)
        line.say(submit(order(1), Side.BUY, 10, 990))
        heard = []
        if name == "after_reply":
            heard = line.hear((object,))
        assert line.ends()
        venue.wait()
        venue.failpoints.unlink()
        venue.start()

        again = RawLine(venue.socket)

        assert bool(state_of(again).open_orders) is known
        assert tags(replay_of(again)) == (["acknowledged"] if known else [])
        assert tags(heard) == (["acknowledged"] if name == "after_reply" else [])


def test_a_damaged_ledger_is_refused_by_place() -> None:
    with venue_process() as venue:
        line = RawLine(venue.socket)
        for number in range(1, 5):
            line.say(Advance(step=quotes(number)))
            line.hear(Advanced)
        venue.kill()
        data = bytearray(venue.ledger.read_bytes())
        data[40] ^= 1
        venue.ledger.write_bytes(data)
        with pytest.raises(AssertionError, match="damaged at byte 0"):
            venue.start()
        assert venue.wait() == 1


def test_two_venues_on_one_ledger_or_socket_are_refused(venue: VenueProcess) -> None:
    second = VenueProcess(venue.folder)
    with pytest.raises(AssertionError, match="another venue answers"):
        second.start()
    assert second.wait() == 2
    second.socket = venue.folder / "other.sock"
    with pytest.raises(AssertionError, match="another process runs the venue"):
        second.start()
    assert second.wait() == 2


def test_with_changed_settings_the_old_part_is_replayed_under_the_old_ones() -> None:
    with venue_process(unlimited_size=True) as venue:
        line = RawLine(venue.socket)
        line.say(Advance(step=quotes(1)), submit(order(1), Side.BUY, 5000), Sync(token=1))
        line.hear(Synced)
        venue.kill()
        venue.settings = msgspec.structs.replace(venue.settings, unlimited_size=False)
        venue.start()
        line = RawLine(venue.socket)
        assert state_of(line).positions == (("AAPL", 5000),)
        line.say(Advance(step=quotes(2)), submit(order(2), Side.BUY, 5000), Sync(token=1))
        line.hear(Synced)
        assert state_of(line).positions == (("AAPL", 5100),)


def test_a_venue_that_loses_its_book_says_nothing_about_it() -> None:
    with venue_process(keeps_book_on_restart=False) as venue:
        line = RawLine(venue.socket)
        line.say(Advance(step=quotes(1)), submit(order(1), Side.BUY, 10), submit(order(2), Side.BUY, 10, 990))
        line.say(Sync(token=1))
        line.hear(Synced)
        venue.kill()
        venue.start()
        line = RawLine(venue.socket)
        state = state_of(line)
        assert (state.open_orders, state.positions) == ((), (("AAPL", 10),))
        assert len(replay_of(line)) == state.last_report == 3
        line.say(QueryOrder(venue="paper", order_id=order(2)))
        assert isinstance(line.hear((object,))[-1], OrderNotFound)


def test_a_full_disk_stops_the_venue_before_it_has_answered() -> None:
    with venue_process() as venue:
        assert venue.process is not None
        line = RawLine(venue.socket)
        line.say(Advance(step=quotes(1)))
        line.hear(Advanced)
        size = venue.ledger.stat().st_size
        resource.prlimit(venue.process.pid, resource.RLIMIT_FSIZE, (size + 20, resource.RLIM_INFINITY))
        line.say(submit(order(1), Side.BUY, 10, 990))
        assert line.ends()
        assert venue.process.stderr is not None
        assert "cannot write" in venue.process.stderr.read()
        assert venue.wait() == 1
        venue.start()
        assert state_of(RawLine(venue.socket)).open_orders == ()


# ---------------------------------------------------------------- drills


def test_swallowed_requests_are_received_and_have_no_effect(venue: VenueProcess) -> None:
    line = RawLine(venue.socket)
    line.say(SetBehaviour(swallow=("submit_order",), count=1), Advance(step=quotes(1)))
    line.say(submit(order(1), Side.BUY, 10, 990), submit(order(2), Side.BUY, 10, 990), Sync(token=1))
    line.hear(Synced)
    assert [listed.order_id for listed in state_of(line).open_orders] == [order(2)]
    assert [entry.ignored for entry in took_of(venue.ledger)] == [False, True, False]


def test_muted_reports_are_in_the_books_and_can_be_replayed(venue: VenueProcess) -> None:
    line = RawLine(venue.socket)
    line.say(SetBehaviour(mute=("acknowledged", "filled")), Advance(step=quotes(1)))
    line.say(submit(order(1), Side.BUY, 10), Sync(token=1))
    assert tags(line.hear(Synced)) == ["advanced", "synced"]
    line.say(SetBehaviour())
    assert tags(replay_of(line)) == ["acknowledged", "filled"]


def test_a_line_can_be_cut_between_effect_and_answer(venue: VenueProcess) -> None:
    line = RawLine(venue.socket)
    line.say(SetBehaviour(cut=("submit_order",), count=1), Advance(step=quotes(1)), Sync(token=1))
    line.hear(Synced)
    line.say(submit(order(1), Side.BUY, 10, 990))
    assert line.ends()
    assert len(state_of(RawLine(venue.socket)).open_orders) == 1


def test_answers_can_be_held_back(venue: VenueProcess) -> None:
    line = RawLine(venue.socket)
    asked = time.monotonic()
    line.say(SetBehaviour(delay=0.3), Sync(token=1))
    line.hear(Synced)
    assert time.monotonic() - asked >= 0.3
    line.say(SetBehaviour(pause=0.3), Sync(token=2))
    line.hear(Synced)
    asked = time.monotonic()
    line.say(Sync(token=3))
    line.hear(Synced)
    assert time.monotonic() - asked >= 0.3


def test_a_cancel_can_be_refused_a_fill_can_come_late_be_busted_or_corrected(venue: VenueProcess) -> None:
    line = RawLine(venue.socket)
    line.say(Advance(step=quotes(1)), submit(order(1), Side.BUY, 10, 990), RefuseCancels(count=1))
    line.say(cancel(order(1)), cancel(order(1)))
    line.say(LateFill(order_id=order(1), price=991, quantity=12, liquidity=Liquidity.MAKER))
    line.say(CorrectFill(order_id=order(1), execution_id="X1", old_quantity=12, quantity=11, price=990, fee=0))
    line.say(Sync(token=1))
    heard = line.hear(Synced)
    assert tags(heard) == ["advanced", "acknowledged", "cancel_refused", "canceled", "filled", "corrected", "synced"]
    assert state_of(line).positions == (("AAPL", 11),)
    line.say(BustFill(order_id=order(1), execution_id="X1", quantity=11), Sync(token=2))
    assert tags(line.hear(Synced)) == ["busted", "synced"]
    assert state_of(line).positions == ()
    venue.kill()
    venue.start()
    assert len(replay_of(RawLine(venue.socket))) == 6


def test_a_venue_that_is_not_scriptable_listens_to_no_drill() -> None:
    with venue_process(scriptable=False) as venue:
        line = RawLine(venue.socket)
        for drill in (SetBehaviour(swallow=("submit_order",)), RefuseCancels(count=1)):
            line.say(drill)
            assert "--scriptable" in error_on(line)


# ---------------------------------------------------------------- a desk's own venue


def test_a_desk_names_its_venue_in_config(repository: Path, tmp_path: Path) -> None:
    shutil.copytree(repository / "config", tmp_path / "config")
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "--home", str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    _, _, place = process.stdout.readline().strip().partition(" on ")
    state = state_of(RawLine(Path(place)))
    process.communicate("")
    assert process.returncode == 0
    assert (state.venue, state.step) == ("paper", 0)
    assert (tmp_path / "var" / "venue" / "paper" / "ledger").exists()


def test_a_venue_that_no_desk_has_is_refused_with_the_ones_it_has(
    repository: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--home", str(repository), "--name", "mars"]) == 2
    assert "config/venues.yaml has paper" in capsys.readouterr().err
