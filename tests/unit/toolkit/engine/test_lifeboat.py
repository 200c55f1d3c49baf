"""A flatten that left without an engine: its order gets into the books once, as whose position it closed."""

from msgspec import structs

from tests.tools.core_kit import Core
from toolkit.domain.commands import Who
from toolkit.domain.identifiers import lifeboat_id
from toolkit.domain.orders import OrderClass, OrderType, Side, Status, TimeInForce
from toolkit.domain.requests import SubmitOrder
from toolkit.domain.time import FeedTime, MonoTime, WallTime
from toolkit.engine.lifeboat import LeftFlatten

ANNA = Who(identity="unix:anna", verified=False, source="cli")


def left(core: Core, quantity: int = 10, number: int = 77) -> LeftFlatten:
    order = SubmitOrder(
        venue="paper", order_id=lifeboat_id(core.ledger.desk, number), strategy="trend", instrument="AAPL",
        side=Side.SELL, quantity=quantity, order_type=OrderType.MARKET, price=None, time_in_force=TimeInForce.IOC,
        order_class=OrderClass.EXIT, post_only=False, reduce_only=False, time=FeedTime(0), epoch=0,
        send_by=MonoTime(2**62),
    )  # fmt: skip
    return LeftFlatten(order, WallTime(5), ANNA, "all dead")


def imported(core: Core, flatten: LeftFlatten) -> None:
    core.take(core.engine.import_flattens(core.now(), [flatten]))


def test_what_it_filled_is_of_the_sub_account_whose_position_it_closed() -> None:
    core = Core()
    core.buy(10)
    reports = core.venue.process(left(core).order)
    imported(core, left(core))
    assert core.ledger.order(left(core).order.order_id).shown_status == "UNKNOWN"
    core._hear(reports)
    assert (core.held(), core.held("house")) == (0, 0)
    assert core.ledger.order(left(core).order.order_id).status is Status.FILLED
    imported(core, left(core))
    assert core.held() == 0


def test_what_never_arrived_is_not_sent_again_beside_the_order_that_took_its_place() -> None:
    core = Core()
    core.buy(10)
    lost, second = left(core), left(core, number=78)
    reports = core.venue.process(second.order)
    core.take(core.engine.import_flattens(core.now(), [lost, second]))
    core._hear(reports)
    core.prove_absent(lost.order.order_id)
    core.quote(9_999, 10_001)
    assert (core.held(), core.ledger.open_orders(), core.venue.state().positions) == (0, [], ())


def test_what_no_sub_account_claims_is_booked_as_manuals() -> None:
    core = Core()
    foreign = left(core, 3)
    foreign = foreign._replace(order=structs.replace(foreign.order, strategy="manual"))
    reports = core.venue.process(foreign.order)
    imported(core, foreign)
    core._hear(reports)
    assert (core.held("manual"), core.held("house"), core.ledger.open_orders()) == (-3, 0, [])


def test_an_engine_that_ran_on_gave_it_to_house_and_hands_it_over_once() -> None:
    core = Core()
    core.buy(10)
    core._hear(core.venue.process(left(core).order))
    assert (core.held(), core.held("house")) == (10, -10)
    cash = sum(core.ledger.cash[name]["USD"] for name in ("trend", "house"))
    for _ in range(2):
        imported(core, left(core))
        assert (core.held(), core.held("house")) == (0, 0)
    assert sum(core.ledger.cash[name]["USD"] for name in ("trend", "house")) == cash
    assert not core.ledger.open_orders()
