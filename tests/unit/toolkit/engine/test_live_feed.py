"""From raw messages to numbered steps: what is conflated, what never is, and what happens to a book with a gap."""

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from toolkit.domain.instruments import Currency, describe
from toolkit.domain.market import FeedGap, Quote, SessionClosed, SessionOpened, Step, Trade
from toolkit.domain.raw_rows import BookProof, RawDepth, RawMessage, RawQuote, RawTrade
from toolkit.domain.time import FeedTime
from toolkit.engine.live_feed import DIFFERENCES, LiveFeed, Outbox

DAY = 86_400_000_000_000
COIN = describe(
    symbol="C/U", tick=Decimal("0.1"), lot=Decimal("0.01"), calendar="24/7", venue="paper",
    currency=Currency(code="U", quantum=Decimal("0.001")),
)  # fmt: skip


def quote(time: int, bid: str = "9", ask: str = "11", number: int | None = None) -> RawQuote:
    return RawQuote("C/U", FeedTime(time), bid, ask, "1", "1", "here", number if number is not None else time)


def trade(time: int, number: int, previous: int | None = None) -> RawTrade:
    return RawTrade("C/U", FeedTime(time), "10", "1", "here", number, number - 1 if previous is None else previous)


def depth(time: int, first: int, last: int, bid: str = "9", ask: str = "11", *, snapshot: bool = False) -> RawDepth:
    return RawDepth("C/U", FeedTime(time), ((bid, "1"),), ((ask, "1"),), "here", first, last, snapshot)


def feed(number: int = 0) -> LiveFeed:
    return LiveFeed((COIN,), label="test", number=number, has_depth=True)


def kinds(steps: list[Step]) -> list[type]:
    return [type(event) for step in steps for event in step.events]


def test_the_first_step_opens_the_day_and_midnight_utc_rolls_it() -> None:
    live = feed()
    live.take(RawMessage((quote(1),)))
    assert kinds(live.steps(10)) == [SessionOpened, Quote]
    live.take(RawMessage((quote(DAY + 1),)))
    steps = live.steps(10)
    assert kinds(steps) == [SessionClosed, SessionOpened, Quote]
    assert [step.number for step in steps] == [3, 4, 5]


def test_while_nobody_reads_the_latest_quote_wins_and_every_trade_stays() -> None:
    live = feed()
    live.take(RawMessage((quote(1, bid="8"), trade(2, 1), quote(3, bid="9"), trade(4, 2))))
    steps = live.steps(10)[1:]
    assert kinds(steps) == [Trade, Quote, Trade]
    assert [event.bid for step in steps for event in step.events if isinstance(event, Quote)] == [90]
    assert live.conflated == 1


@given(st.lists(st.tuples(st.sampled_from("qt"), st.sampled_from("abc"))), st.integers(1, 5))
def test_no_trade_is_ever_lost_and_each_instruments_last_word_is_its_newest_quote(
    said: list[tuple[str, str]], at_once: int
) -> None:
    outbox, taken = Outbox(), []
    for index, (kind, name) in enumerate(said):
        row = RawQuote if kind == "q" else RawTrade
        outbox.put(row(name, FeedTime(index), *((None,) * (4 if kind == "q" else 2)), str(index)))
        if index % 4 == 3:
            taken += list(outbox.take(at_once))
    taken += list(outbox.take(len(said)))
    assert [row.place for row in taken if isinstance(row, RawTrade)] == [
        str(index) for index, (kind, _) in enumerate(said) if kind == "t"
    ]
    assert [row.time for row in taken] == sorted(row.time for row in taken)
    newest = {name: str(index) for index, (kind, name) in enumerate(said) if kind == "q"}
    assert {row.instrument: row.place for row in taken if isinstance(row, RawQuote)} == newest


def test_a_lost_change_of_the_book_is_a_gap_and_wants_a_snapshot() -> None:
    live = feed()
    assert live.wanted == {"C/U"}
    live.take(RawMessage((depth(1, 1, 2),)))
    assert live.load(depth(2, 2, 2, snapshot=True))
    assert live.wanted == set()
    live.take(RawMessage((depth(3, 3, 3), quote(4), depth(5, 5, 6))))
    assert kinds(live.steps(10)) == [SessionOpened, Quote, FeedGap]
    assert live.wanted == {"C/U"}
    assert live.load(depth(6, 7, 7, snapshot=True))
    assert live.counts["gaps"] == 1


def test_a_book_that_differs_from_the_quotes_time_after_time_is_built_anew() -> None:
    live = feed()
    assert live.load(depth(0, 1, 1, snapshot=True))
    live.take(RawMessage((quote(1, bid="8", number=1),)))
    for number in range(2, 2 + DIFFERENCES):
        assert live.wanted == set()
        live.take(RawMessage((depth(number, number, number),)))
    assert live.wanted == {"C/U"}


def test_a_line_that_was_down_is_a_gap_of_everything_and_numbers_may_start_anew() -> None:
    live = feed()
    live.take(RawMessage((trade(1, 500),)))
    live.interrupted(FeedTime(2))
    live.take(RawMessage((trade(3, 7),)))
    steps = live.steps(10)
    assert kinds(steps) == [SessionOpened, Trade, FeedGap, Trade]
    assert live.wanted == {"C/U"}
    assert not live.problems


def test_a_lost_trade_is_a_gap_too() -> None:
    live = feed()
    live.take(RawMessage((trade(1, 1), trade(2, 3))))
    assert kinds(live.steps(10)) == [SessionOpened, Trade, FeedGap, Trade]
    assert [problem.fault for problem in live.problems] == ["gap"]


def test_a_successor_goes_on_numbering_and_trusts_nothing_from_before() -> None:
    live = feed(number=41)
    live.take(RawMessage((quote(1),)))
    steps = live.steps(10)
    assert kinds(steps) == [FeedGap, SessionOpened, Quote]
    assert [step.number for step in steps] == [42, 43, 44]


def book_feed() -> LiveFeed:
    return LiveFeed((COIN,), label="test", has_depth=True, quotes_from_book=True)


def bids(steps: list[Step]) -> list[int]:
    return [event.bid for step in steps for event in step.events if isinstance(event, Quote)]


def test_where_the_exchange_tells_no_quotes_they_are_the_top_of_the_book_at_every_change_of_it() -> None:
    live = book_feed()
    live.take(RawMessage((depth(1, 1, 1, snapshot=True),)))
    assert not live.wanted, "the whole book came on the line"
    found = bids(live.steps(10))
    live.take(RawMessage((depth(2, 2, 2),)))  # the same again is no news
    found += bids(live.steps(10))
    live.take(RawMessage((depth(3, 3, 3, bid="9.5"),)))
    assert found + bids(live.steps(10)) == [90, 95]
    assert live.counts["quotes"] == 2


def test_after_a_gap_in_a_book_that_is_quoted_from_its_top_is_told_once_it_is_whole() -> None:
    live = book_feed()
    live.take(RawMessage((depth(1, 1, 1, snapshot=True),)))
    live.steps(10)
    live.take(RawMessage((depth(2, 3, 3, bid="9.5"),)))
    assert kinds(live.steps(10)) == [FeedGap]
    assert live.wanted == {"C/U"}
    live.take(RawMessage((depth(3, 4, 4, snapshot=True),)))
    assert kinds(live.steps(10)) == [Quote]
    assert not live.wanted


def test_a_book_that_stays_crossed_is_built_anew_and_never_quoted() -> None:
    live = book_feed()
    live.take(RawMessage((depth(1, 1, 1, snapshot=True),)))
    live.steps(10)
    for number in range(2, 2 + DIFFERENCES):
        live.take(RawMessage((depth(number, number, number, bid="12", ask="11"),)))
    assert kinds(live.steps(10)) == [FeedGap]
    assert live.wanted == {"C/U"}


def test_a_proof_that_does_not_fit_is_a_gap_and_a_snapshot_that_does_not_is_not_taken() -> None:
    live = book_feed()
    wrong = BookProof(10, lambda _bids, _asks: False)
    live.take(RawMessage((depth(1, 1, 1, snapshot=True)._replace(proof=wrong),)))
    assert live.wanted == {"C/U"}
    live.take(RawMessage((depth(1, 2, 2, snapshot=True),)))
    live.take(RawMessage((depth(2, 3, 3)._replace(proof=wrong),)))
    assert kinds(live.steps(10)) == [SessionOpened, Quote, FeedGap]
