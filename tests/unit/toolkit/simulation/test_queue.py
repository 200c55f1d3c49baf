"""Fills at the touch by the place in the queue: each rule of `queue` with numbers done by hand."""

from typing import Any

import pytest

from tests.tools.venue_kit import SECOND, Desk, bar, order, trade
from toolkit.domain.errors import ConfigError
from toolkit.domain.requests import Filled, Liquidity, VenueReport
from toolkit.simulation.matching import PaperVenue
from toolkit.simulation.paper_settings import QueueModel

MILLION = 1_000_000


def desk(*, ahead: int = 100, unprinted: int = 0, unseen: int = 0, **changes: Any) -> Desk:
    queue = QueueModel(ahead_percent=ahead, unprinted_traded_percent=unprinted, unseen_touch_per_million=unseen)
    return Desk(queue=queue, **({"quote_touch_fills": False} | changes))


def fills(reports: tuple[VenueReport, ...]) -> list[tuple[int, int]]:
    assert all(report.liquidity is Liquidity.MAKER for report in reports if isinstance(report, Filled))
    return [(report.price, report.quantity) for report in reports if isinstance(report, Filled)]


# ---------------------------------------------------------------- prints


def test_a_print_takes_first_what_is_ahead_and_then_the_order() -> None:
    it = desk()
    it.quote(1000, 1002, bid_size=100)
    it.buy(50, 1000)
    assert fills(it.feed(trade(1000, size=60))) == [], "40 of 100 are still ahead"
    assert fills(it.feed(trade(1000, size=55))) == [(1000, 15)]
    assert fills(it.feed(trade(1000, size=55))) == [(1000, 35)]


def test_a_seller_waits_at_the_offer_in_the_same_way() -> None:
    it = desk()
    it.quote(1000, 1002, ask_size=100)
    it.sell(50, 1002)
    assert fills(it.feed(trade(1002, size=90))) == []
    assert fills(it.feed(trade(1002, size=30))) == [(1002, 20)]


def test_a_share_of_the_display_can_be_ahead() -> None:
    it = desk(ahead=25)
    it.quote(1000, 1002, bid_size=101)
    it.buy(50, 1000)
    assert fills(it.feed(trade(1000, size=26))) == [], "25 % of 101 are 26, rounded up"
    assert fills(it.feed(trade(1000, size=1))) == [(1000, 1)]


def test_nobody_is_ahead_of_an_order_within_the_spread() -> None:
    it = desk()
    it.quote(1000, 1004, bid_size=100)
    it.buy(50, 1001)
    assert fills(it.feed(trade(1001, size=5))) == [(1001, 5)]


def test_an_order_behind_the_best_price_learns_its_place_when_that_comes_to_it() -> None:
    it = desk()
    it.quote(1000, 1002, bid_size=100)
    it.buy(50, 998)
    it.quote(998, 1002, bid_size=30)
    assert fills(it.feed(trade(998, size=35))) == [(998, 5)]


def test_a_print_through_the_price_fills_whoever_is_ahead() -> None:
    it = desk()
    it.quote(1000, 1002, bid_size=100)
    it.buy(50, 1000)
    assert fills(it.feed(trade(999, size=20))) == [(1000, 20)]
    assert fills(it.feed(trade(1000, size=20))) == [(1000, 20)], "the queue is gone"


def test_participation_is_a_share_of_the_print_also_in_the_queue() -> None:
    it = desk(participation_percent=10)
    it.quote(1000, 1002, bid_size=100)
    it.buy(50, 1000)
    assert fills(it.feed(trade(1000, size=200))) == [(1000, 20)]


def test_two_of_our_own_share_what_reaches_them_in_their_order() -> None:
    it = desk()
    it.quote(1000, 1002, bid_size=100)
    it.buy(10, 1000)
    it.quote(1000, 1002, bid_size=120)
    it.buy(10, 1000)
    # 125: 100 that are ahead of both, 10 for the first, 15 of the 20 that joined between them
    assert fills(it.feed(trade(1000, size=125))) == [(1000, 10)]
    assert fills(it.feed(trade(1000, size=12))) == [(1000, 7)]


# ---------------------------------------------------------------- the display


def test_what_is_canceled_was_ahead_in_proportion() -> None:
    it = desk()
    it.quote(1000, 1002, bid_size=100)
    it.buy(50, 1000)
    it.quote(1000, 1002, bid_size=200)  # 100 joined behind
    it.quote(1000, 1002, bid_size=120)  # 80 canceled: 100 ahead become 100 * 120 / 200 = 60
    assert fills(it.feed(trade(1000, size=61))) == [(1000, 1)]


def test_what_a_print_explains_was_not_canceled() -> None:
    it = desk()
    it.quote(1000, 1002, bid_size=100)
    it.buy(50, 1000)
    it.quote(1000, 1002, bid_size=200)
    it.feed(trade(1000, size=40))  # 60 ahead, 160 displayed
    it.quote(1000, 1002, bid_size=160)  # nothing canceled
    it.quote(1000, 1002, bid_size=120)  # 40 canceled: 60 * 120 / 160 = 45
    assert fills(it.feed(trade(1000, size=46))) == [(1000, 1)]


def test_there_is_never_more_ahead_than_is_displayed() -> None:
    it = desk()
    it.quote(1000, 1002, bid_size=100)
    it.buy(50, 1000)
    it.quote(1001, 1003)
    it.quote(1000, 1002, bid_size=30)
    assert fills(it.feed(trade(1000, size=31))) == [(1000, 1)]


def test_without_prints_a_share_of_what_vanishes_was_traded() -> None:
    it = desk(unprinted=50)
    it.quote(1000, 1002, bid_size=100)
    it.buy(50, 1000)
    # 80 vanish: 40 were traded (60 ahead, 60 displayed), 40 canceled: 60 * 20 / 60 = 20
    assert fills(it.quote(1000, 1002, bid_size=20)) == []
    # The last 20 vanish with the price: 10 were traded, 10 canceled, nothing is ahead
    assert fills(it.quote(999, 1002)) == []
    assert fills(it.feed(trade(1000, size=3))) == [(1000, 3)]


def test_a_level_that_trades_away_reaches_the_order_in_it() -> None:
    it = desk(ahead=20, unprinted=100)
    it.quote(1000, 1002, bid_size=100)
    it.buy(50, 1000)
    assert fills(it.quote(1000, 1002, bid_size=70)) == [(1000, 10)], "30 traded, 20 were ahead"
    assert fills(it.quote(999, 1002)) == [(1000, 40)]


def test_an_opposite_quote_at_the_price_is_no_trade_and_one_through_it_is() -> None:
    it = desk()
    it.quote(1000, 1002, bid_size=100)
    it.buy(50, 1000)
    assert fills(it.quote(999, 1000)) == []
    assert fills(it.quote(998, 999, ask_size=20)) == [(1000, 20)]


def test_without_a_bid_nobody_is_ahead() -> None:
    it = desk()
    it.quote(1000, 1002, bid_size=100)
    it.buy(50, 1000)
    it.quote(0, 1002, bid_size=0)
    assert fills(it.feed(trade(1000, size=3))) == [(1000, 3)]


def test_a_replace_that_loses_the_place_joins_at_the_end_and_one_that_keeps_it_does_not() -> None:
    def left(quantity: int) -> list[tuple[int, int]]:
        it = desk()
        it.quote(1000, 1002, bid_size=100)
        it.buy(50, 1000)
        it.feed(trade(1000, size=90))
        it.quote(1000, 1002, bid_size=80)
        it.replace(1, quantity, 1000)
        return fills(it.feed(trade(1000, size=20)))

    assert left(40) == [(1000, 10)]
    assert left(60) == []


def test_a_replace_to_a_price_behind_forgets_the_place() -> None:
    it = desk()
    it.quote(1000, 1002, bid_size=100)
    it.buy(50, 1000)
    it.feed(trade(1000, size=90))
    it.replace(1, 50, 998)
    it.quote(998, 1002, bid_size=30)
    assert fills(it.feed(trade(998, size=31))) == [(998, 1)]


def test_what_our_own_took_of_a_print_is_not_ahead_twice() -> None:
    it = desk()
    it.quote(1000, 1002, bid_size=100)
    it.buy(10, 1000)
    it.quote(1000, 1002, bid_size=120)
    it.buy(10, 1000)
    assert fills(it.feed(trade(1000, size=105))) == [(1000, 5)]
    it.quote(1000, 1002, bid_size=15)
    # The other 5 of the first, the 15 that are displayed, and then the second
    assert fills(it.feed(trade(1000, size=21))) == [(1000, 5), (1000, 1)]


# ---------------------------------------------------------------- where no queue is shown


@pytest.mark.parametrize(("chance", "filled"), [(0, []), (MILLION, [(990, 10)])])
def test_a_bar_that_turns_at_the_price_fills_by_luck_and_one_beyond_it_always(
    chance: int, filled: list[tuple[int, int]]
) -> None:
    it = desk(unseen=chance)
    it.feed(bar(0, (1000, 1001, 999, 1000)))
    it.buy(10, 990)
    assert fills(it.feed(bar(SECOND, (1000, 1001, 990, 995)))) == filled
    it.buy(10, 990)
    assert (990, 10) in fills(it.feed(bar(2 * SECOND, (1000, 1001, 989, 995))))


def test_luck_at_a_touch_is_drawn_per_order_and_touch() -> None:
    def touched() -> list[str]:
        it = desk(unseen=300_000)
        it.feed(trade(1000))
        for _ in range(100):
            it.buy(1, 990)
        it.feed(trade(1000))
        return [report.order_id for report in it.feed(trade(990, size=1000)) if isinstance(report, Filled)]

    assert 15 < len(touched()) < 45
    assert touched() == touched()


# ---------------------------------------------------------------- state


def test_a_restored_venue_knows_every_place() -> None:
    it = desk()
    it.quote(1000, 1002, bid_size=100)
    it.buy(50, 1000)
    it.feed(trade(1000, size=60))
    it.venue = PaperVenue.restore(it.settings, it.instruments, it.venue.snapshot())
    assert fills(it.feed(trade(1000, size=55))) == [(1000, 15)]


@pytest.mark.parametrize("field", ["quote_touch_fills", "trade_touch_fills"])
def test_touch_fills_beside_a_queue_are_refused_with_the_mend(field: str) -> None:
    with pytest.raises(ConfigError, match=f"set {field}: false"):
        desk(**{field: True})


@pytest.mark.parametrize("bad", [{"ahead": 101}, {"unprinted": -1}, {"unseen": MILLION + 1}])
def test_shares_beyond_a_whole_are_refused(bad: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match="queue"):
        desk(**bad)


def test_orders_keep_their_ids() -> None:
    it = desk()
    it.quote(1000, 1002, bid_size=1)
    it.buy(50, 1000)
    (fill,) = it.feed(trade(1000, size=2))
    assert isinstance(fill, Filled)
    assert fill.order_id == order(1)
