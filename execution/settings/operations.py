"""What config/desk.yaml may say of the app with the buttons; whether it runs is the supervisor's business."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool


class OperationsApp(BaseModel):
    """Off unless asked for. `port` is on loopback; `session_hours` is how long a login lasts."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: StrictBool = False
    port: Annotated[int, Field(ge=1024, le=65000)] = 8600
    session_hours: Annotated[int, Field(ge=1, le=24)] = 10
    memory_mb: Annotated[int, Field(ge=200, le=4096)] = 400
