"""Others on the same work, in an environment of their own (`make bench-peers`); of ours they import nothing.

All times are processor time: each of them works in one thread and waits for nothing, so the machine's other work does
not count.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import toolkit as tk
from tests.benchmarks.peers import golden
from tests.benchmarks.report import Result, beside
from tests.tools import sma_cross
from tests.tools.desk_kit import PROJECT
from toolkit.domain.errors import ConfigError
from toolkit.domain.market import Quote, Step

PYTHON = PROJECT / ".venv-peers" / "bin" / "python"
SCRIPTS = Path(__file__).with_name("peers")
PATIENCE, REPEATS = 300, 3


def are_here() -> bool:
    """Whether the environment of the peers was made."""
    return PYTHON.exists()


def run() -> list[Result]:
    """The SMA cross by us and by two others. Writes the golden file anew: git shows what changed."""
    if not are_here():
        print("peers: not measured here; `make bench-peers` sets them up", flush=True)
        return []
    rules = (sma_cross.FAST, sma_cross.SLOW, sma_cross.STAKE, sma_cross.CAPITAL, sma_cross.COMMISSION)
    answers = [_ask(script, *map(str, rules)) for script in ("backtesting_py.py", "backtrader_.py")]
    golden.write(answers[0])
    peers = {answer["peer"]: answer["bars_per_second"] for answer in answers}
    return [beside("SMA cross on daily bars", _bars_per_second(), "bars/s", peers)]


def quotes_per_second(steps: Iterable[Step], every: int) -> dict[str, float]:
    """nautilus_trader over the quotes of these steps, with an order at every n-th; nothing where it is not set up."""
    if not are_here():
        return {}
    numbers: dict[str, int] = {}
    rows = [
        (numbers.setdefault(one.instrument, len(numbers)), int(step.time), one.bid, one.ask, one.bid_size, one.ask_size)
        for step in steps
        for one in step.events
        if isinstance(one, Quote)
    ]
    with tempfile.TemporaryDirectory(prefix="qd-bench-") as folder:
        path = Path(folder, "quotes.npy")
        np.save(path, np.array(rows, dtype=np.int64))
        answer = _ask("nautilus.py", str(path), str(every))
    return {answer["peer"]: answer["quotes_per_second"]}


def _bars_per_second() -> float:
    data, venue = sma_cross.data(), sma_cross.venue()
    bars, seconds = len(sma_cross.goog()), []
    for _ in range(REPEATS):
        began = time.process_time()
        result = tk.backtest(sma_cross.SmaCross, data, capital=sma_cross.CAPITAL, venue=venue)
        seconds.append(time.process_time() - began)
        assert len(result.fills) > 100, f"only {len(result.fills)} fills"
    return bars / median(seconds)


def _ask(script: str, *arguments: str) -> dict[str, Any]:
    """What one of the scripts prints. ConfigError with its last words when it fails."""
    done = subprocess.run(
        (str(PYTHON), str(SCRIPTS / script), *arguments), capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    if done.returncode:
        raise ConfigError(f"{script}: {done.stderr.strip()[-300:]}; `make bench-peers` sets the peers up anew")
    answer: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer
