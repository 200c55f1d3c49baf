"""How much of the limits of a whole book is used, as the engine counts it; made anew from the ledger for each look."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple

from toolkit.domain.ledger import Ledger
from toolkit.domain.standing import DAILY_LOSS, DRAWDOWN
from toolkit.engine.risk.portfolio import Portfolio, Worth
from toolkit.engine.risk.portfolio_exposure import BOOK
from toolkit.engine.risk.portfolio_limits import NAMES

LOSSES = {"max_daily_loss": DAILY_LOSS, "max_drawdown": DRAWDOWN}
SCOPES = ("book", "strategy", "venue", "account")


class ScopeWorth(NamedTuple):
    """Exposure of a scope in the worst case of what works, and what it may use, in the base currency."""

    gross: Decimal
    net: Decimal
    capital: Decimal


class PortfolioUse:
    """Exposures of one ledger as of now."""

    def __init__(self, ledger: Ledger, value_at_risk: int | None = None) -> None:
        self._ledger = ledger
        self._value_at_risk = value_at_risk
        self._portfolio = Portfolio(ledger)

    def used(self, scope: str, name: str, limit: str) -> str:
        """In the units of the limits file; empty for what is not of a whole book, or of no one strategy or venue."""
        if limit not in NAMES or scope not in SCOPES or name == "*":
            return ""
        if limit == "max_var":
            return (
                ""
                if self._value_at_risk is None
                else f"{self._money(2 * self._value_at_risk):.2f} after the last order"
            )
        if limit in LOSSES:
            return self._lost(scope, name, LOSSES[limit])
        of = {"book": BOOK, "strategy": name}.get(scope, f"venue:{name}")
        worth = self._portfolio.now(of)
        if missing := self._portfolio.exposures.of(of).unpriced:
            return f"? (no mark of {', '.join(missing)})"
        if limit in ("max_leverage", "max_capital_use"):
            return self._of_capital(worth, name, limit)
        halves = {"max_gross": worth.gross, "max_net": worth.net, "max_margin": worth.margin}[limit]
        return f"{self._money(halves):.2f}"

    def worth(self, scope: str, name: str) -> ScopeWorth | None:
        """Of the book, a strategy or a venue; None while a mark that it needs is missing."""
        of = {"book": BOOK, "strategy": name}.get(scope, f"venue:{name}")
        worth = self._portfolio.now(of)
        if self._portfolio.exposures.of(of).unpriced:
            return None
        capital = self._portfolio.exposures.capital(name if scope == "strategy" else "")
        return ScopeWorth(self._money(worth.gross), self._money(worth.net), self._money(2 * capital))

    def lost(self, name: str, cause: str) -> Decimal | None:
        """What the book ("") or a strategy lost by one of the two ways to count; below 0 was won, None: not known."""
        lost = self._portfolio.losses(cause).get(name)
        return None if lost is None else self._money(2 * lost)

    def _lost(self, scope: str, name: str, cause: str) -> str:
        """Since the session began, or since the highest; 0 where something was won."""
        if scope not in ("book", "strategy"):
            return ""
        lost = self._portfolio.losses(cause).get(name, 0)
        return "?" if lost is None else f"{self._money(2 * max(lost, 0)):.2f}"

    def _of_capital(self, worth: Worth, strategy: str, limit: str) -> str:
        capital = self._portfolio.exposures.capital(strategy)
        halves = worth.gross if limit == "max_leverage" else worth.margin
        if not capital:
            return "0" if not halves else "all"
        return f"{Decimal(halves) / (2 * capital):.3f}"

    def _money(self, halves: int) -> Decimal:
        return halves * self._ledger.currencies[self._ledger.base_currency].quantum / 2
