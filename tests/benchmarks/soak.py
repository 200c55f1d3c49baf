"""`make soak`: a day of a desk in fast forward; afterwards every process holds as much memory as before, within 5 %.

The feed runs as fast as the desk follows, and beside the shipped strategies one trades at every quote, so that whatever
keeps the newest of something is full early. The day begins then, and is over when the desk has sent as many orders as
the shipped one does in 24 hours, or when the time is; its last third is held against its first.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any, Final, NamedTuple

import yaml

from tests.benchmarks.report import Result
from tests.tools.desk_kit import make_home
from tests.tools.whole_desk import Desk
from toolkit.adapters import keys
from toolkit.adapters.blocking_redis import BlockingLine
from toolkit.adapters.server_access import ServerRole
from toolkit.client.books import Books
from toolkit.client.desk_state import read_desk_state
from toolkit.client.home import Home

SECONDS, LOOK_SECONDS = 900.0, 5.0
ORDERS_A_DAY, FULL = 290_000, 350_000
"""The shipped desk sends about 17 orders a session of 5 s. After FULL, whatever keeps the newest of something has been
filled and emptied again many times, every process has stored its state and gone on, and the heaps have settled."""

GROWTH = 1.05
BOOK: Final = "paper"
CHANGES: Final[Mapping[str, Mapping[str, Any]]] = {
    "monitor": {"enabled": True},
    "replayer": {"enabled": True},
    "engine": {"snapshot_every": 20_000},
    "archive": {"part_events": 20_000, "part_seconds": 5.0},
}
CHURN: Final = '''"""Trades at every quote."""

import toolkit as tk


class Churn(tk.Strategy):
    bar = "1d"
    warmup = 0

    def on_quote(self, quote):
        held = self.position(quote.instrument)
        if held > 0:
            self.sell(quote.instrument, held)
            return
        for quantity in range(1, 9):
            self.buy(quote.instrument, quantity)
'''


class Look(NamedTuple):
    """Orders so far, and megabytes by process."""

    orders: int
    memory: Mapping[str, float]


def run() -> list[Result]:
    return measure(SECONDS, ORDERS_A_DAY, FULL)


def measure(seconds: float, day: int, full: int) -> list[Result]:
    """The growth of each process within a day that begins when everything is full; AssertionError when it was too short
    to tell."""
    folder = Path(tempfile.mkdtemp(prefix="qd-soak-"))
    desk = Desk(soak_home(folder))
    try:
        answer = desk.run("up", "-d", "--speed", "0")
        assert answer.returncode == 0, answer.stderr
        looks = _watch(desk, seconds, day, full)
        state = read_desk_state(desk.home / "var/run/processes.json")
        assert state is not None, "the desk is gone"
        restarted = [f"{process.name} ({process.detail})" for process in state.processes if process.restarts]
        assert not restarted, f"did not last: {', '.join(restarted)}"
    finally:
        try:
            desk.run("down")
        finally:
            shutil.rmtree(folder)
    return results(looks, day)


def results(looks: list[Look], day: int) -> list[Result]:
    """Median of the last third beside that of the first third."""
    third = len(looks) // 3
    assert third >= 3, f"only {len(looks)} looks once everything was full; give it more time"
    part = 100 * (looks[-1].orders - looks[0].orders) / day
    whole = Result(name="soak, part of a day", value=round(part, 1), unit="%", goal="≥ 99 %", met=part >= 99)
    found = [whole]
    for name in looks[0].memory:
        early = median(look.memory[name] for look in looks[:third])
        late = median(look.memory[name] for look in looks[-third:])
        found.append(
            Result(
                name=f"soak, memory of {name}", value=round(late, 1), unit="MB", floor=round(early, 1),
                ratio=round(late / early, 3), goal=f"ratio ≤ {GROWTH:g}", met=late / early <= GROWTH,
            )
        )  # fmt: skip
    return found


def soak_home(folder: Path) -> Path:
    """The shipped desk with one more strategy, and limits that no day of it reaches."""
    home = make_home(folder, CHANGES, {"closed_orders_kept": 10_000})
    (home.root / "notebooks/strategies/churn.py").write_text(CHURN, encoding="utf-8")
    _change(home.config / "strategies.yaml", _add_churn)
    _change(home.config / "limits.yaml", _loosen)
    return home.root


def _add_churn(document: dict[str, Any]) -> None:
    document["strategies"]["churn"] = {
        "source": "notebooks/strategies/churn.py", "class": "Churn", "capital": 10**9,
        "instruments": ["AAPL", "FB", "GOOG"], "parameters": {}, "enabled": True,
    }  # fmt: skip


def _loosen(document: dict[str, Any]) -> None:
    document["strategies"]["churn"] = dict(document["strategies"]["trend"], permitted=["AAPL", "FB", "GOOG"])
    for limits in (document["book"], document["venues"]["paper"], *document["strategies"].values()):
        limits["message_rate"] = 10_000
    document["book"] |= dict.fromkeys(("max_daily_loss", "max_drawdown", "max_gross", "max_net", "max_var"), 10**12)
    document["book"] |= {"max_leverage": 1_000, "max_capital_use": 1_000, "max_executions": 10**9}
    document["venues"]["paper"]["max_margin"] = 10**12


def _change(path: Path, change: Any) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(document)
    path.write_text(yaml.safe_dump(document), encoding="utf-8")


def _watch(desk: Desk, seconds: float, day: int, full: int) -> list[Look]:
    """Looks from when everything was full until the day, or the time, is over."""
    looks: list[Look] = []
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and (not looks or looks[-1].orders < looks[0].orders + day):
        time.sleep(LOOK_SECONDS)
        look = _look(desk)
        if look.orders >= full:
            looks.append(look)
        print(f"  {look.orders:>9,} orders  {sum(look.memory.values()):.0f} MB", flush=True)
    return looks


def _look(desk: Desk) -> Look:
    state = read_desk_state(desk.home / "var/run/processes.json")
    assert state is not None, "the desk is gone"
    books = Books(home=Home(desk.home), book=BOOK)
    memory = {process.name: share_of_memory(process.pid) for process in (state.supervisor, *state.processes)}
    ledger = books.replica().ledger
    memory["bus-server"] -= _steps_megabytes(books, ledger.epoch)
    return Look(ledger.order_count, memory)


def share_of_memory(pid: int) -> float:
    """What is shared with others counts in parts, in MB."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="utf-8").splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1_000
    raise AssertionError(f"the system does not tell the memory of process {pid}")


def _steps_megabytes(books: Books, epoch: int) -> float:
    """The feed on the bus fills up to a number of steps that takes days; what it holds is no leak."""
    with BlockingLine(books.address(ServerRole.BUS)) as line:
        streams = keys.steps(BOOK, "feed"), keys.released(BOOK, epoch)
        return sum(int(line.ask("MEMORY", "USAGE", key, "SAMPLES", 100) or 0) for key in streams) / 1e6
