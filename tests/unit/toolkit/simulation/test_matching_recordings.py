"""Resting orders on a real day of best bids and offers, against a plain loop that shares no line with the venue."""

import csv
import gzip
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.tools.venue_kit import Desk, order, quote, stock, submit, trade
from toolkit.domain.market import Quote
from toolkit.domain.orders import Side
from toolkit.domain.requests import Filled
from toolkit.domain.time import FeedTime

DAYS = ("20131007", "20131008", "20131009")
EVERY = 200


class Row(NamedTuple):
    time: int
    bid: int
    bid_size: int
    ask: int
    ask_size: int


def rows(recordings: Path, day: str) -> Iterator[Row]:
    with gzip.open(recordings / "derived" / f"ibm_nyse_bbo_{day}.csv.gz", "rt") as lines:
        for row in csv.DictReader(lines):
            yield Row(
                int(row["ms_since_midnight_NY"]) * 1_000_000,
                int(Decimal(row["bid"] or 0) * 100),
                int(row["bid_size"] or 0),
                int(Decimal(row["ask"] or 0) * 100),
                int(row["ask_size"] or 0),
            )


class Resting(NamedTuple):
    placed: int
    side: Side
    limit: int


def placed(day: list[Row]) -> list[Resting]:
    """One share at the bid and one at the ask, every so many quotes that are neither crossed nor one-sided."""
    good = [index for index in range(0, len(day), EVERY) if 0 < day[index].bid < day[index].ask]
    return [
        resting
        for index in good
        for resting in (Resting(index, Side.BUY, day[index].bid), Resting(index, Side.SELL, day[index].ask))
    ]


def expected(day: list[Row], resting: Resting, touch: bool) -> int | None:
    """The first later row at which the other side has come to the limit (or, without `touch`, through it)."""
    for index in range(resting.placed + 1, len(day)):
        other = day[index].ask if resting.side is Side.BUY else day[index].bid
        size = day[index].ask_size if resting.side is Side.BUY else day[index].bid_size
        if not other or not size:
            continue
        through = other < resting.limit if resting.side is Side.BUY else other > resting.limit
        if through or (touch and other == resting.limit):
            return index
    return None


@pytest.mark.parametrize("touch", [True, False])
@pytest.mark.parametrize("day", DAYS)
def test_a_passive_order_fills_at_its_limit_when_the_other_side_comes_to_it_and_never_before(
    recordings: Path, day: str, touch: bool
) -> None:
    data = list(rows(recordings, day))
    orders = placed(data)
    desk = Desk(stock("IBM"), quote_touch_fills=touch)
    waiting = iter(enumerate(orders, start=1))
    upcoming = next(waiting, None)
    seen: dict[str, tuple[int, int]] = {}
    for index, row in enumerate(data):
        event = Quote(instrument="IBM", bid=row.bid, ask=row.ask, bid_size=row.bid_size, ask_size=row.ask_size)
        for report in desk.feed(event, at=row.time):
            assert isinstance(report, Filled)
            assert report.time == row.time
            assert report.quantity == 1
            seen[report.order_id] = (index, report.price)
        while upcoming is not None and upcoming[1].placed == index:
            number, resting = upcoming
            answer = desk.venue.process(
                submit(order(number), resting.side, 1, resting.limit, instrument="IBM", time=FeedTime(row.time))
            )
            assert len(answer) == 1, "an order at its own side of the quote rests"
            upcoming = next(waiting, None)

    wanted = {
        order(number): (index, resting.limit)
        for number, resting in enumerate(orders, start=1)
        if (index := expected(data, resting, touch)) is not None
    }
    assert len(wanted) > len(orders) // 3, "the recording must have something to say"
    assert seen == wanted


def test_prints_go_through_resting_orders(recordings: Path) -> None:
    """Every real print of a minute file against a ladder of bids: those above its price fill, the others do not."""
    name = recordings / "lean/equity/usa/tick/ibm/20131007_trade.zip"
    with zipfile.ZipFile(name) as archive:
        lines = archive.read(archive.namelist()[0]).decode().splitlines()
    prints = [
        (int(price), int(size)) for _, price, size, *_ in csv.reader(lines) if int(price) % 100 == 0 and int(size)
    ]
    desk = Desk(stock("IBM"), trade_touch_fills=False)
    desk.feed(quote(18_000, 18_400, symbol="IBM"))
    limits = {order(number): 18_000 + 10 * number for number in range(1, 31)}
    for identifier, limit in limits.items():
        desk.venue.process(submit(identifier, Side.BUY, 1, limit, instrument="IBM", time=FeedTime(desk.time)))
    filled_at: dict[str, int] = {}
    for index, (price, size) in enumerate(prints):
        for report in desk.feed(trade(price // 100, size, symbol="IBM")):
            assert isinstance(report, Filled)
            assert report.price == limits[report.order_id]
            filled_at[report.order_id] = index

    wanted: dict[str, int] = {}
    left = dict(limits)
    for index, (price, size) in enumerate(prints):
        through = sorted((limit, number) for number, limit in left.items() if limit * 100 > price)
        for _, number in sorted(through, reverse=True)[:size]:
            wanted[number] = index
            del left[number]
    assert 0 < len(wanted) < len(limits)
    assert filled_at == wanted
