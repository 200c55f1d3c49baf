"""`BacktestResult`: an outcome that shows itself in a notebook and saves itself as a page; it computes nothing."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.research.outcome import Outcome

if TYPE_CHECKING:
    from toolkit.research.result_page import Picture


class BacktestResult(Outcome):
    """What came out of a backtest. Displaying it shows the page; `.save(path)` writes that as one file.

    Figures: `.measures`, `.breakdown`. Money, exact: `.pnl`, `.pnl_of(strategy)`. Tables (UTC, float64): `.equity`,
    `.orders`, `.fills`, `.positions`, `.denials`, `.trades`, `.signals`, `.events`. Pictures: `.picture("AAPL")`.
    """

    def picture(self, instrument: str | None = None) -> Picture:
        """One picture: an instrument's price with every fill, or the equity curve without a name."""
        from toolkit.research.result_page import Picture  # late: a script that reads tables draws nothing

        return Picture(self, instrument)

    def save(self, path: str | Path) -> Path:
        """Write the page as one HTML file that needs no network; returns where it lies."""
        from toolkit.research.result_page import whole_page

        place = Path(path)
        place.write_text(whole_page(self), encoding="utf-8")
        return place

    def _repr_html_(self) -> str:
        from toolkit.research.result_page import notebook_page

        return notebook_page(self)

    def __repr__(self) -> str:
        return (
            f"{self.setting.title}: {self.pnl:+,.2f} {self.currency} on {self.capital:,.0f} over "
            f"{self.measures.sessions} sessions, {len(self.fills)} fills, {len(self.denials)} denials "
            f"(backtest, {self.setting.data.label})"
        )
