"""Kraken's raw messages against what was recorded of them: every checksum of every change, and what breaks one."""

import re
from decimal import Decimal
from pathlib import Path

import pytest

from tests.tools.book_kit import Rebuilt
from tests.tools.recordings import cryptofeed
from toolkit.adapters.kraken_stream import Kraken
from toolkit.domain.errors import TransportError
from toolkit.domain.raw_rows import RawDepth, RawTrade
from toolkit.domain.time import FeedTime
from toolkit.engine.depth_book import Followed

BOOKS, TRADES = "KRAKEN.ws.50.0", "KRAKEN.ws.48.0"
SNAPSHOT = (
    '[560,{"as":[["0.05005","0.00000500","1.0"],["0.05010","0.00000500","1.0"],["0.05015","0.00000500","1.0"],'
    '["0.05020","0.00000500","1.0"],["0.05025","0.00000500","1.0"],["0.05030","0.00000500","1.0"],'
    '["0.05035","0.00000500","1.0"],["0.05040","0.00000500","1.0"],["0.05045","0.00000500","1.0"],'
    '["0.05050","0.00000500","1.0"]],"bs":[["0.05000","0.00000500","1.0"],["0.04995","0.00000500","1.0"],'
    '["0.04990","0.00000500","1.0"],["0.04980","0.00000500","1.0"],["0.04975","0.00000500","1.0"],'
    '["0.04970","0.00000500","1.0"],["0.04965","0.00000500","1.0"],["0.04960","0.00000500","1.0"],'
    '["0.04955","0.00000500","1.0"],["0.04950","0.00000500","1.0"]]},"book-10","XBT/USD"]'
)


def kraken() -> Kraken:
    return Kraken({"BTC/USD": "XBT/USD"}, stream="wss://127.0.0.1")


def test_every_checksum_of_the_recording_holds_in_the_rebuilt_books(recordings: Path) -> None:
    """4,269 changes of ten pairs, each with the venue's own proof."""
    found = Rebuilt(kraken()).take_all(cryptofeed(recordings, BOOKS))
    assert found.loaded == {True: 10}
    assert found.followed == {Followed.APPLIED: 4_269}
    assert (found.proofs, found.crossed, found.refused) == (4_269, 0, [])


def test_a_lost_change_of_the_best_ten_is_found_by_the_very_next_checksum(recordings: Path) -> None:
    """Each change of one pair that moved its checksum is kept back in turn, unless the next one says the same again."""
    of_pair = [each for each in cryptofeed(recordings, BOOKS) if each[1].endswith('"OMG/USD"]')]
    whole, changes = of_pair[0], of_pair[1:120]
    checksums = [text.partition('"c":"')[2].partition('"')[0] for _, text in changes]
    prices = [set(re.findall(r'\["([0-9.]+)","', text)) for _, text in changes]
    lost = [
        index
        for index in range(1, len(changes) - 1)
        if checksums[index] != checksums[index - 1] and not prices[index] <= prices[index + 1]
    ]
    for index in lost:
        found = Rebuilt(kraken()).take_all([whole, *changes[:index], changes[index + 1]])
        assert found.followed[Followed.GAP] == 1, changes[index]
    assert len(lost) > 50


def test_the_checksum_is_that_of_the_venues_documentation() -> None:
    """Its example of a book with ten levels a side has 974947235."""
    found = Rebuilt(kraken())
    found.take(SNAPSHOT, FeedTime(1))
    found.take('[560,{"a":[["0.05005","0.00000500","2.0"]],"c":"974947235"},"book-10","XBT/USD"]', FeedTime(2))
    assert found.followed == {Followed.APPLIED: 1}
    found.take('[560,{"a":[["0.05005","0.00000501","2.0"]],"c":"974947235"},"book-10","XBT/USD"]', FeedTime(3))
    assert found.followed[Followed.GAP] == 1
    assert not found.books["BTC/USD"].is_whole


def test_a_level_that_is_pushed_out_of_what_the_venue_tells_is_gone() -> None:
    found = Rebuilt(kraken())
    found.take(SNAPSHOT, FeedTime(1))
    found.take('[560,{"a":[["0.05001","1.00000000","2.0"]]},"book-10","XBT/USD"]', FeedTime(2))
    gone = ",".join(f'["0.050{number:02}","0.00000000","3.0"]' for number in (1, *range(5, 50, 5)))
    found.take(f'[560,{{"a":[{gone}]}},"book-10","XBT/USD"]', FeedTime(3))
    top = found.books["BTC/USD"].top()
    assert top is not None
    assert (top.bid, top.ask) == (Decimal("0.05000"), 0), "0.05050 fell out when 0.05001 came"


def test_a_change_of_both_sides_is_one_change(recordings: Path) -> None:
    text = next(text for _, text in cryptofeed(recordings, BOOKS) if '"a":' in text and '"b":' in text)
    message = kraken().parse(text, FeedTime(7))
    (row,) = message.rows
    assert isinstance(row, RawDepth)
    assert (row.asks, row.bids) == ((("0.042990", "364630.28272081"),), (("0.042990", "0.00000000"),))
    assert row.proof is not None
    assert message.sent == 1_618_678_145_920_708_000


def test_trades_come_in_our_symbols_with_the_venues_time_and_none_is_left_out(recordings: Path) -> None:
    trades = Rebuilt(kraken()).take_all(cryptofeed(recordings, TRADES)).trades
    said = sum(text.count('",""]') for _, text in cryptofeed(recordings, TRADES))
    assert len(trades) == said == 10
    text = '[337,[["5541.2","0.15850568","1534614057.321597","s","l",""]],"trade","XBT/USD"]'
    message = kraken().parse(text, FeedTime(5))
    trade = RawTrade("BTC/USD", FeedTime(5), "5541.2", "0.15850568", "XBT/USD trade 1534614057.321597")
    assert (message.rows, message.sent) == ((trade,), 1_534_614_057_321_597_000)


def test_it_subscribes_to_trades_and_books_and_asks_for_one_book_anew() -> None:
    trades, books = kraken().greetings()
    assert trades == '{"event":"subscribe","pair":["XBT/USD"],"subscription":{"name":"trade"}}'
    assert '"name":"book","depth":100' in books
    assert [words.partition(",")[0] for words in kraken().again("BTC/USD")] == [
        '{"event":"unsubscribe"', '{"event":"subscribe"',
    ]  # fmt: skip


def test_what_cannot_be_read_is_shown_and_refusals_are_told() -> None:
    for text in ('[1,{"a":[["x"]]},"book-100","XBT/USD"]', "[1]", '[1,{"c":"no"},"book-100","XBT/USD"]', "nonsense"):
        with pytest.raises(TransportError, match="Kraken sent what cannot be read"):
            kraken().parse(text, FeedTime(0))
    refusal = '{"errorMessage":"Currency pair not supported","event":"subscriptionStatus","pair":"X","status":"error"}'
    assert kraken().parse(refusal, FeedTime(0)).refused == "Kraken: X Currency pair not supported"
    assert "maintenance" in kraken().parse('{"event":"systemStatus","status":"maintenance"}', FeedTime(0)).refused
    assert not kraken().parse('{"event":"heartbeat"}', FeedTime(0)).refused
