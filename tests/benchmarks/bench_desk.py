"""A desk on a free feed with servers, venue and engine as processes of their own; who benchmarks is its only runner."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from execution.home import Home
from execution.supervision.opening import opening_commands
from execution.wiring.versions import register_missing
from tests.tools.desk_kit import PATIENCE, PROJECT, DeskKit
from tests.tools.limit_kit import FAR_AWAY, OF_BOOK
from toolkit.adapters.redis_bus import RedisBus
from toolkit.adapters.server_access import ServerRole
from toolkit.client.commands import ourselves
from toolkit.domain.errors import ConfigError
from toolkit.domain.market import MarketEvent, Quote, SessionOpened, Step
from toolkit.domain.time import NANOSECONDS, FeedTime

STRATEGY = "bench"
SYMBOLS = ("ALPHA", "BRAVO", "CHARLIE", "DELTA", "ECHO")
CALENDAR = "24/7"
MANY = 10**9

SOURCE = '''"""Stands for the benchmark, which speaks to the engine itself."""

import toolkit as tk


class Bench(tk.Strategy):
    bar = "1m"
    warmup = 0
'''

LIMITS: Mapping[str, object] = {
    "max_order_value": MANY, "max_order_quantity": MANY, "max_position": MANY, "max_working_orders": MANY,
    "message_rate": 1_000_000, "cancel_reserve": 20, "duplicate_window": 0, "permitted": "*", "permitted_venues": "*",
    "permitted_sides": ["buy", "sell"], "max_quote_age": MANY, "fresh_quotes": 1,
    "price_collar": 50, "exit_collar": 90, "max_price_drift": 50, "drift_window": 60, "max_executions": MANY,
    "burst_value": 10**14, "burst_quantity": MANY, "burst_window": 1, "self_match": "cancel_resting",
    **FAR_AWAY,
}  # fmt: skip
VENUE: Mapping[str, object] = {
    "submit_latency_ms": 0, "cancel_latency_ms": 0, "replace_latency_ms": 0, "rejects_per_million": 0,
    "partial_fills_per_million": 0, "participation_percent": 100, "unlimited_size": True, "dead_man": None,
}  # fmt: skip


@contextlib.asynccontextmanager
async def bench_desk(
    durability: str, *, scriptable: bool = False, venue: Mapping[str, object] = MappingProxyType({})
) -> AsyncIterator[DeskKit]:
    """A running desk with limits for everything and prices on its feed; gone without a trace afterwards.

    A `scriptable` venue can be made to misbehave; `venue` changes lines of it.
    """
    folder = Path(tempfile.mkdtemp(prefix="qd-bench-"))
    kit = DeskKit(_home(folder, durability, venue), failpoints=scriptable)
    kit.venue_arguments = ("--scriptable",) if scriptable else ()
    try:
        await _start(kit)
        yield kit
    except Exception:
        print(kit.last_words(), file=sys.stderr)
        raise
    finally:
        await kit.stop()
        shutil.rmtree(folder)


def opening_steps(symbols: Sequence[str] = SYMBOLS) -> Step:
    """The session opens and everything has a price."""
    quotes = tuple(Quote(instrument=name, bid=9_999, ask=10_001, bid_size=500, ask_size=500) for name in symbols)
    events: tuple[MarketEvent, ...] = (SessionOpened(calendar=CALENDAR, session="2024-01-02"), *quotes)
    return Step(number=1, time=FeedTime(NANOSECONDS), label="benchmark", events=events)


def write_yaml(folder: Path, name: str, content: object) -> None:
    """JSON is YAML too, and has no anchors."""
    (folder / "config" / name).write_text(json.dumps(content, indent=1), encoding="utf-8")


def _home(folder: Path, durability: str, lines: Mapping[str, object]) -> Home:
    (folder / "config").mkdir()
    (folder / "notebooks" / "strategies").mkdir(parents=True)
    (folder / "notebooks" / "strategies" / "bench.py").write_text(SOURCE, encoding="utf-8")
    desk = _shipped("desk.yaml")
    desk["feed"] = {"kind": "sample", "mode": "free"}
    desk["servers"]["durability"] = durability
    venues = _shipped("venues.yaml")
    venues["venues"]["paper"] |= VENUE | dict(lines)
    venues["breakers"]["paper"]["late_after_seconds"] = 3600  # a rate that is too much is measured, not refused
    instrument = {"tick": 0.01, "lot": 1, "currency": "USD", "calendar": CALENDAR, "venue": "paper"}
    instruments = {"currencies": {"USD": {"quantum": 0.01}}, "instruments": dict.fromkeys(SYMBOLS, instrument)}
    of_venue = {key: LIMITS[key] for key in ("message_rate", "cancel_reserve", "max_working_orders")}
    of_strategy = {key: value for key, value in LIMITS.items() if key not in OF_BOOK}
    row = {
        "source": "notebooks/strategies/bench.py", "class": "Bench", "capital": 1_000_000,
        "instruments": list(SYMBOLS), "parameters": {}, "enabled": True,
    }  # fmt: skip
    for name in ("people.yaml", "monitoring.yaml"):
        shutil.copy(PROJECT / "config" / name, folder / "config")
    write_yaml(folder, "desk.yaml", desk)
    write_yaml(folder, "venues.yaml", venues)
    write_yaml(folder, "instruments.yaml", instruments)
    write_yaml(
        folder, "limits.yaml", {"book": LIMITS, "venues": {"paper": of_venue}, "strategies": {STRATEGY: of_strategy}}
    )
    write_yaml(folder, "strategies.yaml", {"strategies": {STRATEGY: row}})
    shutil.copyfile(PROJECT / "config" / "people.yaml", folder / "config" / "people.yaml")  # YAML 1.2: `off` is a word
    home = Home(folder)
    home.prepare()
    return home


def _shipped(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((PROJECT / "config" / name).read_text(encoding="utf-8"))
    return content


async def _start(kit: DeskKit) -> None:
    """Servers, venue, engine, the book's set-up, prices; the journal's reader ends before anything is timed."""
    await asyncio.to_thread(kit.line.start_servers)
    await kit.line.open()
    kit.line.latch().close()
    reading = asyncio.create_task(kit._follow())
    kit.launch("venue-paper")
    kit.launch("engine")
    await kit.until_engine()
    await register_missing(kit.home, kit.settings, kit.line, say=lambda _: None, problem=_raise)
    for command in opening_commands(kit.settings, kit.line.replica.ledger, ourselves("up")):
        taken = await kit.line.give(command, PATIENCE)
        _raise(type(command).__name__, taken.refused)
    bus = RedisBus(kit.line.address(ServerRole.BUS, "listener"), kit.settings.desk.book)
    await bus.publish("feed", [opening_steps()])
    await bus.close()
    await kit.until_engine(lambda beat: beat.step >= 1)  # an order before that would be denied
    reading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await reading


def _raise(subject: str, problem: str) -> None:
    if problem:
        raise ConfigError(f"{subject}: {problem}")
