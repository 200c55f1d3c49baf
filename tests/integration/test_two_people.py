"""Two people at one desk: one proposes, the other approves as another user of the machine, and a stop survives both."""

import json
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import toolkit as tk
from execution.commands.exits import Exit
from tests.tools.whole_desk import Answer, Desk, until

pytestmark = pytest.mark.integration

BECOME = """
import os, sys
import execution.commands.limits
from execution.commands.app import run
uid, gid = int(sys.argv[1]), int(sys.argv[2])
os.setgroups([]), os.setgid(gid), os.setuid(uid)
sys.argv = ["execution", *sys.argv[3:]]
sys.exit(run())
"""
PEOPLE = """
four_eyes: on
socket: {socket}
people:
  anna: {{roles: [operator, quant], runs_the_desk: true}}
  bob: {{roles: [risk], unix: nobody}}
"""


@pytest.fixture(scope="module")
def desk(repository: Path) -> Iterator[Desk]:
    if os.getuid() != 0:
        pytest.skip("optional: takes root, who can become another user")
    home = Path(tempfile.mkdtemp(prefix="two-", dir="/tmp"))
    home.chmod(0o755)
    shutil.copytree(repository / "config", home / "config")
    shutil.copytree(repository / "notebooks/strategies", home / "notebooks/strategies")
    (home / "config/people.yaml").write_text(PEOPLE.format(socket=home / "people.sock"))
    made = Desk(home)
    answer = made.run("up", "-d", "--speed", "3")
    try:
        assert answer.returncode == 0, answer.stderr
        yield made
    finally:
        made.run("down")
        shutil.rmtree(home)


def as_the_other(desk: Desk, *arguments: str, user: str = "nobody") -> Answer:
    """The same command line, typed by another user of this machine; its modules are loaded before it becomes that."""
    entry = pwd.getpwnam(user)
    return subprocess.run(
        [sys.executable, "-c", BECOME, str(entry.pw_uid), str(entry.pw_gid), *arguments],
        env={**os.environ, "EXECUTION_HOME": str(desk.home)}, cwd=desk.home, capture_output=True, text=True,
        check=False, timeout=300,
    )  # fmt: skip


def test_what_one_proposes_only_the_other_approves(desk: Desk) -> None:
    path = desk.home / "config/limits.yaml"
    path.write_text(path.read_text().replace("max_position: 10000", "max_position: 20000"))
    assert until(lambda: desk.json("status")["proposals"] != [])
    proposed = desk.run("limits", "propose", "-r", "we grow")
    assert proposed.returncode == Exit.WAITS, proposed.stderr
    (waiting,) = desk.json("status")["proposals"]
    assert (waiting["stands"], waiting["reason"]) == (True, "we grow")
    own = desk.run("limits", "approve", waiting["proposal"], "-r", "of course")
    assert (own.returncode, "takes role risk" in own.stderr) == (Exit.REFUSED, True)

    seen = as_the_other(desk, "limits", "diff", "--json")
    assert json.loads(seen.stdout)["proposals"] == [waiting], seen.stderr
    approved = as_the_other(desk, "limits", "approve", waiting["proposal"][:10], "-r", "the figures are right")
    assert approved.returncode == Exit.DONE, approved.stderr
    row = next(row for row in desk.json("limits", "list", "--scope", "book") if row["limit"] == "max_position")
    assert row["value"] == "20000"
    decided = tk.journal(kind="ChangeApproved", home=desk.home).iloc[-1]["who"]
    assert (decided["identity"], decided["verified"], decided["alone"]) == ("unix:nobody", True, False)


def test_one_who_edits_the_venues_and_starts_anew_loosens_nothing_until_the_other_says_so(desk: Desk) -> None:
    assert breaker(desk) == "10"
    path = desk.home / "config/venues.yaml"
    before, _, after = path.read_text().partition("\nbreakers:\n")
    assert after
    path.write_text(f"{before}\nbreakers: {{paper: off}}\n")
    desk.run("down")
    again = desk.run("up", "-d", "--speed", "3")
    assert again.returncode == 0, again.stderr
    assert breaker(desk) == "10"
    said = desk.run("limits", "diff")
    assert "looser   breaker_rejects of venue paper: 10 → * (config/venues.yaml:" in said.stdout
    proposed = desk.run("limits", "propose", "-r", "this venue rejects for sport")
    assert proposed.returncode == Exit.WAITS, proposed.stderr
    (waiting,) = desk.json("status")["proposals"]
    approved = as_the_other(desk, "limits", "approve", waiting["proposal"], "-r", "it does")
    assert approved.returncode == Exit.DONE, approved.stderr
    assert breaker(desk) == "*"


def breaker(desk: Desk) -> str:
    rows = desk.json("limits", "list", "--scope", "paper")
    return next(str(row["value"]) for row in rows if row["limit"] == "breaker_rejects")


def test_a_limit_for_a_while_is_asked_for_by_one_and_let_through_by_the_other(desk: Desk) -> None:
    asked = (
        "limits",
        "override",
        "max_order_value",
        "60000",
        "--scope",
        "strategy:trend",
        "--for",
        "15m",
        "-r",
        "roll",
    )
    waits = desk.run(*asked, "--json")
    assert waits.returncode == Exit.WAITS, waits.stderr
    proposal = json.loads(waits.stdout)["proposal"]
    assert as_the_other(desk, "limits", "approve", proposal, "-r", "the roll is today").returncode == Exit.DONE
    assert order_value_of_trend(desk)["value"] == "60000"
    assert "is overridden until" in desk.run("limits").stdout
    assert (
        desk.run("limits", "override", "max_order_value", "-s", "strategy:trend", "--end", "-r", "done").returncode == 0
    )
    assert order_value_of_trend(desk)["value"] == "50000"


def order_value_of_trend(desk: Desk) -> dict[str, str]:
    rows = desk.json("limits", "list", "--scope", "trend")
    return next(row for row in rows if row["limit"] == "max_order_value")


def test_a_release_after_a_kill_waits_for_the_other_who_also_opens_the_latch(desk: Desk) -> None:
    assert desk.run("kill", "--strategy", "quoting", "--reason", "odd quotes").returncode == Exit.DONE
    waits = desk.run("enable", "quoting", "-r", "mended", "--json")
    assert waits.returncode == Exit.WAITS, waits.stderr
    assert "strategy:quoting" in desk.json("status")["latch_shut"]
    proposal = json.loads(waits.stdout)["proposal"]
    assert as_the_other(desk, "limits", "approve", proposal, "-r", "I saw the mend").returncode == Exit.DONE
    assert desk.strategy("quoting")["state"] == "ACTIVE"
    assert desk.json("status")["latch_shut"] == []


def test_who_is_named_nowhere_sees_nothing_and_changes_nothing(desk: Desk) -> None:
    answer = as_the_other(desk, "limits", "diff", user="daemon")
    assert answer.returncode == Exit.USAGE
    assert "config/people.yaml gives unix:daemon to nobody" in answer.stderr
