"""The measures of a desk are the numbers of its replica, and there are no more series than names that people chose."""

import math
from decimal import Decimal

import pytest

from tests.tools.folded_desk import Journal, folded
from toolkit.domain.time import NANOSECONDS, WallTime
from toolkit.monitoring.catalogue import METRICS, find
from toolkit.monitoring.collecting import collect
from toolkit.monitoring.facts import DeskFacts, ProcessFact, ServerFact
from toolkit.monitoring.samples import Samples
from toolkit.replica import views
from toolkit.replica.hops import HOPS
from toolkit.replica.limits_in_use import share
from toolkit.replica.order_course import CANCEL_WORDS
from toolkit.replica.replica import Replica
from toolkit.replica.tallies import Tallies
from toolkit.replica.views import LimitView

NOW = WallTime(2_000 * NANOSECONDS)
PROCESSES = (
    ProcessFact(name="engine", up=True, restarts=2, memory_bytes=50, started=9 * NANOSECONDS, beat=10, step=90),
    ProcessFact(name="listener", up=True, step=100),
    ProcessFact(name="runner-trend", up=False, given_up=True, restarts=5),
)
FACTS = DeskFacts(
    ready=True, problems=1, processes=PROCESSES, servers=(ServerFact(name="bus", up=True, memory_bytes=7, full=0.5),
    ServerFact(name="journal", up=False)), journal_end=10**6, journal_read=5 * NANOSECONDS, feed_step_seen=NANOSECONDS,
    feed_lateness=0.25, stale=("AAPL",), disk_free=25, disk_size=100, archive_end=10, archived=3 * NANOSECONDS,
    snapshot=4 * NANOSECONDS, backup=0, open_markets={"XNYS": True}, quotes={"AAPL": 6 * NANOSECONDS},
)  # fmt: skip


@pytest.fixture(scope="module")
def journal() -> Journal:
    journal = Journal(11)
    journal.act(500)
    return journal


@pytest.fixture(scope="module")
def books(journal: Journal) -> tuple[Replica, Tallies]:
    return folded(journal)


@pytest.fixture(scope="module")
def samples(books: tuple[Replica, Tallies]) -> Samples:
    return collect(*books, FACTS, NOW)


def total(samples: Samples, name: str, **wanted: str) -> float:
    metric = find(name)
    assert metric is not None
    return sum(
        value
        for labels, value in samples.of(name).items()
        if wanted.items() <= dict(zip(metric.labels, labels, strict=True)).items()
    )


def test_numbers_are_those_of_the_table_of_strategies(books: tuple[Replica, Tallies], samples: Samples) -> None:
    shown = views.strategies(books[0])
    assert {view.name for view in shown} >= {"trend", "other"}
    for view in shown:
        assert total(samples, "quarterdeck_orders_total", strategy=view.name) == view.orders
        assert total(samples, "quarterdeck_fills_total", strategy=view.name) == view.fills
        assert total(samples, "quarterdeck_denials_total", strategy=view.name) == view.denied
        assert total(samples, "quarterdeck_orders_open", strategy=view.name) == view.open
        for name, amount in (("pnl", view.pnl), ("pnl_realised", view.realised), ("fees", view.fees)):
            assert samples.value(f"quarterdeck_{name}", view.name) == (None if amount is None else float(amount))
        assert samples.value("quarterdeck_capital", view.name) == float(view.capital)


def test_limits_doubts_and_breaks_are_those_that_people_see(books: tuple[Replica, Tallies], samples: Samples) -> None:
    ledger, rates = books[0].ledger, books[1].messages.as_of(NOW)
    shares = {(row.limit, row.scope, row.name): share(row) for row in views.limits(books[0], rates)}
    known = {labels: part for labels, part in shares.items() if part is not None}
    assert samples.of("quarterdeck_limit_use_ratio") == known
    assert len(known) > 3
    assert total(samples, "quarterdeck_doubts") == len(ledger.doubtful)
    assert total(samples, "quarterdeck_breaks") == len(ledger.breaks)
    assert samples.value("quarterdeck_journal_events_total") == ledger.sequence
    gross = samples.value("quarterdeck_gross_exposure", "book", "")
    used = next(row.used for row in views.limits(books[0]) if (row.scope, row.limit) == ("book", "max_gross"))
    assert gross == float(used)


def test_what_lies_beside_the_books_is_told_as_it_was_read(samples: Samples) -> None:
    said = {
        ("process_up", "engine"): 1, ("process_up", "runner-trend"): 0, ("process_given_up", "runner-trend"): 1,
        ("process_restarts_total", "engine"): 2, ("process_memory_bytes", "engine"): 50,
        ("process_start_timestamp_seconds", "engine"): 9, ("stream_lag_steps", "engine"): 10, ("desk_ready",): 1,
        ("problems",): 1, ("server_up", "bus"): 1, ("server_up", "journal"): 0, ("server_memory_ratio", "bus"): 0.5,
        ("journal_read_timestamp_seconds",): 5, ("feed_step_timestamp_seconds",): 1, ("feed_lateness_seconds",): 0.25,
        ("disk_free_bytes",): 25, ("disk_free_ratio",): 0.25, ("stream_lag_events", "archiver"): 10**6 - 10,
        ("archive_timestamp_seconds",): 3, ("snapshot_timestamp_seconds",): 4, ("market_open", "XNYS"): 1,
        ("instrument_stale", "AAPL", "XNYS"): 1, ("instrument_stale", "MSFT", "XNYS"): 0,
        ("collected_timestamp_seconds",): 2_000, ("quote_timestamp_seconds", "AAPL", "XNYS"): 6,
    }  # fmt: skip
    for (name, *labels), value in said.items():
        assert samples.value(f"quarterdeck_{name}", *labels) == value, name


def test_what_is_not_known_is_absent(books: tuple[Replica, Tallies]) -> None:
    nothing = collect(Replica(), Tallies(), DeskFacts(), NOW)
    assert {name.removeprefix("quarterdeck_") for name, _ in nothing} == {
        "desk_ready", "problems", "journal_events_total", "collected_timestamp_seconds",
    }  # fmt: skip
    some = collect(*books, DeskFacts(), NOW)
    for name in ("disk_free_bytes", "backup_timestamp_seconds", "divergence_sigmas", "rollback_duration_seconds"):
        assert not some.of(f"quarterdeck_{name}"), name


def test_divergence_is_what_the_replay_says(books: tuple[Replica, Tallies]) -> None:
    told = DeskFacts(
        divergence={("trend", "replay"): 1.5}, drift={("trend", "replay"): 8.5}, unmeasured={("quoting", "replay"): 2},
        rollbacks={"trend": 0.5}, reports={"daily": NANOSECONDS},
    )  # fmt: skip
    samples = collect(*books, told, NOW)
    assert samples.of("quarterdeck_divergence_sigmas") == {("trend", "replay"): 1.5}
    assert samples.of("quarterdeck_divergence_drift_sigmas") == {("trend", "replay"): 8.5}
    assert samples.of("quarterdeck_divergence_unmeasured_sessions") == {("quoting", "replay"): 2}
    assert samples.of("quarterdeck_rollback_duration_seconds") == {("trend",): 0.5}
    assert samples.of("quarterdeck_report_timestamp_seconds") == {("daily",): 1.0}


@pytest.mark.parametrize("seed", [3, 29])
def test_labels_come_from_closed_sets_whatever_happens(seed: int) -> None:
    journal = Journal(seed)
    journal.act(150)
    early = collect(*folded(journal), FACTS, NOW)
    journal.act(450)
    samples = collect(*folded(journal), FACTS, NOW)
    who, limits = {"trend", "other", "house", "manual"}, {row.limit for row in journal.desk.ledger.limits}
    allowed = {
        "strategy": who, "venue": {"paper", ""}, "order_type": {"market", "limit", "stop", ""}, "hop": set(HOPS),
        "cause": set(CANCEL_WORDS), "answer": {"accepted", "rejected"}, "control": {str(n) for n in range(30)},
        "instrument": {"AAPL", "MSFT"}, "calendar": {"XNYS"}, "limit": limits,
        "scope": {"book", "strategy", "venue", "account", "instrument", "stage"},
        "name": {"", *who, "paper", "AAPL", "MSFT", "*"},
    }  # fmt: skip
    for name, labels in [*samples, *samples.histograms]:
        metric = find(name)
        assert metric is not None
        for label, value in zip(metric.labels, labels, strict=True):
            assert label not in allowed or value in allowed[label], (name, label, value)
    orders = len(journal.desk.ledger.orders)
    assert orders > 60
    assert len(samples) < len(early) + 120, "series grow with orders"
    assert len(samples) < 12 * len(METRICS)


@pytest.mark.parametrize(
    ("used", "value", "part"),
    [
        ("50", "100", 0.5), ("0.750", "3", 0.25), ("120.00 after the last order", "100", 1.2), ("all", "1", math.inf),
        ("0", "0", 0.0), ("1", "0", math.inf), ("", "100", None), ("?", "100", None), ("? (no mark of X)", "9", None),
        ("5", "*", None),
    ],
)  # fmt: skip
def test_how_much_of_a_limit_is_used(used: str, value: str, part: float | None) -> None:
    row = LimitView(scope="book", name="", limit="max_gross", value=value, used=used, source="")
    assert share(row) == part


def test_waiting_counts_from_the_decision_and_is_remembered_for_a_minute(journal: Journal) -> None:
    replica, tallies = folded(journal)
    course = next(course for course in tallies.courses.values() if course.answered)
    tallies.unanswered.clear()
    tallies.answered_late = {course.order_id: None}
    course.decided, course.answered = NANOSECONDS, 8 * NANOSECONDS
    labels = course.strategy, course.venue

    def waited(second: int) -> float | None:
        found = collect(replica, tallies, DeskFacts(), WallTime(second * NANOSECONDS))
        return found.value("quarterdeck_order_wait_seconds", *labels)

    assert waited(9) == 7
    assert waited(68) == 7
    assert waited(69) == 0
    tallies.unanswered[course.order_id] = None
    course.answered = 0
    assert waited(69) == 68
    assert Decimal(str(waited(70))) == 69
