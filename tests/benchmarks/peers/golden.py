"""What a peer made of the SMA cross, as a file that tests compare with; the peer itself never runs in a test."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

PATH = Path(__file__).resolve().parents[2] / "golden" / "sma_cross_of_a_peer.json"


def write(answer: Mapping[str, Any]) -> None:
    """Keep the peer's trades and equity; a line a trade, so that a difference reads well in git."""
    trades = ",\n".join(f"    {json.dumps(trade)}" for trade in answer["trades"])
    head = f'  "peer": {json.dumps(answer["peer"])},\n  "final_equity": {answer["final_equity"]!r},'
    PATH.write_text(f'{{\n{head}\n  "trades": [\n{trades}\n  ]\n}}\n', encoding="utf-8")


def read() -> dict[str, Any]:
    found: dict[str, Any] = json.loads(PATH.read_text(encoding="utf-8"))
    return found
