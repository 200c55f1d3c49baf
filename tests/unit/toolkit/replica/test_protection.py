"""Which positions nothing would close: what protective orders cover, in part, by the engine alone, or not at all."""

import pytest

from tests.tools.core_kit import Core
from toolkit.domain.orders import Ability
from toolkit.replica.protection import unprotected


def holding(quantity: int = 10, **venue: object) -> Core:
    core = Core(**venue)
    core.buy(quantity)
    assert core.held() == quantity
    return core


def shown(core: Core) -> list[tuple[str, str, bool]]:
    return [(f"{row.quantity:f}", f"{row.covered:f}", row.in_engine) for row in unprotected(core.ledger)]


def test_who_holds_nothing_needs_no_protection() -> None:
    assert shown(Core()) == []


def test_a_position_without_a_stop_is_named() -> None:
    assert shown(holding()) == [("10", "0", False)]


@pytest.mark.parametrize(("stop", "named"), [(10, []), (4, [("10", "4", False)])])
def test_a_stop_at_the_venue_covers_its_quantity(stop: int, named: list[tuple[str, str, bool]]) -> None:
    core = holding()
    core.sell(stop, stop=9_950)
    assert shown(core) == named


def test_a_stop_that_only_the_engine_holds_is_named_with_what_it_covers() -> None:
    core = holding(supports=(Ability.OCO,))
    core.sell(10, stop=9_950)
    assert shown(core) == [("10", "10", True)]


def test_an_order_that_takes_profit_protects_nothing() -> None:
    core = holding()
    core.sell(10, price=12_000)
    assert shown(core) == [("10", "0", False)]
