"""A benchmark that nobody ran since an engine changed must not be found out on the day it is wanted."""

from pathlib import Path

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
