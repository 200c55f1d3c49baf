"""A benchmark that nobody ran since an engine changed must not be found out on the day it is wanted."""

from pathlib import Path

import pytest

from execution.settings import read_settings
from tests.benchmarks import soak, watched
from tests.benchmarks.recover import RecoveryPlan, engine_plan, parts_of
from toolkit.adapters.clock import SystemClock
from toolkit.adapters.redis_journal import RedisJournal
from toolkit.adapters.server_address import ServerAddress


async def test_the_benchmark_of_recovery_is_made_of_what_an_engine_is_made_of_today(tmp_path: Path) -> None:
    plan = RecoveryPlan(journal=("unix:///nowhere", None, None), folder=str(tmp_path))
    clock = SystemClock()
    journal = RedisJournal(ServerAddress(*plan.journal), "paper", mono=clock.mono)
    parts = parts_of(journal, tmp_path, plan, clock)
    assert parts.journal is journal
    assert engine_plan().venues
    await journal.close()


def test_memory_that_grew_within_a_soak_is_a_goal_missed() -> None:
    looks = [soak.Look(orders=number, memory={"flat": 50.0, "grows": 50.0 + number}) for number in range(9)]
    flat, grows = soak.results(looks, 16)[1:]
    assert (flat.met, grows.met) == (True, False)
    assert soak.results(looks, 16)[0].value == 50
    with pytest.raises(AssertionError, match="more time"):
        soak.results(looks[:8], 16)


def test_what_being_watched_costs_is_judged_pair_by_pair() -> None:
    """One bad second of the machine in one of ten pairs says nothing."""
    good = [(1.0, 1.05)] * 9 + [(1.0, 50.0)]
    bad = [(1.0, 1.2)] * 10
    first, second, floor = watched.results({"good": good, "bad": bad, watched.BESIDE_A_LOOP: bad})
    assert (first.ratio, first.met) == (1.05, True)
    assert (second.ratio, second.met) == (1.2, False)
    assert (floor.ratio, floor.met, floor.goal) == (1.2, None, "")


def test_whatever_becomes_of_who_looks_on_is_measured() -> None:
    scenes = watched.scenes_of(20)
    assert [name for scene in scenes for name in scene.happens] == [
        "20 pages open, scraped", "monitor and dashboards stopped", "Prometheus dead", "webhook dead", "disk full",
        watched.BESIDE_A_LOOP,
    ]  # fmt: skip


def test_the_desk_of_a_soak_is_one_that_can_be_read(tmp_path: Path) -> None:
    settings = read_settings(soak.soak_home(tmp_path))
    assert settings.strategies["churn"].enabled
    assert settings.desk.monitor.enabled
