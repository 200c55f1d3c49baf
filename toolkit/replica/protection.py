"""Positions that no protective order would close if everything else stood still, by the books alone."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import OrderClass


class UnprotectedView(msgspec.Struct, frozen=True, kw_only=True):
    """A position of which `covered` would be closed by its protective orders; `in_engine`: some only while it runs."""

    strategy: str
    instrument: str
    quantity: Decimal
    covered: Decimal
    in_engine: bool


def unprotected(ledger: Ledger) -> tuple[UnprotectedView, ...]:
    """Every position that protective orders do not cover in full, or cover only while the engine runs."""
    return tuple(
        found
        for strategy, held in sorted(ledger.positions.items())
        for symbol, position in sorted(held.items())
        if position.lots and (found := _uncovered(ledger, strategy, symbol, position.lots)) is not None
    )


def _uncovered(ledger: Ledger, strategy: str, symbol: str, lots: int) -> UnprotectedView | None:
    instrument = ledger.instruments.require(symbol)
    protective = [
        order
        for order in ledger.open_orders(strategy, symbol)
        if order.order_class is OrderClass.PROTECTIVE and order.side * lots < 0
    ]
    covered = min(abs(lots), sum(order.remaining for order in protective))
    in_engine = any(order.in_engine for order in protective)
    if covered >= abs(lots) and not in_engine:
        return None
    return UnprotectedView(
        strategy=strategy, instrument=symbol, quantity=instrument.quantity_of(lots),
        covered=instrument.quantity_of(covered), in_engine=in_engine,
    )  # fmt: skip
