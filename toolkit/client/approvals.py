"""What a second person does with a proposal: find it, read it, say yes or no; whether that counts the engine says."""

from __future__ import annotations

import time

from toolkit.client import emergency
from toolkit.client.books import Books
from toolkit.client.commands import Outcome, give
from toolkit.domain.commands import ApproveChange, Command, EnableStrategy, RejectChange, Reopen, Who
from toolkit.domain.errors import ConfigError
from toolkit.domain.front_desk import Credential
from toolkit.domain.ledger import Ledger
from toolkit.replica.decisions import ProposalView, proposals

SHORTEST = 6
"""Digits of a checksum that name a proposal, if they name but one."""


def waiting(ledger: Ledger) -> tuple[ProposalView, ...]:
    """The proposals that somebody may still approve."""
    return proposals(ledger, time.time_ns())


def find(ledger: Ledger, named: str) -> ProposalView:
    """The proposal of this checksum, or of its first digits. ConfigError when that names none or several."""
    there = waiting(ledger)
    found = [each for each in there if each.proposal.startswith(named)] if len(named) >= SHORTEST else []
    if len(found) == 1:
        return found[0]
    known = ", ".join(each.proposal[:10] for each in there) or "none"
    raise ConfigError(f"no proposal {named!r} waits (give at least {SHORTEST} digits); waiting: {known}")


def approve(
    books: Books, proposal: str, *, who: Who, reason: str, credential: Credential | None = None
) -> Outcome:  # fmt: skip
    """Say yes to exactly this proposal. What releases opens the latch too, once the engine has agreed."""
    found = books.replica().ledger.proposals.get(proposal)
    outcome = give(books, ApproveChange(proposal=proposal, who=who, reason=reason), credential=credential)
    if found is not None and not outcome.refused:
        _open_latch(books, found.body)
    return outcome


def _open_latch(books: Books, body: Command) -> None:
    match body:
        case EnableStrategy():
            kind, name = "strategy", body.strategy
        case Reopen():
            kind, name = body.scope, body.name
        case _:
            return
    emergency.forget_kill(books.home, books.book, kind, name)
    emergency.reopen_scope(books.home, books.book, f"{kind}:{name}" if name else kind)


def reject(
    books: Books, proposal: str, *, who: Who, reason: str, credential: Credential | None = None
) -> Outcome:  # fmt: skip
    """Say no to it, or take one's own back."""
    return give(books, RejectChange(proposal=proposal, who=who, reason=reason), credential=credential)
