"""Cancels first, then exits, then entries; only what the guard approved has a way in."""

import pytest

from tests.tools.core_kit import Core, number
from tests.tools.venue_kit import cancel, submit
from toolkit.domain.errors import DomainError
from toolkit.domain.events import Seen
from toolkit.domain.intents import CancelIntent, PlaceOrder
from toolkit.domain.orders import OrderClass, OrderType, Side
from toolkit.domain.ports import Lease
from toolkit.domain.requests import CancelOrder, SubmitOrder
from toolkit.engine.risk.proposal import Approved
from toolkit.engine.transaction import Transaction


def test_only_the_guard_can_approve() -> None:
    core = Core()
    core.engine._orders._router = (spy := Spy(core.engine._router))
    core.buy(1)
    seen = Seen(step=0, quote_step=0, bid=0, ask=0, age=0)
    with pytest.raises(TypeError, match="only the guard approves"):
        Approved(object(), spy.approved[0].proposal, seen, ())


def test_an_approval_is_for_one_order_alone() -> None:
    core = Core()
    core.buy(1, 9_000)
    core.buy(2, 9_001)
    router, transaction = core.engine._router, Transaction(core.ledger, core.now())
    core.engine._orders._router = (spy := Spy(router))
    core.buy(3, 9_002)
    with pytest.raises(DomainError, match="not the one that was approved"):
        router.submit(transaction, spy.approved[0], core.ledger.orders[number(1)])
    assert transaction.requests == []


class Spy:
    """Keeps what passes on its way into the router."""

    def __init__(self, router: object) -> None:
        self._router = router
        self.approved: list[Approved] = []

    def submit(self, transaction: Transaction, approved: Approved, order: object) -> None:
        self.approved.append(approved)

    def __getattr__(self, name: str) -> object:
        return getattr(self._router, name)


def test_cancels_leave_first_then_exits_then_entries() -> None:
    core = Core()
    requests = [
        submit(number(7), Side.BUY, 1),
        submit(number(8), Side.SELL, 1, order_class=OrderClass.EXIT),
        cancel(number(3)),
        submit(number(9), Side.SELL, 1, order_class=OrderClass.PROTECTIVE),
    ]
    core.engine._router.sort(requests)
    assert [request.order_id for request in requests] == [number(3), number(8), number(9), number(7)]


def test_a_cancel_never_overtakes_its_own_order() -> None:
    core = Core()
    place = PlaceOrder(
        intent_id="a", instrument="AAPL", side=Side.BUY, quantity=1, order_type=OrderType.LIMIT, price=9_000
    )
    core.intend(place, CancelIntent(intent_id="b", target="a"))
    assert [type(request) for request in core.received] == [SubmitOrder, CancelOrder]
    assert core.at_venue() == []


def test_every_request_carries_the_epoch_and_the_deadline_of_the_lease() -> None:
    core = Core()
    core.engine.lease_renewed(Lease(epoch=4, send_by=core.now().mono + 99))
    core.cancel(core.buy(1, 9_000))
    assert {(request.epoch, request.send_by) for request in core.received} == {(4, core.now().mono + 99)}
