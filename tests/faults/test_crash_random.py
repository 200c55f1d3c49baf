"""kill -9 of any process at any moment: no order is lost, none doubled, every fill is the backtest's."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.tools.desk_kit import desk
from tests.tools.parity import assert_same_as_backtest
from tests.tools.truth import assert_one_story

pytestmark = pytest.mark.faults

SEED = 7
DESKS, KILLS = 4, 25
HOUR = 3_600_000  # milliseconds; steps of the sample feed are about half an hour apart
RICH = {
    "submit_latency_ms": {"kind": "lognormal", "median": 1000, "p99": HOUR},
    "report_latency_ms": {"kind": "uniform", "low": 0, "high": 2 * HOUR},
    "impact": {
        "coefficient": 1,
        "days": {
            symbol: {"volatility_percent": 1.5, "volume": 4_000_000} for symbol in ("AAPL", "FB", "GOOG", "IBM", "MSFT")
        },
    },
    "queue": {"ahead_percent": 50, "unprinted_traded_percent": 50, "unseen_touch_per_million": 0},
    "fees": {
        "maker_basis_points": 0,
        "taker_basis_points": 1,
        "maker_per_unit": 0,
        "taker_per_unit": 0,
        "minimum": 0.001,
        "maximum_basis_points": 100,
        "asset": {"kind": "named", "code": "PTS", "quantum": 0.0001, "price": 250},
        "tiers": [{"from_volume": 50000, "maker_basis_points": 0, "taker_basis_points": 0.5}],
    },
}
LONGEST_LIFE = 0.8  # seconds between two kills: some hit a process that is still starting
STEPS_AFTER = 150


async def test_random_kills_change_nothing(tmp_path: Path, full: bool) -> None:
    for number in range(DESKS if full else 1):
        seed = random.randrange(2**32) if full else SEED
        try:
            await survive_kills(tmp_path / f"home{number}", seed, KILLS if full else 5)
        except BaseException as problem:
            problem.add_note(f"seed {seed}")
            raise


@pytest.mark.chaos
async def test_random_kills_change_nothing_with_latencies_of_hours_queues_impact_and_fees_in_kind(
    tmp_path: Path, full: bool
) -> None:
    """What is on its way in either direction, and every place in a queue, outlives whoever is killed."""
    for number in range(DESKS if full else 1):
        seed = random.randrange(2**32) if full else SEED
        try:
            await survive_kills(tmp_path / f"home{number}", seed, KILLS if full else 5, RICH)
        except BaseException as problem:
            problem.add_note(f"seed {seed}")
            raise


async def survive_kills(home: Path, seed: int, kills: int, venue: Mapping[str, object] | None = None) -> None:
    """One desk, its processes killed again and again at drawn moments."""
    draw = random.Random(seed)
    async with desk(home, venue=venue) as kit:
        await kit.until_step(kit.ledger.step + 1)
        for _ in range(kills):
            await asyncio.sleep(draw.uniform(0, LONGEST_LIFE))
            await kit.kill(draw.choice(kit.names))
        await kit.until_step(kit.ledger.step + STEPS_AFTER, 120)
        await assert_one_story(kit)
        assert assert_same_as_backtest(kit) > 0
        assert not await kit.revive(), f"a process ended by itself\n{kit.last_words()}"
