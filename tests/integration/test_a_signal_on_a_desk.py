"""A function of a table on a real desk: the fills of its backtest, also after kill -9, in a runner that stays small."""

import subprocess
from pathlib import Path

import pytest
import yaml

from tests.tools.desk_kit import DeskKit, make_home
from tests.tools.parity import assert_same_as_backtest
from toolkit.client.home import Home

pytestmark = pytest.mark.integration

MOST_MEGABYTES = 150
SOURCE = '''"""Holds what is above its average, more of what is further above it."""

import toolkit as tk


def strength(closes, days=8):
    above = (closes.iloc[-1] / closes.tail(days).mean() - 1).clip(lower=0)
    return above / above.sum() * 0.9 if above.sum() else above


Strength = tk.from_signal(strength, warmup=8, band=0.01)
'''
ROW = {
    "source": "notebooks/strategies/strength.py", "class": "Strength", "capital": 100_000,
    "instruments": ["AAPL", "IBM", "MSFT"], "parameters": {"days": 6}, "enabled": True,
}  # fmt: skip


async def test_it_trades_as_its_backtest_also_after_a_kill_in_the_middle(tmp_path: Path) -> None:
    kit = DeskKit(home_with_a_signal(tmp_path / "home"))
    try:
        await kit.start()
        first = kit.ledger.step
        await kit.until_step(first + 120)
        await kit.kill("runner-strength")
        await kit.until_step(first + 240)
        used = megabytes(kit.processes["runner-strength"].pid)
        await kit.end("listener")
        await kit.caught_up()
        assert assert_same_as_backtest(kit) > 20
    finally:
        await kit.stop()
    assert 60 < used <= MOST_MEGABYTES


def home_with_a_signal(folder: Path) -> Home:
    home = make_home(folder)
    (home.root / "notebooks/strategies/strength.py").write_text(SOURCE)
    (home.root / "config/strategies.yaml").write_text(yaml.safe_dump({"strategies": {"strength": ROW}}))
    limits = yaml.safe_load((home.root / "config/limits.yaml").read_text())
    limits["strategies"] = {"strength": limits["strategies"]["trend"]}
    (home.root / "config/limits.yaml").write_text(yaml.safe_dump(limits))
    return home


def megabytes(pid: int) -> float:
    """What a process holds in memory."""
    said = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=True)
    return int(said.stdout) / 1024
