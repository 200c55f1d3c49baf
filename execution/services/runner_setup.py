"""What a runner process is told on its first line of stdin, how it says that it lives, and what its exit codes mean.

Nothing of it stands in argv or the environment, where other processes could read it. After that line stdin stays open;
its end asks the runner to stop. On stdout the runner writes `beat <state> <step>` lines (the state is one word), out of
the loop that also runs the strategy: a strategy that hangs is a runner that is silent. On stderr it writes why it
ended, place and cause in the first line and in the last.
"""

from __future__ import annotations

from enum import IntEnum

import msgspec

from toolkit.domain.instruments import Currency, Instrument
from toolkit.domain.market import FeedMode


class RunnerExit(IntEnum):
    """Exit codes of a runner; `cause` is the word that `RunnerStopped` carries."""

    STOPPED = 0
    SETUP = 64
    RAISED = 70
    MEMORY = 71
    HASH = 72
    IMPORT = 73
    REPLACED = 74

    @property
    def cause(self) -> str:
        return self.name.lower() if self in {self.RAISED, self.MEMORY, self.HASH, self.IMPORT} else "exit"


class RunnerSetup(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The first line of stdin, as JSON. `path` and `digest` name the version; `instruments` are those of its manifest.

    `memory_mb` limits the process's data, `beat_seconds` is how often it says that it lives at least.
    """

    strategy: str
    version: str
    digest: str
    path: str
    book: str
    mode: FeedMode
    journal_url: str
    bus_url: str
    username: str | None
    password: str | None
    instruments: tuple[Instrument, ...]
    base_currency: Currency
    memory_mb: int
    beat_seconds: float = 0.5

    def __repr__(self) -> str:
        return f"RunnerSetup({self.strategy} {self.version}, book {self.book})"  # a password is never printed

    def line(self) -> bytes:
        """What the supervisor writes first."""
        return msgspec.json.encode(self) + b"\n"


def read_setup(line: bytes) -> RunnerSetup:
    """Raises msgspec.ValidationError or msgspec.DecodeError for a line that is none."""
    return msgspec.json.decode(line, type=RunnerSetup)
