"""The tree of our own errors; the type says what to do.

ExecutionError
├── ConfigError      a person wrote something wrong: refuse to start, name the place and the mend
├── TransportError   a line or a server failed: retry, or treat the outcome as unknown
│   └── AmbiguousOutcome   the request may or may not have taken effect: ask, never assume
└── DomainError      a rule of the books is broken: stop
    ├── Fenced       another process holds the book
    ├── IllegalCommand     the order table forbids it: names status and command
    ├── StaleIncarnation   a command's number is behind its stream: take a larger incarnation
    ├── JournalGone  the journal cannot be written: nothing is decided any more
    └── JournalError the journal is not what it should be (gap, hash, behind)
        └── Gap      what was asked for has been trimmed away: load a snapshot first
"""

from __future__ import annotations


class ExecutionError(Exception):
    """Base of every error of ours."""


class ConfigError(ExecutionError):
    """Refuse to start. The message names file, line, value and the mend."""


class TransportError(ExecutionError):
    """A connection failed before the request could have had any effect; it is safe to try again."""


class AmbiguousOutcome(TransportError):
    """The request may have taken effect. Never retried blindly: ask for the outcome first."""


class DomainError(ExecutionError):
    """Stop: going on would make the books wrong."""


class Fenced(DomainError):
    """A newer epoch holds the book; this process must not write or send any more."""


class IllegalCommand(DomainError):
    """A command that the order table refuses in the order's present status."""


class JournalGone(DomainError):
    """The journal cannot be written. What rested was cancelled through the lifeboat as far as the venue let us."""


class JournalError(DomainError):
    """The journal has a gap, a wrong hash, or is behind a head that was already seen."""


class StaleIncarnation(DomainError):
    """The producer's stream already holds a larger id; the command is not in it and never will be under this number."""


class Gap(JournalError):
    """Entries that the reader needs were trimmed away; it loads a newer snapshot and reads on from there."""
