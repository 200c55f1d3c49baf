"""All measures of a desk at one moment, from replica, tallies and facts; each number as status and views show it.

What is not known is left out, never guessed: who judges can tell nothing from zero.
"""

from __future__ import annotations

from collections.abc import Mapping

from toolkit.domain.ledger import Ledger
from toolkit.domain.standing import DAILY_LOSS, DRAWDOWN, WHOLE_BOOK
from toolkit.domain.time import NANOSECONDS, WallTime
from toolkit.monitoring.facts import DeskFacts, ProcessFact
from toolkit.monitoring.samples import Gathering, Samples
from toolkit.monitoring.steps import waited
from toolkit.replica import views
from toolkit.replica.limits_in_use import share
from toolkit.replica.portfolio_use import PortfolioUse
from toolkit.replica.replica import Replica
from toolkit.replica.tallies import Tallies

WAIT_REMEMBERED = 60 * NANOSECONDS
LISTENER = "listener"
OF_THE_FEED = ("engine", "runner-", "replayer")
"""Whose beats say which step of the feed they are at."""


def collect(replica: Replica, tallies: Tallies, facts: DeskFacts, wall: WallTime, undone: int = 0) -> Samples:
    """Everything as of `wall`, by a clock that was set while orders waited: `undone` takes that back (ns)."""
    gathering = Gathering()
    if replica.ledger.book:
        _orders(gathering, replica.ledger, tallies, int(wall), undone)
        _strategies(gathering, replica, tallies)
        _exposures(gathering, replica, tallies, int(wall))
        _states(gathering, replica.ledger)
        _doubts(gathering, replica.ledger)
        _kills(gathering, tallies)
    _freshness(gathering, replica, tallies, facts)
    _processes(gathering, facts)
    _machine(gathering, facts, tallies)
    gathering.at("collected_timestamp_seconds", int(wall))
    return gathering.samples(wall)


# ---- orders


def _orders(gathering: Gathering, ledger: Ledger, tallies: Tallies, wall: int, undone: int) -> None:
    for (hop, venue), histogram in tallies.hops.items():
        gathering.spread("order_hop_seconds", histogram.counts, histogram.total / NANOSECONDS, hop, venue)
    for (kind, strategy, venue, order_type), times in tallies.counts.items():
        if kind in ("orders", "fills"):
            gathering.put(f"{kind}_total", times, strategy, venue, order_type)
        elif kind == "expired":
            gathering.add("expiries_total", times, strategy, venue)
    for name, counts in (
        ("rejects_total", tallies.rejects),
        ("denials_total", tallies.denials),
        ("cancels_total", tallies.cancels),
    ):
        for labels, times in counts.items():
            gathering.put(name, times, *labels)
    answers = {(venue, answer): 0 for venue in ledger.venues for answer in ("accepted", "rejected")}
    for (venue, answer), times in {**answers, **tallies.answers}.items():  # from the first look on: what grows, began
        gathering.put("venue_answers_total", times, venue, answer)
    for venue, times in tallies.in_a_row.items():
        gathering.put("venue_rejects_in_a_row", times, venue)
    _waits(gathering, tallies, wall, undone)


def _waits(gathering: Gathering, tallies: Tallies, wall: int, undone: int) -> None:
    longest: dict[tuple[str, str], int] = {(strategy, venue): 0 for _, strategy, venue, _ in tallies.counts}
    unanswered = dict.fromkeys((venue for _, venue in longest), 0)
    for root in tallies.unanswered:
        course = tallies.courses[root]
        key = course.strategy, course.venue
        unanswered[course.venue] = unanswered.get(course.venue, 0) + 1
        longest[key] = max(longest.get(key, 0), waited(course.decided, wall, undone))
    for root in tallies.answered_late:
        late = tallies.courses.get(root)
        if late is not None and waited(late.answered, wall, undone) <= WAIT_REMEMBERED:
            key = late.strategy, late.venue
            longest[key] = max(longest.get(key, 0), late.waited(wall))
    for (strategy, venue), nanoseconds in longest.items():
        gathering.put("order_wait_seconds", nanoseconds / NANOSECONDS, strategy, venue)
    for venue, count in unanswered.items():
        gathering.put("orders_unanswered", count, venue)


# ---- books


def _strategies(gathering: Gathering, replica: Replica, tallies: Tallies) -> None:
    ledger = replica.ledger
    for view in views.strategies(replica):
        for name, amount in (
            ("pnl", view.pnl), ("pnl_realised", view.realised), ("fees", view.fees), ("capital", view.capital),
        ):  # fmt: skip
            if amount is not None:
                gathering.put(name, float(amount), view.name)
        gathering.at("last_decision_timestamp_seconds", tallies.last_decision.get(view.name, 0), view.name)
        gathering.at("last_fill_timestamp_seconds", tallies.last_fill.get(view.name, 0), view.name)
    traded = {(strategy, venue) for _, strategy, venue, _ in tallies.counts}
    for strategy, venue in traded:
        gathering.put("orders_open", 0, strategy, venue)
    for order in ledger.open_orders():
        gathering.add("orders_open", 1, order.strategy, order.venue)
    for strategy, sessions in tallies.sessions_idle.items():
        gathering.put("sessions_idle", sessions, strategy)
    gathering.put("proposals_waiting", len(ledger.proposals))
    gathering.put("alarms_total", tallies.alarms)


def _exposures(gathering: Gathering, replica: Replica, tallies: Tallies, wall: int) -> None:
    ledger = replica.ledger
    use = PortfolioUse(ledger, replica.value_at_risk)
    scopes = [("book", ""), *(("strategy", name) for name in _names(ledger))]
    for scope, name in (*scopes, *(("venue", venue) for venue in ledger.venues)):
        worth = use.worth(scope, name)
        if worth is None:  # a mark that it needs is missing
            continue
        gathering.put("gross_exposure", float(worth.gross), scope, name)
        gathering.put("net_exposure", float(worth.net), scope, name)
        if scope != "venue" and worth.capital:
            gathering.put("leverage_ratio", float(worth.gross / worth.capital), scope, name)
    for scope, name in scopes:
        _losses(gathering, ledger, use, scope, name)
    if replica.value_at_risk is not None:
        gathering.put("value_at_risk", float(views.money(ledger, replica.value_at_risk)))
    for row in views.limits(replica, tallies.messages.as_of(wall)):
        part = share(row)
        if part is not None:
            gathering.put("limit_use_ratio", part, row.limit, row.scope, row.name)


def _losses(gathering: Gathering, ledger: Ledger, use: PortfolioUse, scope: str, name: str) -> None:
    capital = ledger.capital.get(name, 0) if name else sum(ledger.capital.values())
    for measure, cause in (("daily_loss", DAILY_LOSS), ("drawdown", DRAWDOWN)):
        lost = use.lost(name or WHOLE_BOOK, cause)
        if lost is None:
            continue
        gathering.put(measure, float(lost), scope, name)
        if cause == DRAWDOWN and capital:
            gathering.put("drawdown_ratio", float(lost / views.money(ledger, capital)), scope, name)


def _states(gathering: Gathering, ledger: Ledger) -> None:
    scopes = [("book", ""), *(("venue", venue) for venue in ledger.venues)]
    for scope, name in (*scopes, *(("strategy", name) for name in _names(ledger))):
        state = max(ledger.states.get(f"{scope}:{name}", {}).values(), default=0)
        gathering.put("trading_state", int(state), scope, name)


def _doubts(gathering: Gathering, ledger: Ledger) -> None:
    since: dict[str, int] = {}
    for venue in ledger.venues:
        gathering.put("doubts", 0, venue)
    for root in ledger.doubtful:
        venue = ledger.orders[root].venue
        gathering.add("doubts", 1, venue)
        begun = int(ledger.doubted.get(root, 0))
        since[venue] = min(since.get(venue, begun), begun)
    for venue, begun in since.items():
        gathering.at("oldest_doubt_timestamp_seconds", begun, venue)
    oldest: dict[str, int] = {}
    for found in ledger.breaks.values():
        gathering.add("breaks", 1, found.venue, found.kind)
        oldest[found.venue] = min(oldest.get(found.venue, int(found.wall)), int(found.wall))
    for venue, begun in oldest.items():
        gathering.at("oldest_break_timestamp_seconds", begun, venue)


def _kills(gathering: Gathering, tallies: Tallies) -> None:
    for key, kill in tallies.kills.items():
        scope, _, name = key.partition(":")
        gathering.at("kill_timestamp_seconds", kill.thrown, scope, name)
        gathering.put("kill_duration_seconds", (kill.done - kill.thrown) / NANOSECONDS, scope, name)


def _names(ledger: Ledger) -> list[str]:
    return sorted({*ledger.capital, *ledger.deployments} - {"house", "manual"})


# ---- what lies beside the books


def _freshness(gathering: Gathering, replica: Replica, tallies: Tallies, facts: DeskFacts) -> None:
    ledger = replica.ledger
    gathering.put("journal_events_total", ledger.sequence)
    gathering.at("journal_batch_timestamp_seconds", int(replica.wall))
    gathering.at("journal_read_timestamp_seconds", facts.journal_read)
    gathering.at("feed_step_timestamp_seconds", facts.feed_step_seen)
    if facts.feed_lateness is not None:
        gathering.put("feed_lateness_seconds", facts.feed_lateness)
    for instrument in ledger.instruments.all():
        marked = tallies.last_mark.get(instrument.symbol, 0)
        gathering.at("mark_timestamp_seconds", marked, instrument.symbol, instrument.calendar)
        quoted = facts.quotes.get(instrument.symbol, 0)
        gathering.at("quote_timestamp_seconds", quoted, instrument.symbol, instrument.calendar)
        if facts.stale is not None:
            gathering.put("instrument_stale", instrument.symbol in facts.stale, instrument.symbol, instrument.calendar)
    for calendar, is_open in facts.open_markets.items():
        gathering.put("market_open", is_open, calendar)
    if facts.journal_end:
        gathering.put("stream_lag_events", max(0, facts.journal_end - ledger.sequence), "monitor")
        if facts.archive_end is not None:
            gathering.put("stream_lag_events", max(0, facts.journal_end - facts.archive_end), "archiver")
    _step_lags(gathering, facts)
    for name, told in (
        ("divergence_sigmas", facts.divergence),
        ("divergence_drift_sigmas", facts.drift),
        ("divergence_unmeasured_sessions", facts.unmeasured),
    ):
        for (strategy, against), value in told.items():
            gathering.put(name, value, strategy, against)


def _step_lags(gathering: Gathering, facts: DeskFacts) -> None:
    ahead = next((process.step for process in facts.processes if process.name == LISTENER and process.up), 0)
    for process in facts.processes:
        if ahead and process.step and process.name.startswith(OF_THE_FEED):
            gathering.put("stream_lag_steps", max(0, ahead - process.step), process.name)


def _processes(gathering: Gathering, facts: DeskFacts) -> None:
    gathering.put("desk_ready", facts.ready)
    gathering.put("problems", facts.problems)
    for process in facts.processes:
        _process(gathering, process)
    for strategy, seconds in facts.rollbacks.items():
        gathering.put("rollback_duration_seconds", seconds, strategy)


def _process(gathering: Gathering, process: ProcessFact) -> None:
    name = process.name
    gathering.put("process_up", process.up, name)
    gathering.put("process_given_up", process.given_up, name)
    gathering.put("process_restarts_total", process.restarts, name)
    if process.up:
        gathering.put("process_memory_bytes", process.memory_bytes, name)
        gathering.at("process_start_timestamp_seconds", process.started, name)
    gathering.at("process_beat_timestamp_seconds", process.beat, name)


def _machine(gathering: Gathering, facts: DeskFacts, tallies: Tallies) -> None:
    if facts.disk_free is not None:
        gathering.put("disk_free_bytes", facts.disk_free)
        if facts.disk_size:
            gathering.put("disk_free_ratio", facts.disk_free / facts.disk_size)
    for server in facts.servers:
        gathering.put("server_up", server.up, server.name)
        if server.up:
            gathering.put("server_memory_bytes", server.memory_bytes, server.name)
            gathering.put("server_memory_ratio", server.full, server.name)
    skews: Mapping[str, float] = {
        **{venue: ahead / NANOSECONDS for venue, ahead in tallies.ahead.items()},
        **facts.skews,
    }
    for against, seconds in skews.items():
        gathering.put("clock_skew_seconds", seconds, against)
    gathering.at("archive_timestamp_seconds", facts.archived)
    gathering.at("snapshot_timestamp_seconds", facts.snapshot)
    gathering.at("backup_timestamp_seconds", facts.backup)
    for report, written in facts.reports.items():
        gathering.at("report_timestamp_seconds", written, report)
