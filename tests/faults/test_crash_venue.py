"""A venue that cuts its line, swallows, mutes, delays or falls silent: what it has not answered is UNKNOWN until it
does, and in lockstep nothing of it changes a fill."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from execution.services.venue_drill import SetBehaviour
from tests.tools.desk_kit import DeskKit, make_home
from tests.tools.parity import assert_same_as_backtest
from tests.tools.truth import assert_one_story
from toolkit.domain.events import Event, OrderDoubted, OrderResubmitted
from toolkit.domain.orders import Doubt

pytestmark = pytest.mark.faults

STEPS_EACH = 15
STEPS_AFTER = 80

CUT = (
    SetBehaviour(cut=("submit_order",), count=2),
    SetBehaviour(cut=("replace_order",), count=1),
    SetBehaviour(cut=("cancel_order",), count=1),
    SetBehaviour(cut=("advance",), count=2),
    SetBehaviour(delay=0.05),
)
LOST = (
    SetBehaviour(swallow=("submit_order",), count=2),
    SetBehaviour(swallow=("replace_order",), count=1),
    SetBehaviour(swallow=("cancel_order",), count=1),
    SetBehaviour(mute=("acknowledged",), count=2),
    SetBehaviour(mute=("filled", "replaced", "canceled"), count=3),
)


async def test_a_line_that_is_cut_changes_no_fill_and_what_got_lost_on_it_is_found(tmp_path: Path, full: bool) -> None:
    kit = DeskKit(make_home(tmp_path / "home"))
    kit.venue_arguments = ("--scriptable",)
    try:
        await kit.start()
        await misbehave(kit, CUT * (5 if full else 1))
        await kit.until_step(kit.ledger.step + STEPS_AFTER)
        await assert_one_story(kit)
        assert assert_same_as_backtest(kit) > 0
        await misbehave(kit, LOST * (5 if full else 1))
        kit.script(SetBehaviour(swallow=("submit_order", "replace_order"), count=1))
        await kit.until(lambda: any(isinstance(event, OrderResubmitted) for event in events_of(kit)))
        await assert_one_story(kit)
        assert any(isinstance(event, OrderDoubted) and event.cause == "line lost" for event in events_of(kit))
        assert not await kit.revive(), kit.last_words()
    finally:
        await kit.stop()


def events_of(kit: DeskKit) -> list[Event]:
    return [event for batch in kit.batches for event in batch.events]


async def misbehave(kit: DeskKit, script: Sequence[SetBehaviour]) -> None:
    """One after the other, some steps each; in the end the venue behaves."""
    for behaviour in (*script, SetBehaviour()):
        kit.script(behaviour)
        await kit.until_step(kit.ledger.step + STEPS_EACH)


@pytest.mark.chaos
async def test_what_a_silent_venue_has_not_answered_is_unknown_until_it_speaks(tmp_path: Path) -> None:
    kit = DeskKit(make_home(tmp_path / "home"))
    kit.venue_arguments = ("--scriptable",)
    try:
        await kit.start()
        await kit.until_step(kit.ledger.step + STEPS_EACH)
        await kit.until(lambda: bool(kit.ledger.open_orders()))
        kit.script(SetBehaviour(pause=3600.0))
        await kit.until(lambda: bool(kit.ledger.doubtful))
        doubtful = [order for order in kit.ledger.open_orders() if order.doubt is not Doubt.NONE]
        assert {order.shown_status for order in doubtful} == {"UNKNOWN"}
        epoch = kit.ledger.epoch
        await kit.kill("venue-paper")
        await kit.until_step(kit.ledger.step + STEPS_AFTER)
        assert kit.ledger.epoch == epoch
        await assert_one_story(kit)
        assert assert_same_as_backtest(kit) > 0
    finally:
        await kit.stop()
