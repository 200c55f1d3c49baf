"""A trade is held against the quote that stood when it was made, also when it is heard of before that quote."""

from __future__ import annotations

from tests.tools.replayed_desk import FEED
from toolkit.domain.events import OrderFilled
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import Quote
from toolkit.domain.orders import Side
from toolkit.domain.requests import Liquidity
from toolkit.domain.time import WallTime
from toolkit.simulation.paired_trades import Middles, SentOrder, Trades


def test_a_trade_waits_for_its_quote() -> None:
    before, then = FEED[1], FEED[2]
    quote = next(event for event in then.events if isinstance(event, Quote))
    fill = OrderFilled(
        order_id="a", venue_order_id="V1", execution_id="X1", strategy="trend", instrument=quote.instrument,
        side=Side.BUY, price=quote.ask, quantity=1, fee=0, fee_asset="USD", liquidity=Liquidity.TAKER, report=1,
        sent=WallTime(0), time=then.time, wall=WallTime(0),
    )  # fmt: skip
    trades, middles, sent = Trades(Ledger()), Middles(), SentOrder("trend", fresh=[fill])
    trades.orders[("2", quote.instrument, 1, 0)] = sent
    middles.see(before)
    trades.settle(middles)
    assert (sent.fills, sent.fresh) == ([], [fill])
    middles.see(then)
    trades.settle(middles)
    assert [each.middle for each in sent.fills] == [quote.bid + quote.ask]
    assert sent.fresh == []
