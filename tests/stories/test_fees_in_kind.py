"""Fees in what is bought, or in a third asset: the books owe the asset itself, and PnL values it at the last mark."""

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import msgspec
import pytest

import toolkit as tk
from toolkit.domain.instruments import Currency, describe
from toolkit.domain.market import Quote, SessionOpened, Step
from toolkit.domain.time import NANOSECONDS, FeedTime
from toolkit.research.assumptions import research_venue
from toolkit.research.feed_data import FeedData
from toolkit.research.result import BacktestResult
from toolkit.research.result_page import whole_page
from toolkit.simulation.paper_settings import BaseAsset, NamedAsset, PaperSettings, QuoteAsset

BITCOIN = describe(
    symbol="BTCUSDT", tick=Decimal("0.01"), lot=Decimal("0.00001"), calendar="24/7", venue="paper",
    currency=Currency(code="USDT", quantum=Decimal("0.0000001")),
)  # fmt: skip
SATOSHI = Decimal("0.00000001")
IN_BITCOIN = BaseAsset(codes={"BTCUSDT": "BTC"}, quantum=SATOSHI)
IN_BNB = NamedAsset(code="BNB", quantum=SATOSHI, price=Decimal(500))


class Once(tk.Strategy):
    """Buys half a bitcoin with the first quote and sells it with the fifth."""

    class State(msgspec.Struct):
        seen: int = 0

    def on_quote(self, quote: Any) -> None:
        self.state.seen += 1
        if self.state.seen == 1:
            self.buy(Decimal("0.5"))
        elif self.state.seen == 5:
            self.target_position(0, reason="enough")


def steps(mids: tuple[int, ...]) -> Iterator[Step]:
    """Quotes a dollar around each mid, two seconds apart."""
    for number, mid in enumerate(mids, 1):
        size = 10_000_000
        quote = Quote(instrument="BTCUSDT", bid=mid * 100 - 100, ask=mid * 100 + 100, bid_size=size, ask_size=size)
        opened = (SessionOpened(calendar="24/7", session="1970-01-01"),) if number == 1 else ()
        yield Step(number=number, time=FeedTime(2 * number * NANOSECONDS), label="by hand", events=(*opened, quote))


def run(venue: PaperSettings, *mids: int) -> BacktestResult:
    data = FeedData(lambda: steps(mids), (BITCOIN,), title="bitcoin", label="by hand")
    return tk.backtest(Once, data, venue=venue)


def venue(asset: QuoteAsset | BaseAsset | NamedAsset, points: str) -> PaperSettings:
    fees = msgspec.structs.replace(
        research_venue().fees, taker_basis_points=Decimal(points), taker_per_unit=Decimal(0), asset=asset
    )
    return msgspec.structs.replace(
        research_venue(), closed_until_opened=False, unlimited_size=True, submit_latency=0, rejects_per_million=0,
        partial_fills_per_million=0, fees=fees,
    )  # fmt: skip


def test_a_fee_in_what_is_bought_is_owed_in_it_and_moves_with_its_price() -> None:
    result = run(venue(IN_BITCOIN, "10"), 60_000, 60_000)
    # 0.5 BTC at 60,001.00; 10 basis points of 0.5 BTC are 0.0005 BTC, 30.00 at the mid
    assert result.fills[["value", "fee", "fee_asset"]].values.tolist() == [[30_000.5, 0.0005, "BTC"]]
    assert result.ledger.cash["once"]["BTC"] == -50_000
    assert result.ledger.position("once", "BTCUSDT").lots == 50_000
    assert result.pnl == Decimal("-30.5")
    # At 62,000 the position has earned 999.50 and the fee is worth 31.00
    assert run(venue(IN_BITCOIN, "10"), 60_000, 60_000, 62_000).pnl == Decimal("968.5")


def test_a_fee_that_is_owed_is_marked_also_when_nothing_is_held_any_more() -> None:
    flat = run(venue(IN_BITCOIN, "10"), 60_000, 60_000, 60_000, 60_000, 60_000, 60_000)
    assert flat.ledger.position("once", "BTCUSDT").lots == 0
    # Bought at 60,001, sold at 59,999, 0.001 BTC of fees
    assert flat.pnl == Decimal("-61")
    later = run(venue(IN_BITCOIN, "10"), 60_000, 60_000, 60_000, 60_000, 60_000, 60_000, 70_000)
    assert later.pnl == Decimal("-71")


def test_a_fee_costs_what_it_was_worth_at_its_fill_and_its_drift_stands_apart() -> None:
    result = run(venue(IN_BITCOIN, "10"), 60_000, 60_000, 60_000, 60_000, 60_000, 60_000, 70_000)
    # 0.001 BTC at 60,000; at 70,000 the books owe 10.00 more
    assert result.measures.fees == pytest.approx(60)
    assert result.costs.loc["all", ["fees", "fee_drift"]].tolist() == pytest.approx([60, 10])
    page = whole_page(result)
    assert "Fee drift, in no sum" in page
    assert "+10.00" in page
    assert result.costs.loc["all", "total"] == pytest.approx(61)
    assert result.trades["fees"].sum() == pytest.approx(60)


def test_a_fee_in_a_third_asset_is_worth_its_written_price() -> None:
    result = run(venue(IN_BNB, "7.5"), 60_000, 60_000)
    # 7.5 basis points of 30,000.50 are 22.500375 USDT, at 500 each 0.04500075 BNB
    assert result.ledger.cash["once"]["BNB"] == -4_500_075
    assert result.pnl == Decimal("-23.000375")
    assert result.measures.fees == pytest.approx(22.500375)


def test_the_same_fee_costs_the_same_whatever_it_is_paid_in() -> None:
    in_kind = run(venue(IN_BNB, "7.5"), 60_000, 60_000, 61_000)
    in_money = run(venue(QuoteAsset(), "7.5"), 60_000, 60_000, 61_000)
    assert in_kind.pnl == in_money.pnl


def test_the_books_with_fees_in_kind_survive_a_restart() -> None:
    data = FeedData(lambda: steps((60_000, 60_000, 61_000, 62_000, 61_500, 61_000)), (BITCOIN,), title="b", label="b")
    assert tk.check(Once, data, venue=venue(IN_BITCOIN, "10")).passed


def test_the_books_are_the_fold_of_their_events() -> None:
    result = run(venue(IN_BITCOIN, "10"), 60_000, 60_000, 62_000)
    told = result.events[result.events["event"] == "FxMarked"]["detail"].tolist()
    assert len(told) == 2
    assert "60000" in told[0]
    assert "62000" in told[1]
