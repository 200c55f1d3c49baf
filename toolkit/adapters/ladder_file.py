"""What was measured of a book against its replay: a line of JSON for each session, and how it stands now beside them.

sessions.jsonl   a `SessionRungs` a line, oldest first, the newest `KEPT` at least
now.json         the `Divergence` of this moment, replaced whole
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from errno import ENOSPC
from pathlib import Path
from typing import Final

import msgspec

from toolkit.adapters.records import replace_file
from toolkit.domain.errors import TransportError
from toolkit.domain.rungs import Divergence, SessionRungs

KEPT: Final = 1_024
SESSIONS: Final = "sessions.jsonl"
NOW: Final = "now.json"


class LadderFile:
    """The writer's side; one process writes. `sessions` are those that are kept, `now` is what was shown last.

    `damaged` lines could not be read: what they measured is lost, and whoever opens the file says so.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / SESSIONS
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = _whole_lines(folder)
        self.sessions = [session for session in map(_session, found) if session is not None]
        self.damaged = len(found) - len(self.sessions)
        self.now = read_now(folder)
        self._cut_torn_line()

    def add(self, session: SessionRungs) -> None:
        """One more line; of twice as many as are kept the oldest go. TransportError when the disk refuses."""
        sessions = [*self.sessions, session]
        if len(sessions) >= 2 * KEPT:
            del sessions[:-KEPT]
            self._write_anew(sessions)
        else:
            self._append(_line(session))
        self.sessions = sessions  # only now: whoever hears of the full disk comes again with the same one

    def show(self, now: Divergence) -> None:
        """How it stands now."""
        self.now = now
        path = self._folder / NOW
        replace_file(path, path.with_suffix(".new"), msgspec.json.encode(now), durable=False)

    def _cut_torn_line(self) -> None:
        """What a crash left of a line."""
        if self._path.exists() and not self._path.read_bytes().endswith(b"\n"):
            self._write_anew(self.sessions)

    def _append(self, line: bytes) -> None:
        """All of it or nothing: behind half a line the next one could not be read either."""
        try:
            file = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
            try:
                if (written := os.write(file, line)) < len(line):
                    os.ftruncate(file, os.fstat(file).st_size - written)
                    raise OSError(ENOSPC, os.strerror(ENOSPC))
            finally:
                os.close(file)
        except OSError as problem:
            raise TransportError(f"{self._path}: cannot write ({problem}); free space or mend the disk") from problem

    def _write_anew(self, sessions: Sequence[SessionRungs]) -> None:
        replace_file(self._path, self._path.with_suffix(".new"), b"".join(map(_line, sessions)))


class LadderReader:
    """The reader's side: looks at the files again only when they changed."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: dict[str, tuple[int, int]] = {}
        self._sessions: tuple[SessionRungs, ...] = ()
        self._now: Divergence | None = None

    def sessions(self) -> tuple[SessionRungs, ...]:
        if self._changed(SESSIONS):
            self._sessions = read_sessions(self._folder)
        return self._sessions

    def now(self) -> Divergence | None:
        """None where nothing was ever measured, or where it cannot be read."""
        if self._changed(NOW):
            self._now = read_now(self._folder)
        return self._now

    def _changed(self, name: str) -> bool:
        try:
            found = (self._folder / name).stat()
        except OSError:
            return False
        seen = (found.st_mtime_ns, found.st_size)
        changed = self._known.get(name) != seen
        self._known[name] = seen
        return changed


def read_sessions(folder: Path) -> tuple[SessionRungs, ...]:
    """Every whole line; a torn one is one that was never written."""
    return tuple(session for session in map(_session, _whole_lines(folder)) if session is not None)


def read_now(folder: Path) -> Divergence | None:
    try:
        return msgspec.json.decode((folder / NOW).read_bytes(), type=Divergence)
    except (OSError, msgspec.MsgspecError):
        return None


def _whole_lines(folder: Path) -> list[bytes]:
    try:
        return (folder / SESSIONS).read_bytes().split(b"\n")[:-1]
    except OSError:
        return []


def _session(line: bytes) -> SessionRungs | None:
    """None for a damaged line."""
    try:
        return msgspec.json.decode(line, type=SessionRungs)
    except msgspec.MsgspecError:
        return None


def _line(session: SessionRungs) -> bytes:
    return msgspec.json.encode(session) + b"\n"
