"""The command line as people meet it: help, exit codes, a path from any folder and any Python."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from execution.commands.app import app
from execution.commands.exits import MEANINGS, Exit

COMMANDS = [
    *("init", "new", "up", "down", "status", "enable", "disable", "throttle", "orders", "positions", "logs", "why"),
    *("restart", "journal", "doctor", "venue", "version"),
]


def run(*arguments: str, folder: Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        arguments, cwd=folder, capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, **(environment or {})},
    )  # fmt: skip


def test_every_command_of_the_desk_is_there() -> None:
    text = CliRunner().invoke(app, ["--help"]).output
    assert [command for command in COMMANDS if not re.search(rf"^  {command}\b", text, re.MULTILINE)] == []


@pytest.mark.parametrize("command", [name for name in COMMANDS if name not in ("journal", "venue")])
def test_every_command_answers_in_json_and_says_what_it_does(command: str) -> None:
    answer = CliRunner().invoke(app, [command, "--help"])
    assert answer.exit_code == 0
    assert "--json" in answer.output


def test_help_and_readme_show_the_same_exit_codes(repository: Path) -> None:
    help_text = CliRunner().invoke(app, ["--help"]).output
    readme = (repository / "README.md").read_text()
    assert set(MEANINGS) == set(Exit)
    for code, meaning in MEANINGS.items():
        assert f"{code.value}  {meaning}" in help_text
        assert f"| {code.value} | {meaning} |" in readme


def test_a_path_works_from_any_folder_although_its_neighbours_shadow_modules(repository: Path, tmp_path: Path) -> None:
    answer = run(sys.executable, str(repository / "execution/cli.py"), "version", "--json", folder=tmp_path)
    assert answer.returncode == 0, answer.stderr
    assert "quarterdeck" in json.loads(answer.stdout)


def test_a_python_without_our_packages_goes_on_in_the_projects_environment(repository: Path, tmp_path: Path) -> None:
    """`-S` hides the installed packages, as a foreign interpreter would."""
    answer = run(sys.executable, "-S", str(repository / "execution/cli.py"), "version", "--json", folder=tmp_path)
    if (repository / ".venv/bin/python").exists() and Path(sys.prefix) != repository / ".venv":
        assert answer.returncode == 0, answer.stderr
    else:  # already in it: nothing to restart in
        assert answer.returncode in (0, 2)


def test_without_an_environment_it_says_what_to_type(repository: Path, tmp_path: Path) -> None:
    copy = tmp_path / "project/execution"
    copy.mkdir(parents=True)
    (copy / "cli.py").write_text((repository / "execution/cli.py").read_text())
    answer = run(sys.executable, "-S", str(copy / "cli.py"), "status", folder=tmp_path)
    assert answer.returncode == Exit.USAGE
    assert f"make -C '{tmp_path / 'project'}' setup" in answer.stderr


def test_a_desk_that_was_never_started_says_so(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/desk.yaml").write_text("name: x\n")
    for command in (
        ["status"],
        ["orders"],
        ["down"],
        ["disable", "-s", "trend", "-rx"],
        ["enable", "trend", "-rx"],
    ):
        answer = run(sys.executable, "-m", "execution.cli", *command, "--home", str(tmp_path), folder=tmp_path)
        assert (answer.returncode, answer.stdout) == (Exit.NOT_RUNNING, "")
        assert "`execution up` starts it" in answer.stderr


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("seed: 7", "sead: 7", r"config/desk\.yaml:\d+: unknown key 'feed\.sead'; did you mean 'seed'"),
        ("owner: quant", "owner: qant", r"config/monitoring\.yaml:\d+: .* is 'qant', no owner; did you mean 'quant'"),
    ],
)
def test_a_broken_configuration_is_told_with_its_line_and_nothing_starts(
    old: str, new: str, said: str, tmp_path: Path, repository: Path
) -> None:
    (tmp_path / "config").mkdir()
    for path in (repository / "config").glob("*.yaml"):
        (tmp_path / "config" / path.name).write_text(path.read_text().replace(old, new))
    answer = run(sys.executable, "-m", "execution.cli", "up", "--home", str(tmp_path), folder=tmp_path)
    assert answer.returncode == Exit.USAGE
    assert re.search(said, answer.stderr)
    assert not list((tmp_path / "var/run").glob("*.sock"))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["throttle", "--rate", "5/s", "-r", "x"], "name one of --venue and --strategy"),
        (["status", "--home", "nowhere"], "is no desk"),
        (["new", "My-Idea"], "how about my_idea?"),
    ],
)
def test_wrong_use_is_refused_with_the_mend(arguments: list[str], says: str, tmp_path: Path) -> None:
    answer = run(sys.executable, "-m", "execution.cli", *arguments, folder=tmp_path)
    assert answer.returncode == Exit.USAGE
    assert says in answer.stderr


def test_an_empty_reason_stops_nothing_and_says_so(tmp_path: Path, repository: Path) -> None:
    answer = run(
        sys.executable, "-m", "execution.cli", "disable", "trend", "--reason", " ", "--home", str(tmp_path),
        folder=repository,
    )  # fmt: skip
    assert answer.returncode == Exit.USAGE
    assert "trend is NOT stopped: --reason is empty" in answer.stderr
