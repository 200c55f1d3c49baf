"""Four eyes: what loosens waits as a proposal until another person approves exactly that change; nothing is sent here.

Time is the wall time of the message that is being processed; a proposal also ends when something newer takes its place,
when what is in force has changed under it, and when it has been used once.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import Any, Final

import msgspec

from toolkit.domain import commands as cm
from toolkit.domain import events as ev
from toolkit.domain.errors import DomainError
from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import TradingState
from toolkit.domain.people import Role
from toolkit.domain.time import NANOSECONDS, WallTime
from toolkit.engine.command_rules import RULES
from toolkit.engine.transaction import Transaction

CarryOut = Callable[[Transaction, cm.Envelope, Any], None]
RELEASES: Final = (cm.EnableStrategy, cm.Reopen)
SHORT: Final = 10  # digits of a checksum that people see
HOUR: Final = 3600 * NANOSECONDS
NAMING: Final = (
    "scope", "name", "strategy", "limit", "kind", "source", "target", "sub_account", "instrument", "venue", "asset",
    "subject", "old",
)  # fmt: skip
"""Fields that say what a command is about."""
BOOKINGS: Final = (cm.MoveCash, cm.DistributeCash)
"""Another amount of cash is another booking, and not a newer one."""

_encode = msgspec.msgpack.Encoder().encode


class Approvals:
    """`carry_out` does what a command says, without asking again."""

    def __init__(self, ledger: Ledger, carry_out: CarryOut) -> None:
        self._ledger = ledger
        self._carry_out = carry_out

    def park(self, transaction: Transaction, envelope: cm.Envelope, body: Any) -> str:
        """Keep what a command loosens as a proposal, take what it tightens at once; its checksum, "" to carry it out.

        Where nobody has been named there is nobody to ask, and where four eyes are off a person who may approve need
        not be asked.
        """
        rule = RULES[type(body)]
        if not self._ledger.people.rows:
            return ""
        changes = rule.loosens(self._ledger, body)
        if not changes or self._decides_alone(body.who):
            self._end(transaction, subject(body), "what is in force needs it no more")
            return ""
        tightened = rule.tightened(self._ledger, body)
        if tightened is not None:
            self._carry_out(transaction, envelope, tightened)
            changes = rule.loosens(self._ledger, body)
        return self._propose(transaction, body, changes)

    def approve(self, transaction: Transaction, envelope: cm.Envelope, body: cm.ApproveChange) -> None:
        """Carry out what was proposed, exactly that, for a second person who may say so."""
        proposal = self._find(transaction, body.proposal)
        self._check_second_person(proposal, body.who)
        if checksum_of(proposal.body, RULES[type(proposal.body)].loosens(self._ledger, proposal.body)) != body.proposal:
            transaction.emit(ev.ChangeExpired(proposal=body.proposal, cause="what is in force has changed"))
            raise DomainError("what is in force has changed since it was proposed: have it proposed again, and read it")
        try:
            self._carry_out(transaction, envelope, proposal.body)
        except DomainError as error:  # nothing of it was done: it waits on, for what is in the way may go
            raise DomainError(f"{short(body.proposal)} cannot be carried out now and waits on: {error}") from error
        transaction.emit(ev.ChangeApproved(proposal=body.proposal, who=body.who, reason=body.reason))

    def reject(self, transaction: Transaction, body: cm.RejectChange) -> None:
        """End a proposal: whoever may approve it says no, or who made it takes it back."""
        proposal = self._find(transaction, body.proposal)
        known = self._ledger.people.find(body.who.identity)
        if self._person(body.who) != self._person(proposal.who) and (known is None or Role.RISK not in known.roles):
            raise DomainError(f"{short(body.proposal)} is of {proposal.who.identity}: only role risk may reject it")
        transaction.emit(ev.ChangeRejected(proposal=body.proposal, who=body.who, reason=body.reason))

    def expire(self, transaction: Transaction) -> None:
        """End what nobody approved in its time."""
        for proposal in list(self._ledger.proposals.values()):
            if transaction.now.wall >= proposal.expires:
                transaction.emit(ev.ChangeExpired(proposal=proposal.proposal, cause="nobody approved it in its time"))

    def heed_stops(self, transaction: Transaction, since: int) -> None:
        """Whoever stops a scope also ends every proposal to release it: that was about an earlier stop."""
        for event in transaction.events[since:]:
            if isinstance(event, ev.TradingStateChanged) and event.state is not TradingState.ACTIVE:
                for proposal in list(self._ledger.proposals.values()):
                    if isinstance(proposal.body, RELEASES) and _scope(proposal.body) == (event.scope, event.name):
                        transaction.emit(ev.ChangeExpired(proposal=proposal.proposal, cause="it was stopped again"))

    def _propose(self, transaction: Transaction, body: Any, changes: tuple[ev.Change, ...]) -> str:
        checksum = checksum_of(body, changes)
        known = self._ledger.proposals.get(checksum)
        if known is not None and (self._stands_behind(known.who) or not self._stands_behind(body.who)):
            return checksum
        if known is None:
            self._end(transaction, subject(body), f"{short(checksum)} takes its place")
        transaction.emit(
            ev.ChangeProposed(
                proposal=checksum,
                body=body,
                changes=changes,
                who=body.who,
                reason=body.reason,
                expires=WallTime(int(transaction.now.wall) + self._ledger.people.approval_hours * HOUR),
            )
        )
        return checksum

    def _end(self, transaction: Transaction, about: str, cause: str) -> None:
        for proposal in list(self._ledger.proposals.values()):
            if subject(proposal.body) == about:
                transaction.emit(ev.ChangeExpired(proposal=proposal.proposal, cause=cause))

    def _find(self, transaction: Transaction, checksum: str) -> ev.ChangeProposed:
        self.expire(transaction)
        found = self._ledger.proposals.get(checksum)
        if found is None:
            waiting = ", ".join(map(short, self._ledger.proposals)) or "none"
            raise DomainError(
                f"no proposal {short(checksum)} waits: it was used, rejected or replaced, or its time is over. "
                f"Waiting: {waiting}"
            )
        return found

    def _check_second_person(self, proposal: ev.ChangeProposed, who: cm.Who) -> None:
        """The role was asked for already. With four eyes off one person is enough, and the record says so."""
        if not self._ledger.people.four_eyes:
            return
        if not proposal.who.verified:
            raise DomainError(
                f"{short(proposal.proposal)} came with a saved file, and nobody stands behind it: one person proposes "
                "it (`execution limits propose`), another approves"
            )
        if not self._stands_behind(proposal.who):
            raise DomainError(
                f"{short(proposal.proposal)} is of {proposal.who.identity}, whom config/people.yaml gives to nobody: "
                "nobody stands behind it. One person of that table proposes it anew, another approves"
            )
        if self._person(proposal.who) == self._person(who):
            raise DomainError(f"{self._person(who)} proposed it: four eyes take another person, of role risk")

    def _stands_behind(self, who: cm.Who) -> bool:
        """Whether this is a person of the table. Whoever is not could be anybody, also the one who approves."""
        return who.verified and self._ledger.people.find(who.identity) is not None

    def _decides_alone(self, who: cm.Who) -> bool:
        known = self._ledger.people.find(who.identity)
        return self._ledger.people.alone and who.verified and known is not None and Role.RISK in known.roles

    def _person(self, who: cm.Who) -> str:
        """Whom an identity belongs to now; one that belongs to nobody is somebody of its own."""
        known = self._ledger.people.find(who.identity)
        return who.identity if known is None else known.person


def checksum_of(body: Any, changes: tuple[ev.Change, ...]) -> str:
    """What an approval is bound to: the whole command and each change that it makes to what is in force."""
    nobody = cm.Who(identity="", verified=False, source="")
    bare = msgspec.structs.replace(body, who=nobody, reason="")
    changed = tuple(msgspec.structs.replace(change, source="") for change in changes)
    return blake2b(_encode((bare, changed)), digest_size=16).hexdigest()


def subject(body: Any) -> str:
    """What a proposal is about; a newer one about the same takes its place."""
    fields = (*NAMING, "amount") if isinstance(body, BOOKINGS) else NAMING
    names = (str(getattr(body, field)) for field in fields if hasattr(body, field))
    return " ".join((type(body).__name__, *names))


def short(checksum: str) -> str:
    return checksum[:SHORT]


def _scope(body: Any) -> tuple[str, str]:
    strategy = getattr(body, "strategy", None)
    return (body.scope, body.name) if strategy is None else ("strategy", strategy)
