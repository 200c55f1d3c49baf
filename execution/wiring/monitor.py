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
from execution.settings import Settings, read_settings
from execution.wiring.desk_facts import FactsReader
from execution.wiring.judging import Judge
from execution.wiring.metrics_page import MetricsPage
from toolkit.adapters.blocking_redis import BlockingBus
from toolkit.adapters.clock import SystemClock
from toolkit.client.books import Books
from toolkit.client.watching import Watching
from toolkit.domain.beats import Beat
from toolkit.domain.errors import ExecutionError

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
        uvloop.run(watch(home, read_settings(home.root), options.port))
    except ExecutionError as problem:
        return explain(problem)
    return 0


async def watch(home: Home, settings: Settings, port: int) -> None:
    """Measure the desk until told to stop."""
    book, clock = settings.desk.book, SystemClock()
    page = MetricsPage(settings.desk.monitor.address, port)
    heart = Heart(Books(home=home, book=book, user=PROCESS), clock)
    facts = FactsReader(home, book, PROCESS, clock.wall)
    follower = Watching(home, book, user=PROCESS, keeps=True)

    def say(words: str) -> None:
        print(words, flush=True)

    judge = Judge(home, settings, ledger=lambda: follower.replica.ledger, wall=clock.wall, say=say)
    monitor = Monitor(
        MonitorParts(
            follower=follower,
            facts=facts.read,
            wall=clock.wall,
            show=page.show,
            beat=heart.beat,
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
        heart.close()


class Heart:
    """Says on the bus that the monitor lives; a bus that is away hears nothing and is tried again."""

    def __init__(self, books: Books, clock: SystemClock) -> None:
        self._books = books
        self._clock = clock
        self._bus: BlockingBus | None = None

    def beat(self, state: str, step: int) -> None:
        try:
            if self._bus is None:
                self._bus = self._books.bus()
            self._bus.beat(Beat(process=PROCESS, pid=os.getpid(), wall=self._clock.wall(), state=state, step=step))
        except ExecutionError:
            self.close()

    def close(self) -> None:
        if self._bus is not None:
            self._bus.close()
            self._bus = None


if __name__ == "__main__":
    sys.exit(main())
