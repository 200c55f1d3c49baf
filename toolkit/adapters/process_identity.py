"""Which process a pid means: a pid alone is reused, a pid with its start time is not; ends only what it can prove."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

import msgspec

POLL_SECONDS: Final = 0.005
GONE_SECONDS: Final = 5.0


class ProcessIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """A pid and when that process started (opaque words, comparable on this boot of this machine)."""

    pid: int
    started: str


def identify(pid: int) -> ProcessIdentity | None:
    """Who runs under a pid right now; None when nobody does (a zombie is nobody)."""
    started = _started_linux(pid) if sys.platform.startswith("linux") else _started_ps(pid)
    return None if started is None else ProcessIdentity(pid=pid, started=started)


def this_process() -> ProcessIdentity:
    identity = identify(os.getpid())
    assert identity is not None  # we are running
    return identity


def lineage(pid: int) -> tuple[int, ...]:
    """A process and those that it descends from, as far as the system tells."""
    found: list[int] = []
    while pid > 1 and pid not in found:
        found.append(pid)
        pid = _parent_linux(pid) if sys.platform.startswith("linux") else _parent_ps(pid)
    return tuple(found)


def is_running(identity: ProcessIdentity) -> bool:
    """Whether this very process still runs."""
    return identify(identity.pid) == identity


def end(identity: ProcessIdentity, *, patience_seconds: float = 5.0) -> bool:
    """SIGTERM, and SIGKILL when that takes longer; False when it was gone already.

    No patience: SIGKILL at once. Never touches another process under the same pid.
    """
    if not is_running(identity):
        return False
    for stop in (signal.SIGTERM, signal.SIGKILL) if patience_seconds else (signal.SIGKILL,):
        with suppress(ProcessLookupError):
            os.kill(identity.pid, signal.SIGCONT)
            os.kill(identity.pid, stop)
        if _wait_gone(identity, patience_seconds or GONE_SECONDS):
            return True
    return True


def _wait_gone(identity: ProcessIdentity, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while is_running(identity):
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def _started_linux(pid: int) -> str | None:
    """State and start time are fields 3 and 22; the name in field 2 may hold spaces and brackets."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in {"Z", "X"} else f"{boot[:8]}:{fields[19]}"


def _parent_linux(pid: int) -> int:
    """0 where nobody runs under that pid."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    return int(text.rpartition(")")[2].split()[1])


def _parent_ps(pid: int) -> int:
    shown = subprocess.run(["ps", "-o", "ppid=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return int(shown) if shown.strip() else 0


def _started_ps(pid: int) -> str | None:
    shown = subprocess.run(
        ["ps", "-o", "stat=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False, env={"LC_ALL": "C"}
    ).stdout.split(maxsplit=1)
    return shown[1].strip() if len(shown) == 2 and not shown[0].startswith("Z") else None
