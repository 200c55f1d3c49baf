"""The tree of our own errors; the type says what to do.

    ExecutionError
    ├── ConfigError      a person wrote something wrong: refuse to start, name the place and the mend
    ├── TransportError   a line or a server failed: retry, or treat the outcome as unknown
    │   └── AmbiguousOutcome   the request may or may not have taken effect: ask, never assume
    └── DomainError      a rule of the books is broken: stop
        ├── Fenced       another process holds the book
        ├── IllegalCommand     the order table forbids it: names status and command
        └── JournalError the journal is not what it should be (gap, hash, behind)
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


class JournalError(DomainError):
    """The journal has a gap, a wrong hash, or is behind a head that was already seen."""
