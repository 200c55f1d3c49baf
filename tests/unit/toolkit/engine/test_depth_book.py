"""The rebuilt order book: what is old, what follows, what is missing, and how a snapshot mends it."""

from decimal import Decimal

from toolkit.domain.raw_rows import RawDepth
from toolkit.domain.time import FeedTime
from toolkit.engine.depth_book import DepthBook, Followed, Top


def change(first: int, last: int, bids: dict[str, str] | None = None, asks: dict[str, str] | None = None) -> RawDepth:
    sides = (tuple((bids or {}).items()), tuple((asks or {}).items()))
    return RawDepth("X", FeedTime(last), *sides, f"change {last}", first, last)


def snapshot(last: int, bids: dict[str, str], asks: dict[str, str]) -> RawDepth:
    return change(last, last, bids, asks)._replace(snapshot=True)


def whole(last: int = 10) -> DepthBook:
    book = DepthBook()
    assert book.load(snapshot(last, {"9": "1", "8": "2"}, {"11": "3", "12": "4"}))
    return book


def top(*sides: str) -> Top:
    return Top(*map(Decimal, sides))


def test_without_a_snapshot_there_is_no_book() -> None:
    book = DepthBook()
    assert book.take(change(1, 2, {"9": "1"})) is Followed.WAITING
    assert book.top() is None


def test_changes_that_came_before_the_snapshot_count_from_its_number_on() -> None:
    book = DepthBook()
    for row in (change(9, 10, {"9.5": "7"}), change(11, 12, {"10": "5"}), change(13, 13, {}, {"11": "0"})):
        book.take(row)
    assert book.load(snapshot(10, {"9": "1"}, {"11": "3", "12": "4"}))
    assert (book.last, book.top()) == (13, top("10", "5", "12", "4"))


def test_a_snapshot_older_than_what_is_kept_is_refused_and_the_next_one_taken() -> None:
    book = DepthBook()
    book.take(change(20, 21))
    assert not book.load(snapshot(10, {"9": "1"}, {"11": "3"}))
    assert book.top() is None
    assert book.load(snapshot(20, {"9": "1"}, {"11": "3"}))
    assert book.last == 21


def test_an_old_change_is_left_out_and_one_across_the_number_counts() -> None:
    book = whole(10)
    assert book.take(change(5, 10, {"9": "0"})) is Followed.OLD
    assert book.take(change(8, 12, {"9": "0"})) is Followed.APPLIED
    assert book.top() == top("8", "2", "11", "3")


def test_a_gap_ends_the_book_until_a_snapshot_mends_it() -> None:
    book = whole(10)
    assert book.take(change(12, 13, {"9": "5"})) is Followed.GAP
    assert book.top() is None
    assert book.load(snapshot(12, {"9": "1"}, {"11": "3"}))
    assert book.top() == top("9", "5", "11", "3")


def test_the_best_price_that_goes_is_followed_by_the_next_best() -> None:
    book = whole(10)
    book.take(change(11, 11, {"9": "0"}, {"10.5": "1"}))
    assert book.top() == top("8", "2", "10.5", "1")
    book.take(change(12, 12, {"8": "0"}))
    assert book.top() == top("0", "0", "10.5", "1")
