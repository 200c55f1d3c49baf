"""Measures in, alerts out: reads config/monitoring.yaml, again whenever it is saved, and has each look judged by it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from execution.settings import Settings
from execution.settings.monitoring import SOURCE, Monitoring, read_monitoring, resolve_channels
from execution.wiring.alerts import Alerts
from toolkit.client.home import Home
from toolkit.domain.errors import ConfigError
from toolkit.domain.ledger import Ledger
from toolkit.domain.time import NANOSECONDS, WallTime
from toolkit.monitoring.evaluation import Evaluator
from toolkit.monitoring.samples import Samples

LOOK_AT_FILE_SECONDS: Final = 2.0
READ_SECONDS: Final = 5.0
"""So long ago may the journal's end have been reached for a look to count as one that saw everything."""
JOURNAL_READ: Final = "quarterdeck_journal_read_timestamp_seconds"


class Judge:
    """Called with each set of measures; returns at once. A file that was saved broken leaves the last valid rules."""

    def __init__(
        self, home: Home, settings: Settings, *, ledger: Callable[[], Ledger], wall: Callable[[], WallTime],
        say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._home = home
        self._settings = settings
        self._ledger = ledger
        self._wall = wall
        self._say = say
        self._path = home.root / Path(SOURCE)
        self._saved: int | None = None
        self._looked = float("-inf")
        self._checksum = ""
        self._evaluator: Evaluator | None = None
        self.alerts: Alerts | None = None

    async def __call__(self, samples: Samples) -> None:
        """Judge one look."""
        if time.monotonic() - self._looked >= LOOK_AT_FILE_SECONDS:
            self._looked = time.monotonic()
            await asyncio.to_thread(self._look_at_file)
        if self._evaluator is not None and self.alerts is not None:
            wall = self._wall()
            self.alerts.take(self._evaluator.look(samples, wall), wall, journal_read=_was_read(samples, wall))

    def close(self) -> None:
        """What was said is written; nothing new begins."""
        if self.alerts is not None:
            self.alerts.close()

    # ---- the file

    def _look_at_file(self) -> None:
        try:
            saved = self._path.stat().st_mtime_ns
        except OSError:
            saved = 0
        if saved == self._saved:
            return
        self._saved = saved
        try:
            monitoring = read_monitoring(self._home.root)
        except ConfigError as problem:
            left = (
                "the last valid rules stay" if self._evaluator is not None else "nothing is watched until it is mended"
            )
            self._say(f"{problem}; {left}")
            return
        if monitoring.checksum != self._checksum:
            self._begin(monitoring)

    def _begin(self, monitoring: Monitoring) -> None:
        """With new rules from here on; the desk of alerts remembers from the operations log what fired before."""
        self.close()
        telling, missing = resolve_channels(monitoring, self._home.root, os.environ)
        for sentence in missing:
            self._say(sentence)
        self._checksum = monitoring.checksum
        self._evaluator = Evaluator(monitoring.plan.rules)
        self.alerts = Alerts(
            self._home, self._settings, monitoring.plan.rules, telling, ledger=self._ledger, wall=self._wall,
            say=self._say,
        )  # fmt: skip


def _was_read(samples: Samples, wall: WallTime) -> bool:
    read = samples.value(JOURNAL_READ)
    return read is not None and int(wall) / NANOSECONDS - read <= READ_SECONDS
