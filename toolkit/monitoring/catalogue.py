"""Every measure of a desk: its name, unit, help and labels, by the naming practice of Prometheus; no value stands here.

Labels come from closed sets: what the configuration names, and the words of this code. Money is in the desk's base
currency, an instant in seconds since 1970, a share from 0 to 1 and beyond.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import msgspec

from toolkit.replica.hops import HOP_BOUNDS


class Kind(StrEnum):
    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Metric(msgspec.Struct, frozen=True, kw_only=True):
    """One measure. `buckets` are upper bounds in `unit`, of a histogram alone; `unit` is "" for a plain number.

    `awaits` names what has to exist before there can be a series, "" where any desk has one.
    """

    name: str
    kind: Kind
    unit: str
    help: str
    labels: tuple[str, ...] = ()
    buckets: tuple[float, ...] = ()
    awaits: str = ""


def _gauge(name: str, unit: str, text: str, *labels: str, awaits: str = "") -> Metric:
    return Metric(name=f"quarterdeck_{name}", kind=Kind.GAUGE, unit=unit, help=text, labels=labels, awaits=awaits)


def _counter(name: str, unit: str, text: str, *labels: str) -> Metric:
    return Metric(name=f"quarterdeck_{name}_total", kind=Kind.COUNTER, unit=unit, help=text, labels=labels)


ORDERS: Final = (
    Metric(
        name="quarterdeck_order_hop_seconds", kind=Kind.HISTOGRAM, unit="seconds", labels=("hop", "venue"),
        buckets=HOP_BOUNDS, help="Time that an order takes between two of its stations.",
    ),
    _counter("orders", "orders", "Orders that were let through and journaled.", "strategy", "venue", "order_type"),
    _counter("fills", "fills", "Trades booked; busts are not taken off.", "strategy", "venue", "order_type"),
    _counter("rejects", "orders", "Orders rejected, by FIX reason; not_sent is ours.", "strategy", "venue", "reason"),
    _counter("denials", "orders", "Orders and intents refused by a control of ours.", "strategy", "venue", "control"),
    _counter("cancels", "orders", "Orders that ended cancelled, by cause.", "strategy", "venue", "cause"),
    _counter("expiries", "orders", "Orders whose time ran out.", "strategy", "venue"),
    _counter("venue_answers", "orders", "First words of a venue on an order: accepted, rejected.", "venue", "answer"),
    _gauge("venue_rejects_in_a_row", "orders", "Rejects of a venue since it last took an order.", "venue"),
    _gauge("order_wait_seconds", "seconds", "Longest wait, from decision, for a venue's first word: of orders that "
           "wait now and of those answered within the last minute.", "strategy", "venue"),
    _gauge("orders_open", "orders", "Orders that can still trade.", "strategy", "venue"),
    _gauge("orders_unanswered", "orders", "Orders without a word of their venue.", "venue"),
    _gauge("last_decision_timestamp_seconds", "seconds", "When a strategy last decided on an order.", "strategy"),
    _gauge("last_fill_timestamp_seconds", "seconds", "When an order of a strategy last traded.", "strategy"),
)  # fmt: skip

BOOKS: Final = (
    _gauge("pnl", "base currency", "Result since the beginning, open positions at their marks.", "strategy"),
    _gauge("pnl_realised", "base currency", "What closed trades brought, before fees.", "strategy"),
    _gauge("fees", "base currency", "Fees paid, less rebates.", "strategy"),
    _gauge("capital", "base currency", "Capital allocated.", "strategy"),
    _gauge("gross_exposure", "base currency", "Sizes of positions in the worst case of what works.", "scope", "name"),
    _gauge("net_exposure", "base currency", "Long less short, in the worst case of what works.", "scope", "name"),
    _gauge("leverage_ratio", "ratio", "Gross exposure to capital.", "scope", "name"),
    _gauge("value_at_risk", "base currency", "VaR of the book after the last entry, as control 12 saw it."),
    _gauge("daily_loss", "base currency", "Lost since the session began; below 0 was won.", "scope", "name"),
    _gauge("sessions_idle", "sessions", "Sessions gone by since an order of a strategy that may trade.", "strategy"),
    _gauge("drawdown", "base currency", "Lost since the highest result.", "scope", "name"),
    _gauge("drawdown_ratio", "ratio", "Drawdown to capital.", "scope", "name"),
    _gauge("limit_use_ratio", "ratio", "How much of a limit is used.", "limit", "scope", "name"),
    _gauge("divergence_sigmas", "standard deviations", "How far the running book is from what it is held against: "
           "replay (B4 - B1) or backtest (B1 - B0), in the last session. Absent while σ is not known, and where that "
           "session could not be replayed.", "strategy", "against"),
    _gauge("divergence_drift_sigmas", "standard deviations", "The larger of Page's two sums over closed sessions of "
           "their divergence (CUSUM, k = 0.25).", "strategy", "against"),
    _gauge("divergence_unmeasured_sessions", "sessions", "Sessions in a row, up to the last one, that could not be "
           "replayed.", "strategy", "against"),
    _gauge("trading_state", "", "0 active, 1 reducing, 2 halted.", "scope", "name"),
    _gauge("doubts", "orders", "Orders of whose fate nobody knows.", "venue"),
    _gauge("oldest_doubt_timestamp_seconds", "seconds", "Since when the oldest doubt stands; absent without.", "venue"),
    _gauge("breaks", "breaks", "Confirmed differences between books and venue.", "venue", "kind"),
    _gauge("oldest_break_timestamp_seconds", "seconds", "Since when the oldest break stands; absent without.", "venue"),
    _gauge("proposals_waiting", "proposals", "Changes that wait for another person's approval."),
    _counter("alarms", "alarms", "Alarms that the engine wrote into the journal."),
)  # fmt: skip

FRESHNESS: Final = (
    _counter("journal_events", "events", "Number of the newest event folded."),
    _gauge("journal_batch_timestamp_seconds", "seconds", "When the newest batch folded was sealed."),
    _gauge("journal_read_timestamp_seconds", "seconds", "When the monitor last reached the end of the journal."),
    _gauge("mark_timestamp_seconds", "seconds", "When the newest mark was booked.", "instrument", "calendar"),
    _gauge("quote_timestamp_seconds", "seconds", "When the newest quote came in.", "instrument", "calendar"),
    _gauge("feed_step_timestamp_seconds", "seconds", "When the listener was last seen to go on by a step."),
    _gauge("feed_lateness_seconds", "seconds", "How late messages of a live feed come, the median of the newest."),
    _gauge("instrument_stale", "", "1 while the listener hears no quote though it should.", "instrument", "calendar"),
    _gauge("market_open", "", "1 while a calendar has a session; one of simulated time always.", "calendar"),
    _gauge("stream_lag_events", "events", "How far who follows the journal is behind its end.", "process"),
    _gauge("stream_lag_steps", "steps", "How far who follows the feed is behind the listener.", "process"),
    _gauge("collected_timestamp_seconds", "seconds", "When these values were collected."),
)  # fmt: skip

PROCESSES: Final = (
    _gauge("process_up", "", "1 while a process of the desk runs.", "process"),
    _gauge("process_given_up", "", "1 when nobody starts it again.", "process"),
    _counter("process_restarts", "restarts", "How often it was started again.", "process"),
    _gauge("process_memory_bytes", "bytes", "Resident memory.", "process"),
    _gauge("process_start_timestamp_seconds", "seconds", "When it was started.", "process"),
    _gauge("process_beat_timestamp_seconds", "seconds", "When it last said that it lives.", "process"),
    _gauge("desk_ready", "", "1 once everything was up, until it goes down as told."),
    _gauge("problems", "problems", "What a person should mend, such as a file saved broken."),
    _gauge("kill_timestamp_seconds", "seconds", "When the journal took the last kill.", "scope", "name"),
    _gauge("kill_duration_seconds", "seconds", "From a kill's record to its last cancel's.", "scope", "name"),
    _gauge("rollback_duration_seconds", "seconds", "How long the last roll back took.", "strategy",
           awaits="the staged rollout"),
)  # fmt: skip

MACHINE: Final = (
    _gauge("disk_free_bytes", "bytes", "Room left where the desk lives."),
    _gauge("disk_free_ratio", "ratio", "Room left to all room where the desk lives."),
    _gauge("server_up", "", "1 while a server answers.", "server"),
    _gauge("server_memory_bytes", "bytes", "Memory in use.", "server"),
    _gauge("server_memory_ratio", "ratio", "Memory in use to its limit, else to the machine's.", "server"),
    _gauge("clock_skew_seconds", "seconds", "How far a clock is from ours; above 0 it is ahead.", "against"),
    _gauge("archive_timestamp_seconds", "seconds", "When the archive last grew, or had all of the journal."),
    _gauge("snapshot_timestamp_seconds", "seconds", "When the newest snapshot was stored."),
    _gauge("backup_timestamp_seconds", "seconds", "When the newest backup ended.", awaits="backups"),
    _gauge("report_timestamp_seconds", "seconds", "When a report was written.", "report",
           awaits="scheduled reports"),
)  # fmt: skip

METRICS: Final[tuple[Metric, ...]] = (*ORDERS, *BOOKS, *FRESHNESS, *PROCESSES, *MACHINE)

_BY_NAME: Final = {metric.name: metric for metric in METRICS}


def find(name: str) -> Metric | None:
    """The measure of that name, None when there is none."""
    return _BY_NAME.get(name)
