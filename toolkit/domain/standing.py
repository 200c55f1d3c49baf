"""Where a book and its strategies stand: results that one bad price alone does not change, and where they began from.

The confirmed price of an instrument is the median of its last three marks: one mark far off changes nothing, a jump
counts once a further good mark has confirmed it. An instrument that nobody held before begins with the price it was
traded at. Rates of exchange likewise. What was realised counts at once, for fills are facts.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

WHOLE_BOOK = ""
DAILY_LOSS, DRAWDOWN = "daily_loss", "drawdown"


class Standing(msgspec.Struct, kw_only=True):
    """The last three marks and rates; PnL at the last session's end, and the highest ever, of the book (`""`) and of
    each sub-account, in quanta of the base currency. A scope that is missing began from 0."""

    marks: dict[str, tuple[int, int, int]] = {}
    rates: dict[str, tuple[Decimal, Decimal, Decimal]] = {}
    opening: dict[str, int] = {}
    high_water: dict[str, int] = {}

    def note_mark(self, instrument: str, twice: int) -> None:
        known = self.marks.get(instrument)
        self.marks[instrument] = (twice, twice, twice) if known is None else (known[1], known[2], twice)

    def note_rate(self, asset: str, rate: Decimal) -> None:
        known = self.rates.get(asset)
        self.rates[asset] = (rate, rate, rate) if known is None else (known[1], known[2], rate)

    def begin(self, instrument: str, price: int) -> None:
        """Somebody holds it again: older marks say nothing, the price it was traded at is a fact."""
        self.marks[instrument] = (2 * price, 2 * price, 2 * price)

    def forget(self, instrument: str) -> None:
        """Its prices are other prices now: of a split, or of another name."""
        self.marks.pop(instrument, None)

    def price(self, instrument: str) -> int | None:
        """The confirmed one, as bid + ask in ticks."""
        known = self.marks.get(instrument)
        if known is None:
            return None
        first, second, third = known  # the middle one, written out: it is asked for everything held at every mark
        if first <= second:
            return second if second <= third else max(first, third)
        return first if first <= third else max(second, third)

    def loss(self, scope: str, pnl: int) -> int:
        """What was lost since the session began; below 0 what was won."""
        return self.opening.get(scope, 0) - pnl

    def drawdown(self, scope: str, pnl: int) -> int:
        """What was lost since the high-water mark."""
        high = self.high_water.get(scope, 0)
        return high - pnl if high > pnl else 0
