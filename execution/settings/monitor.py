"""What config/desk.yaml may say of the process that measures; what is judged stands in config/monitoring.yaml."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StrictBool


class MonitorProcess(BaseModel):
    """`port` is the first one tried; `address` is where metrics are served: loopback unless a person writes more."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: StrictBool = True
    port: Annotated[int, Field(ge=1024, le=65000)] = 9464
    address: Annotated[str, Field(pattern=r"^[0-9A-Za-z.:-]+$")] = "127.0.0.1"
    memory_mb: Annotated[int, Field(ge=96, le=4096)] = 300


class ReplayerProcess(BaseModel):
    """What holds the book against its replay; without it `pnl_live` has nothing to compare with."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: StrictBool = True
    memory_mb: Annotated[int, Field(ge=96, le=4096)] = 400
