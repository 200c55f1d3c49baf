"""Every alert of config/monitoring.yaml fires of its real cause, within its time, and tells who is to know of it.

The books are a real engine's on a paper venue. What lies beside them is there too: servers that are killed or filled,
processes that hang, die and are given up, a disk that is written full, an archive that nobody goes on with. The clock
alone is the story's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from typing import NamedTuple

import msgspec
import pytest

from tests.tools.core_kit import ANNA, limits
from tests.tools.surroundings import DISK_LOW, Surroundings
from tests.tools.watched_core import WatchedCore, shipped, told
from tests.tools.watched_desk import SIGMA, WatchedDesk
from toolkit.domain import commands as cm
from toolkit.domain.market import SessionClosed, SessionOpened
from toolkit.domain.time import NANOSECONDS
from toolkit.engine.messages import Looked
from toolkit.monitoring.catalogue import find
from toolkit.monitoring.rules import Action, Rule
from toolkit.simulation.surprises import RejectOrders

SECOND = NANOSECONDS
HOUR = 3600
SLOW = 5.0
"""Disk, memory of servers and the archive are looked at so often."""


class Cause(NamedTuple):
    """What goes wrong; how many seconds later the alert fires: after more than `after`, and no more than `within`."""

    happens: Callable[[WatchedDesk], None]
    after: float
    within: float
    every: float = 0.25


def nothing_happens(_: WatchedDesk) -> None:
    """No quote comes any more."""


def venue_says_nothing(desk: WatchedDesk) -> None:
    desk.mute = True
    desk.buy(10, 9_000)


def venue_rejects_three_times(desk: WatchedDesk) -> None:
    desk.venue.process(RejectOrders(count=3))
    for _ in range(3):
        desk.buy(10, 9_000)


def order_is_lost(desk: WatchedDesk) -> None:
    desk.deaf = True
    desk.buy(10, 9_000)


def broker_moves_shares_without_a_trade(desk: WatchedDesk) -> None:
    """No report tells of it: only the venue's account of itself, which is asked for again and again."""
    state = msgspec.structs.replace(desk.venue.state(), positions=(("AAPL", 5),))
    for seconds in (1, 5):
        desk.mono += seconds * SECOND
        desk.do(Looked(state=state, at=desk.now().mono))


def most_of_a_limit_is_used(desk: WatchedDesk) -> None:
    desk.limit(limits(max_gross="10000"))
    desk.buy(85)
    desk.quote(9_999, 10_001)


def price_takes_the_rest_of_a_limit(desk: WatchedDesk) -> None:
    most_of_a_limit_is_used(desk)
    desk.quote(11_999, 12_001)


def price_falls(to: int) -> Callable[[WatchedDesk], None]:
    def happens(desk: WatchedDesk) -> None:
        desk.buy(1_000)
        desk.quote(9_999, 10_001)
        for _ in range(2):
            desk.quote(to - 1, to + 1)

    return happens


def sessions_are_worse_than_their_replay(count: int) -> Callable[[WatchedDesk], None]:
    """By three times what is usual, each of them: after three of them the sum is above 8 σ, after five above 12."""

    def happens(desk: WatchedDesk) -> None:
        for _ in range(count):
            desk.session(live=-3 * SIGMA, replay=0)

    return happens


def replay_does_not_keep_up(desk: WatchedDesk) -> None:
    for _ in range(3):
        desk.session(live=0, replay=None)


def person_kills(desk: WatchedDesk) -> None:
    desk.command(cm.Kill(scope="strategy", name="trend", mode=cm.KillMode.CANCEL_ALL, who=ANNA, reason="a test"))


def sessions_go_by_without_an_order(desk: WatchedDesk) -> None:
    desk.buy(10)
    for day in range(62):
        session = f"2026-{2 + day // 28:02d}-{1 + day % 28:02d}"
        desk.feed(SessionOpened(calendar="XNYS", session=session))
        desk.feed(SessionClosed(calendar="XNYS", session=session))


def hangs(process: str) -> Callable[[WatchedDesk], None]:
    return lambda desk: desk.stop(process)


def dies(process: str, times: int = 1) -> Callable[[WatchedDesk], None]:
    return lambda desk: desk.die(process, times)


def clock_of_the_venue_is_ahead(desk: WatchedDesk) -> None:
    """It is seen by what the venue writes on its next answer."""
    desk.ahead = 0.6
    desk.buy(10)


def archiver_dies_and_the_journal_goes_on(desk: WatchedDesk) -> None:
    desk.archive()
    desk.die("archiver")
    desk.buy(10)


def written_long_ago(**facts: Callable[[int], object]) -> Callable[[WatchedDesk], None]:
    """So that it is just not too old yet. Told: nobody writes it yet."""
    return lambda desk: desk.changed.update(
        {name: made(desk.wall - 26 * HOUR * SECOND) for name, made in facts.items()}
    )


CAUSES: dict[str, Cause] = {
    "order_late": Cause(venue_says_nothing, 5, 5.5),
    "venue_rejects": Cause(venue_rejects_three_times, 0, 0.25),
    "order_in_doubt": Cause(order_is_lost, 10, 25, 1),
    "doubt_unresolved": Cause(order_is_lost, 60, 75, 1),
    "break_found": Cause(broker_moves_shares_without_a_trade, 0, 0.25),
    "limit_nearly_used": Cause(most_of_a_limit_is_used, 0, 0.25),
    "limit_used": Cause(price_takes_the_rest_of_a_limit, 0, 0.25),
    "drawdown": Cause(price_falls(9_400), 0, 0.25),
    "drawdown_severe": Cause(price_falls(8_900), 0, 0.25),
    "paper_live_divergence": Cause(sessions_are_worse_than_their_replay(3), 0, 0.25),
    "paper_live_divergence_freeze": Cause(sessions_are_worse_than_their_replay(5), 0, 0.25),
    "divergence_unmeasured": Cause(replay_does_not_keep_up, 0, 0.25),
    "trading_halted": Cause(person_kills, 0, 0.25),
    "stale_data": Cause(nothing_happens, 30, 30.5),
    "feed_silent": Cause(nothing_happens, 60, 61, 1),
    "activity_missing": Cause(sessions_go_by_without_an_order, 0, 0.25),
    "report_missing": Cause(written_long_ago(reports=lambda wall: {"daily": wall}), 0, 0.25),
    "engine_silent": Cause(hangs("engine"), 8, 8.5),
    "runner_silent": Cause(hangs("runner-trend"), 8, 8.5),
    "process_down": Cause(dies("archiver"), 20, 20.5),
    "process_given_up": Cause(dies("runner-trend", times=3), 0, 0.25),
    "process_restarts": Cause(dies("listener", times=3), 0, 0.25),
    "monitor_blind": Cause(WatchedDesk.break_journal, 10, 10.5),
    "clock_skew": Cause(clock_of_the_venue_is_ahead, 30, 30.5),
    "disk_low": Cause(lambda desk: desk.fill_disk(DISK_LOW), 10, 10.5 + SLOW),
    "disk_full": Cause(lambda desk: desk.fill_disk(2 * DISK_LOW), 0, 0.5 + SLOW),
    "server_memory": Cause(WatchedDesk.fill_server, 10, 10.5 + SLOW),
    "server_down": Cause(WatchedDesk.kill_server, 2, 2.5),
    "archive_old": Cause(archiver_dies_and_the_journal_goes_on, 3_600, 3_630, 30),
    "backup_old": Cause(written_long_ago(backup=lambda wall: wall), 0, 0.25),
    "desk_problem": Cause(lambda desk: desk.save_broken("limits.yaml"), 10, 10.5),
}  # fmt: skip

TOLD_FROM_OUTSIDE = {"monitor_silent"}
"""Prometheus says that the monitor is dead; it cannot say so itself: test_prometheus_of_a_desk.py."""

ONLY_IN_TROUBLE = {"quarterdeck_oldest_doubt_timestamp_seconds", "quarterdeck_breaks"}
"""There is no such series while nothing is in doubt and nothing differs."""


def normal(desk: WatchedDesk) -> None:
    """Some time in which all is well."""
    for number in range(20):
        desk.quote(9_999, 10_001)
        if number % 10 == 0:
            desk.buy(10)
            desk.sell(10)
        desk.look()


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    with Surroundings(tmp_path_factory.mktemp("watched")) as made:
        yield made


@pytest.fixture
def desk(surroundings: Surroundings) -> Iterator[WatchedDesk]:
    made = WatchedDesk(surroundings)
    try:
        normal(made)
        assert made.alerts.book.open == ()
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("alert", CAUSES)
def test_it_fires_of_its_cause_within_its_time_and_is_told(desk: WatchedDesk, alert: str) -> None:
    cause, rule = CAUSES[alert], shipped().plan.rule(alert)
    cause.happens(desk)
    took = desk.until(alert, cause.within + 1, cause.every)
    assert took is not None, f"silent; what fires is {[each.rule for each in desk.alerts.book.open]}"
    assert cause.after < took <= cause.within
    found = desk.fires(alert)
    assert all(set(dict(each.scope)) == set(rule.by) and "{" not in each.summary for each in found)
    assert rule.channels[0] in told(desk, alert), "told with the very look that found it"
    asked = [action for name, action in desk.asked if name == alert]
    assert asked == ([rule.action] * len(found) if rule.action is not Action.NONE else [])
    assert bool(desk.changed) is awaits(rule), "told is only what nobody writes yet"


@pytest.mark.parametrize(("answers", "fires"), [(19, False), (32, True), (40, False)])
def test_one_reject_is_too_many_of_thirty_two_answers_but_not_of_forty_nor_of_too_few(
    answers: int, fires: bool
) -> None:
    """Above 3 % of at least 20 answers of 15 minutes."""
    core = WatchedCore()
    for number in range(answers):
        core.quote(9_999, 10_001)
        if number == answers - 1:
            core.venue.process(RejectOrders(count=1))
        (core.sell if number % 2 else core.buy)(10)
        core.look()
    core.run(5)
    assert bool(core.fires("venue_rejects")) is fires
    core.run(900, every=30)
    assert not core.fires("venue_rejects"), "fifteen minutes later it is over"


def test_a_dead_journal_is_one_message_until_everybody_is_back(desk: WatchedDesk) -> None:
    desk.kill_server()
    for silent in ("engine", "runner-trend"):
        desk.stop(silent)
    trade(desk, 40)
    assert {alert.rule for alert in desk.alerts.book.open} > {"engine_silent", "runner_silent", "monitor_blind"}
    desk.start_server()
    trade(desk, 15)  # an engine that starts anew takes its time, and so does who waits for it
    for silent in ("engine", "runner-trend"):
        desk.go_on(silent)
    trade(desk, 50)
    assert desk.alerts.book.open == ()
    assert [message.title.partition("] ")[2] for _, message in desk.sent] == [
        "CRITICAL server_down · server journal", "resolved: server_down · server journal",
    ]  # fmt: skip


def test_a_desk_that_goes_down_as_told_and_takes_its_time_calls_nobody(desk: WatchedDesk) -> None:
    """An archiver with much in hand, or a venue that is slow, may be waited for."""
    desk.begin_to_go_down()
    desk.run(50)
    assert desk.alerts.book.history == ()


def test_the_first_event_after_a_weekend_waits_for_minutes_and_not_for_days(desk: WatchedDesk) -> None:
    desk.archive()
    desk.run(48 * HOUR, every=HOUR)
    desk.buy(10)
    desk.run(600, every=10)
    assert not desk.fires("archive_old")


def test_an_archive_that_never_was_is_old_too(desk: WatchedDesk) -> None:
    desk.die("archiver")
    assert desk.until("archive_old", HOUR, 30) is not None


def test_a_clock_of_a_venue_that_is_behind_is_told_as_well(desk: WatchedDesk) -> None:
    desk.ahead = -0.6
    desk.buy(10)
    assert desk.until("clock_skew", 30.5) is not None
    assert [(dict(alert.scope), alert.value) for alert in desk.fires("clock_skew")] == [({"against": "paper"}, -0.6)]


def test_a_clock_that_is_set_back_is_told_and_delays_nothing_by_as_much(desk: WatchedDesk) -> None:
    """By an hour. Messages of the exchange seem to come before they were sent; what held already goes on holding."""
    desk.die("archiver")
    trade(desk, 10)
    desk.set_back = HOUR
    took = desk.until("process_down", 30)
    assert took is not None
    assert took <= 20.5
    assert desk.until("clock_skew", 30.5 - took) is not None
    assert [dict(alert.scope) for alert in desk.fires("clock_skew")] == [{"against": "feed"}]


@pytest.mark.parametrize("before", [0, 2, 30], ids=["as it hangs", "while it is silent", "while it fires"])
@pytest.mark.parametrize("set_by", [HOUR, -HOUR], ids=["back", "forward"])
def test_an_engine_that_hangs_is_told_of_and_stays_so_though_the_clock_is_set(
    desk: WatchedDesk, before: float, set_by: float
) -> None:
    """`before` are seconds for which it hangs already."""
    rule = shipped().plan.rule("engine_silent")
    desk.stop("engine")
    desk.run(before)
    desk.set_back = set_by
    took = desk.until(rule.name, 11)
    assert took is not None
    assert before + took <= max(11, before + 0.25)
    trade(desk, 60)
    assert len(desk.fires(rule.name)) == 1
    assert [title for title in titles(desk) if rule.name in title and "resolved" in title] == []
    desk.go_on("engine")
    trade(desk, 120)
    assert not desk.fires(rule.name)
    assert len([title for title in titles(desk) if rule.name in title]) == 2, "that it fires, and that it is over"


@pytest.mark.parametrize("before", [1, 8], ids=["while it waits", "while it fires"])
@pytest.mark.parametrize("set_by", [HOUR, -HOUR], ids=["back", "forward"])
def test_an_order_without_an_answer_is_told_of_in_time_and_stays_so_though_the_clock_is_set(
    desk: WatchedDesk, before: float, set_by: float
) -> None:
    venue_says_nothing(desk)
    desk.run(before)
    desk.set_back = set_by
    took = desk.until("order_late", 6)
    assert took is not None
    assert 5 < before + took <= max(5.5, before + 0.25)
    for _ in range(60):
        desk.run(1)
        assert len(desk.fires("order_late")) == 1


@pytest.mark.parametrize("set_by", [HOUR, -HOUR, 48 * HOUR], ids=["back", "forward", "two days back"])
def test_a_clock_that_is_set_on_a_desk_that_is_well_is_told_and_nothing_else(desk: WatchedDesk, set_by: float) -> None:
    desk.archive()
    trade(desk, 10)
    desk.set_back = set_by
    trade(desk, 120)
    assert {alert.rule for alert in desk.alerts.book.history} <= {"clock_skew"}
    desk.run(2 * HOUR, every=600)  # nothing comes in any more, and so there is nothing to archive
    assert not desk.fires("archive_old")


def titles(desk: WatchedDesk) -> list[str]:
    return [message.title for channel, message in desk.sent if channel == desk.sent[0][0]]


def trade(desk: WatchedDesk, seconds: int) -> None:
    """Quotes come on, and the monitor looks."""
    for _ in range(seconds // 5):
        desk.quote(9_999, 10_001, seconds=2)
        desk.run(3, every=0.5)


def awaits(rule: Rule) -> bool:
    """Whether nobody writes yet what it watches."""
    return any(metric is not None and bool(metric.awaits) for metric in map(find, rule.metrics))


def test_every_alert_has_its_story() -> None:
    assert CAUSES.keys() | TOLD_FROM_OUTSIDE == {rule.name for rule in shipped().plan.rules}


def test_a_normal_day_is_silent_though_all_that_is_watched_is_measured(surroundings: Surroundings) -> None:
    """Six and a half hours of quotes, entries that fill, orders that rest and are cancelled, a session that ends."""
    with closing(WatchedDesk(surroundings)) as desk:
        for minute in range(390):
            swing = (minute * 7) % 40
            desk.quote(9_999 + swing, 10_001 + swing, seconds=20)
            desk.look()
            if minute % 5 == 0:
                desk.buy(10)
            elif minute % 5 == 2:
                resting = desk.buy(5, 9_500)
                desk.cancel(resting)
            elif minute % 5 == 4:
                desk.sell(10)
            desk.run(20, every=20)
            desk.quote(9_999 + swing, 10_001 + swing, seconds=20)
        desk.session(live=SIGMA, replay=0)
        desk.feed(SessionClosed(calendar="XNYS", session="2026-01-05"))
        desk.feed(SessionOpened(calendar="XNYS", session="2026-01-06"))
        desk.run(20, every=10)
        assert desk.alerts.book.history == ()
        assert desk.sent == []
        assert desk.replica.ledger.sequence > 1_000
        watched = {metric for rule in shipped().plan.rules if not awaits(rule) for metric in rule.metrics}
        assert watched - desk.measured == ONLY_IN_TROUBLE, "an alert of what is never measured is silent for ever"
