"""The registry as people use it: put a version in, proven to load in a fresh interpreter, and tell a running desk."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from toolkit.adapters.versions import Loaded, NotLoadable, Registry, Version, load_version
from toolkit.client.books import Books
from toolkit.client.commands import give, person
from toolkit.client.desk_state import read_desk_state
from toolkit.client.home import Home
from toolkit.domain.commands import RegisterVersion
from toolkit.domain.errors import ConfigError, TransportError
from toolkit.domain.people import RESERVED

LOAD_SECONDS: Final = 60.0

__all__ = ["Loaded", "Registry", "Version", "announce", "load_version", "register"]


def register(
    home: Home,
    strategy: str,
    *,
    file: str,
    source: str,
    class_name: str,
    parameters: Mapping[str, object],
    instruments: tuple[str, ...],
) -> Version:
    """Put a strategy's source and parameters into the registry of a desk; the same content is the same version.

    `file` is the name that the source gets there. ConfigError when it does not load in an interpreter that knows
    nothing of this process, naming file, line and mend; nothing is left behind then.
    """
    _check_name(strategy)
    return Registry(home.registry).add(
        strategy, file, source, class_name, parameters, instruments, load_in_fresh_interpreter
    )


def announce(home: Home, version: Version, instruments: tuple[str, ...], *, source: str, reason: str) -> str:
    """Tell the desk of a version, when it runs; one sentence about what became of it."""
    state = read_desk_state(home.processes)
    if state is None or not state.ready:
        return "No desk runs here: it is in the registry, and is deployed by `execution enable` once one does."
    command = RegisterVersion(
        strategy=version.strategy,
        version=version.number,
        digest=version.digest,
        path=str(version.path),
        instruments=instruments,
        who=person(source),
        reason=reason,
    )
    try:
        outcome = give(Books(home=home, book=state.book), command)
    except (TransportError, ConfigError) as problem:
        return f"It is in the registry; the desk was not told: {problem}"
    return f"The desk refused it: {outcome.refused}" if outcome.refused else f"Registered with {state.name} at PAPER."


def load_in_fresh_interpreter(folder: Path, digest: str) -> None:
    """Import a version as a runner would, in a process of its own. Raises NotLoadable with what that process said."""
    try:
        tried = subprocess.run(
            [sys.executable, "-P", "-m", "toolkit.client.version_check", str(folder), digest],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=LOAD_SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        raise NotLoadable(
            f"importing it took longer than {LOAD_SECONDS:.0f} s; move what works at import into a hook"
        ) from None
    if tried.returncode:
        words = tried.stderr.strip().splitlines()
        raise NotLoadable(words[-1] if words else f"its import ended the interpreter with code {tried.returncode}")


def _check_name(strategy: str) -> None:
    if not (strategy.isidentifier() and strategy.isascii() and strategy == strategy.lower() and len(strategy) <= 40):
        raise ConfigError(f"strategy name {strategy!r}: use small letters, digits and _, for instance mean_reversion")
    if strategy in RESERVED:
        raise ConfigError(f"strategy name {strategy!r} belongs to the desk's own processes; choose another")
