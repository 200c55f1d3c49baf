"""Measures in, alerts out: reads config/monitoring.yaml, again whenever it is saved, and has each look judged by it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Final

from execution.services.judging import Judgement, was_read
from execution.settings import Settings
from execution.settings.monitoring import SOURCE, Monitoring, read_monitoring, resolve_channels
from execution.wiring.alerts import Alerts
from toolkit.adapters.records import replace_file
from toolkit.client.home import Home
from toolkit.domain.errors import ConfigError, TransportError
from toolkit.domain.ledger import Ledger
from toolkit.domain.time import MonoTime, WallTime
from toolkit.monitoring.samples import Samples

LOOK_AT_FILE_SECONDS: Final = 2.0
KEPT: Final = "monitoring-in-force.yaml"


class Judge:
    """Called with each set of measures; returns at once. A file that was saved broken leaves the last valid rules,
    also to a monitor that starts while it is broken: nobody else would tell of it."""

    def __init__(
        self, home: Home, settings: Settings, *, ledger: Callable[[], Ledger], wall: Callable[[], WallTime],
        mono: Callable[[], MonoTime], say: Callable[[str], None],
    ) -> None:  # fmt: skip
        self._home = home
        self._settings = settings
        self._ledger = ledger
        self._wall = wall
        self._mono = mono
        self._say = say
        self._path = home.root / Path(SOURCE)
        self._kept = home.run / KEPT
        self._saved: int | None = None
        self._looked = float("-inf")
        self._checksum = ""
        self._judgement: Judgement | None = None
        self.alerts: Alerts | None = None

    def begin(self) -> float:
        """Read the rules before the first look; how many seconds of what went by they ask of the books."""
        self._looked = time.monotonic()
        self._look_at_file()
        return 0.0 if self._judgement is None else self._judgement.looks_back

    def look_again(self, measured: Callable[[], Samples], wall: WallTime) -> None:
        """At what went by while nobody looked; nobody is told."""
        if self._judgement is not None:
            self._judgement.look_again(measured, wall)

    async def __call__(self, samples: Samples) -> None:
        """Judge one look."""
        if time.monotonic() - self._looked >= LOOK_AT_FILE_SECONDS:
            self._looked = time.monotonic()
            await asyncio.to_thread(self._look_at_file)
        if self._judgement is not None and self.alerts is not None:
            wall = self._wall()
            firings = self._judgement.look(samples, wall, self._mono())
            self.alerts.take(firings, wall, journal_read=was_read(samples, wall))

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
            before = self._last_valid() if self._judgement is None else None
            if before is not None:
                self._take_up(before)
            left = (
                "the last valid rules stay" if self._judgement is not None else "nothing is watched until it is mended"
            )
            self._say(f"{problem}; {left}")
            return
        if monitoring.checksum != self._checksum:
            self._take_up(monitoring)
            self._keep(monitoring)

    def _last_valid(self) -> Monitoring | None:
        with suppress(ConfigError):
            return read_monitoring(self._home.root, self._kept)
        return None

    def _keep(self, monitoring: Monitoring) -> None:
        """What is in force now, for a monitor that starts when the file is broken."""
        with suppress(OSError, TransportError):  # a full disk: told by other means
            raw = self._path.read_bytes()
            if sha256(raw).hexdigest() == monitoring.checksum:  # else it was saved meanwhile, and is looked at next
                replace_file(self._kept, self._kept.with_suffix(".new"), raw)

    def _take_up(self, monitoring: Monitoring) -> None:
        """With new rules from here on; the desk of alerts remembers from the operations log what fired before."""
        self.close()
        telling, missing = resolve_channels(monitoring, self._home.root, os.environ)
        for sentence in missing:
            self._say(sentence)
        self._checksum = monitoring.checksum
        self._judgement = Judgement(monitoring.plan.rules, self._judgement)
        self.alerts = Alerts(
            self._home, self._settings, monitoring.plan.rules, telling, ledger=self._ledger, wall=self._wall,
            say=self._say,
        )  # fmt: skip
