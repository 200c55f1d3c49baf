"""Named places where a test can make a process die, stop, fail or wait; inert unless a test names a file for it.

The file is named in the environment as `EXECUTION_FAILPOINTS` and holds one `name:action[:count]` a line. Actions:
`kill` (SIGKILL to oneself), `stop` (SIGSTOP), `error` (TransportError) and `delay=<seconds>`. The action happens when
the place is reached for the `count`-th time (the first without it), once in a process's life; `delay` from then on.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from toolkit.domain.errors import ConfigError, TransportError

VARIABLE: Final = "EXECUTION_FAILPOINTS"
NAMES: Final = frozenset({
    "before_append", "after_append_before_mirror", "after_mirror_before_send", "after_send",
    "after_report_before_append",
    "before_release", "after_release", "before_protection_leaves",
    "before_ledger", "after_ledger_before_reply", "after_reply",
    "before_answer", "after_answer",
    "before_publish", "after_publish",
})  # fmt: skip

Reach = Callable[[str], None]


def inert(name: str) -> None:
    """What services get outside of tests."""


def from_environment(environment: Mapping[str, str] = os.environ) -> Reach:
    """`reach(name)` as the test-only file says; `inert` when none is named. Raises ConfigError for a bad file."""
    named = environment.get(VARIABLE)
    return Failpoints(Path(named)).reach if named else inert


class Failpoints:
    """The failpoints of one file, counted in this process. A changed file is read again; one that is gone is empty."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._points: dict[str, tuple[str, int]] = {}
        self._reached: dict[str, int] = {}
        self._version: tuple[int, int] | None = None
        self._read()

    def reach(self, name: str) -> None:
        """Do what the file says about this place."""
        self._read()
        if name not in self._points:
            return
        action, count = self._points[name]
        self._reached[name] = reached = self._reached.get(name, 0) + 1
        if action.startswith("delay=") and reached >= count:
            time.sleep(float(action.removeprefix("delay=")))
        elif reached == count:
            _act(name, action)

    def _read(self) -> None:
        try:
            status = self._path.stat()
            version = (status.st_mtime_ns, status.st_ino)
            lines = self._path.read_text(encoding="utf-8").splitlines() if version != self._version else None
        except FileNotFoundError:
            version, lines = (0, 0), []
        if lines is None or version == self._version:
            return
        self._version, self._points, self._reached = version, {}, {}
        for number, line in enumerate(lines, start=1):
            if line.strip() and not line.startswith("#"):
                self._add(line.strip(), f"{self._path}:{number}")

    def _add(self, line: str, place: str) -> None:
        name, _, rest = line.partition(":")
        action, _, count = rest.partition(":")
        if name not in NAMES:
            raise ConfigError(f"{place}: no failpoint is called {name!r}; there are {', '.join(sorted(NAMES))}")
        if action not in {"kill", "stop", "error"} and not _is_delay(action):
            raise ConfigError(f"{place}: {action!r} is not kill, stop, error or delay=<seconds>")
        if count and not (count.isdecimal() and int(count) >= 1):
            raise ConfigError(f"{place}: count {count!r} must be a whole number from 1 on")
        self._points[name] = (action, int(count or 1))


def _act(name: str, action: str) -> None:
    if action == "error":
        raise TransportError(f"failpoint {name}")
    os.kill(os.getpid(), signal.SIGKILL if action == "kill" else signal.SIGSTOP)


def _is_delay(action: str) -> bool:
    name, _, seconds = action.partition("=")
    return name == "delay" and seconds.replace(".", "", 1).isdecimal()
