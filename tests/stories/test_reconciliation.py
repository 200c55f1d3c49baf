"""At the start the venue's own account of itself is held against the books: differences are told, never traded away."""

from toolkit.domain.events import Alarmed, OrderDoubted, TradingStateChanged
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import FeedMode
from toolkit.domain.orders import OrderClass, Side, TradingState
from toolkit.domain.requests import VenueOrder, VenueState
from toolkit.domain.time import FeedTime, MonoTime, Now, WallTime
from toolkit.engine.engine import Engine
from toolkit.engine.messages import EngineSettings

NOW = Now(FeedTime(0), WallTime(0), MonoTime(0))


def engine() -> Engine:
    made = Engine(Ledger(), EngineSettings(feed_mode=FeedMode.FREE))
    made.open_book(NOW, book="b", desk="DSK", base="USD", currencies=(), venues=("paper",), first_step=0)
    return made


def venue(*orders: VenueOrder, **positions: int) -> VenueState:
    return VenueState(venue="paper", last_report=0, step=0, open_orders=orders, positions=tuple(positions.items()))


def order(order_id: str) -> VenueOrder:
    return VenueOrder(
        order_id=order_id, venue_order_id="1", instrument="IBM", side=Side.BUY, quantity=10, filled=0, price=100,
        order_class=OrderClass.ENTRY,
    )  # fmt: skip


def test_a_position_that_only_the_venue_has_is_a_break_and_reduces_trading() -> None:
    desk = engine()
    events = desk.reconcile(NOW, venue(IBM=5)).events
    assert [event.kind for event in events if isinstance(event, Alarmed)] == ["break"]
    assert desk.ledger.trading_state("trend", "paper")[0] is TradingState.REDUCING


def test_an_order_that_the_books_do_not_know_is_a_break_and_says_whose_it_looks() -> None:
    events = engine().reconcile(NOW, venue(order("DSK0000100000001"), order("SOMEBODY"))).events
    details = [event.detail for event in events if isinstance(event, Alarmed)]
    assert "ours by its id" in details[0]
    assert "foreign" in details[1]


def test_a_later_look_without_differences_ends_the_break() -> None:
    desk = engine()
    desk.reconcile(NOW, venue(IBM=5))
    events = desk.reconcile(NOW, venue()).events
    assert [event.state for event in events if isinstance(event, TradingStateChanged)] == [TradingState.ACTIVE]


def test_agreement_leaves_no_trace() -> None:
    assert not engine().reconcile(NOW, venue()).events


def test_nothing_is_sent_to_mend_a_difference() -> None:
    output = engine().reconcile(NOW, venue(order("DSK0000100000001"), IBM=5))
    assert output.requests == []
    assert not any(isinstance(event, OrderDoubted) for event in output.events)
