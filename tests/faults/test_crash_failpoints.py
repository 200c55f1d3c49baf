"""Every process dies at every named place of its work and is started again: no order is lost, none doubled, every fill
is the backtest's to the cent, and the venue's own ledger agrees."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.tools.desk_kit import desk
from tests.tools.parity import assert_same_as_backtest
from tests.tools.truth import assert_one_story

pytestmark = pytest.mark.faults

SEED = 20
STEPS_BETWEEN = 3
STEPS_AFTER = 150  # until something has filled for certain

PLACES = {
    "engine": (
        "before_append",
        "after_append_before_mirror",
        "after_mirror_before_send",
        "after_send",
        "after_report_before_append",
        "before_release",
        "after_release",
    ),
    "venue-paper": ("before_ledger", "after_ledger_before_reply", "after_reply"),
    "runner-trend": ("before_answer", "after_answer"),
    "runner-quoting": ("before_answer", "after_answer"),
    "listener": ("before_publish", "after_publish"),
}
OFTEN = (
    ("engine", "before_append"),
    ("engine", "after_append_before_mirror"),
    ("venue-paper", "before_ledger"),
    ("engine", "after_mirror_before_send"),
    ("runner-quoting", "before_answer"),
    ("engine", "after_send"),
    ("venue-paper", "after_ledger_before_reply"),
    ("listener", "after_publish"),
)
"""What is run with every change; the order mixes processes, for a second death may meet the recovery from the first."""

KILLS_OF_EACH = 5


async def test_processes_that_die_in_the_middle_of_their_work_change_nothing(tmp_path: Path) -> None:
    await die_and_compare(tmp_path / "home", OFTEN, SEED)


@pytest.mark.chaos
@pytest.mark.parametrize("process", PLACES)
async def test_a_process_that_dies_anywhere_in_its_work_changes_nothing(
    tmp_path: Path, process: str, full: bool
) -> None:
    deaths = [(process, place) for place in PLACES[process] for _ in range(KILLS_OF_EACH if full else 1)]
    seed = random.randrange(2**32)
    try:
        await die_and_compare(tmp_path / "home", deaths, seed)
    except BaseException as problem:
        problem.add_note(f"seed {seed}")
        raise


async def die_and_compare(home: Path, deaths: Sequence[tuple[str, str]], seed: int) -> None:
    """One death after the other, each when the place is reached for a drawn time, soon after the one before."""
    draw = random.Random(seed)
    async with desk(home) as kit:
        await kit.until_step(kit.ledger.step + 1)
        for process, place in deaths:
            await kit.die_at(process, place, draw.randint(1, 40))
            await kit.until_step(kit.ledger.step + STEPS_BETWEEN)
        await kit.until_step(kit.ledger.step + STEPS_AFTER)
        await assert_one_story(kit)
        assert assert_same_as_backtest(kit) > 0
