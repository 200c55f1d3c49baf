"""What is left is told as people say it: prices and sizes of the instrument, ticks and lots where nobody knows it."""

from decimal import Decimal

import pytest

from tests.tools.core_kit import Core
from tests.tools.venue_kit import stock
from toolkit.client.stopping import describe, held_in_engine
from toolkit.domain.instruments import Instrument
from toolkit.domain.orders import OrderClass, Side
from toolkit.domain.requests import VenueOrder

STOP = VenueOrder(
    order_id="DSK0000100000001", venue_order_id="V1", instrument="AAPL", side=Side.SELL, quantity=10, filled=4,
    price=9_450, order_class=OrderClass.PROTECTIVE, stop=9_500,
)  # fmt: skip


@pytest.mark.parametrize(
    ("known", "words"),
    [
        ({"AAPL": stock(lot=Decimal("0.1"))}, "SELL 0.6 AAPL at 94.50, stop 95.00"),
        ({}, "SELL 6 lots AAPL at 9450 ticks, stop 9500 ticks"),
        ({"IBM": stock("IBM")}, "SELL 6 lots AAPL at 9450 ticks, stop 9500 ticks"),
    ],
)
def test_a_resting_order(known: dict[str, Instrument], words: str) -> None:
    assert describe(("paper", STOP), known) == f"paper: protective DSK0000100000001 {words}"


def test_a_stop_that_the_engine_holds() -> None:
    core = Core(supports=frozenset())
    core.buy(10)
    core.sell(10, stop=9_500)
    (line,) = held_in_engine(core.ledger)
    assert line.endswith("SELL 10 AAPL, stop 95.00: it acts only while the engine runs")
