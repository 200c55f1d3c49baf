"""The desk whole, as its people run it: up in the background, looked at, stopped, killed, and nothing left behind."""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from pathlib import Path

import msgspec
import pandas as pd
import pytest

import toolkit as tk
from execution.commands.exits import Exit
from tests.tools.whole_desk import Desk, until
from toolkit.adapters.process_identity import is_running
from toolkit.client.books import Books, opened
from toolkit.client.desk_state import read_desk_state
from toolkit.client.home import Home
from toolkit.dashboards.watching import DeskWatch
from toolkit.domain.fold import apply_batch
from toolkit.domain.ledger import Ledger
from toolkit.replica import views
from toolkit.replica.replica import Replica

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Iterator[Desk]:
    home = tmp_path_factory.mktemp("desk")
    shutil.copytree(repository / "config", home / "config")
    shutil.copytree(repository / "notebooks/strategies", home / "notebooks/strategies")
    desk = Desk(home)
    answer = desk.run("up", "-d", "--speed", "3")
    try:
        assert answer.returncode == 0, answer.stderr
        yield desk
    finally:
        desk.run("down")


def test_everything_runs_and_every_screen_says_paper(desk: Desk) -> None:
    assert until(lambda: {row["state"] for row in desk.json("status")["processes"]} == {"running"})
    status = desk.json("status")
    assert "monitor" in {row["name"] for row in status["processes"]}
    assert [row["name"] for row in status["strategies"]] == ["mean_reversion", "quoting", "trend"]
    assert all(row["enabled"] and row["stage"] == "PAPER" for row in status["strategies"])
    assert status["problems"] == []
    assert desk.run("status").stdout.startswith(" PAPER  desk demo")


def test_positions_and_results_equal_a_backtest_of_the_same_book_also_after_a_kill(desk: Desk) -> None:
    """Before anybody interferes: what a person cancels, no backtest cancels."""
    for victim in ("engine", "runner-quoting", ""):
        rest = tk.connect(desk.home).at_rest(60)
        result = tk.backtest(tk.connect(desk.home).book(), last_step=rest.step)
        for name, row in rest.status.iterrows():
            assert round(row["pnl"], 2) == round(float(result.pnl_of(str(name))), 2), f"{name} after step {rest.step}"
        at_end = result.positions_by_strategy.iloc[-1]
        assert {key: lots for key, lots in rest.positions["quantity"].items() if lots} == {
            key: lots for key, lots in at_end.items() if lots
        }
        if victim:
            os.kill(desk.process(victim).pid, signal.SIGKILL)
            step = rest.step
            assert until(lambda step=step: desk.json("status")["as_of"]["step"] > step + 5)


def test_its_replay_beside_it_earns_the_same_to_the_cent(desk: Desk) -> None:
    """Where a session was taken up anew after a kill, it is said beside it."""
    assert until(lambda: len(measured(desk)) >= 9)
    found = measured(desk)
    assert set(found["strategy"]) == {"mean_reversion", "quoting", "trend"}
    assert found[found["live"] != found["replay"]].empty
    assert found[found["backtest"] != found["replay"]].empty


def measured(desk: Desk) -> pd.DataFrame:
    """Sessions that were replayed in one piece."""
    found = tk.connect(desk.home).divergence().dropna(subset="replay")
    return found[found["remarks"] == ""]


def test_a_notebook_that_hangs_or_dies_in_the_middle_of_reading_changes_nothing(desk: Desk) -> None:
    code = "import toolkit as tk\nwhile True:\n    print(len(tk.connect('.').fills()), flush=True)\n"
    kernel = subprocess.Popen([sys.executable, "-c", code], cwd=desk.home, stdout=subprocess.PIPE)
    assert kernel.stdout is not None
    processes = [process["pid"] for process in desk.json("status")["processes"]]
    for harm in (signal.SIGSTOP, signal.SIGKILL):
        assert kernel.stdout.readline()
        kernel.send_signal(harm)
        step = desk.json("status")["as_of"]["step"]
        assert until(lambda step=step: desk.json("status")["as_of"]["step"] > step + 5)
        kernel.send_signal(signal.SIGCONT)
    kernel.communicate(timeout=120)
    assert [process["pid"] for process in desk.json("status")["processes"]] == processes


def fold_up_to(books: Books, sequence: int) -> Ledger:
    ledger, journal = Ledger(), books.journal()
    for sealed in journal.read():
        if sealed.last <= sequence:
            apply_batch(ledger, opened(sealed), sealed.digest)
    journal.close()
    return ledger


def test_what_a_screen_shows_is_the_fold_of_the_journal_up_to_the_event_that_it_names(desk: Desk) -> None:
    shown = desk.json("status")
    books = Books(home=Home(desk.home), book="paper")
    replica, journal, alone = Replica(), books.journal(), books.ledger()
    assert alone.sequence >= shown["as_of"]["event"]
    assert alone.digest() == fold_up_to(books, alone.sequence).digest()
    for sealed in journal.read():
        if sealed.last <= shown["as_of"]["event"]:
            replica.apply(opened(sealed), sealed.digest)
    journal.close()
    assert replica.ledger.sequence == shown["as_of"]["event"]
    for table in (views.strategies, views.positions, views.venues, views.limits):
        rows = json.loads(msgspec.json.encode(table(replica), enc_hook=str))
        assert shown[table.__name__] == rows
    for row in views.strategies(replica):
        exact = replica.ledger.pnl(row.name)
        assert row.pnl == (None if exact is None else exact * Decimal("0.0001"))


def test_a_second_up_is_refused_and_names_the_first(desk: Desk) -> None:
    state = read_desk_state(desk.home / "var/run/processes.json")
    assert state is not None
    answer = desk.run("up")
    assert answer.returncode == Exit.USAGE
    assert f"desk demo runs already, pid {state.supervisor.pid}" in answer.stderr


def test_strategies_trade_and_a_fill_can_be_explained(desk: Desk) -> None:
    assert until(lambda: not tk.connect(desk.home).fills().empty)
    fill = tk.connect(desk.home).fills().iloc[0]
    story = desk.json("why", fill["order_id"])
    told = [line["what"] for line in story["lines"]]
    positions = [told.index(what) for what in ("quote seen", "intent", "journaled", "filled")]
    assert positions == sorted(positions)
    assert any(what.startswith("control ") for what in told)


def test_the_journal_is_a_table_also_of_kinds_that_have_little_in_common(desk: Desk) -> None:
    every = tk.journal(home=desk.home)
    assert list(every["event"]) == list(range(1, len(every) + 1))
    mixed = tk.journal(kind=["OrderFilled", "EpochBegan", "RunnerStarted"], home=desk.home)
    fills = mixed[mixed["kind"] == "OrderFilled"]
    assert str(mixed.index.tz) == "UTC"
    assert mixed[mixed["kind"] == "RunnerStarted"]["time"].isna().all()
    assert list(fills["time"]) == list(tk.journal(kind="OrderFilled", home=desk.home)["time"][: len(fills)])
    assert tk.journal(kind="Nothing", home=desk.home).empty


def test_disable_is_proven_at_the_venue_and_only_a_person_enables(desk: Desk) -> None:
    said = desk.json("disable", "--strategy", "quoting", "--reason", "a test")
    assert (said["verified"], said["journaled"], said["left"]) == (True, True, [])
    assert (desk.strategy("quoting")["enabled"], desk.strategy("quoting")["open"]) == (False, 0)
    assert desk.run("enable", "quoting", "--reason", "again").returncode == 0
    assert desk.strategy("quoting")["enabled"]


def test_a_flatten_returns_when_the_position_is_closed(desk: Desk) -> None:
    assert until(lambda: desk.strategy("mean_reversion")["position"] != "flat", 400), (
        "on a new desk after many sessions"
    )
    said = desk.json("disable", "mean_reversion", "--flatten", "--reason", "a test")
    assert (said["verified"], said["left"], said["position"]) == (True, [], "")
    assert desk.strategy("mean_reversion")["position"] == "flat"
    assert desk.run("enable", "mean_reversion", "-r", "again").returncode == 0


def test_the_file_switches_off_but_never_on(desk: Desk) -> None:
    path = desk.home / "config/strategies.yaml"
    text = path.read_text()
    path.write_text(text.replace("    enabled: true", "    enabled: false", 1))
    assert until(lambda: not desk.strategy("trend")["enabled"])
    path.write_text(text)
    time.sleep(1.0)
    assert not desk.strategy("trend")["enabled"]
    assert desk.run("enable", "trend", "-r", "again").returncode == 0


def test_a_saved_file_tightens_at_once_and_loosens_when_a_person_has_approved_it(desk: Desk) -> None:
    path = desk.home / "config/limits.yaml"
    text = path.read_text()

    def book_position() -> str:
        limits = desk.json("limits", "list", "--scope", "book")
        return next(row["value"] for row in limits if row["limit"] == "max_position")

    path.write_text(text.replace("max_position: 10000", "max_position: 9000"))
    assert until(lambda: book_position() == "9000")
    path.write_text(text)
    assert until(lambda: desk.json("status")["proposals"] != [])
    assert book_position() == "9000"
    (waiting,) = desk.json("limits", "diff")["proposals"]
    assert not waiting["stands"], "nobody says who saved a file"
    assert "max_position of book: 9000 → 10000 (config/limits.yaml:" in waiting["changes"][0]
    approved = desk.json("limits", "approve", waiting["proposal"][:10], "-r", "I looked at it")
    assert approved["approved"]
    assert book_position() == "10000"
    assert desk.json("status")["proposals"] == desk.json("status")["problems"] == []
    last = desk.json("limits", "history")[-2:]
    assert [(line["kind"], line["after"].partition(" ")[0]) for line in last] == [
        ("limits", "10000"), ("approvals", "approved")
    ]  # fmt: skip
    assert "four eyes off" in last[1]["how"]


def test_a_saved_rule_of_drift_is_what_pages_and_notebooks_go_by(desk: Desk) -> None:
    path = desk.home / "config/monitoring.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("  warn: 8 ", "  warn: 6 "), encoding="utf-8")

    def warns_at() -> float:
        with closing(DeskWatch(Home(desk.home), "paper")) as watch:
            known = watch.look()
        return 0.0 if known is None else known.drift_rule.warn

    assert until(lambda: warns_at() == 6)
    path.write_text(text, encoding="utf-8")
    assert until(lambda: warns_at() == 8)


def test_a_token_counts_once_its_hash_is_approved_and_the_journal_says_whose_it_was(desk: Desk) -> None:
    path, token = desk.home / "config/people.yaml", desk.home / "owner.token"
    added = desk.json("people", "token", "owner", "--file", str(token))["add"]
    path.write_text(path.read_text().rstrip() + f"\n    {added}\n")
    assert until(lambda: desk.json("status")["proposals"] != [])
    slow = ("throttle", "--venue", "paper", "--rate", "90/s", "-r", "from afar")
    with_token = {"EXECUTION_TOKEN_FILE": str(token)}
    early = desk.run(*slow, **with_token)
    assert (early.returncode, "no token of 'owner' that is in force" in early.stderr) == (Exit.USAGE, True)
    (waiting,) = desk.json("status")["proposals"]
    desk.json("limits", "approve", waiting["proposal"], "-r", "it is mine")
    assert desk.run(*slow, **with_token).returncode == 0
    assert tk.journal(kind="ThrottleChanged", home=desk.home).iloc[-1]["who"]["identity"] == "token:owner"
    desk.json("throttle", "--venue", "paper", "--rate", "off", "-r", "seen")


def test_a_throttle_is_in_force_until_it_is_lifted(desk: Desk) -> None:
    desk.json("throttle", "--venue", "paper", "--rate", "5/s", "-r", "busy")
    assert desk.json("status")["throttles"] == {"venue:paper": "5"}
    desk.json("throttle", "--venue", "paper", "--rate", "off", "-r", "calm")
    assert desk.json("status")["throttles"] == {}


def test_a_runner_that_is_killed_comes_back_alone(desk: Desk) -> None:
    before, engine = desk.process("runner-trend").pid, desk.process("engine").pid
    os.kill(before, signal.SIGKILL)
    assert until(lambda: desk.process("runner-trend").pid not in (0, before) and
                 desk.process("runner-trend").state == "running")  # fmt: skip
    assert desk.process("engine").pid == engine


def test_whoever_dies_comes_back_whatever_was_saved_meanwhile(desk: Desk) -> None:
    """A process that starts again finds what the others go by, not a file that is broken, or for the next start."""
    limits, instruments = desk.home / "config/limits.yaml", desk.home / "config/instruments.yaml"
    sound = {path: path.read_text() for path in (limits, instruments)}
    limits.write_text("book: [")
    instruments.write_text(sound[instruments].replace("tick: 0.01", "tick: 0.02"))
    try:
        before = {name: desk.process(name).pid for name in ("engine", "venue-paper", "listener", "archiver", "monitor")}
        for pid in before.values():
            os.kill(pid, signal.SIGKILL)

        def are_back() -> bool:
            now = {name: desk.process(name) for name in before}
            return all(each.state == "running" and each.pid != before[name] for name, each in now.items())

        assert until(are_back), {name: desk.process(name) for name in before}
        event = desk.json("status")["as_of"]["event"]
        assert until(lambda: desk.json("status")["as_of"]["event"] > event)
    finally:
        for path, text in sound.items():
            path.write_text(text)
    assert until(lambda: not problems(desk)), "what was taken back is no news"


def test_a_promotion_replaces_what_runs(desk: Desk) -> None:
    script = (
        "import sys; sys.path.insert(0, 'notebooks/strategies')\n"
        "import toolkit as tk; from trend import Trend\n"
        "print(tk.promote(Trend, 'trend', {'fast': 5}, home='.'))\n"
    )
    before = desk.process("runner-trend").pid
    told = subprocess.run(
        [sys.executable, "-c", script], cwd=desk.home, capture_output=True, text=True, check=False, timeout=120
    )
    assert "Registered with demo at PAPER" in told.stdout, told.stdout + told.stderr
    assert until(lambda: desk.process("runner-trend").pid not in (0, before))
    assert until(lambda: desk.strategy("trend")["version"].startswith("v2"))
    step = desk.json("status")["as_of"]["step"]
    assert until(lambda: desk.json("status")["as_of"]["step"] > step + 15)


def test_with_the_journal_dead_a_stop_still_stops_and_is_journaled_later(desk: Desk) -> None:
    state = read_desk_state(desk.home / "var/run/processes.json")
    assert state is not None
    os.kill(state.supervisor.pid, signal.SIGSTOP)  # it would start the server anew before the command has asked for it
    try:
        os.kill(desk.process("journal-server").pid, signal.SIGKILL)
        answer = desk.run("disable", "--strategy", "quoting", "--reason", "no journal", "--json")
    finally:
        os.kill(state.supervisor.pid, signal.SIGCONT)
    said = json.loads(answer.stdout)
    assert answer.returncode == Exit.LEFT
    assert (said["journaled"], said["left"], said["silent"]) == (False, [], [])

    def is_journaled() -> bool:
        answer = desk.run("status", "--json")
        rows = json.loads(answer.stdout).get("strategies", []) if answer.returncode == 0 else []
        return any(row["name"] == "quoting" and not row["enabled"] for row in rows)

    assert until(is_journaled)
    assert desk.run("enable", "quoting", "-r", "again").returncode == 0


def test_a_kill_is_proven_twice_outlives_a_restart_and_a_person_lets_go(desk: Desk) -> None:
    assert until(lambda: desk.json("status")["venues"][0]["open"] > 0)
    said = desk.json("kill", "--all", "--reason", "a test")
    assert (said["verified"], said["journaled"], said["left"], said["unresolved"]) == (True, True, [], [])
    engine = desk.process("engine").pid
    assert desk.run("restart", "engine", "-r", "a test").returncode == 0
    asked = tk.journal(kind="RestartAsked", home=desk.home).iloc[-1]
    assert (asked["process"], asked["who"]["verified"], asked["reason"]) == ("engine", True, "a test")
    assert desk.process("engine").pid != engine
    for name in ("mean_reversion", "quoting", "trend"):
        desk.run("enable", name, "--reason", "not enough")
    assert {row["state"] for row in desk.json("status")["strategies"]} == {"HALTED"}
    assert desk.run("reopen", "book", "--reason", " ").returncode == Exit.USAGE
    assert desk.run("reopen", "book", "--reason", "looked at it").returncode == 0
    assert {row["state"] for row in desk.json("status")["strategies"]} == {"ACTIVE"}
    assert until(lambda: desk.json("status")["venues"][0]["open"] > 0)


def test_a_kill_says_what_it_is_of_and_why_or_kills_nothing(desk: Desk) -> None:
    for wrong in (["--reason", "x"], ["--all", "--venue", "paper", "--reason", "x"], ["--all", "--reason", " "],
                  ["--strategy", "trned", "--reason", "x"], ["--venue", "papre", "--reason", "x"]):  # fmt: skip
        assert desk.run("kill", *wrong).returncode == Exit.USAGE
    assert all(row["state"] == "ACTIVE" for row in desk.json("status")["strategies"])


def test_the_doctor_finds_nothing_and_the_journal_is_whole(desk: Desk) -> None:
    assert desk.findings() == []
    assert desk.json("journal", "verify")["whole"]


def test_a_command_carries_whom_the_front_desk_has_proved(desk: Desk) -> None:
    assert desk.run("disable", "quoting", "-r", "who am I").returncode == 0
    assert desk.run("enable", "quoting", "-r", "myself").returncode == 0
    taken = tk.journal(kind="CommandTaken", home=desk.home).iloc[-2:]
    me = pwd.getpwuid(os.getuid()).pw_name
    assert [(row["identity"], row["verified"], row["source"], row["alone"]) for row in taken["who"]] == [
        (f"unix:{me}", True, "cli", True)
    ] * 2
    assert list(taken["reason"]) == ["who am I", "myself"]


def test_past_a_hung_supervisor_a_stop_goes_through_unverified_and_a_start_does_not(desk: Desk) -> None:
    state = read_desk_state(desk.home / "var/run/processes.json")
    assert state is not None
    os.kill(state.supervisor.pid, signal.SIGSTOP)
    try:
        assert desk.run("disable", "quoting", "-r", "the supervisor hangs").returncode == 0
        assert "front desk" in desk.run("enable", "quoting", "-r", "again").stderr
    finally:
        os.kill(state.supervisor.pid, signal.SIGCONT)
    told = tk.journal(kind="TradingStateChanged", home=desk.home)
    (halted,) = told[told["reason"] == "the supervisor hangs"]["who"]
    assert not halted["verified"]
    assert until(lambda: desk.run("enable", "quoting", "-r", "it is back").returncode == 0)


def test_after_a_kill_of_the_supervisor_the_children_end_and_up_goes_on(desk: Desk) -> None:
    state = read_desk_state(desk.home / "var/run/processes.json")
    assert state is not None
    children = [each for each in state.processes if each.kind != "server"]
    events = desk.json("status")["as_of"]["event"]
    desk.json("throttle", "--strategy", "trend", "--rate", "0.5/s", "-r", "gently")
    os.kill(state.supervisor.pid, signal.SIGKILL)
    assert until(lambda: not any(child.is_alive() for child in children))
    assert desk.run("status").returncode == Exit.NOT_RUNNING

    assert desk.run("up", "-d", "--speed", "3").returncode == 0
    assert desk.json("status")["as_of"]["event"] > events
    assert desk.json("status")["throttles"] == {"strategy:trend": "0.5"}


def test_down_is_verified_and_leaves_no_process(desk: Desk) -> None:
    processes = desk.processes()
    said = desk.json("down")
    assert (said["verified"], said["left"]) == (True, [])
    assert [each for each in processes if is_running(each)] == []
    assert desk.run("down").returncode == Exit.DONE


def test_orders_can_be_left_at_the_venue_on_purpose(desk: Desk) -> None:
    assert desk.run("down").returncode == Exit.DONE
    assert desk.run("up", "-d", "--speed", "10").returncode == 0
    assert until(lambda: desk.strategy("quoting")["open"] > 0)
    said = desk.json("down", "--leave-orders")
    assert (said["verified"], said["left_on_purpose"]) == (True, True)


def test_ctrl_c_ends_a_desk_in_the_foreground_in_order(desk: Desk) -> None:
    assert desk.run("down").returncode == Exit.DONE
    up = in_the_foreground(desk, desk.home / "foreground.log")
    processes = desk.processes()
    up.send_signal(signal.SIGINT)
    assert up.wait(120.0) == Exit.DONE
    said = (desk.home / "foreground.log").read_text()
    assert "no entry rests at a venue, and that was asked there" in said
    assert "Three things to try" in said
    assert [each for each in processes if is_running(each)] == []


def test_a_desk_whose_folder_is_gone_ends_and_leaves_no_process(desk: Desk, tmp_path: Path) -> None:
    assert desk.run("down").returncode == Exit.DONE
    up = in_the_foreground(desk, tmp_path / "said")
    processes = desk.processes()
    assert until(lambda: is_watching_its_files(desk))
    elsewhere = desk.home.rename(desk.home.with_name("elsewhere"))
    try:
        up.wait(120.0)
    finally:
        if desk.home.exists():  # what was being written while it was moved
            shutil.rmtree(desk.home)
        elsewhere.rename(desk.home)
    said = (tmp_path / "said").read_text()
    assert (up.returncode, f"{desk.home}/var/run was deleted, moved or replaced: what runs here ends" in said) == (
        Exit.LEFT, True,
    ), said  # fmt: skip
    assert "the way to the venues with it" in said
    assert "NOT VERIFIED" in said
    assert [each for each in processes if is_running(each)] == []


def in_the_foreground(desk: Desk, said: Path) -> subprocess.Popen[bytes]:
    """A desk that a terminal holds, ready."""
    with said.open("w") as log:
        up = subprocess.Popen(
            [sys.executable, "-m", "execution.cli", "up", "--home", str(desk.home), "--speed", "10"],
            stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=desk.home, start_new_session=True,
        )  # fmt: skip

    def is_ready() -> bool:
        state = read_desk_state(desk.home / "var/run/processes.json")
        return state is not None and state.ready and state.supervisor.pid == up.pid

    assert until(is_ready), said.read_text()
    return up


def is_watching_its_files(desk: Desk) -> bool:
    """Whether a save is heard: then nothing of the start is left to be done."""
    with (desk.home / "config/desk.yaml").open("a") as file:
        file.write("\n")
    return "config/desk.yaml" in problems(desk)


def problems(desk: Desk) -> set[str]:
    state = read_desk_state(desk.home / "var/run/processes.json")
    return set() if state is None else {problem.subject for problem in state.problems}
