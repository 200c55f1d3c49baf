"""Who may give which command: one table in which every command must stand, and the check that every command passes.

Without a table of people (a backtest, the first moments of a new book) nobody has been named, and nothing is refused
here. From then on a person needs a role, whom the front desk has not proved may only tighten, and the supervisor gives
what files and processes lead to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from toolkit.domain import commands as cm
from toolkit.domain.errors import DomainError
from toolkit.domain.ledger import Ledger
from toolkit.domain.people import COMMANDING, GUARDIAN, OPERATOR, PEOPLE, SUPERVISOR, Role, named
from toolkit.domain.people_events import Change
from toolkit.engine import covering, loosening, redefining
from toolkit.engine.overriding import override_loosens

STRATEGY, PROCESS = "strategy", "process"
QUANT, OPERATES, RISK = Role.QUANT, Role.OPERATOR, Role.RISK
EVERYBODY: Final = frozenset(COMMANDING)


def _never(_: Ledger, __: Any) -> bool:
    return False


def _always(_: Ledger, __: Any) -> bool:
    return True


def _nothing(_: Ledger, __: Any) -> tuple[Change, ...]:
    return ()


def _none(_: Ledger, __: Any) -> None:
    return None


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """`roles` may give the command; nobody for one that only runners or the supervisor give.

    `by_files`: the supervisor gives it too, for a file, or for a desk that goes up or down. `tightens`: what it does
    can only make the book safer, so that it goes through even where nobody can prove who says so. `loosens` is what
    it would loosen, which takes a second person; `tightened` is the part of it that is taken at once all the same.
    """

    roles: frozenset[Role] = frozenset()
    by_files: bool = False
    tightens: Callable[[Ledger, Any], bool] = _never
    loosens: Callable[[Ledger, Any], tuple[Change, ...]] = _nothing
    tightened: Callable[[Ledger, Any], cm.Command | None] = _none


RULES: Final[Mapping[type, Rule]] = {
    cm.RunnerHello: Rule(),
    cm.RunnerAnswer: Rule(),
    cm.RunnerStopped: Rule(by_files=True),
    cm.EnableStrategy: Rule(roles=frozenset({OPERATES, RISK}), loosens=loosening.release),
    cm.DisableStrategy: Rule(roles=EVERYBODY, by_files=True, tightens=_always),
    cm.SetThrottle: Rule(roles=frozenset({OPERATES, RISK}), tightens=loosening.only_slows, loosens=loosening.throttle),
    cm.CancelAll: Rule(roles=frozenset({OPERATES, RISK}), by_files=True, tightens=_always),
    cm.Kill: Rule(roles=EVERYBODY, by_files=True, tightens=_always),
    cm.Reopen: Rule(roles=frozenset({OPERATES, RISK}), loosens=loosening.reopening),
    cm.SetLimits: Rule(roles=EVERYBODY, by_files=True, loosens=loosening.limits, tightened=loosening.stricter_limits),
    cm.DefineInstruments: Rule(
        roles=frozenset({OPERATES, RISK}), by_files=True, loosens=redefining.loosening, tightened=redefining.stricter
    ),
    cm.AllocateCapital: Rule(roles=EVERYBODY, by_files=True, loosens=loosening.capital),
    cm.RegisterVersion: Rule(roles=frozenset({QUANT, OPERATES}), by_files=True),
    cm.MoveCash: Rule(roles=frozenset({OPERATES, RISK}), loosens=covering.by_cash),
    cm.TransferPosition: Rule(roles=frozenset({OPERATES, RISK}), loosens=covering.by_transfer),
    cm.TransferCash: Rule(roles=frozenset({OPERATES, RISK})),
    cm.DistributeCash: Rule(roles=frozenset({OPERATES, RISK}), loosens=covering.by_distribution),
    cm.SplitInstrument: Rule(roles=frozenset({OPERATES, RISK}), loosens=redefining.splitting),
    cm.ChangeSymbol: Rule(roles=frozenset({OPERATES, RISK}), loosens=redefining.renaming),
    cm.AdoptBreak: Rule(roles=frozenset({OPERATES, RISK}), loosens=covering.by_adoption),
    cm.ResolveBreak: Rule(roles=frozenset({OPERATES, RISK})),
    cm.ResolveDoubt: Rule(roles=frozenset({OPERATES, RISK})),
    cm.SetPeople: Rule(roles=EVERYBODY, by_files=True, loosens=loosening.people, tightened=loosening.fewer_people),
    cm.ApproveChange: Rule(roles=frozenset({RISK})),
    cm.RejectChange: Rule(roles=EVERYBODY),
    cm.OverrideLimit: Rule(roles=EVERYBODY, loosens=override_loosens),
    cm.EndOverride: Rule(roles=EVERYBODY, tightens=_always),
    cm.RestartProcess: Rule(roles=EVERYBODY),
}
"""Every command. One that is missing here is refused to everybody, and a test names it."""


def may_tighten(kind: type) -> bool:
    """Whether some command of this kind goes through without anybody's word."""
    rule = RULES.get(kind)
    return rule is not None and rule.tightens is not _never


def identified(ledger: Ledger, envelope: cm.Envelope) -> cm.Command:
    """The command with what is known of who gave it: a claim that nobody proved stays a claim, whoever wrote it."""
    body = envelope.body
    who: cm.Who | None = getattr(body, "who", None)
    if who is None or not ledger.people.rows:
        return body
    proved = who.verified and envelope.producer in (PEOPLE, SUPERVISOR)
    told = msgspec.structs.replace(who, verified=proved, alone=ledger.people.alone)
    return msgspec.structs.replace(body, who=told) if told != who else body


def giver(envelope: cm.Envelope) -> cm.Who:
    """Who gave a command, also one of a process, which carries no person."""
    body = envelope.body
    who: cm.Who | None = getattr(body, "who", None)
    if who is not None:
        return who
    kind = PROCESS if envelope.producer == SUPERVISOR else STRATEGY
    return cm.Who(identity=f"{kind}:{envelope.producer}", verified=True, source=envelope.producer)


def why(body: cm.Command) -> str:
    """The reason that stands in the journal beside a command."""
    match body:
        case cm.RunnerHello():
            return f"runs {body.version}"
        case cm.RunnerStopped():
            return f"{body.cause}: {body.detail}" if body.detail else body.cause
        case _:
            return str(getattr(body, "reason", ""))


def check_may_give(ledger: Ledger, producer: str, body: cm.Command) -> None:
    """DomainError when this producer, or the person who speaks through it, may not give this command."""
    rule, name = RULES.get(type(body)), type(body).__name__
    if rule is None:
        raise DomainError(f"{name} stands in no table of who may give it; nobody may")
    if isinstance(body, cm.RunnerHello | cm.RunnerAnswer) or not ledger.people.rows:
        return
    if producer == SUPERVISOR:
        if not rule.by_files:
            raise DomainError(f"{name} takes a person; no file and no restart gives it")
    elif producer == PEOPLE:
        _check_role(ledger, rule, name, body)
    elif producer == OPERATOR:
        if not rule.tightens(ledger, body):
            raise DomainError(
                f"{name} came past the front desk, so nobody proved who gives it: only what tightens goes through that "
                "way. `execution status` says what is wrong with the supervisor"
            )
    else:
        raise DomainError(f"{producer} speaks for nobody; commands of people go through the front desk")


def _check_role(ledger: Ledger, rule: Rule, name: str, body: cm.Command) -> None:
    who: cm.Who | None = getattr(body, "who", None)
    if not rule.roles:
        raise DomainError(f"{name} is for processes of the desk; no person gives it")
    if who is None or not who.verified:
        raise DomainError(f"{name} carries nobody whom the front desk has proved")
    if who.identity == GUARDIAN:
        _check_guardian(ledger, rule, name, body)
        return
    found = ledger.people.find(who.identity)
    if found is not None and rule.roles & set(found.roles):
        return
    whose = "which config/people.yaml gives to nobody"
    if found is not None:
        whose = f"who is {found.person} and has {', '.join(found.roles)}"
    able = f"ask {named(ledger.people.with_role(*rule.roles))}, or change config/people.yaml"
    raise DomainError(f"{name} takes role {' or '.join(sorted(rule.roles))}; this is {who.identity}, {whose}: {able}")


def _check_guardian(ledger: Ledger, rule: Rule, name: str, body: cm.Command) -> None:
    """What turns alerts into commands only tightens, and closes no position: that is a person's decision."""
    if not rule.tightens(ledger, body):
        raise DomainError(f"{name} takes a person; {GUARDIAN} may only tighten")
    if getattr(body, "flatten", False) or getattr(body, "mode", None) is cm.KillMode.FLATTEN:
        raise DomainError(f"{name} would close positions; {GUARDIAN} leaves that to a person")
