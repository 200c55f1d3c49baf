"""What a second person does with a proposal: find it, read it, say yes or no; whether that counts the engine says."""

from __future__ import annotations

import time
from collections.abc import Sequence

from toolkit.domain.errors import ConfigError
from toolkit.domain.front_desk import Waiting
from toolkit.domain.ledger import Ledger
from toolkit.replica.decisions import proposals

SHORTEST = 6
"""Digits of a checksum that name a proposal, if they name but one."""


def waiting(ledger: Ledger) -> tuple[Waiting, ...]:
    """The proposals that somebody may still approve."""
    return proposals(ledger, time.time_ns())


def find(there: Sequence[Waiting], named: str) -> Waiting:
    """The proposal of this checksum, or of its first digits. ConfigError when that names none or several."""
    found = [each for each in there if each.proposal.startswith(named)] if len(named) >= SHORTEST else []
    if len(found) == 1:
        return found[0]
    known = ", ".join(each.proposal[:10] for each in there) or "none"
    raise ConfigError(f"no proposal {named!r} waits (give at least {SHORTEST} digits); waiting: {known}")
