"""The feed's part of `execution status`: which one, how late, how often cut; read from the listener's own file."""

from __future__ import annotations

import json
import time
from typing import Any

from execution.commands.output import DIM, RED, YELLOW, ago, heading, paint, say
from execution.home import Home

SILENT_SECONDS = 5.0
LATE_MS = 1_000.0


def feed_health(home: Home) -> dict[str, Any] | None:
    """What the listener of a live or recorded feed last said; None on the desk's own sample."""
    path = home.run / "feed.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text())
        found["said"] = path.stat().st_mtime_ns
    except (OSError, ValueError):
        return None
    return found


def show_feed(health: dict[str, Any] | None) -> None:
    """A few lines; what is wrong stands out."""
    if health is None:
        return
    say(f"\n{heading('FEED')}")
    say(f"  {health['feed']}  {_state(health)}")
    say(paint(f"  {health['path']}", DIM))
    if "lateness_ms" not in health:
        return
    late = health["lateness_ms"]
    lateness = "not told" if late is None else f"{late:g} ms"
    words = f"lateness {lateness} · reconnects {health['reconnects']} · gaps {health['gaps']}"
    behind = late is not None and abs(late) > LATE_MS
    say("  " + (paint(words, YELLOW) if behind else words))
    say(f"  {health['quotes']:,} quotes ({health['conflated']:,} conflated) · {health['trades']:,} trades · "
        f"{health['snapshots']} snapshots · {health['problems']} bad messages")  # fmt: skip
    for symbol in health["stale"]:
        say(paint(f"  {symbol}: no quote for a while; entries wait for one", YELLOW))
    if health["books_pending"]:
        say(paint(f"  {health['books_pending']} books wait for a snapshot", YELLOW))
    if health["last_problem"]:
        say(paint(f"  last problem: {health['last_problem']}", YELLOW if health["state"] != "running" else DIM))


def _state(health: dict[str, Any]) -> str:
    if "since" not in health:
        return str(health["state"])
    silent = (time.time_ns() - health["said"]) / 1e9
    if silent > SILENT_SECONDS:
        return paint(f"its listener says nothing since {ago(health['said'])}", RED)
    words = f"{health['state']} for {ago(health['since'])}"
    return words if health["state"] == "running" else paint(words, YELLOW)
