"""A desk on a free feed with a rate budget far below what its strategies want: it trades on, within the rate."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.faults.test_free_feed_without_a_journal import FREE
from tests.tools.desk_kit import DeskKit, make_home
from toolkit.domain import events as ev
from toolkit.domain.requests import RejectReason
from toolkit.domain.time import NANOSECONDS

pytestmark = pytest.mark.faults

BUDGET = """
budgets:
  paper: {messages: 24, per_seconds: 3, processes: 2, reserve: 3, share: 3, block: 6}
"""


async def test_a_desk_that_wants_more_than_its_key_may_send_trades_on_within_the_rate(tmp_path: Path) -> None:
    home = make_home(tmp_path / "home", FREE)
    venues = home.root / "config/venues.yaml"
    venues.write_text(venues.read_text() + BUDGET)
    bound_by_the_key_alone(home.root / "config/limits.yaml")
    kit = DeskKit(home, speed=100)
    try:
        await kit.start()
        await kit.until(lambda: over_the_rate(kit) > 3 and len(acknowledged(kit)) > 24, 150)
    finally:
        await kit.stop()
    sent = sorted(int(event.sent) for event in acknowledged(kit) if int(event.sent))
    # Written down after it left, on a busy machine later: what is seen of three seconds is shorter than they are.
    busiest = max(sum(begin <= at < begin + 2 * NANOSECONDS for at in sent) for begin in sent)
    assert busiest <= 24


def bound_by_the_key_alone(path: Path) -> None:
    """At this speed a strategy would soon be beyond its own rate, and have lost what a day and the book may lose."""
    file = yaml.safe_load(path.read_text())
    for row in (file["book"], *file["venues"].values(), *file["strategies"].values()):
        row["message_rate"] = 100_000
    file["book"] |= {"max_daily_loss": 10**9, "max_drawdown": 10**9, "max_var": "*"}
    path.write_text(yaml.safe_dump(file))


def over_the_rate(kit: DeskKit) -> int:
    return sum(
        isinstance(event, ev.OrderRejected) and event.reason is RejectReason.NOT_SENT and "budgets" in event.text
        for event in events(kit)
    )


def acknowledged(kit: DeskKit) -> list[ev.OrderAcknowledged]:
    return [event for event in events(kit) if isinstance(event, ev.OrderAcknowledged)]


def events(kit: DeskKit) -> list[ev.Event]:
    return [event for batch in kit.batches for event in batch.events]
