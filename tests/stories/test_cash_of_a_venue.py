"""The paper venue tells its cash by its own trades and fees, and the books are held against it to the quantum."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stories.test_reconciliation import adopt, breaks, confirm, look
from tests.tools.core_kit import ANNA, Core
from tests.tools.venue_kit import settings as venue_settings
from toolkit.domain import commands as cm
from toolkit.domain.ledger import Ledger
from toolkit.domain.requests import VenueState
from toolkit.simulation.matching import PaperVenue
from toolkit.simulation.surprises import BustFill

FEES = msgspec.structs.replace(
    venue_settings().fees,
    taker_basis_points=Decimal("0.5"),
    taker_per_unit=Decimal("0.005"),
    maker_basis_points=Decimal("-0.2"),
)


def differs(core: Core) -> list[tuple[str, str, int]]:
    confirm(core, core.venue.state())
    return breaks(core)


@settings(max_examples=25)
@given(st.lists(st.tuples(st.integers(1, 40), st.booleans(), st.integers(9_900, 10_100)), max_size=12))
def test_whatever_trades_books_and_venue_hold_the_same_cash(orders: list[tuple[int, bool, int]]) -> None:
    core = Core(fees=FEES, partial_fills_per_million=300_000)
    for quantity, buys, price in orders:
        (core.buy if buys else core.sell)(quantity, price)
        core.quote(price - 1, price + 1)
    cash = core.venue.state().cash
    assert cash is not None
    assert dict(cash) == {asset: held for asset, held in core.ledger.venue_cash.get("paper", {}).items() if held}
    assert differs(core) == []


@pytest.mark.parametrize("kind", ["deposit", "withdrawal", "dividend", "funding", "interest", "borrow", "fee"])
def test_what_people_book_beside_its_trades_is_no_difference(kind: str) -> None:
    core = Core(fees=FEES)
    core.buy(10)
    move = cm.MoveCash(kind=kind, sub_account="trend", asset="USD", amount=Decimal("12.34"), who=ANNA, reason="known")
    core.command(move)
    assert differs(core) == []


def test_a_fee_that_the_books_do_not_have_is_a_break_until_a_person_adopts_it() -> None:
    core = Core(fees=FEES)
    core.buy(10)
    state = charged(core, 7)
    confirm(core, state)
    assert breaks(core) == [("cash", "USD", -7)]
    assert adopt(core, "cash", "USD", "trend") == ""
    look(core, state)
    assert breaks(core) == []


def charged(core: Core, quanta: int) -> VenueState:
    """The venue's account with so much less."""
    truth = core.venue.state()
    return msgspec.structs.replace(truth, cash=tuple((asset, held - quanta) for asset, held in truth.cash or ()))


def test_lots_that_differ_explain_cash_that_does_and_it_is_looked_at_once_they_agree() -> None:
    core = Core(fees=FEES)
    core.buy(10)
    more = msgspec.structs.replace(charged(core, 100_000), positions=(("AAPL", 20),))
    confirm(core, more)
    assert breaks(core) == [("position", "AAPL", 10)]
    confirm(core, charged(core, 7))
    assert breaks(core) == [("cash", "USD", -7)]


def test_it_does_not_tell_what_it_lost_count_of() -> None:
    core = Core(fees=FEES)
    core.buy(10)
    order = core.orders_received()[0].order_id
    execution = next(iter(core.ledger.fills.values()))[0].execution_id
    core._hear(core.venue.process(BustFill(order_id=order, execution_id=execution, quantity=10)))
    assert core.venue.state().cash is None
    assert differs(core) == []


def test_it_knows_its_cash_after_a_restart_and_one_that_never_counted_does_not_begin_in_the_middle() -> None:
    core = Core(fees=FEES)
    core.buy(10)
    venue = core.venue
    again = PaperVenue.restore(venue.settings, core.instruments, venue.snapshot())
    assert again.state() == venue.state()
    fresh = PaperVenue(venue_settings(fees=FEES), core.instruments)
    assert fresh.state().cash == ()
    fresh._account.lose_count()
    older = PaperVenue.restore(venue.settings, core.instruments, fresh.snapshot())
    assert older.state().cash is None


def test_a_ledger_tells_what_people_booked_after_a_restart_too() -> None:
    core = Core()
    core.command(
        cm.MoveCash(kind="deposit", sub_account="house", asset="USD", amount=Decimal(5), who=ANNA, reason="wire")
    )
    assert Ledger.from_bytes(core.ledger.to_bytes()).booked_cash == {"paper": {"USD": 500}}
