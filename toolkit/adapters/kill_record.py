"""Kills that no engine has journaled yet, with who and why, so that a kill past a dead journal keeps its author.

One JSON line a kill, on the disk before anything else is tried; a line that cannot be read is passed over.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from toolkit.adapters.records import replace_file
from toolkit.domain.commands import Kill
from toolkit.domain.errors import TransportError

_kill = msgspec.json.Decoder(Kill)


class KillRecord:
    """The file of one book. A kill leaves it when the journal has it, or when a person let go."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, kill: Kill) -> None:
        """On the disk when it returns. TransportError when the disk refuses."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "wb") as file:
                file.write(msgspec.json.encode(kill) + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise TransportError(f"{self._path}: cannot write down who killed and why: {error}") from error

    def kills(self) -> tuple[Kill, ...]:
        """What waits for the journal, oldest first."""
        try:
            lines = self._path.read_bytes().splitlines()
        except OSError:
            return ()
        return tuple(kill for line in lines if (kill := _read(line)) is not None)

    def forget(self, scope: str, name: str) -> None:
        """The journal has it, or a person let go."""
        known = self.kills()
        kept = [kill for kill in known if (kill.scope, kill.name) != (scope, name)]
        if len(kept) == len(known):
            return
        lines = b"".join(msgspec.json.encode(kill) + b"\n" for kill in kept)
        replace_file(self._path, self._path.with_name(self._path.name + ".new"), lines)


def _read(line: bytes) -> Kill | None:
    try:
        return _kill.decode(line)
    except msgspec.MsgspecError:
        return None
