"""What open orders may still trade is kept as they change, and is always what a scan of them finds."""

from hypothesis import given
from hypothesis import strategies as st

from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import Doubt, Order, OrderClass, OrderType, Side, Status, TimeInForce
from toolkit.domain.positions import Interval
from toolkit.domain.time import FeedTime, WallTime

STRATEGIES, SYMBOLS = ("trend", "carry"), ("AAPL", "MSFT")
ROOTS = tuple(f"DSK{number:013d}" for number in range(8))


@st.composite
def versions(draw: st.DrawFn) -> Order:
    """Any version of one of eight orders; strategy, instrument, side and class stay with the order for its life."""
    number = draw(st.integers(0, len(ROOTS) - 1))
    return Order(
        order_id=ROOTS[number],
        chain=(ROOTS[number],),
        strategy=STRATEGIES[number % 2],
        version="v1",
        intent_id=f"{number}",
        instrument=SYMBOLS[number // 6],
        venue="paper",
        side=Side.BUY if number // 2 % 2 else Side.SELL,
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        order_class=OrderClass.EXIT if number >= 4 else OrderClass.ENTRY,
        quantity=draw(st.integers(1, 20)),
        price=None,
        post_only=False,
        reduce_only=False,
        status=draw(st.sampled_from(list(Status))),
        doubt=draw(st.sampled_from(list(Doubt))),
        step=1,
        decided=WallTime(1),
        created=FeedTime(1),
        filled=draw(st.integers(0, 25)),
        replacing_quantity=draw(st.none() | st.integers(1, 30)),
    )


@given(st.lists(versions(), max_size=40), st.sampled_from(ROOTS))
def test_intervals_are_what_a_scan_of_the_orders_finds(orders: list[Order], without: str) -> None:
    ledger = Ledger()
    for order in orders:
        ledger.put(order)
    ledger = Ledger.from_bytes(ledger.to_bytes())
    left_out = ledger.orders.get(without)
    for symbol in SYMBOLS:
        parts = [scan(ledger, strategy, symbol, "") for strategy in STRATEGIES]
        assert [ledger.interval(strategy, symbol) for strategy in STRATEGIES] == parts
        assert ledger.account_interval(symbol) == Interval(
            low=sum(part.low for part in parts), high=sum(part.high for part in parts)
        )
    if left_out is not None:
        strategy, symbol = left_out.strategy, left_out.instrument
        assert ledger.interval(strategy, symbol, without) == scan(ledger, strategy, symbol, without)


def scan(ledger: Ledger, strategy: str, symbol: str, without: str) -> Interval:
    """Of a strategy without a position: its entries add up, of its exits only the largest counts."""
    ends = []
    for side in (Side.SELL, Side.BUY):
        found = [
            order
            for root, order in ledger.orders.items()
            if root != without and (order.strategy, order.instrument, order.side) == (strategy, symbol, side)
        ]
        entries = sum(order.remaining for order in found if order.order_class is OrderClass.ENTRY)
        exits = max((order.remaining for order in found if order.order_class is not OrderClass.ENTRY), default=0)
        ends.append(side * (entries + exits))
    return Interval(low=ends[0], high=ends[1])
