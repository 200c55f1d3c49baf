"""The monitor's process: `python -m execution.wiring.monitor --home HOME --port PORT`; pairs ports with adapters."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import uvloop

from execution.child import explain, read_secret, when_told_to_stop
from execution.home import Home, find_home
from execution.services.monitor import Monitor, MonitorParts
from execution.settings import Settings, read_running
from execution.wiring.desk_facts import FactsReader
from execution.wiring.judging import Judge
from execution.wiring.metrics_page import MetricsPage
from toolkit.adapters.clock import SystemClock
from toolkit.client.watching import Again, Watching
from toolkit.domain.beats import Beat
from toolkit.domain.errors import ExecutionError
from toolkit.domain.time import NANOSECONDS, WallTime
from toolkit.monitoring.collecting import collect
from toolkit.monitoring.facts import DeskFacts

PROCESS = "monitor"
YIELDS = 10
"""How far it stands back behind whoever trades, where both want a processor."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run until told to stop; returns the exit code."""
    parser = argparse.ArgumentParser(prog="execution.wiring.monitor", description=__doc__)
    parser.add_argument("--home", required=True)
    parser.add_argument("--port", type=int, required=True)
    options = parser.parse_args(arguments)
    os.nice(YIELDS)
    try:
        home = find_home(options.home)
        read_secret()
        uvloop.run(watch(home, read_running(home.root), options.port))
    except ExecutionError as problem:
        return explain(problem)
    return 0


async def watch(home: Home, settings: Settings, port: int) -> None:
    """Measure the desk until told to stop."""
    book, clock = settings.desk.book, SystemClock()
    page = MetricsPage(settings.desk.monitor.address, port)
    facts = FactsReader(home, book, PROCESS, clock.wall)

    def say(words: str) -> None:
        print(words, flush=True)

    judge = Judge(home, settings, ledger=lambda: follower.replica.ledger, wall=clock.wall, mono=clock.mono, say=say)

    def look_again(wall: WallTime) -> None:
        judge.look_again(lambda: collect(follower.replica, follower.tallies, DeskFacts(), wall), wall)

    since = int(clock.wall()) - round(judge.begin() * NANOSECONDS)
    follower = Watching(home, book, user=PROCESS, keeps=True, again=Again(since, look_again))

    def beat(state: str, step: int) -> None:
        facts.beat(Beat(process=PROCESS, pid=os.getpid(), wall=clock.wall(), state=state, step=step))

    monitor = Monitor(
        MonitorParts(
            follower=follower,
            facts=facts.read,
            wall=clock.wall,
            mono=clock.mono,
            show=page.show,
            beat=beat,
            say=say,
            judges=(judge,),
        )
    )
    when_told_to_stop(monitor.stop)
    page.start()
    try:
        await monitor.run()
    finally:
        judge.close()
        page.stop()
        facts.close()


if __name__ == "__main__":
    sys.exit(main())
