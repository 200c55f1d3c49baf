"""The monitor of a whole desk: its metrics are the desk's own numbers, and it outlives the servers that it reads."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import closing
from urllib.request import urlopen

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.tools.desk_kit import FAST, make_home
from tests.tools.whole_desk import Desk, running, until
from toolkit.client.books import Books, opened
from toolkit.client.home import Home
from toolkit.replica import views
from toolkit.replica.limits_in_use import share
from toolkit.replica.replica import Replica

pytestmark = pytest.mark.integration

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    changes = {**FAST, "monitor": {"enabled": True}}
    with running(make_home(tmp_path_factory.mktemp("monitored"), changes).root) as desk:
        yield desk


def page(desk: Desk) -> str:
    with urlopen(desk.process("monitor").address, timeout=60) as answer:
        text: str = answer.read().decode()
        return text


def measured(desk: Desk) -> Series:
    families = text_string_to_metric_families(page(desk))
    return {(one.name, frozenset(one.labels.items())): one.value for family in families for one in family.samples}


def value(series: Series, measure: str, /, **labels: str) -> float | None:
    return series.get((f"quarterdeck_{measure}", frozenset(labels.items())))


def total(series: Series, measure: str, /, **labels: str) -> float:
    wanted = labels.items()
    return sum(each for (found, of), each in series.items() if found == f"quarterdeck_{measure}" and wanted <= of)


def events(desk: Desk) -> float:
    return value(measured(desk), "journal_events_total") or 0.0


def replica_at(desk: Desk, event: float | None) -> Replica:
    """The books as of the event that a page names, folded from the journal's first one."""
    books, replica = Books(home=Home(desk.home), book="paper"), Replica()
    with closing(books.journal()) as journal:
        for sealed in books.history(journal):
            replica.apply(opened(sealed), sealed.digest)
            if replica.ledger.sequence == event:
                return replica
    raise AssertionError(f"no batch of the journal ends with event {event}")


def test_numbers_equal_the_replica_of_the_same_event(desk: Desk) -> None:
    assert until(lambda: events(desk) > 0)
    series = measured(desk)
    replica = replica_at(desk, value(series, "journal_events_total"))
    for view in views.strategies(replica):
        of = {"strategy": view.name}
        assert total(series, "orders_total", **of) == view.orders
        assert total(series, "fills_total", **of) == view.fills
        assert total(series, "orders_open", **of) == view.open
        assert value(series, "pnl", **of) == (None if view.pnl is None else float(view.pnl))
        assert value(series, "capital", **of) == float(view.capital)
    for row in views.limits(replica):
        if row.limit == "message_rate":  # of the second that runs
            continue
        used = value(series, "limit_use_ratio", limit=row.limit, scope=row.scope, name=row.name)
        assert used == share(row), row


def test_status_and_doctor_know_it(desk: Desk) -> None:
    status = desk.json("status")
    assert next(row for row in status["processes"] if row["name"] == "monitor")["state"] == "running"
    assert desk.findings() == []
    (about,) = [row for row in desk.json("doctor") if row["subject"] == "monitor"]
    assert (about["verdict"], desk.process("monitor").address in about["said"]) == ("ok", True)


def test_what_the_desk_is_made_of_is_measured(desk: Desk) -> None:
    names = ("supervisor", "engine", "listener", "venue-paper", "runner-trend", "monitor", "journal-server")
    stamps = ("journal_read_timestamp_seconds", "collected_timestamp_seconds", "feed_step_timestamp_seconds")

    def is_whole() -> bool:
        series = measured(desk)
        return (
            value(series, "server_up", server="journal") == 1
            and all(value(series, "process_up", process=name) == 1 for name in names)
            and all((value(series, "process_memory_bytes", process=name) or 0) > 10**6 for name in names)
            and all((value(series, name) or 0) > 1_600_000_000 for name in stamps)
        )

    assert until(is_whole), page(desk)
    series = measured(desk)
    assert 0 < (value(series, "disk_free_ratio") or 0) < 1
    assert 0 < (value(series, "server_memory_ratio", server="journal") or 0) < 1
    assert value(series, "market_open", calendar="SAMPLE") in (0, 1)


def collected(desk: Desk) -> float | None:
    return value(measured(desk), "collected_timestamp_seconds")


def wheres(desk: Desk, alert: str) -> set[str]:
    """Where an alert fires."""
    return {each["where"] for each in desk.json("alerts", "list")["open"] if each["rule"] == alert}


def test_a_bus_that_hangs_holds_no_measure_up(desk: Desk) -> None:
    bus, monitor = desk.process("bus-server").pid, desk.process("monitor").pid
    os.kill(bus, signal.SIGSTOP)
    try:
        assert until(lambda: value(measured(desk), "server_up", server="bus") == 0)
        looks: set[float | None] = set()
        assert until(lambda: bool(looks.add(collected(desk))) or len(looks) > 5), "it goes on measuring"
        assert value(measured(desk), "server_up", server="bus") == 0
        assert until(lambda: "server bus" in wheres(desk, "server_down"))
    finally:
        os.kill(bus, signal.SIGCONT)
    assert until(lambda: value(measured(desk), "server_up", server="bus") == 1)
    assert desk.process("monitor").pid == monitor


def test_a_journal_server_that_dies_is_waited_for_and_read_again(desk: Desk) -> None:
    monitor, server = desk.process("monitor").pid, desk.process("journal-server").pid
    restarts = desk.process("monitor").restarts
    os.kill(server, signal.SIGKILL)
    assert until(lambda: desk.process("journal-server").pid not in (0, server))
    behind = events(desk)
    assert until(lambda: events(desk) > behind), "it never read on"
    assert (desk.process("monitor").pid, desk.process("monitor").restarts) == (monitor, restarts), "it died of it"
    assert until(lambda: "the journal is read again" in (desk.home / "var/logs/monitor.log").read_text())


def test_one_that_was_killed_comes_back_and_counts_the_same(desk: Desk) -> None:
    assert until(lambda: desk.process("engine").state == "running")  # whose journal was killed before
    before, pid, engine = total(measured(desk), "orders_total"), desk.process("monitor").pid, desk.process("engine").pid
    os.kill(pid, signal.SIGKILL)
    assert until(lambda: desk.process("monitor").pid not in (0, pid) and desk.process("monitor").state == "running")
    assert until(lambda: total(measured(desk), "orders_total") >= before)
    assert desk.process("engine").pid == engine
