"""A desk whose server lets go of its oldest events: nothing that a person asks for, and no restart, needs them."""

import json
import os
import signal
from collections.abc import Iterator

import pytest

from execution.commands.exits import Exit
from tests.tools.desk_kit import make_home
from tests.tools.whole_desk import Desk, until
from toolkit.client.books import Books
from toolkit.client.home import Home

pytestmark = pytest.mark.integration

QUICK = {
    "engine": {"quarantine_seconds": 0.3, "snapshot_every": 1000},
    "feed": {"session_seconds": 0.5, "first_session": 30, "history_sessions": 60},
    "archive": {"part_events": 1000, "part_seconds": 1.0},
}


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    desk = Desk(make_home(tmp_path_factory.mktemp("archived"), QUICK).root)
    answer = desk.run("up", "-d", "--speed", "10")
    try:
        assert answer.returncode == 0, answer.stderr
        assert until(lambda: first_on_server(desk) > 100), "the server was relieved of nothing"
        yield desk
    finally:
        desk.run("down")


def first_on_server(desk: Desk) -> int:
    journal = Books(home=Home(desk.home), book="paper").journal()
    try:
        return journal.batches(0)[0].first
    finally:
        journal.close()


def test_an_order_that_left_the_server_long_ago_is_explained_all_the_same(desk: Desk) -> None:
    books = Books(home=Home(desk.home), book="paper")
    first = next(event.order_id for batch in books.batches() for event in batch.events if hasattr(event, "order_id"))
    assert desk.run("why", first).returncode == 0


def test_the_whole_journal_is_whole_over_archive_and_server(desk: Desk) -> None:
    assert desk.json("journal", "verify")["whole"]
    assert desk.findings() == []


def test_a_head_that_was_kept_elsewhere_tells_of_a_journal_whose_hashes_were_made_anew(desk: Desk) -> None:
    day = desk.json("journal", "heads")[-1]
    anchors = desk.home / "anchors.txt"
    anchors.write_text(f"{day['day']} {day['event']} {day['hash']}\n")
    assert desk.run("journal", "verify", "--anchors", str(anchors)).returncode == Exit.DONE
    anchors.write_text(f"{day['day']} {day['event']} {'0' * 64}\n")
    answer = desk.run("journal", "verify", "--anchors", str(anchors))
    assert answer.returncode == Exit.FINDINGS
    assert "one of the two was rewritten" in answer.stdout


def test_without_snapshots_an_engine_recovers_from_the_archive(desk: Desk) -> None:
    """As after an update whose fold is another one."""
    for stored in [*(desk.home / "var/paper").glob("*/*.snapshot")]:
        stored.unlink()
    before = desk.process("engine").pid
    os.kill(before, signal.SIGKILL)
    assert until(lambda: desk.process("engine").pid not in (0, before) and desk.process("engine").state == "running")
    assert desk.json("journal", "verify")["whole"]


def test_down_leaves_everything_archived_and_up_goes_on_from_it(desk: Desk) -> None:
    assert desk.json("down")["verified"]
    for stored in [*(desk.home / "var/paper").glob("*/*.snapshot")]:
        stored.unlink()
    head = desk.json("journal", "heads")[-1]["event"]
    assert desk.run("up", "-d", "--speed", "10").returncode == 0
    assert desk.json("status")["as_of"]["event"] >= head
    assert desk.json("journal", "verify")["whole"]


def test_a_damaged_archive_stops_no_trading_and_is_told_of(desk: Desk) -> None:
    manifest = next((desk.home / "var/paper/archive").rglob("manifest.json"))
    whole = manifest.read_bytes()

    def is_told_of() -> bool:
        """The archiver that runs may write the whole one again before anybody looks."""
        manifest.write_bytes(b"{")
        verdicts = {row["subject"]: row["verdict"] for row in json.loads(desk.run("doctor", "--json").stdout)}
        return verdicts["archive"] == "wrong" and desk.run("journal", "verify").returncode == Exit.FINDINGS

    try:
        assert until(is_told_of)
        assert desk.process("engine").state == "running"
    finally:
        if manifest.read_bytes() == b"{":
            manifest.write_bytes(whole)
