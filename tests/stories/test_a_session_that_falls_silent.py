"""What the paper venue does when the session that asked for it falls silent, in its own time and to the last bit."""

from tests.tools.venue_kit import settings as plain
from tests.tools.venue_kit import step, stock
from toolkit.domain.market import Quote
from toolkit.domain.orders import OrderClass, OrderType, Side, TimeInForce
from toolkit.domain.requests import Canceled, SubmitOrder
from toolkit.domain.time import FeedTime, MonoTime
from toolkit.domain.venue_line import CancelOnSilence
from toolkit.simulation.matching import PaperVenue
from toolkit.simulation.silence import FellSilent

ARMED = CancelOnSilence(after=10**9)
QUOTE = Quote(instrument="AAPL", bid=9_999, ask=10_001, bid_size=500, ask_size=500)


def submit(number: int, order_class: OrderClass, price: int = 9_000) -> SubmitOrder:
    return SubmitOrder(
        venue="paper", order_id=f"DSK1{number:08d}", strategy="trend", instrument="AAPL", side=Side.BUY, quantity=5,
        order_type=OrderType.LIMIT, price=price, time_in_force=TimeInForce.GTC, order_class=order_class,
        post_only=False, reduce_only=False, time=FeedTime(1), epoch=1, send_by=MonoTime(2**62),
    )  # fmt: skip


def venue(**choices: int) -> PaperVenue:
    made = PaperVenue(plain(**choices), (stock(),))
    made.advance(step(1, 1, QUOTE))
    return made


def classes(made: PaperVenue) -> list[OrderClass]:
    return [order.order_class for order in made.state().open_orders]


def test_entries_go_and_all_else_stays() -> None:
    made = venue()
    for number, order_class in enumerate(OrderClass):
        made.process(submit(number, order_class))
    reports = made.process(FellSilent(everything=False))
    assert [type(report) for report in reports] == [Canceled]
    assert OrderClass.ENTRY not in classes(made)
    assert len(classes(made)) == 2
    made.process(FellSilent(everything=True))
    assert classes(made) == []


def test_what_was_on_its_way_does_not_rest_afterwards_and_time_does_not_move() -> None:
    made = venue(submit_latency=50_000_000)
    made.process(submit(1, OrderClass.ENTRY))
    assert classes(made) == []
    made.process(FellSilent(everything=False))
    made.advance(step(2, 2, QUOTE))
    made.advance(step(3, 10**9, QUOTE))
    assert classes(made) == []


def test_being_armed_outlives_a_restart_of_the_venue() -> None:
    made = venue()
    made.process(ARMED)
    again = PaperVenue.restore(made.settings, (stock(),), made.snapshot())
    assert again.dead_man_after == ARMED.after
    again.process(FellSilent(everything=False))
    assert again.dead_man_after == 0
