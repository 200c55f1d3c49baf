"""The limits of config/limits.yaml that speak of a whole book or of all that a strategy holds."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from toolkit.engine.risk.portfolio_limits import MOST

Amount = Annotated[Decimal, Field(ge=0, le=MOST["max_gross"], decimal_places=18)]
Ratio = Annotated[Decimal, Field(ge=0, le=MOST["max_leverage"], decimal_places=18)]

Confidence = Annotated[Decimal, Field(ge=Decimal("0.5"), le=MOST["var_confidence"], decimal_places=6)]


class PortfolioLimits(BaseModel):
    """Amounts in the base currency, ratios of the capital."""

    max_gross: Amount | None = None
    max_net: Amount | None = None
    max_margin: Amount | None = None
    max_leverage: Ratio | None = None
    max_capital_use: Ratio | None = None
    max_daily_loss: Amount | None = None
    max_drawdown: Amount | None = None
    max_var: Amount | Literal["*"] | None = None
    var_confidence: Annotated[Decimal, Field(ge=Decimal("0.5"), le=MOST["var_confidence"], decimal_places=6)] | None = (
        None
    )
    var_horizon: Annotated[Decimal, Field(gt=0, le=MOST["var_horizon"], decimal_places=6)] | None = None
    var_sessions: Annotated[int, Field(ge=1, le=int(MOST["var_sessions"]))] | None = None
