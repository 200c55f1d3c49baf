"""From the numbers of a strategy to ticks and lots, exactly or not at all; nothing is rounded here."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from toolkit.engine.strategy_market import InstrumentView, Number, exact_decimal

GRID = 18  # row of CONTROLS.md
LARGEST = 2**53  # lots and ticks beyond it could not be shown as floats


class Unfit(Exception):
    """A value that no order can be made of: becomes a refused intent, never an error of the strategy."""

    def __init__(self, problem: str, control: int = GRID) -> None:
        super().__init__(problem)
        self.control = control


def lots_of(view: InstrumentView, quantity: Number) -> int:
    return quanta_of(quantity, view.definition.lot, f"{view.symbol}: quantity", "lot", view.quantity)


def ticks_of(view: InstrumentView, price: Number) -> int:
    return quanta_of(price, view.definition.tick, f"{view.symbol}: price", "tick", view.price)


def quanta_of(value: Number, quantum: Decimal, what: str, grid: str, rounded: Any) -> int:
    """Exactly how many quanta `value` is; Unfit names the mend."""
    exact = exact_decimal(value)
    if not exact.is_finite():
        raise Unfit(f"{what} is {value}; give a finite number")
    if exact and exact.adjusted() > 25:
        raise Unfit(f"{what} {value} is too large")
    if not exact or exact.adjusted() >= -25:
        top, bottom = exact.as_integer_ratio()
        quantum_top, quantum_bottom = quantum.as_integer_ratio()
        whole, rest = divmod(top * quantum_bottom, bottom * quantum_top)
        if abs(whole) > LARGEST:
            raise Unfit(f"{what} {value} is too large")
        if not rest:
            return whole
    call = "price" if grid == "tick" else "quantity"
    mend = f"the instrument's .{call}({value}) rounds to {rounded(value)}"
    raise Unfit(f"{what} {value} is not a multiple of the {grid} {quantum}; {mend}")


def positive(quanta: int, what: str, value: Number) -> int:
    if quanta <= 0:
        raise Unfit(f"{what} is {value}; give a number above 0")
    return quanta
