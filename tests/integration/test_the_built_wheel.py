"""A wheel carries all that a desk needs: it is built here and installed aside, and a desk is made from it."""

import json
import os
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import papermill
import pytest

from execution.commands.exits import Exit
from execution.templates import OF_EVERY_DESK, desk_files
from tests.tools.fresh_environment import FreshEnvironment, fresh_environment

pytestmark = pytest.mark.integration

CARRIED = (
    "toolkit/py.typed", "execution/py.typed", "toolkit/adapters/lua/append.lua", "toolkit/research/result.css",
    "toolkit/simulation/data/us_stocks_daily.msgpack", "execution/templates/strategy/strategy.py.txt",
)  # fmt: skip
PACKED = "execution/templates/desk/"
BACKTEST = """
import json, sys
from importlib import import_module
import execution, toolkit as tk
sys.path.append("notebooks")
result = tk.backtest(import_module("strategies.trend").Trend, tk.data.sample(60))
print(json.dumps({"from": [tk.__file__, execution.__file__], "fills": len(result.fills)}))
"""

WHERE = """
import json
from importlib.util import find_spec
import execution, toolkit
tools = [name for name in ("pytest", "hatchling", "ccxt") if find_spec(name)]
print(json.dumps([[toolkit.__file__, execution.__file__], tools]))
"""


@dataclass(frozen=True)
class Installed:
    """What a person has who installed the wheel: its files in a folder, and the packages that it depends on."""

    wheel: Path
    packages: Path
    folder: Path

    def run(self, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run with the wheel's packages ahead of everything, so that the checkout is not seen."""
        return subprocess.run(
            arguments, cwd=folder or self.folder, env=self.environment, capture_output=True, text=True, check=False,
            timeout=300,
        )  # fmt: skip

    def execution(self, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
        return self.run(str(self.packages / "bin" / "execution"), *arguments, folder=folder)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(self.packages), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture(scope="module")
def installed(repository: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Built and unpacked without a network: hatchling is among the tools for tests."""
    folder = tmp_path_factory.mktemp("from the wheel")
    pip("wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder), str(repository))
    (wheel,) = folder.glob("quarterdeck-*.whl")
    pip("install", "--no-deps", "--no-compile", "--target", str(folder / "packages"), str(wheel))
    (folder / "empty").mkdir()
    return Installed(wheel, folder / "packages", folder / "empty")


def pip(*arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pip", *arguments, "--no-index", "--disable-pip-version-check", "--quiet"],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def desk(installed: Installed) -> Path:
    answer = installed.execution("init", "desk")
    assert answer.returncode == Exit.DONE, answer.stderr
    return installed.folder / "desk"


def test_it_holds_what_is_no_python_too_and_every_module(installed: Installed, repository: Path) -> None:
    carried = set(zipfile.ZipFile(installed.wheel).namelist())
    modules = {
        path.relative_to(repository).as_posix()
        for package in ("toolkit", "execution")
        for path in (repository / package).rglob("*.py")
    }
    assert sorted({*CARRIED, *modules} - carried) == []


def test_its_template_of_a_desk_is_the_projects_own_and_nothing_more(installed: Installed) -> None:
    """Secrets, pictures and what tools leave behind are not packed: the wheel goes to other people."""
    packed = {name.removeprefix(PACKED) for name in zipfile.ZipFile(installed.wheel).namelist() if PACKED in name}
    assert packed == {*(set(desk_files()) - set(OF_EVERY_DESK)), *OF_EVERY_DESK.values()}


def test_it_lays_out_the_desk_that_a_checkout_lays_out(desk: Path) -> None:
    laid_out = {
        path.relative_to(desk).as_posix(): path
        for path in desk.rglob("*")
        if path.is_file() and "var" not in path.parts
    }
    originals = desk_files()
    assert set(originals) <= set(laid_out)
    for name, original in originals.items():
        assert laid_out[name].read_bytes() == original.read_bytes(), name


def test_the_doctor_finds_nothing_to_mend(installed: Installed, desk: Path) -> None:
    answer = installed.execution("doctor", "--home", "desk", "--json")
    found = json.loads(answer.stdout)
    assert [finding for finding in found if finding["verdict"] == "wrong"] == []
    assert answer.returncode == Exit.DONE
    assert any(finding["said"].startswith("3 strategies (3 enabled)") for finding in found)


def test_the_desks_strategy_trades_in_a_backtest(installed: Installed, desk: Path) -> None:
    answer = installed.run(sys.executable, "-c", BACKTEST, folder=desk)
    assert answer.returncode == 0, answer.stderr
    said = json.loads(answer.stdout)
    assert said["fills"] > 0
    assert all(Path(file).is_relative_to(installed.packages) for file in said["from"]), said["from"]


def test_a_new_strategy_runs_green_at_once(installed: Installed, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = installed.execution("new", "first_idea", folder=desk)
    assert answer.returncode == Exit.DONE, answer.stderr
    tests = installed.run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", folder=desk)
    assert tests.returncode == 0, tests.stdout + tests.stderr
    assert "4 passed" in tests.stdout

    monkeypatch.setenv("PYTHONPATH", installed.environment["PYTHONPATH"])
    done = papermill.execute_notebook(
        desk / "notebooks/first_idea.ipynb", None, parameters={"sessions": 40}, cwd=str(desk / "notebooks"),
        progress_bar=False, start_timeout=300, execution_timeout=300,
    )  # fmt: skip
    pages = [
        output["data"].get("text/html", "")
        for cell in done.cells
        for output in cell.get("outputs", ())
        if "data" in output
    ]
    assert any(">BACKTEST<" in page for page in pages)


def test_a_desk_runs_from_the_wheel_and_what_it_asks_for(installed: Installed, tmp_path: Path) -> None:
    """None of the tools for tests is there, and no checkout: the desk is up, trades, and goes down in order."""
    fresh = fresh_environment(tmp_path / "environment", installed.wheel)
    home = tmp_path / "desk"
    seen = fresh.run("python", "-c", WHERE, folder=tmp_path)
    assert seen.returncode == 0, seen.stderr
    files, tools = json.loads(seen.stdout)
    assert all(Path(file).is_relative_to(fresh.folder) for file in files)
    assert tools == []
    answer = fresh.run("execution", "init", "desk", folder=tmp_path)
    assert answer.returncode == Exit.DONE, answer.stdout + answer.stderr
    try:
        answer = fresh.run("execution", "up", "-d", "--speed", "10", folder=home)
        assert answer.returncode == Exit.DONE, answer.stdout + answer.stderr
        found = trading(fresh, home)
        assert found["kind"] == "paper"
        assert {"engine", "listener", "dashboards", "monitor", "replayer"} <= {
            one["name"] for one in found["processes"]
        }
    finally:
        answer = fresh.run("execution", "down", folder=home)
    assert answer.returncode == Exit.DONE, answer.stdout + answer.stderr


def trading(fresh: FreshEnvironment, home: Path) -> dict[str, Any]:
    """What `status` says once every process runs and something was filled."""
    until = time.monotonic() + 120
    while True:
        answer = fresh.run("execution", "status", "--json", folder=home)
        if answer.returncode == Exit.DONE:  # a journal that gets no turn for two seconds is none to status
            found: dict[str, Any] = json.loads(answer.stdout)
            running = all(one["state"] == "running" for one in found["processes"])
            if running and any(one["fills"] for one in found["strategies"]):
                return found
        assert time.monotonic() < until, answer.stdout + answer.stderr
        time.sleep(0.5)


def test_a_checkout_is_installed_as_a_path_alone(repository: Path, tmp_path: Path) -> None:
    """Copies of its templates in site-packages would be those of another day."""
    build = "import sys; from hatchling.build import build_editable; print(build_editable(sys.argv[1]))"
    done = subprocess.run(
        [sys.executable, "-c", build, str(tmp_path)], cwd=repository, capture_output=True, text=True, check=True
    )
    names = zipfile.ZipFile(tmp_path / done.stdout.strip()).namelist()
    assert [name for name in names if ".dist-info/" not in name] == ["_quarterdeck.pth"]
