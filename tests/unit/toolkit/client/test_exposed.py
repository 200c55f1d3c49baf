"""What a stop leaves exposed is named for every version of a strategy, and for a venue by what lies there."""

from typing import Any

import pytest

from tests.tools.core_kit import ANNA, Core
from tests.tools.two_venues import BETA, TwoVenues, rule
from toolkit.client import emergency
from toolkit.client.exposed import by_the_books, held_at, still_open, without_protection
from toolkit.client.stopping import Leftover, held_in_engine
from toolkit.domain.commands import Kill, KillMode
from toolkit.domain.orders import Ability
from toolkit.replica.replica import Replica

CANDIDATE = "trend@8"


def kill(scope: str, name: str) -> Kill:
    return Kill(scope=scope, name=name, mode=KillMode.CANCEL_ALL, who=ANNA, reason="a test")


def beside(**venue: Any) -> tuple[Core, Replica]:
    """Only the version beside the champion holds and works something, and so does another strategy."""
    core = Core(strategies=("trend", CANDIDATE, "other"), **venue)
    for name in (CANDIDATE, "other"):
        core.buy(5, strategy=name)
        core.buy(2, 9_000, strategy=name)
    return core, Replica(ledger=core.ledger)


def test_orders_of_a_version_beside_count_as_open_and_as_unknown() -> None:
    _, replica = beside()
    (still,) = still_open(replica, kill("strategy", "trend"))
    assert f"({CANDIDATE} BUY 2 AAPL)" in still
    orders = [line for line in by_the_books(replica, kill("strategy", "trend"), ("paper",)) if "entry" in line]
    assert len(orders) == 1
    assert len(still_open(replica, kill("book", ""))) == 2


def test_a_position_of_a_version_beside_is_named_as_held_and_without_protection() -> None:
    _, replica = beside()
    assert without_protection(replica, kill("strategy", "trend"), Leftover()) == (f"{CANDIDATE} holds AAPL +5",)
    assert emergency.held_by(replica, "trend") == f"{CANDIDATE} AAPL +5"
    assert emergency.held_by(replica, CANDIDATE) == f"{CANDIDATE} AAPL +5"
    assert emergency.held_by(replica, "tren") == ""


def test_a_stop_of_a_version_beside_that_the_engine_holds_is_named() -> None:
    core, _ = beside(supports=tuple(set(Ability) - {Ability.STOP}))
    core.sell(5, stop=9_000, strategy=CANDIDATE)
    assert len(held_in_engine(core.ledger, "trend")) == 1
    assert held_in_engine(core.ledger, "other") == ()


@pytest.mark.parametrize(("venue", "held"), [(BETA, "AAPL +6 lots at beta"), ("alpha", "")])
def test_what_a_venue_holds_is_what_lies_there_wherever_its_instrument_is_at_home(venue: str, held: str) -> None:
    core = TwoVenues(rule(BETA))
    core.buy(6)
    assert held_at(Replica(ledger=core.ledger), venue) == held
