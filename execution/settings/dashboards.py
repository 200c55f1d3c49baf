"""What config/desk.yaml may say of the dashboards; whether they run is the supervisor's business."""

from __future__ import annotations

from typing import Annotated
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StrictBool


def _known_zone(name: str) -> str:
    if name and name not in available_timezones():
        raise ValueError(f"time zone {name} is not known here; write one such as Europe/Berlin, or leave it empty")
    return name


class Dashboards(BaseModel):
    """On unless switched off. `port` is on loopback; `time_zone` is what the pages show, empty: the machine's."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: StrictBool = True
    port: Annotated[int, Field(ge=1024, le=65000)] = 8601
    session_hours: Annotated[int, Field(ge=1, le=24)] = 10
    viewers: Annotated[int, Field(ge=1, le=200)] = 40
    time_zone: Annotated[str, AfterValidator(_known_zone)] = ""
    memory_mb: Annotated[int, Field(ge=200, le=4096)] = 400
