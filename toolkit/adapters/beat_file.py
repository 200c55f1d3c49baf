"""A file whose age says how long an engine has been silent, for a watchdog that trusts no server; it judges nothing."""

from __future__ import annotations

import os
import time
from pathlib import Path


class BeatFile:
    """Touched by who beats, taken away by who ends in order. A disk that refuses makes it old, which is safe."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def beat(self) -> None:
        try:
            os.utime(self._path)
        except FileNotFoundError:
            self._create()
        except OSError:
            return

    def clear(self) -> None:
        """Nobody beats any more, on purpose."""
        self._path.unlink(missing_ok=True)

    def silence(self) -> float | None:
        """Seconds since the last beat; None while nobody beats on purpose. A clock that was set back shows none."""
        try:
            return max(0.0, time.time() - self._path.stat().st_mtime)
        except OSError:
            return None

    def _create(self) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            os.close(os.open(self._path, os.O_WRONLY | os.O_CREAT, 0o600))
        except OSError:
            return
