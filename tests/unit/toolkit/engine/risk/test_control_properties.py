"""Controls 5, 6, 9, 10, 17 and 19 over time and in any order, by what the venue received."""

from collections.abc import Sequence
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.core_kit import Core, limit, limits
from toolkit.adapters.calendars import bells
from toolkit.domain import events as ev
from toolkit.domain.market import FeedGap, FeedMode, Quote, SessionClosed, SessionOpened, TradingHalted
from toolkit.domain.orders import OrderClass, Side
from toolkit.domain.requests import CancelOrder
from toolkit.domain.time import NANOSECONDS

THREE = limits(limit("fresh_quotes", "3"), max_quote_age="10")


def enters(core: Core) -> bool:
    before = len(core.orders_received())
    core.buy(1, 9_990)
    return len(core.orders_received()) > before


def entries_after(core: Core, quotes: int) -> list[bool]:
    """Whether an entry passes after each of so many good quotes."""
    passed = []
    for _ in range(quotes):
        core.quote(9_999, 10_001)
        passed.append(enters(core))
    return passed


# ---- 19


@pytest.mark.proves(19, "breach")
def test_after_a_silence_it_takes_k_fresh_quotes_to_open_again() -> None:
    core = Core(rows=THREE)
    assert entries_after(core, 2) == [False, True]  # one came with the session
    core.feed(seconds=11)
    assert not enters(core)
    assert entries_after(core, 4) == [False, False, True, True]


@pytest.mark.proves(19, "edge")
def test_a_silence_as_long_as_a_quote_may_be_old_closes_nothing() -> None:
    core = Core(rows=THREE)
    core.quote(9_999, 10_001)
    core.quote(9_999, 10_001)
    core.quote(9_999, 10_001, seconds=10)
    assert enters(core)


@pytest.mark.proves(19, "breach")
@pytest.mark.parametrize(
    "bad", [FeedGap(instrument="AAPL"), FeedGap(), Quote(instrument="AAPL", bid=2, ask=1, bid_size=1, ask_size=1)]
)
def test_after_a_gap_or_a_bad_quote_it_takes_them_too(bad: FeedGap | Quote) -> None:
    core = Core(rows=THREE)
    entries_after(core, 3)
    core.feed(bad)
    assert entries_after(core, 3) == [False, False, True]


def test_an_instruments_own_limit_of_age_decides_when_its_quotes_begin_anew() -> None:
    core = Core(rows=limits(limit("fresh_quotes", "2"), limit("max_quote_age", "5", "instrument", "AAPL")))
    core.quote(9_999, 10_001)
    core.quote(9_999, 10_001, seconds=6)
    assert not enters(core)
    assert entries_after(core, 1) == [True]


@pytest.mark.proves(19, "breach")
def test_a_feed_whose_clock_lags_behind_ours_lets_nothing_in() -> None:
    core = Core(rows=limits(limit("max_clock_skew", "2")), mode=FeedMode.FREE)
    core.wait(3)
    core.quote(9_999, 10_001)
    assert not enters(core)
    assert core.denial().observed == "AAPL: the feed's clock is +3 s behind ours"
    assert core.denial().limit == "2 s"


@pytest.mark.proves(19, "edge")
def test_clocks_may_disagree_by_the_limit() -> None:
    core = Core(rows=limits(limit("max_clock_skew", "2")), mode=FeedMode.FREE)
    core.wait(2)
    core.quote(9_999, 10_001)
    assert enters(core)


def test_a_feed_with_a_clock_of_its_own_has_no_skew() -> None:
    core = Core(rows=limits(limit("max_clock_skew", "2")))
    core.wait(3)
    core.quote(9_999, 10_001)
    assert enters(core)


# ---- 17


def at(core: Core, day: str, hour: int, minute: int = 0) -> Core:
    """The feed of an exchange up to an hour in UTC: its bells, and a quote at that time."""
    core.time = core.mono = int(datetime(2026, 11, 24, tzinfo=UTC).timestamp()) * NANOSECONDS
    then = int(datetime.fromisoformat(day).replace(hour=hour, minute=minute, tzinfo=UTC).timestamp()) * NANOSECONDS
    for time, bell in bells("XNYS", date(2026, 11, 24), date(2026, 11, 30)):
        if int(time) <= then:
            core.feed(bell, seconds=(int(time) - core.time) / NANOSECONDS)
    core.quote(9_999, 10_001, seconds=(then - core.time) / NANOSECONDS)
    return core


@pytest.mark.proves(17, "breach")
@pytest.mark.parametrize(
    ("day", "hour", "minute"),
    [("2026-11-26", 16, 0), ("2026-11-27", 18, 0), ("2026-11-28", 16, 0), ("2026-11-25", 14, 29)],
    ids=["holiday", "after half a day", "weekend", "before the bell"],
)
def test_nothing_enters_or_leaves_while_the_exchange_is_closed(day: str, hour: int, minute: int) -> None:
    core = at(Core(rows=limits(), trading=False), day, hour, minute)
    core.buy(1, 9_990)
    assert core.orders_received() == []
    assert (core.denial().control, core.denial().observed) == (17, "closed")


@pytest.mark.proves(17, "edge")
@pytest.mark.parametrize(("day", "hour", "minute"), [("2026-11-27", 17, 59), ("2026-11-25", 14, 30)])
def test_the_last_minute_of_half_a_day_and_the_first_of_a_day_are_open(day: str, hour: int, minute: int) -> None:
    assert enters(at(Core(rows=limits(), trading=False), day, hour, minute))


@pytest.mark.proves(17, "breach")
def test_a_halt_keeps_exits_in_too_and_its_end_lets_them_out() -> None:
    core = Core(rows=limits())
    core.buy(2)
    core.feed(TradingHalted(instrument="AAPL", halted=True))
    core.sell(2)
    assert len(core.orders_received()) == 1
    core.feed(TradingHalted(instrument="AAPL", halted=False))
    core.quote(9_999, 10_001)
    core.sell(2)
    assert core.held() == 0


# ---- 5 and 6

BURSTS = st.lists(st.tuples(st.sampled_from(["buy", "sell", "cancel"]), st.integers(0, 400)), min_size=1, max_size=60)


@pytest.mark.proves(5, "breach")
@given(BURSTS, st.integers(1, 6), st.integers(0, 3))
def test_no_second_has_more_entries_than_its_limit_and_no_cancel_ever_waits(
    moves: Sequence[tuple[str, int]], rate: int, reserve: int
) -> None:
    core = Core(rows=limits(limit("cancel_reserve", str(reserve)), message_rate=str(rate)))
    sent: list[int] = []
    cancels = 0
    for price, (move, milliseconds) in enumerate(moves):
        core.wait(milliseconds / 1_000)
        working = [order for order in core.ledger.open_orders() if order.status.value == "NEW"]
        before = len(core.orders_received())
        if move == "cancel":
            if working:
                core.cancel(working[0].intent_id)
                cancels += 1
        else:
            core.place(Side.BUY if move == "buy" else Side.SELL, 1, (9_000 if move == "buy" else 11_000) + price)
        sent += [core.mono] * (len(core.orders_received()) - before)
    assert len(core.cancels_received()) == cancels
    most = rate - min(reserve, rate - 1)
    for end in sent:
        assert sum(end - NANOSECONDS < time <= end for time in sent) <= most


@pytest.mark.proves(6, "edge")
def test_a_cancel_passes_at_the_limit_and_in_a_burst_and_where_all_is_halted() -> None:
    core = Core(rows=limits(message_rate="2"))
    orders = [core.buy(1, 9_000), core.buy(1, 9_001)]
    assert not enters(core)
    core.cancel(orders[0])
    core.limit(limits(message_rate="1"))
    core.cancel(orders[1])
    assert len(core.cancels_received()) == 2
    core.wait(2)
    last = core.buy(1, 9_002)
    core.disable()
    assert [cancel.order_id for cancel in core.cancels_received()][-1] == core.order(last).order_id
    assert isinstance(core.received[-1], CancelOrder)


# ---- 8, 9 and 10


@pytest.mark.proves(8, "breach")
def test_of_a_hundred_orders_at_once_as_many_work_as_may() -> None:
    core = Core(rows=limits(max_working_orders="40"))
    for price in range(100):
        core.buy(1, 8_000 + price)
    assert len(core.orders_received()) == len(core.at_venue()) == 40
    assert core.denial().control == 8


@pytest.mark.proves(9, "breach")
def test_an_order_whose_answer_got_lost_counts_until_its_venue_has_spoken() -> None:
    core = Core(rows=limits(max_position="10"))
    core.mute = True
    core.buy(10, 9_000)
    core.mute = False
    core.wait(6)
    assert core.of(ev.OrderDoubted)
    assert not enters(core)
    assert core.denial().control == 10


MOVES = st.one_of(
    st.tuples(st.just("place"), st.sampled_from(Side), st.integers(1, 8), st.sampled_from([None, 9_990, 10_010])),
    st.tuples(st.just("cancel"), st.integers(0, 9)),
    st.tuples(st.just("change"), st.integers(0, 9), st.integers(1, 12)),
    st.tuples(st.just("price"), st.integers(-15, 15)),
    st.tuples(st.just("silence"), st.booleans()),
)


@pytest.mark.proves(10, "breach")
@given(st.lists(MOVES, max_size=40), st.integers(0, 10))
def test_in_no_order_of_things_is_more_held_than_may_be(moves: Sequence[tuple[object, ...]], most: int) -> None:
    """Fills, cancels, changes, lost answers: the venue's own position stays within the limit."""
    core = Core(rows=limits(max_position=str(most)), strategies=("trend", "quoting"))
    for number, move in enumerate(moves):
        carry_out(core, move, "trend" if number % 3 else "quoting")
        held = dict(core.venue.state().positions).get("AAPL", 0)
        assert abs(held) <= most
    core.hear_withheld()
    assert abs(core.ledger.venue_positions.get("paper", {}).get("AAPL", 0)) <= most


def carry_out(core: Core, move: tuple[object, ...], strategy: str) -> None:
    match move:
        case ("place", Side() as side, int(quantity), price):
            core.place(side, quantity, price if isinstance(price, int) else None, strategy=strategy)
        case ("cancel", int(index)):
            for order in core.ledger.open_orders()[index : index + 1]:
                core.cancel(order.intent_id, order.strategy)
        case ("change", int(index), int(quantity)):
            for order in core.ledger.open_orders("trend")[index : index + 1]:
                core.modify(order.intent_id, quantity=quantity)
        case ("price", int(moved)):
            core.quote(9_999 + moved, 10_001 + moved)
        case ("silence", bool(mute)):
            if core.mute and not mute:
                core.hear_withheld()
            core.mute = mute


# ---- 24


@pytest.mark.proves(24, "breach")
def test_a_fill_that_races_with_a_halt_is_booked_and_nothing_follows_it() -> None:
    core = Core(rows=limits())
    core.mute = True
    core.buy(5, 10_001)
    core.disable()
    core.hear_withheld()
    assert core.held() == 5
    assert not enters(core)
    assert [order.order_class for order in core.orders_received()] == [OrderClass.ENTRY]


def test_the_session_events_of_this_file_are_real() -> None:
    week = [bell for _, bell in bells("XNYS", date(2026, 11, 24), date(2026, 11, 30))]
    assert {bell.session for bell in week if isinstance(bell, SessionOpened)} == {
        bell.session for bell in week if isinstance(bell, SessionClosed)
    }
    assert "2026-11-26" not in {bell.session for bell in week}
