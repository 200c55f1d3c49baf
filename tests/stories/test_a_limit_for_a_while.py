"""Control 31: two people loosen a limit for a while or for so many orders, and it is never left behind."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.tools.core_kit import Core, limit, limits
from toolkit.domain import commands as cm
from toolkit.domain import events as ev
from toolkit.domain.intents import PlaceOrder
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import SessionOpened
from toolkit.domain.orders import OrderType, Side
from toolkit.domain.overrides import in_force
from toolkit.domain.people import PEOPLE, SUPERVISOR, Identity, Role
from toolkit.engine.engine import Engine
from toolkit.replica.replica import Replica
from toolkit.replica.views import limits as shown_limits
from toolkit.replica.views import overrides

FILE = cm.Who(identity="unix:rita", verified=False, source="config/limits.yaml")
OLGA = cm.Who(identity="unix:olga", verified=True, source="cli")
RITA = cm.Who(identity="unix:rita", verified=True, source="cli")
TIGHT = limits(max_order_quantity="5")


def desk(rows: tuple[cm.LimitRow, ...] = TIGHT, strategies: tuple[str, ...] = ("trend",)) -> Core:
    core = Core(rows=rows, strategies=strategies)
    people = tuple(
        Identity(identity=f"unix:{name}", person=name, roles=(role,))
        for name, role in (("olga", Role.OPERATOR), ("rita", Role.RISK))
    )
    core.command(cm.SetPeople(rows=people, four_eyes=True, who=FILE, reason="two of us"), SUPERVISOR)
    return core


def override(core: Core, *, approved: bool = True, **more: Any) -> ev.CommandTaken:
    """Ten lots an order instead of five, as Olga asks for it and Rita approves."""
    asked = {"scope": "book", "name": "", "limit": "max_order_quantity", "value": "10", "seconds": 60, "orders": 0}
    core.command(cm.OverrideLimit(**(asked | more), who=OLGA, reason="the open"), PEOPLE)
    taken: ev.CommandTaken = core.of(ev.CommandTaken)[-1]
    if approved:
        assert not taken.refused
        core.command(cm.ApproveChange(proposal=taken.proposal, who=RITA, reason="seen"), PEOPLE)
        assert not core.of(ev.CommandTaken)[-1].refused
    return taken


def passes(core: Core, quantity: int = 6, **more: Any) -> bool:
    before = len(core.orders_received())
    core.buy(quantity, 9_000, **more)
    return len(core.orders_received()) > before


def ends(core: Core) -> list[str]:
    return [event.cause for event in core.of(ev.OverrideEnded)]


def test_nothing_is_loosened_before_another_person_has_approved_it() -> None:
    core = desk()
    taken = override(core, approved=False)
    assert taken.proposal
    assert not passes(core)
    core.command(cm.ApproveChange(proposal=taken.proposal, who=OLGA, reason="mine"), PEOPLE)
    assert "role risk" in core.of(ev.CommandTaken)[-1].refused
    assert not passes(core)
    (proposed,) = core.of(ev.ChangeProposed)
    assert str(proposed.changes[0]).startswith("max_order_quantity of book: 5 → 10 for 1 min")


def test_it_holds_from_the_next_order_on_until_its_time_is_over() -> None:
    core = desk()
    override(core)
    assert passes(core)
    core.wait(59)
    assert passes(core, 7)
    core.wait(1)
    assert not passes(core, 8)
    assert (core.denial().control, core.denial().limit) == (3, "5")
    assert ends(core) == ["its time is over"]


def test_the_time_is_over_though_nothing_happened_between() -> None:
    core = desk()
    override(core)
    core.mono += 10**11  # no step, no word: the order is the first thing after it
    assert not passes(core)


def test_it_ends_with_the_last_of_its_orders_also_within_one_answer() -> None:
    core = desk()
    override(core, orders=2)
    core.intend(*(bid(f"crowd.{number}", number) for number in range(4)))
    assert [order.quantity for order in core.orders_received()] == [6, 7]
    assert ends(core) == ["used by 2 orders"]
    assert core.of(ev.OverrideEnded)[0].used == 2
    assert not core.ledger.overrides


def bid(intent_id: str, number: int) -> PlaceOrder:
    return PlaceOrder(
        intent_id=intent_id, instrument="AAPL", side=Side.BUY, quantity=6 + number, order_type=OrderType.LIMIT,
        price=9_000, reason="",
    )  # fmt: skip


def test_orders_of_which_it_does_not_speak_use_nothing_of_it() -> None:
    core = desk(limits(limit("max_order_quantity", "5", "strategy", "trend")), ("trend", "other"))
    override(core, scope="strategy", name="trend", orders=1)
    assert passes(core, strategy="other")
    assert passes(core, strategy="trend")
    assert not passes(core, 7, strategy="trend")


def test_it_is_there_after_a_restart_and_ends_in_its_time() -> None:
    core = desk()
    override(core)
    again = Ledger.from_bytes(core.ledger.to_bytes())
    assert again.digest() == core.shadow.digest()
    core.engine = Engine(again, core.engine._settings, core.controls)
    core.feed(SessionOpened(calendar="XNYS", session="2026-01-05"))
    core.quote(9_999, 10_001)
    assert passes(core)
    core.wait(60)
    assert not passes(core, 7)
    assert ends(core) == ["its time is over"]


def test_one_that_ends_by_use_alone_ends_after_a_day_as_well() -> None:
    core = desk()
    override(core, seconds=0, orders=1000)
    core.wait(24 * 3600)
    assert ends(core) == ["its time is over"]


def test_a_newer_table_ends_it_where_it_says_otherwise_and_only_there() -> None:
    core = desk()
    override(core)
    save(core, "other", max_order_quantity="5", max_order_value="1000000")
    assert not ends(core)
    save(core, "tighter", max_order_quantity="4")
    assert ends(core) == ["the table of limits says otherwise now"]
    assert not passes(core, 5)


def save(core: Core, checksum: str, **book: str) -> None:
    body = cm.SetLimits(rows=limits(**book), checksum=checksum, who=FILE, reason="saved")
    core.command(body, SUPERVISOR)


def test_a_saved_file_as_loose_as_the_override_still_takes_a_second_person() -> None:
    core = desk()
    override(core)
    save(core, "looser", max_order_quantity="10")
    assert core.of(ev.CommandTaken)[-1].proposal
    core.wait(60)
    assert not passes(core)


def test_one_person_is_enough_to_end_it() -> None:
    core = desk()
    override(core)
    core.command(cm.EndOverride(scope="book", name="", limit="max_order_quantity", who=OLGA, reason="done"), PEOPLE)
    assert not core.of(ev.CommandTaken)[-1].proposal
    assert not passes(core)
    assert core.of(ev.OverrideEnded)[0].who.identity == "unix:olga"


def test_another_one_takes_its_place() -> None:
    core = desk()
    override(core)
    override(core, value="7")
    assert ends(core) == ["another one takes its place"]
    assert not passes(core, 8)
    assert passes(core, 7)


def test_limits_of_the_whole_book_can_be_overridden_too() -> None:
    core = desk(limits(max_gross="500"))
    assert not passes(core)
    override(core, limit="max_gross", value="100000")
    assert passes(core, 7)
    core.wait(60)
    assert not passes(core, 8)


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"scope": "strategy", "name": "trend"}, "max_order_quantity is set for: book"),
        ({"value": "5"}, "loosens nothing"),
        ({"value": "4"}, "loosens nothing"),
        ({"value": "many"}, "give a number"),
        ({"seconds": 0}, "say when it ends"),
        ({"seconds": 90_000}, "at most 24 hours"),
        ({"orders": -1}, "at most"),
        ({"limit": "burst_window", "value": "0.5"}, "in the file alone"),
    ],
)
def test_what_makes_no_sense_is_proposed_to_nobody(more: dict[str, Any], words: str) -> None:
    core = desk()
    taken = override(core, approved=False, **more)
    assert words in taken.refused
    assert not core.ledger.proposals


def test_nobody_named_nobody_to_ask() -> None:
    core = Core(rows=TIGHT)
    assert "nobody is named" in override(core, approved=False).refused


def test_people_see_the_value_in_force_and_until_when() -> None:
    core = desk()
    override(core, orders=3)
    replica = Replica(ledger=Ledger.from_bytes(core.ledger.to_bytes()))
    (row,) = (row for row in shown_limits(replica) if row.limit == "max_order_quantity")
    assert (row.value, row.source) == ("10", "override of config/limits.yaml:12, there 5")
    assert "or 3 of 3 orders more, for unix:olga" in row.override
    passed = msgspec.structs.replace(next(iter(core.ledger.overrides.values())), used=3)
    assert in_force(core.ledger.limits, {passed.key: passed}) == core.ledger.limits
    assert Decimal(row.value) == 10
    (told,) = overrides(replica, 0)
    assert (told.value, told.before, told.orders, told.who) == ("10", "5", "3 of 3", "unix:olga")


def test_what_is_over_is_not_shown_in_force_though_no_engine_has_said_so() -> None:
    core = desk()
    override(core)
    replica = Replica(ledger=Ledger.from_bytes(core.ledger.to_bytes()))
    until = next(iter(core.ledger.overrides.values())).until
    for now, value in ((until - 1, "10"), (until, "5")):
        (row,) = (row for row in shown_limits(replica, now=now) if row.limit == "max_order_quantity")
        assert (row.value, bool(row.override), len(overrides(replica, now))) == (value, value == "10", value == "10")
