"""Every process dies at every named place of its work and is started again: no order is lost, none doubled, every fill
is the backtest's to the cent, and the venue's own ledger agrees."""

from __future__ import annotations

import random
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
SHORT = {
    "engine": (
        "before_append",
        "after_append_before_mirror",
        "after_mirror_before_send",
        "after_send",
        "after_release",
    ),
    "venue-paper": ("before_ledger", "after_ledger_before_reply"),
    "runner-quoting": ("before_answer",),
    "listener": ("after_publish",),
}
KILLS_OF_EACH = 5


@pytest.mark.parametrize("process", PLACES)
async def test_a_process_that_dies_anywhere_in_its_work_changes_nothing(
    tmp_path: Path, process: str, full: bool
) -> None:
    places = PLACES[process] if full else SHORT.get(process, ())
    if not places:
        pytest.skip("optional: run by make chaos")
    draw = random.Random() if full else random.Random(SEED)
    async with desk(tmp_path / "home") as kit:
        await kit.until_step(kit.ledger.step + 1)
        for place in [place for place in places for _ in range(KILLS_OF_EACH if full else 1)]:
            await kit.die_at(process, place, draw.randint(1, 40))
            await kit.until_step(kit.ledger.step + STEPS_BETWEEN)
        await kit.until_step(kit.ledger.step + STEPS_AFTER)
        await assert_one_story(kit)
        assert assert_same_as_backtest(kit) > 0
