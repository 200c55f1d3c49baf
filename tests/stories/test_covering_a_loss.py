"""No booking of one person covers a loss that controls 20 and 21 watch; what is no result, or a cost, takes nobody."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.tools.core_kit import Core, limits
from tests.tools.two_venues import ALPHA, BETA, TwoVenues, rule
from tests.tools.venue_kit import SECOND, stock
from toolkit.domain import commands as cm
from toolkit.domain import events as ev
from toolkit.domain.instruments import Instrument
from toolkit.domain.people import PEOPLE, SUPERVISOR, Identity, Role
from toolkit.domain.time import MonoTime
from toolkit.engine.messages import Looked

OLGA = cm.Who(identity="unix:olga", verified=True, source="cli")
RITA = cm.Who(identity="unix:rita", verified=True, source="cli")
BY: dict[str, Any] = {"who": OLGA, "reason": "as booked at the venue"}


def desk(*, lost: bool = True, instruments: tuple[Instrument, ...] = ()) -> Core:
    """10 lots of trend, bought at 100.01; it stands at 90.00 when it has lost."""
    core = Core(
        rows=limits(max_daily_loss="50", price_collar="99", max_price_drift="1000"), strategies=("trend", "other"),
        instruments=instruments,
    )  # fmt: skip
    people(core)
    core.buy(10)
    for _ in range(3):
        core.quote(8_999, 9_001) if lost else core.quote(11_999, 12_001)
    return core


def people(core: Core) -> None:
    rows = tuple(
        Identity(identity=f"unix:{name}", person=name, roles=(role,))
        for name, role in (("olga", Role.OPERATOR), ("rita", Role.RISK))
    )
    body = cm.SetPeople(rows=rows, four_eyes=True, who=OLGA, reason="two of us")
    core.command(msgspec.structs.replace(body, who=cm.Who(identity="x", verified=False, source="file")), SUPERVISOR)


def give(core: Core, body: Any) -> ev.CommandTaken:
    core.command(body, PEOPLE)
    taken: ev.CommandTaken = core.of(ev.CommandTaken)[-1]
    assert not taken.refused, taken.refused
    return taken


def cash(kind: str, amount: str, to: str = "trend", **more: Any) -> cm.MoveCash:
    return cm.MoveCash(kind=kind, sub_account=to, asset="USD", amount=Decimal(amount), **BY, **more)


@pytest.mark.parametrize("kind", ["interest", "fee", "adjustment", "dividend", "funding", "borrow"])
def test_income_after_a_loss_waits_for_a_second_person_and_then_counts(kind: str) -> None:
    core = desk()
    assert core.ledger.states["strategy:trend"], "it lost more than it may"
    before = core.ledger.cash["trend"]["USD"]
    taken = give(core, cash(kind, "80"))
    assert taken.proposal
    assert core.ledger.cash["trend"]["USD"] == before
    (proposed,) = core.of(ev.ChangeProposed)
    assert [change.what for change in proposed.changes] == ["loss of trend", "loss of the book"]
    core.quote(8_998, 9_000)  # the proposal is of a booking, not of what the market makes of it
    give(core, cm.ApproveChange(proposal=taken.proposal, who=RITA, reason="on the venue's statement"))
    assert core.ledger.cash["trend"]["USD"] == before + 8_000


@pytest.mark.parametrize(
    ("kind", "amount", "to"), [("fee", "-80", "trend"), ("deposit", "80", "trend"), ("withdrawal", "-80", "trend")]
)
def test_costs_and_what_is_no_result_are_booked_at_once(kind: str, amount: str, to: str) -> None:
    assert not give(desk(), cash(kind, amount, to)).proposal


def test_income_of_somebody_else_still_covers_the_loss_of_the_book() -> None:
    core = desk()
    assert give(core, cash("interest", "80", "other")).proposal
    assert [change.what for change in core.of(ev.ChangeProposed)[0].changes] == ["loss of the book"]


def test_without_a_loss_one_person_books_it() -> None:
    assert not give(desk(lost=False), cash("interest", "80")).proposal


def test_two_bookings_wait_beside_each_other_and_the_same_one_waits_once() -> None:
    core = desk()
    proposals = {give(core, cash("interest", amount)).proposal for amount in ("80", "81", "80")}
    assert set(core.ledger.proposals) == proposals
    assert len(proposals) == 2


def test_a_distribution_pays_who_lost_only_with_a_second_person() -> None:
    paid = cm.DistributeCash(kind="dividend", instrument="AAPL", asset="USD", per_unit=Decimal(1), amount=None, **BY)
    assert give(desk(), paid).proposal
    assert not give(desk(), msgspec.structs.replace(paid, per_unit=Decimal(-1))).proposal
    assert not give(desk(lost=False), paid).proposal


@pytest.mark.parametrize(("figure", "waits"), [("80", True), ("-0.01", True), ("-0.09", False), (None, False)])
def test_a_venues_figure_far_from_what_is_paid_a_unit_covers_no_loss_in_house(figure: str | None, waits: bool) -> None:
    amount = None if figure is None else Decimal(figure)
    paid = cm.DistributeCash(
        kind="funding", instrument="AAPL", asset="USD", per_unit=Decimal("-0.01"), amount=amount, **BY
    )  # fmt: skip
    assert bool(give(desk(), paid).proposal) is waits
    assert not give(desk(lost=False), paid).proposal


def transfer(price: str | None) -> cm.TransferPosition:
    at = None if price is None else Decimal(price)
    return cm.TransferPosition(source="trend", target="other", instrument="AAPL", quantity=None, price=at, **BY)


def test_a_stated_price_moves_no_result_to_who_lost_but_the_mark_does_not_ask() -> None:
    assert give(desk(), transfer("150")).proposal
    assert not give(desk(), transfer(None)).proposal
    assert not give(desk(), transfer("80")).proposal, "other gains, and has lost nothing"


def test_what_cannot_be_carried_out_when_it_is_approved_waits_on_with_the_reason_told() -> None:
    core = desk()
    exit_order = core.sell(10, 12_000)
    proposal = give(core, transfer("150")).proposal
    approve = cm.ApproveChange(proposal=proposal, who=RITA, reason="agreed")
    core.command(approve, PEOPLE)
    refused = core.of(ev.CommandTaken)[-1].refused
    assert "cannot be carried out now and waits on: exits of trend work for its AAPL" in refused
    assert (core.of(ev.ChangeApproved), list(core.ledger.proposals)) == ([], [proposal])
    core.cancel(exit_order)
    give(core, approve)
    assert (core.held(), core.held("other")) == (0, 10)
    assert core.ledger.proposals == {}


def test_cash_that_only_the_venue_has_covers_nothing_at_one_persons_word() -> None:
    core = desk()
    known = core.ledger.venue_cash["paper"]["USD"]
    state = msgspec.structs.replace(core.venue.state(), cash=(("USD", known + 8_000),))
    for second in (0, 6):
        core.do(Looked(state=state, at=MonoTime(core.mono + second * SECOND)))
    adopt = cm.AdoptBreak(venue="paper", kind="cash", subject="USD", sub_account="trend", price=None, **BY)
    assert give(core, adopt).proposal


@pytest.mark.parametrize(("symbol", "price"), [("MSFT", "0.01"), ("AAPL", None)])
def test_lots_that_nobody_holds_have_no_mark_that_says_what_a_price_is_worth(symbol: str, price: str | None) -> None:
    core = desk(instruments=(stock(), stock("MSFT")))
    core.sell(10)  # what is left of it is the mark of then
    for second in (0, 6):
        state = msgspec.structs.replace(core.venue.state(), positions=((symbol, 10),), cash=None)
        core.do(Looked(state=state, at=MonoTime(core.mono + second * SECOND)))
    at = None if price is None else Decimal(price)
    adopt = cm.AdoptBreak(venue="paper", kind="position", subject=symbol, sub_account="other", price=at, **BY)
    assert give(core, adopt).proposal


# ---------------------------------------------------------------- whose account


def test_of_several_venues_a_booking_names_the_one_whose_account_moved() -> None:
    core = TwoVenues(rule(ALPHA, BETA))
    core.engine.ledger.venues = (ALPHA, BETA)
    core.command(cash("interest", "5"))
    assert "name the venue whose account it is about: alpha, beta" in core.of(ev.CommandTaken)[-1].refused
    core.command(cash("interest", "5", venue="gamma"))
    assert "no venue 'gamma'; there are alpha, beta" in core.of(ev.CommandTaken)[-1].refused
    core.command(cash("interest", "5", venue=BETA))
    assert core.ledger.venue_cash[BETA] == {"USD": 500}


def test_a_distribution_pays_on_what_lies_at_its_venue() -> None:
    core = TwoVenues(rule(BETA, strategies=frozenset({"trend"})), strategies=("trend", "other"))
    core.engine.ledger.venues = core.shadow.venues = (ALPHA, BETA)
    core.buy(4)
    core.buy(6, strategy="other")
    paid = cm.DistributeCash(kind="dividend", instrument="AAPL", asset="USD", per_unit=Decimal(1), amount=None, **BY)
    core.command(paid)
    assert "name the venue" in core.of(ev.CommandTaken)[-1].refused
    core.command(msgspec.structs.replace(paid, venue=BETA))
    (moved,) = core.of(ev.CashMoved)
    assert (moved.sub_account, moved.amount, moved.venue) == ("trend", 400, BETA)
