"""Definitions of instruments: what loosens waits for a second person, what makes no sense is refused."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.tools.core_kit import Core
from tests.tools.venue_kit import stock
from tests.unit.toolkit.engine.test_approvals import TABLE, approve, give, save, set_people, who
from toolkit.domain import commands as cm
from toolkit.domain.instruments import Instrument, Shortable
from toolkit.domain.people import SUPERVISOR
from toolkit.domain.time import FeedTime
from toolkit.engine.redefining import looser
from toolkit.replica.decisions import proposals

UP = who("rita", source="up")


def desk(**changes: Any) -> Core:
    core = Core(instruments=(stock(**changes), stock("MSFT")))
    core.command(set_people(TABLE), SUPERVISOR)
    return core


def define(*instruments: Instrument, by: cm.Who = UP) -> cm.DefineInstruments:
    return cm.DefineInstruments(instruments=instruments, who=by, reason="config/instruments.yaml at the start")


LOOSER: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "shortable": ({"shortable": Shortable.NO}, {"shortable": Shortable.LOCATE}),
    "maximum": ({"maximum": 100}, {}),
    "margin": ({}, {"margin": Decimal("0.1")}),
    "multiplier": ({"multiplier": Decimal(50)}, {"multiplier": Decimal(1)}),
    "expiry": ({"expiry": FeedTime(10**18)}, {"expiry": FeedTime(2 * 10**18)}),
}
ANOTHER = {"venue": ({}, {"venue": "other"})}
"""Neither is the looser one of the two."""


@pytest.mark.parametrize("name", LOOSER | ANOTHER)
@pytest.mark.parametrize("later", [0, 10**18])
def test_what_a_definition_loosens_waits_and_what_it_tightens_is_taken(name: str, later: int) -> None:
    before, after = (LOOSER | ANOTHER)[name]
    core = desk(**before)
    new = msgspec.structs.replace(stock(**after), effective_from=FeedTime(later))
    strict = stock("MSFT", maximum=5)
    taken = save(core, define(new, strict))
    assert taken.proposal
    assert core.ledger.instruments.find("AAPL") == stock(**before)
    assert core.ledger.instruments.find("MSFT") == strict
    (proposed,) = core.ledger.proposals.values()
    assert [change.what for change in proposed.changes] == [f"{name} of AAPL"]
    assert "rita proposed it" in approve(core, taken.proposal, who("rita", kind="login")).refused
    assert approve(core, taken.proposal, who("max")).refused == ""
    assert core.ledger.instruments.find("AAPL") == new


@pytest.mark.parametrize("name", LOOSER)
def test_the_other_way_round_it_is_taken_at_once(name: str) -> None:
    after, before = LOOSER[name]
    core = desk(**before)
    taken = save(core, define(stock(**after)))
    assert (taken.refused, taken.proposal) == ("", "")
    assert core.ledger.instruments.find("AAPL") == stock(**after)


def test_a_new_instrument_is_no_loosening() -> None:
    core = desk()
    assert save(core, define(stock("NEWA"))).proposal == ""
    assert core.ledger.instruments.find("NEWA") == stock("NEWA")


@pytest.mark.parametrize(
    "changes", [{"lot": Decimal(100)}, {"tick": Decimal("0.05")}, {"multiplier": Decimal(2)}, {"venue": "other"}]
)
def test_units_do_not_change_under_what_is_held_or_worked(changes: dict[str, Any]) -> None:
    for act in (lambda core: core.buy(10), lambda core: core.buy(10, 9_000)):
        core = desk()
        act(core)
        taken = save(core, define(stock(**changes)))
        assert "AAPL is held or worked" in taken.refused
        assert core.ledger.instruments.find("AAPL") == stock()
    core = desk()
    assert save(core, define(stock(**changes))).refused == ""


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"lot": Decimal(0)}, "lot is 0"),
        ({"tick": Decimal("NaN")}, "tick is NaN"),
        ({"tick_value": 0}, "one tick on one lot is 1 quanta"),
        ({"multiplier": Decimal("-1")}, "multiplier is -1"),
        ({"currency": "XYZ"}, "unknown currency 'XYZ'"),
    ],
)
def test_a_definition_that_cannot_be_reckoned_with_is_refused_to_everybody(changes: dict[str, Any], told: str) -> None:
    broken = msgspec.structs.replace(stock(), **changes)
    assert told in give(desk(), define(broken, by=who("olga"))).refused
    core = Core()
    core.command(define(broken))
    assert core.ledger.instruments.find("AAPL") == stock()


def test_a_person_can_stand_behind_what_the_file_loosens() -> None:
    core = desk(shortable=Shortable.NO)
    free, strict = stock(), stock("MSFT", maximum=5)
    assert looser(core.ledger, (free, strict)) == (free,)
    first = save(core, define(free, strict, by=who("desk", source="up"))).proposal
    assert [each.stands for each in proposals(core.ledger, 0)] == [False]
    again = give(core, define(*looser(core.ledger, (free, strict)), by=who("olga"))).proposal
    assert first != again
    assert [(each.proposal, each.stands) for each in proposals(core.ledger, 0)] == [(again, True)]
    assert approve(core, again, who("max")).refused == ""
    assert core.ledger.instruments.find("AAPL") == free
    assert looser(core.ledger, (free, strict)) == ()
