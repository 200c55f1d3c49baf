"""From a person's kill to the venue's proof, beside the venue's own round trips; all of it processes of their own.

Each sample begins with orders that rest and ends with a look at the venue that shows none. What a person waits for
afterwards, the quarantine, is a choice in config/desk.yaml and not measured.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

import uvloop

from tests.benchmarks.report import Result, against, at_most, percentile, plain
from tests.tools.kill_kit import KillDesk, kill_desk
from toolkit.adapters.venue_hotline import VenueHotline
from toolkit.client import emergency
from toolkit.client.killing import KillSwitch
from toolkit.domain.requests import VenueOrder

SAMPLES, WARM_UP, ORDERS = 1_000, 20, 10
GOAL = 0.250
SCOPES = ("book", "venue", "strategy")


def run() -> list[Result]:
    return results(uvloop.run(measure(SAMPLES)))


def results(seconds: Mapping[str, list[float]]) -> list[Result]:
    """The goal is on p99 of what we add to the round trips that the venue needs in any case."""
    ours, floor = seconds["kill"], seconds["round trips"]
    added = percentile(ours, 99) - percentile(floor, 99)
    return [
        at_most("kill p99 beyond the venue's round trips", 1e3 * added, "ms", 1e3 * GOAL),
        against("kill p50", 1e3 * percentile(ours, 50), "ms", 1e3 * percentile(floor, 50)),
        against("kill p99", 1e3 * percentile(ours, 99), "ms", 1e3 * percentile(floor, 99)),
        plain("kill samples", len(ours), "kills"),
    ]


async def measure(samples: int, warm_up: int = WARM_UP) -> dict[str, list[float]]:
    """Seconds of each kill, and of each look-cancel-look at the venue with as many orders."""
    found: dict[str, list[float]] = {"kill": [], "round trips": []}
    async with kill_desk() as desk:
        for number in range(warm_up + samples):
            floor = await _round_trips(desk)
            ours = await _kill(desk, SCOPES[number % len(SCOPES)])
            if number >= warm_up:
                found["kill"].append(ours)
                found["round trips"].append(floor)
    return found


async def _kill(desk: KillDesk, scope: str) -> float:
    await desk.rest(ORDERS)
    switch = KillSwitch(desk.kit.home, desk.book, ("paper",))
    began = time.perf_counter()
    killed = await asyncio.to_thread(switch.throw, desk.wish(scope))
    took = time.perf_counter() - began
    assert killed.verified, killed
    assert killed.event, "it went past the engine"
    await desk.reopen(scope)
    return took


async def _round_trips(desk: KillDesk) -> float:
    """What nobody can save: the venue is asked, told to cancel, and asked again."""
    await desk.rest(ORDERS)
    socket = emergency.venue_sockets(desk.kit.home, ("paper",))["paper"]
    began = time.perf_counter()
    with VenueHotline(socket, "benchmark", 5.0) as line:
        orders: tuple[VenueOrder, ...] = line.ask_state().open_orders
        left = line.cancel(orders).open_orders
    took = time.perf_counter() - began
    assert not left
    await desk.kit.until(lambda: not desk.kit.ledger.open_orders())
    return took
