"""What trading cost, by instrument and by part, as a table; where each part comes from, never what it was worth."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from toolkit.domain.ledger import Ledger
from toolkit.research.result_tables import BookedFill, base_money, fee_worth

ALL = "all"
PARTS = ("fees", "spread", "delay", "impact")
DRIFT = "fee_drift"


def costs_table(fills: Iterable[BookedFill], ledger: Ledger) -> pd.DataFrame:
    """One row an instrument and `all`, in the base currency; costs above 0, gains below; empty without fills.

    Against the quote that the order was decided on (Perold 1988: arrival). A taker pays `spread = |q|·(ask − bid)/2` to
    reach the near side; `delay = q·(mid at the trade − mid)` for what the market did on the way there, which of a stop
    is the way to its trigger too; and `impact = q·(p − mid at the trade) − spread` for eating into the book. Without a
    quote at the trade delay is 0 and impact the rest. A maker's `q·(p − mid)` is `spread` whole. `total` is their sum
    with the fees, `basis_points` that of `traded`. An order decided on without a two-sided quote has fees only. Fees
    count at the rates of their fills; `fee_drift`, which is in no sum, is what a
    fee in another asset came to cost beyond that by the last mark: the books still owe the asset itself.
    """
    rows = [(fill.instrument, *_parts(fill, ledger)) for fill in fills]
    table = pd.DataFrame(rows, columns=["instrument", "traded", *PARTS, DRIFT])
    table = table.groupby("instrument", sort=True).sum().astype("float64")
    if len(table):
        table.loc[ALL] = table.sum()
    table["total"] = table[list(PARTS)].sum(axis=1)
    table["basis_points"] = table["total"] / table["traded"] * 1e4
    return table


def _parts(fill: BookedFill, ledger: Ledger) -> tuple[float, float, float, float, float, float]:
    """Traded, fees, spread, delay, impact, and the drift of the fee of one fill."""
    instrument = ledger.instruments.require(fill.instrument)

    def money(twice_quanta: int) -> float:
        return base_money(twice_quanta, instrument.currency, ledger) / 2

    slipped = fill.quantity * (2 * fill.price - fill.arrival) * instrument.tick_value if fill.arrival else 0
    near = slipped if fill.liquidity == "maker" else abs(fill.quantity) * fill.spread * instrument.tick_value
    is_taken = fill.arrival and fill.middle and fill.liquidity != "maker"
    late = fill.quantity * (fill.middle - fill.arrival) * instrument.tick_value if is_taken else 0
    fee = fee_worth(fill, ledger)
    return (
        money(2 * instrument.value(fill.price, abs(fill.quantity))), fee, money(near), money(late),
        money(slipped - near - late), base_money(fill.fee, fill.fee_asset, ledger) - fee,
    )  # fmt: skip
