"""Messages a second are counted in seconds of the feed, and end with them or with the wall clock."""

from __future__ import annotations

import pytest

from tests.tools.folded_desk import Journal, folded
from toolkit.domain import events as ev
from toolkit.domain.time import NANOSECONDS as SECOND
from toolkit.replica.message_rates import MessageRates


@pytest.mark.parametrize(
    ("moments", "now", "used"),
    [
        ([1.0, 1.5, 1.99], 1.99, 3),
        ([1.0, 1.5, 1.99, 2.0], 2.0, 3),  # the second that went by stands until there are more
        ([1.0, 2.0, 2.1], 2.1, 2),
        ([1.0, 1.1, 3.0], 3.0, 1),  # not the one before that
    ],
)
def test_it_is_the_larger_of_the_last_second_and_the_one_that_runs(moments: list[float], now: float, used: int) -> None:
    rates = MessageRates()
    for moment in moments:
        rates.note("trend", "paper", round(moment * SECOND), 7 * SECOND)
    messages = rates.as_of(7 * SECOND)
    assert [messages(*scope) for scope in (("strategy", "trend"), ("venue", "paper"), ("account", "paper"))] == [
        used
    ] * 3
    assert (messages("book", ""), messages("strategy", "other")) == (used, 0)


def test_others_go_on_in_the_feed_and_nobody_does_on_the_wall() -> None:
    rates = MessageRates()
    rates.note("trend", "paper", 1 * SECOND, 5 * SECOND)
    rates.note("quoting", "other", 4 * SECOND, 6 * SECOND)
    assert rates.as_of(6 * SECOND)("strategy", "trend") == 0
    assert rates.as_of(6 * SECOND)("strategy", "quoting") == 1
    assert rates.as_of(9 * SECOND)("strategy", "quoting") == 0


def test_what_the_journal_sends_out_is_counted() -> None:
    journal = Journal(11)
    journal.act(300)
    _, tallies = folded(journal)
    sent = [
        event
        for batch, _ in journal.batches
        for event in batch.events
        if isinstance(event, ev.OrderReleased | ev.CancelRequested | ev.ReplaceRequested)
        or (isinstance(event, ev.OrderSubmitted) and (event.terms is None or event.terms.held_at is None))
    ]
    latest = max(int(event.time) for event in sent) // SECOND
    of_latest = sum(int(event.time) // SECOND == latest for event in sent)
    assert tallies.messages.seconds["book:"].count == of_latest
