"""A sweep on several cores, stopped in the middle: nothing is lost, nothing is left running, and it goes on."""

import os
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path

import pytest

import toolkit as tk

pytestmark = pytest.mark.integration

STRATEGY = '''
import time
from pathlib import Path

import toolkit as tk


class Cross(tk.Strategy):
    """A crossover."""

    bar = "1d"
    fast: int = 3
    slow: int = 8

    @property
    def warmup(self):
        return self.slow

    def on_bar(self, bar):
        while self.fast == 5 and not Path("go").exists():  # the last quarter of the grid
            time.sleep(0.01)
        closes = self.history.closes(bar.instrument)
        rises = sum(closes[-self.fast:]) / self.fast > sum(closes) / self.slow
        self.target_position(bar.instrument, 50 if rises else 0)
'''
SCRIPT = f"""{STRATEGY}

def sweep(processes):
    grid = {{"fast": [2, 3, 4, 5], "slow": [6, 7, 8, 9, 10, 11]}}
    return tk.sweep(Cross, grid, tk.data.sample(80, ["IBM", "MSFT"]), processes=processes, folder="kept")


if __name__ == "__main__":
    sweep(2)
"""


def _hears_ctrl_c() -> None:
    """As in a terminal: what a shell runs in the background ignores the signal, and hands that on."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


class Running:
    """A script that sweeps; its standard output ends when the last of its processes has."""

    def __init__(self, folder: Path) -> None:
        (folder / "cross.py").write_text(SCRIPT)
        self.points = folder / "kept"
        self._process = subprocess.Popen(
            [sys.executable, "cross.py"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            start_new_session=True, env={**os.environ, "PYTHONPATH": str(Path(tk.__file__).parents[1])},
            preexec_fn=_hears_ctrl_c,
        )  # fmt: skip

    def until_points(self, count: int) -> None:
        deadline = time.monotonic() + 120
        while self.count() < count:
            assert time.monotonic() < deadline
            assert self._process.poll() is None, self._process.communicate()[0]
            time.sleep(0.01)

    def count(self) -> int:
        return len(list(self.points.glob("*/points/*.json")))

    def interrupt(self) -> None:
        """Ctrl-C, as a terminal sends it: to all processes of the group."""
        os.killpg(self._process.pid, signal.SIGINT)

    def kill(self) -> None:
        self._process.kill()

    def last_words(self) -> str:
        """All that it said, once nothing of it is left."""
        return self._process.communicate(timeout=120)[0]


def test_killed_in_the_middle_it_goes_on_and_no_process_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    running = Running(tmp_path)
    running.until_points(3)
    running.kill()
    running.last_words()
    kept = running.count()
    assert 3 <= kept < 24
    (tmp_path / "go").touch()
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    found = import_module("cross").sweep(1)
    assert f"({kept:,} known from before)" in capsys.readouterr().out
    assert running.count() == found.variants == 24


def test_ctrl_c_ends_all_of_it_in_order_and_tells_how_to_go_on(tmp_path: Path) -> None:
    running = Running(tmp_path)
    running.until_points(2)
    running.interrupt()
    said = running.last_words()
    assert "the same call goes on" in said
    assert said.count("Traceback") == 1, said
    assert "KeyboardInterrupt" in said
    assert running.count() < 24


def test_a_script_that_sweeps_without_its_guard_is_told(tmp_path: Path) -> None:
    (tmp_path / "bare.py").write_text(f'{STRATEGY}\n\ntk.sweep(Cross, {{"fast": [2, 3]}}, folder="kept")\n')
    answer = subprocess.run(
        [sys.executable, "bare.py"], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300,
        env={**os.environ, "PYTHONPATH": str(Path(tk.__file__).parents[1])},
    )  # fmt: skip
    assert 'put the call under if __name__ == "__main__":' in answer.stderr.splitlines()[-1]
