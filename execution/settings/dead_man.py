"""The row of a venue's dead man in config/venues.yaml; no file is read here."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from toolkit.simulation.paper_settings import Keeper


class DeadManRow(BaseModel):
    """What happens to resting orders when the engine falls silent: by the venue itself, or by our own watchdog."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    by: Keeper
    after_seconds: Annotated[float, Field(ge=0.2, le=3600)]
    cancels: Literal["entries", "all"]
