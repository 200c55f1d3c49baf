"""The limits of config/limits.yaml that speak of a whole book or of all that a strategy holds."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, Field

from toolkit.engine.risk.portfolio_limits import MOST

Amount = Annotated[Decimal, Field(ge=0, le=MOST["max_gross"], decimal_places=18)]
Ratio = Annotated[Decimal, Field(ge=0, le=MOST["max_leverage"], decimal_places=18)]


class PortfolioLimits(BaseModel):
    """Amounts in the base currency, ratios of the capital."""

    max_gross: Amount | None = None
    max_net: Amount | None = None
    max_margin: Amount | None = None
    max_leverage: Ratio | None = None
    max_capital_use: Ratio | None = None
