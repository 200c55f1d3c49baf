"""Every alert of config/monitoring.yaml fires of its real cause, within its time, and tells who is to know of it.

The books are a real engine's on a paper venue. What lies beside them (processes, servers, disk) is told as it would be
read; that it is read so, and real processes that fall silent, are tests of their own.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import msgspec
import pytest

from tests.tools.core_kit import ANNA, limits
from tests.tools.watched_core import WatchedCore, shipped, told
from toolkit.domain import commands as cm
from toolkit.domain.market import SessionClosed, SessionOpened
from toolkit.domain.time import NANOSECONDS
from toolkit.engine.messages import Looked
from toolkit.monitoring.rules import Action
from toolkit.simulation.surprises import RejectOrders

SECOND = NANOSECONDS
HOUR = 3600


class Cause(NamedTuple):
    """What goes wrong, and within how many seconds of it the alert fires."""

    happens: Callable[[WatchedCore], None]
    within: float
    every: float = 0.25


def venue_says_nothing(core: WatchedCore) -> None:
    core.mute = True
    core.buy(10, 9_000)


def venue_rejects_three_times(core: WatchedCore) -> None:
    core.venue.process(RejectOrders(count=3))
    for _ in range(3):
        core.buy(10, 9_000)


def order_is_lost(core: WatchedCore) -> None:
    core.deaf = True
    core.buy(10, 9_000)


def books_differ(core: WatchedCore) -> None:
    state = msgspec.structs.replace(core.venue.state(), positions=(("AAPL", 5),))
    for seconds in (1, 5):
        core.mono += seconds * SECOND
        core.do(Looked(state=state, at=core.now().mono))


def most_of_a_limit_is_used(core: WatchedCore) -> None:
    core.limit(limits(max_gross="10000"))
    core.buy(85)
    core.quote(9_999, 10_001)


def price_takes_the_rest_of_a_limit(core: WatchedCore) -> None:
    most_of_a_limit_is_used(core)
    core.quote(11_999, 12_001)


def price_falls(to: int) -> Callable[[WatchedCore], None]:
    def happens(core: WatchedCore) -> None:
        core.buy(1_000)
        core.quote(9_999, 10_001)
        for _ in range(2):
            core.quote(to - 1, to + 1)

    return happens


def person_kills(core: WatchedCore) -> None:
    core.command(cm.Kill(scope="strategy", name="trend", mode=cm.KillMode.CANCEL_ALL, who=ANNA, reason="a test"))


def sessions_go_by_without_an_order(core: WatchedCore) -> None:
    core.buy(10)
    for day in range(62):
        session = f"2026-{2 + day // 28:02d}-{1 + day % 28:02d}"
        core.feed(SessionOpened(calendar="XNYS", session=session))
        core.feed(SessionClosed(calendar="XNYS", session=session))


def fact(**changed: object) -> Callable[[WatchedCore], None]:
    """Something beside the books is otherwise from now on; an instant stands still at this moment less so much."""

    def happens(core: WatchedCore) -> None:
        core.changed |= changed

    return happens


def stands_still(name: str, since: float = 0) -> Callable[[WatchedCore], None]:
    return lambda core: core.changed.update({name: core.wall - int(since * SECOND)})


def falls_silent(process: str) -> Callable[[WatchedCore], None]:
    return lambda core: core.processes[process].update(beat=core.wall)


def process_is(name: str, **changed: object) -> Callable[[WatchedCore], None]:
    return lambda core: core.processes[name].update(changed)


def server_is(name: str, **changed: object) -> Callable[[WatchedCore], None]:
    return lambda core: core.servers[name].update(changed)


def falls_behind(core: WatchedCore) -> None:
    core.changed |= {"archived": core.wall - HOUR * SECOND, "archive_end": 1}


def is_old(name: str, **more: object) -> Callable[[WatchedCore], None]:
    """So that it is just not too old yet."""
    return lambda core: core.changed.update({name: core.wall - 26 * HOUR * SECOND, **more})


def drifts(sigmas: float) -> Callable[[WatchedCore], None]:
    return fact(drift={("trend", "replay"): sigmas})


CAUSES: dict[str, Cause] = {
    "order_late": Cause(venue_says_nothing, 5.5),
    "venue_rejects": Cause(venue_rejects_three_times, 0.5),
    "order_in_doubt": Cause(order_is_lost, 25),
    "doubt_unresolved": Cause(order_is_lost, 75),
    "break_found": Cause(books_differ, 0.5),
    "limit_nearly_used": Cause(most_of_a_limit_is_used, 0.5),
    "limit_used": Cause(price_takes_the_rest_of_a_limit, 0.5),
    "drawdown": Cause(price_falls(9_400), 0.5),
    "drawdown_severe": Cause(price_falls(8_900), 0.5),
    "paper_live_divergence": Cause(drifts(8.1), 0.5),
    "paper_live_divergence_freeze": Cause(drifts(12.1), 0.5),
    "divergence_unmeasured": Cause(fact(unmeasured={("trend", "replay"): 3}), 0.5),
    "trading_halted": Cause(person_kills, 0.5),
    "stale_data": Cause(fact(stale=("AAPL",)), 0.5),
    "feed_silent": Cause(lambda core: None, 60.5),
    "activity_missing": Cause(sessions_go_by_without_an_order, 0.5),
    "report_missing": Cause(
        lambda core: core.changed.update(reports={"daily": core.wall - 26 * HOUR * SECOND}), 1
    ),
    "engine_silent": Cause(falls_silent("engine"), 8.5),
    "runner_silent": Cause(falls_silent("runner-trend"), 8.5),
    "process_down": Cause(process_is("archiver", up=False), 20.5),
    "process_given_up": Cause(process_is("runner-trend", up=False, given_up=True), 0.5),
    "process_restarts": Cause(process_is("listener", restarts=3), 0.5),
    "monitor_blind": Cause(stands_still("journal_read"), 10.5),
    "clock_skew": Cause(fact(skews={"feed": 0.6}), 30.5),
    "disk_low": Cause(fact(disk_free=1_900_000_000), 10.5),
    "disk_full": Cause(fact(disk_free=400_000_000), 0.5),
    "server_memory": Cause(server_is("journal", full=0.81), 10.5),
    "server_down": Cause(server_is("journal", up=False), 2.5),
    "archive_old": Cause(falls_behind, 1),
    "backup_old": Cause(is_old("backup"), 1),
    "desk_problem": Cause(fact(problems=1), 10.5),
}  # fmt: skip

TOLD_FROM_OUTSIDE = {"monitor_silent"}
"""Prometheus says that the monitor is dead; it cannot say so itself. Its rule is tested with Prometheus' own tool."""


def normal(core: WatchedCore) -> None:
    """Some minutes in which all is well."""
    for number in range(60):
        core.quote(9_999, 10_001)
        if number % 10 == 0:
            core.buy(10)
            core.sell(10)
        core.look()


@pytest.fixture
def core() -> WatchedCore:
    made = WatchedCore()
    normal(made)
    assert made.alerts.book.open == ()
    return made


@pytest.mark.parametrize("alert", CAUSES)
def test_it_fires_of_its_cause_within_its_time_and_is_told(core: WatchedCore, alert: str) -> None:
    cause, rule = CAUSES[alert], shipped().plan.rule(alert)
    cause.happens(core)
    took = core.until(alert, cause.within + 1, cause.every)
    assert took is not None, f"silent; what fires is {[each.rule for each in core.alerts.book.open]}"
    assert took <= cause.within
    found = core.fires(alert)
    assert all(set(dict(each.scope)) == set(rule.by) and "{" not in each.summary for each in found)
    assert rule.channels[0] in told(core, alert), "told with the very look that found it"
    asked = [action for name, action in core.asked if name == alert]
    assert asked == ([rule.action] * len(found) if rule.action is not Action.NONE else [])


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


def test_a_dead_journal_is_one_message_until_everybody_is_back(core: WatchedCore) -> None:
    core.servers["journal"]["up"] = False
    core.changed |= {"journal_read": core.wall, "problems": 1}
    for silent in ("engine", "runner-trend"):
        core.processes[silent] |= {"up": False, "beat": core.wall}
    core.run(40)
    assert {alert.rule for alert in core.alerts.book.open} > {"engine_silent", "runner_silent", "process_down"}
    core.servers["journal"]["up"] = True
    core.changed.clear()
    core.run(15)  # an engine that starts anew takes its time, and so does who waits for it
    for silent in ("engine", "runner-trend"):
        core.processes[silent].clear()
    core.quote(9_999, 10_001)
    core.run(50)
    assert core.alerts.book.open == ()
    assert [message.title.partition("] ")[2] for _, message in core.sent] == [
        "CRITICAL server_down · server journal", "resolved: server_down · server journal",
    ]  # fmt: skip


def test_every_alert_has_its_story() -> None:
    assert CAUSES.keys() | TOLD_FROM_OUTSIDE == {rule.name for rule in shipped().plan.rules}


def test_a_normal_day_is_silent() -> None:
    """Six and a half hours of quotes, entries that fill, orders that rest and are cancelled, a session that ends."""
    core = WatchedCore()
    for minute in range(390):
        swing = (minute * 7) % 40
        core.quote(9_999 + swing, 10_001 + swing, seconds=30)
        core.look()
        if minute % 5 == 0:
            core.buy(10)
        elif minute % 5 == 2:
            resting = core.buy(5, 9_500)
            core.cancel(resting)
        elif minute % 5 == 4:
            core.sell(10)
        core.run(30, every=10)
    core.feed(SessionClosed(calendar="XNYS", session="2026-01-05"))
    core.feed(SessionOpened(calendar="XNYS", session="2026-01-06"))
    core.run(60, every=10)
    assert core.alerts.book.history == ()
    assert core.sent == []
    assert core.replica.ledger.sequence > 1_000
