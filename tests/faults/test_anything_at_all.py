"""Orders, fills, cancels, busts, cut lines, restarts, transfers, strangers, people: in any order, and for long."""

from collections.abc import Sequence

import pytest

from tests.tools.core_kit import without
from tests.tools.random_desk import RandomDesk
from toolkit.engine.risk.controls import CONTROLS, Control

pytestmark = pytest.mark.faults

SHORT = tuple((seed, 250) for seed in range(1, 7))
LONG = tuple((seed, 2_500) for seed in range(100, 140))


def live(seed: int, steps: int, controls: Sequence[Control] = CONTROLS) -> RandomDesk:
    desk = RandomDesk(seed, controls)
    for _ in range(steps):
        desk.act()
    desk.come_to_rest()
    return desk


@pytest.mark.parametrize(("seed", "steps"), SHORT)
def test_promises_hold_whatever_happens(seed: int, steps: int) -> None:
    live(seed, steps)


@pytest.mark.chaos
@pytest.mark.parametrize(("seed", "steps"), LONG)
def test_promises_hold_for_a_hundred_thousand_steps(seed: int, steps: int) -> None:
    live(seed, steps)


@pytest.mark.parametrize("control", [3, 8, 10])
def test_a_control_that_is_switched_off_is_noticed(control: int) -> None:
    with pytest.raises(AssertionError):
        live(7, 2_000, without(control))


def test_what_is_drawn_really_happens() -> None:
    """A random test that never comes near a limit proves nothing."""
    desk = live(7, 1_200)
    happened = {type(event).__name__ for event in desk.events}
    assert {
        "OrderFilled", "FillBusted", "FillCorrected", "OrderReplaced", "OrderDoubted", "DoubtResolved", "OrderAdopted",
        "PositionTransferred", "CashTransferred", "BreakConfirmed", "BreakResolved", "OrderDenied", "EpochBegan",
    } <= happened  # fmt: skip
