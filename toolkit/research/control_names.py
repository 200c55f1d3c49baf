"""What people call the controls that refuse orders, by their numbers; nothing is checked here."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from toolkit.engine.risk.controls import CONTROLS

CONTROL_NAMES: Final[Mapping[int, str]] = {each.number: each.name for each in CONTROLS} | {5: "message rate"}
