"""Lays out the home of a drill's own desk: the shipped configuration with one strategy that the drill speaks for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from execution.home import Home
from execution.templates import desk_files

STRATEGY, VENUE, CALENDAR = "drill", "paper", "24/7"
SYMBOLS = ("ALPHA", "BRAVO", "CHARLIE")
QUOTE_AGE, FRESH_QUOTES, LARGEST_ORDER = 1, 3, 500
DEAD_MAN_SECONDS = 2.0
BREAKER_REJECTS, BREAKER_OPEN_SECONDS = 5, 2
_BREAKER = {"venue_rejects": 20, "late_answers": 10, "within_seconds": 10, "late_after_seconds": 2}

SOURCE = '''"""Stands for the drill, which speaks to the engine itself."""

import toolkit as tk


class Drill(tk.Strategy):
    bar = "1m"
    warmup = 0
'''

_LIMITS: dict[str, object] = {
    "max_order_value": 10**9, "max_order_quantity": LARGEST_ORDER, "max_position": 10**6, "max_working_orders": 1_000,
    "message_rate": 10_000, "duplicate_window": 0, "permitted": "*", "max_quote_age": QUOTE_AGE,
    "fresh_quotes": FRESH_QUOTES, "max_gross": 10**9, "max_net": 10**9, "max_leverage": 10**6, "max_capital_use": 10**6,
    "burst_value": 10**9, "burst_quantity": 10**9, "max_var": "*",  # a drill has no time to learn a volatility
}  # fmt: skip
_OF_VENUE: dict[str, object] = {"message_rate": 10_000, "max_working_orders": 1_000, "max_margin": 10**9}
_VENUE: dict[str, object] = {
    "submit_latency_ms": 0, "cancel_latency_ms": 0, "replace_latency_ms": 0, "rejects_per_million": 0,
    "partial_fills_per_million": 0, "participation_percent": 100, "unlimited_size": True,
    "dead_man": {"by": "venue", "after_seconds": DEAD_MAN_SECONDS, "cancels": "entries"},
}  # fmt: skip


def lay_out(folder: Path) -> Home:
    """A home in an empty folder. Every file is the shipped one but for what a drill must know in advance."""
    (folder / "config").mkdir()
    (folder / "notebooks" / "strategies").mkdir(parents=True)
    (folder / "notebooks" / "strategies" / "drill.py").write_text(SOURCE, encoding="utf-8")
    shipped = {Path(name).stem: path for name, path in desk_files().items() if name.startswith("config/")}
    for name, path in shipped.items():
        (folder / "config" / f"{name}.yaml").write_bytes(path.read_bytes())
    _write(folder, "desk", _desk(_read(shipped["desk"])))
    _write(folder, "venues", _venues(_read(shipped["venues"])))
    limits = _read(shipped["limits"])
    of_venue = limits["venues"][VENUE] | _OF_VENUE
    _write(folder, "limits", {"book": limits["book"] | _LIMITS, "venues": {VENUE: of_venue}})
    instrument = {"tick": 0.01, "lot": 1, "currency": "USD", "calendar": CALENDAR, "venue": VENUE}
    _write(folder, "instruments", {
        "currencies": {"USD": {"quantum": 0.0001}}, "instruments": dict.fromkeys(SYMBOLS, instrument)
    })  # fmt: skip
    row = {
        "source": "notebooks/strategies/drill.py", "class": "Drill", "capital": 1_000_000,
        "instruments": list(SYMBOLS), "parameters": {}, "enabled": True,
    }  # fmt: skip
    _write(folder, "strategies", {"strategies": {STRATEGY: row}})
    home = Home(folder)
    home.prepare()
    return home


def _desk(desk: dict[str, Any]) -> dict[str, Any]:
    desk |= {"name": "drill", "code": "DRL", "feed": {"kind": "sample", "mode": "free"}}
    desk["engine"] |= {"lease_seconds": 1.5, "send_margin_seconds": 0.3, "quarantine_seconds": 0.5}
    desk["supervision"] |= {"first_backoff_seconds": 0.2}
    return desk


def _venues(venues: dict[str, Any]) -> dict[str, Any]:
    venues["venues"] = {VENUE: venues["venues"][VENUE] | _VENUE}
    found = venues.get("breakers", {}).get(VENUE)
    breaker = _BREAKER | (found if isinstance(found, dict) else {})  # a desk may have none; a drill is about one
    changed = {"rejects": BREAKER_REJECTS, "open_seconds": BREAKER_OPEN_SECONDS}
    return venues | {"breakers": {VENUE: breaker | changed}}


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def _write(folder: Path, name: str, content: object) -> None:
    """JSON is YAML too, and has no anchors."""
    (folder / "config" / f"{name}.yaml").write_text(json.dumps(content, indent=1), encoding="utf-8")
