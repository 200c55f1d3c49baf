"""A venue that loses, delays and rejects what it is sent: in the end our books are its books, whatever happened."""

from collections.abc import Iterable

from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tests.tools.core_kit import Core, limits
from tests.tools.venue_kit import SECOND
from toolkit.domain import requests as rq
from toolkit.domain.orders import Doubt, Side, Status

ASKS = st.lists(
    st.tuples(
        st.sampled_from(["place", "cancel", "modify", "target", "step", "wait"]),
        st.integers(-20, 20),
        st.integers(9_995, 10_005),
    ),
    min_size=5,
    max_size=40,
)
VENUES = st.fixed_dictionaries(
    {
        "seed": st.integers(0, 10**6),
        "silences_per_million": st.sampled_from([0, 100_000, 400_000]),
        "rejects_per_million": st.sampled_from([0, 200_000]),
        "partial_fills_per_million": st.sampled_from([0, 500_000]),
        "submit_latency": st.sampled_from([0, SECOND // 2, 8 * SECOND]),
        "cancel_latency": st.sampled_from([0, 3 * SECOND]),
        "replace_latency": st.sampled_from([0, 8 * SECOND]),
        "acknowledges_before_fill": st.booleans(),
    }
)


class Believing(Core):
    """Like a backtest: a venue in the same process cannot have lost what it does not know."""

    def _hear(self, reports: Iterable[rq.VenueReport]) -> None:
        for report in reports:
            if isinstance(report, rq.OrderNotFound):
                self.prove_absent(report.order_id)
            else:
                super()._hear((report,))


@hypothesis_settings(max_examples=60)
@given(asks=ASKS, venue=VENUES)
def test_books_and_venue_agree_once_it_is_quiet(asks: list[tuple[str, int, int]], venue: dict[str, int]) -> None:
    core = Believing(rows=limits(max_position="100"), **venue)
    intents: list[str] = []
    for what, size, price in asks:
        if what == "place":
            side = Side.BUY if size > 0 else Side.SELL
            intents.append(core.place(side, abs(size) + 1, price if size % 3 else None))
        elif what == "cancel" and intents:
            core.cancel(intents[size % len(intents)])
        elif what == "modify" and intents:
            core.modify(intents[size % len(intents)], quantity=abs(size) + 1)
        elif what == "target":
            core.target(size)
        elif what == "step":
            core.quote(price - 1, price + 1)
        else:
            core.wait(abs(size))
    for _ in range(80):
        core.quote(9_999, 10_001)
    ledger, truth = core.ledger, core.venue.state()
    assert {symbol: lots for symbol, lots in ledger.venue_positions.get("paper", {}).items() if lots} == dict(
        truth.positions
    )
    assert not ledger.doubtful
    assert {order.order_id for order in ledger.open_orders()} == {order.order_id for order in truth.open_orders}
    assert all(order.status is not Status.PENDING_NEW for order in ledger.orders.values())
    assert all(order.doubt is Doubt.NONE for order in ledger.orders.values())
    assert core.shadow.digest() == ledger.digest()
