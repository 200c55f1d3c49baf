"""The buttons as data: what each is about, which command it gives, and what a person is told before saying yes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec

from execution.operations.board import Board
from toolkit.dashboards.looks import scope_words
from toolkit.domain import commands as cm
from toolkit.domain.alerts import ANSWERING, AlertAnswer, AlertDeed
from toolkit.domain.people import Role
from toolkit.engine.command_rules import RULES
from toolkit.monitoring.alert_book import AlertState
from toolkit.monitoring.messages import found
from toolkit.replica.reconciliation import BreakView


class Deed(msgspec.Struct, frozen=True, kw_only=True):
    """What a person wants done: an action, what it is about, what the person adds to that, and why."""

    action: str
    subject: str
    reason: str
    answer: str = ""


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One button. `group` is its place on the page.

    `subjects` are what it can be done to now (value → words), `command` is what it gives, `means` what will happen.
    `asks` is what else a person has to say, with the answers to choose from, if there are such.
    """

    name: str
    label: str
    group: str
    kind: type
    subjects: Callable[[Board], Mapping[str, str]]
    command: Callable[[Deed, Board, cm.Who], Any]
    means: Callable[[Deed, Board], tuple[str, ...]]
    asks: str = ""
    answers: Mapping[str, str] = {}

    @property
    def roles(self) -> frozenset[Role]:
        """Who may, by the table that will be asked again: the engine's, or that of answers to alerts."""
        return ANSWERING[AlertDeed(self.name)] if self.kind is AlertAnswer else RULES[self.kind].roles


GROUPS: Final = {"stop": "Stop", "let_go": "Let go", "settle": "Settle", "decide": "Decide", "alerts": "Alerts"}


def offered(roles: frozenset[Role]) -> tuple[Action, ...]:
    """The buttons that people with these roles have: those whose command would be taken of them."""
    return tuple(action for action in ACTIONS.values() if roles & action.roles)


def may(deed: Deed, roles: frozenset[Role]) -> bool:
    """Whether people with these roles may do this, by the table that will be asked again."""
    action = ACTIONS.get(deed.action)
    return action is not None and bool(roles & action.roles)


def wrong_with(deed: Deed, board: Board) -> str:
    """Why it cannot be asked for as it is, "" when it can."""
    action = ACTIONS[deed.action]
    if deed.subject not in action.subjects(board):
        return "choose what it is about; what stood there is gone"
    if not deed.reason.strip():
        return "say why: a word is enough, and it stands in the journal beside your name"
    if action.asks and not deed.answer.strip():
        return f"{action.asks} Say it"
    return ""


# ---- what there is to choose from: in words that stand still, or nobody could choose while they change


def _scopes(board: Board) -> dict[str, str]:
    return {scope: scope_words(scope) for scope in board.scopes}


def _strategies(board: Board) -> dict[str, str]:
    return {row.name: f"{row.name} ({row.state})" for row in board.strategies}


def _stopped(board: Board) -> dict[str, str]:
    """Strategies that are held, or whose latch is shut."""
    shut = {scope.partition(":")[2] for scope in board.shut if scope.startswith("strategy:")}
    return {
        row.name: f"{row.name} ({row.state})" for row in board.strategies if row.state != "ACTIVE" or row.name in shut
    }


def _shut(board: Board) -> dict[str, str]:
    held = dict.fromkeys((*board.killed, *board.shut))
    return {scope: scope_words(scope) for scope in held if not scope.startswith("strategy:")}


def _killed(board: Board) -> dict[str, str]:
    return {scope: scope_words(scope) for scope in board.killed}


def _doubts(board: Board) -> dict[str, str]:
    return {
        row.order_id: f"{row.order_id}: {row.side} {row.instrument} of {row.strategy} at {row.venue}"
        for row in board.agreement.doubts
    }


def _breaks(board: Board) -> dict[str, str]:
    return {_break_name(row): f"{row.venue} {row.kind} {row.subject}" for row in board.agreement.breaks}


def _break_name(row: BreakView) -> str:
    return f"{row.venue}:{row.kind}:{row.subject}"


def _alerts(board: Board) -> dict[str, str]:
    return {row.id: f"{row.id} {row.rule}: {row.where} ({row.state.value})" for row in board.alerts}


def _unanswered(board: Board) -> dict[str, str]:
    """Alerts that nobody has acknowledged yet."""
    taken = {row.id for row in board.alerts if row.state is AlertState.ACKNOWLEDGED}
    return {alert: words for alert, words in _alerts(board).items() if alert not in taken}


def _proposals(board: Board) -> dict[str, str]:
    return {row.proposal: f"{row.proposal[:10]} {'; '.join(row.changes)}" for row in board.proposals}


# ---- what is given


def _kill(mode: cm.KillMode) -> Callable[[Deed, Board, cm.Who], cm.Kill]:
    def command(deed: Deed, _: Board, who: cm.Who) -> cm.Kill:
        kind, name = deed.subject.partition(":")[::2]
        return cm.Kill(scope=kind, name=name, mode=mode, who=who, reason=deed.reason)

    return command


def _flatten(deed: Deed, board: Board, who: cm.Who) -> cm.Kill:
    kill = _kill(cm.KillMode.FLATTEN)(deed, board, who)
    return msgspec.structs.replace(kill, accept_unknown=deed.answer == ACCEPT)


def _disable(deed: Deed, _: Board, who: cm.Who) -> cm.DisableStrategy:
    return cm.DisableStrategy(strategy=deed.subject, flatten=False, who=who, reason=deed.reason)


def _enable(deed: Deed, _: Board, who: cm.Who) -> cm.EnableStrategy:
    return cm.EnableStrategy(strategy=deed.subject, who=who, reason=deed.reason)


def _reopen(deed: Deed, _: Board, who: cm.Who) -> cm.Reopen:
    kind, name = deed.subject.partition(":")[::2]
    return cm.Reopen(scope=kind, name=name, who=who, reason=deed.reason)


def _resolve_doubt(deed: Deed, _: Board, who: cm.Who) -> cm.ResolveDoubt:
    return cm.ResolveDoubt(order_id=deed.subject, outcome=deed.answer, who=who, reason=deed.reason)


def _resolve_break(deed: Deed, board: Board, who: cm.Who) -> cm.ResolveBreak:
    found = next(row for row in board.agreement.breaks if _break_name(row) == deed.subject)
    return cm.ResolveBreak(
        venue=found.venue, kind=found.kind, subject=found.subject, outcome=deed.answer, who=who, reason=deed.reason
    )


def _approve(deed: Deed, _: Board, who: cm.Who) -> cm.ApproveChange:
    return cm.ApproveChange(proposal=deed.subject, who=who, reason=deed.reason)


def _reject(deed: Deed, _: Board, who: cm.Who) -> cm.RejectChange:
    return cm.RejectChange(proposal=deed.subject, who=who, reason=deed.reason)


def _answer(action: AlertDeed) -> Callable[[Deed, Board, cm.Who], AlertAnswer]:
    def answer(deed: Deed, _: Board, who: cm.Who) -> AlertAnswer:
        seconds = float(deed.answer) if action is AlertDeed.SILENCE else 0.0
        return AlertAnswer(deed=action, alert=deed.subject, reason=deed.reason, source=who.source, seconds=seconds)

    return answer


# ---- what will happen, in words


def _in_scope(scope: str, board: Board) -> tuple[str, ...]:
    """The orders and positions that a stop of this scope is about."""
    kind, _, name = scope.partition(":")
    rows = [row for row in board.strategies if kind != "strategy" or row.name == name]
    if kind == "venue":
        venue = next((row for row in board.venues if row.name == name), None)
        count, held = (venue.open, venue.positions) if venue else (0, "unknown")
        return (f"It has {count} open orders and holds: {held}.",)
    held = "; ".join(f"{row.name} {row.position}" for row in rows if row.position != "flat") or "nothing"
    return (f"{sum(row.open for row in rows)} open orders; held: {held}.",)


def _means_halt(deed: Deed, board: Board) -> tuple[str, ...]:
    what = scope_words(deed.subject)
    return (
        f"Entries of {what} are halted now: the latch shuts, entry orders that rest are cancelled.",
        "Exits and protective orders stay. The venues are asked until that is proven, again after the quarantine.",
        *_in_scope(deed.subject, board),
        "Only a person lets go of it.",
    )


def _means_cancel(deed: Deed, board: Board) -> tuple[str, ...]:
    what = scope_words(deed.subject)
    return (
        f"Entries of {what} are halted now, and EVERY order of it is cancelled, protective ones too.",
        "Positions stay open, without protection. The venues are asked until that is proven.",
        *_in_scope(deed.subject, board),
        "Only a person lets go of it.",
    )


def _means_flatten(deed: Deed, board: Board) -> tuple[str, ...]:
    what = f"Every position of {scope_words(deed.subject)} is closed at the market"
    over = (
        f"{what}, also over what is not proven gone: should that fill all the same, the position is the other way.",
    )
    return (
        *(over if deed.answer == ACCEPT else (f"{what}, once its orders are proven gone.",)),
        *_in_scope(deed.subject, board),
        "What that costs, it costs: the market decides the price.",
    )


def _means_disable(deed: Deed, board: Board) -> tuple[str, ...]:
    return (
        f"{deed.subject} is halted now: its latch shuts and its orders are cancelled, but for protective ones.",
        *_in_scope(f"strategy:{deed.subject}", board),
        "Its positions stay. The venue is asked for proof.",
    )


def _means_enable(deed: Deed, board: Board) -> tuple[str, ...]:
    row = next((row for row in board.strategies if row.name == deed.subject), None)
    why = f" It was stopped: {row.why}." if row is not None and row.why else ""
    four = () if board.alone else ("After a kill or a loss it becomes a proposal that another person must approve.",)
    return (f"{deed.subject} may trade again, and its latch opens.{why}", *four)


def _means_reopen(deed: Deed, board: Board) -> tuple[str, ...]:
    four = () if board.alone else ("It becomes a proposal: another person must approve it before anything opens.",)
    return (f"The kill of {scope_words(deed.subject)} is let go: its latch opens and entries leave again.", *four)


def _means_doubt(deed: Deed, board: Board) -> tuple[str, ...]:
    words = {
        "working": "the books take it for working at the venue",
        "gone": "the books take it for gone: nothing of it is left at the venue, and it counts in no worst case",
    }
    row = next((row for row in board.agreement.doubts if row.order_id == deed.subject), None)
    if row is None:
        return ("That doubt is over.",)
    about = (
        f"{row.order_id}: {row.side} {row.at_risk} {row.instrument} of {row.strategy}, in doubt for {row.age_seconds} s"
    )
    return (f"{about}.", f"On your word {words.get(deed.answer, deed.answer)}. A later fact of the venue corrects it.")


def _means_break(deed: Deed, board: Board) -> tuple[str, ...]:
    row = next((row for row in board.agreement.breaks if _break_name(row) == deed.subject), None)
    if row is None:
        return ("That break is over.",)
    return (
        f"{row.venue} {row.kind} {row.subject}: ours {row.ours}, the venue's {row.theirs}; it holds {row.held}.",
        f"It is closed as: {deed.answer}. The books stay as they are, and what it held is released.",
        "The next looks find it again if it is still there.",
    )


def _about_proposal(deed: Deed, board: Board) -> tuple[str, ...]:
    found = next((row for row in board.proposals if row.proposal == deed.subject), None)
    if found is None:
        return ("That proposal waits no more.",)
    return (f"Proposed by {found.who} ({found.reason}), checksum {found.proposal[:16]}:", *found.changes)


def _means_approve(deed: Deed, board: Board) -> tuple[str, ...]:
    return (*_about_proposal(deed, board), "Exactly this comes into force at once.")


def _means_reject(deed: Deed, board: Board) -> tuple[str, ...]:
    return (*_about_proposal(deed, board), "It is rejected; what is in force stays.")


def _means_alert(words: str) -> Callable[[Deed, Board], tuple[str, ...]]:
    def means(deed: Deed, board: Board) -> tuple[str, ...]:
        row = next((row for row in board.alerts if row.id == deed.subject), None)
        if row is None:
            return ("That alert is over.",)
        about = f"{row.summary or row.rule}: {found(row)}, {row.where}."
        done = (f"The guardian's part: {row.action}.",) if row.action else ()
        return (about, *done, words.format(SILENCES.get(deed.answer, "")))

    return means


SILENCES: Final = {"1800": "30 minutes", "3600": "1 hour", "14400": "4 hours", "86400": "1 day"}
ACCEPT: Final = "accept"
_FLATTEN_ANSWERS: Final = {
    "wait": "nothing is closed: first it must be gone",
    ACCEPT: "close over it: what is unknown is accepted",
}
_DOUBT_ANSWERS: Final = {
    "gone": "gone: nothing of it is left at the venue",
    "working": "working: it rests at the venue",
}

ACTIONS: Final[Mapping[str, Action]] = {
    action.name: action
    for action in (
        Action(
            name="halt", label="Halt entries", group="stop", kind=cm.Kill, subjects=_scopes,
            command=_kill(cm.KillMode.HALT_ENTRIES), means=_means_halt,
        ),
        Action(
            name="disable", label="Disable a strategy", group="stop", kind=cm.DisableStrategy, subjects=_strategies,
            command=_disable, means=_means_disable,
        ),
        Action(
            name="kill", label="Kill: cancel all", group="stop", kind=cm.Kill, subjects=_scopes,
            command=_kill(cm.KillMode.CANCEL_ALL), means=_means_cancel,
        ),
        Action(
            name="flatten", label="… then flatten", group="stop", kind=cm.Kill, subjects=_killed,
            command=_flatten, means=_means_flatten, asks="What if an order of it is not proven gone?",
            answers=_FLATTEN_ANSWERS,
        ),
        Action(
            name="enable", label="Enable a strategy", group="let_go", kind=cm.EnableStrategy, subjects=_stopped,
            command=_enable, means=_means_enable,
        ),
        Action(
            name="reopen", label="Reopen", group="let_go", kind=cm.Reopen, subjects=_shut,
            command=_reopen, means=_means_reopen,
        ),
        Action(
            name="doubt", label="Resolve a doubt", group="settle", kind=cm.ResolveDoubt, subjects=_doubts,
            command=_resolve_doubt, means=_means_doubt, asks="What became of it?", answers=_DOUBT_ANSWERS,
        ),
        Action(
            name="break", label="Resolve a break", group="settle", kind=cm.ResolveBreak, subjects=_breaks,
            command=_resolve_break, means=_means_break, asks="What was it?",
        ),
        Action(
            name="approve", label="Approve", group="decide", kind=cm.ApproveChange, subjects=_proposals,
            command=_approve, means=_means_approve,
        ),
        Action(
            name="reject", label="Reject", group="decide", kind=cm.RejectChange, subjects=_proposals,
            command=_reject, means=_means_reject,
        ),
        Action(
            name="acknowledge", label="Acknowledge", group="alerts", kind=AlertAnswer, subjects=_unanswered,
            command=_answer(AlertDeed.ACKNOWLEDGE),
            means=_means_alert("It is yours: it goes on to nobody else, and shows until it is over."),
        ),
        Action(
            name="silence", label="Silence", group="alerts", kind=AlertAnswer, subjects=_alerts,
            command=_answer(AlertDeed.SILENCE), asks="For how long?", answers=SILENCES,
            means=_means_alert("For {} nobody is told of it. It still shows, and is told again when that is over."),
        ),
        Action(
            name="escalate", label="Escalate", group="alerts", kind=AlertAnswer, subjects=_alerts,
            command=_answer(AlertDeed.ESCALATE),
            means=_means_alert("It goes on to the next channel of its chain now."),
        ),
    )
}  # fmt: skip
"""Every button, in the order of the page. Engine or front desk ask for the role again, whatever stands here."""
