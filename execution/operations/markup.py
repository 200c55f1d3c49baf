"""A board as HTML: numbers first, then tables, each empty one in words; every text of others is escaped here."""

from __future__ import annotations

import time
from collections.abc import Iterable
from html import escape
from itertools import starmap
from typing import Final

from execution.operations.board import Board
from execution.operations.doing import Told
from execution.operations.watch import Seen
from toolkit.dashboards.looks import (
    BAD,
    GOOD,
    ODD,
    STATES,
    STYLE,
    ago,
    bar,
    card,
    money,
    note,
    number,
    price,
    scope_words,
    until,
)
from toolkit.domain.time import NANOSECONDS
from toolkit.monitoring.alert_book import AlertState
from toolkit.monitoring.messages import found

__all__ = ["STYLE", "bar", "confirmation", "headline", "notices", "numbers", "tables", "told"]

STALE_SECONDS: Final = 5.0
QUIET_SECONDS: Final = 120
SEVERITIES: Final = {"critical": BAD, "warning": ODD}


def headline(seen: Seen) -> str:
    """Which desk, and as of when."""
    state, board = seen.state, seen.board
    words = [f"desk {state.name} · book {state.book}" if state else "desk"]
    if board is not None:
        words += [f"session {board.session or '–'}", f"event {board.event:,}", f"written {ago(board.written)} ago"]
        words += ["four eyes off"] if board.alone else []
    return " · ".join(words)


def numbers(board: Board) -> str:
    """The five that say whether somebody has to do something."""
    doubts, breaks = board.agreement.doubts, board.agreement.breaks
    oldest = max((row.age_seconds for row in doubts), default=0)
    all_trade = board.trading == len(board.strategies)
    waits = len(board.proposals)
    five = (
        (f"{board.trading} of {len(board.strategies)}", "strategies trade", GOOD if all_trade else ODD),
        (f"{board.unknown}", f"UNKNOWN of {board.orders_open} open orders", BAD if board.unknown else GOOD),
        (
            f"{len(doubts) + len(breaks)}",
            f"doubts and breaks{f', oldest {oldest} s' if doubts else ''}",
            BAD if doubts or breaks else GOOD,
        ),
        (
            f"{board.positions_unprotected}",
            "positions without protection",
            ODD if board.positions_unprotected else GOOD,
        ),
        (f"{waits}", "proposal waits" if waits == 1 else "proposals wait", ODD if waits else GOOD),
    )
    shown = "".join(starmap(number, five))
    return f'<div class="numbers">{shown}</div>'


def notices(seen: Seen) -> str:
    """What is not as it should be, before any table: stale books, shut latches, what is to be mended."""
    board, lines = seen.board, []
    if seen.problem:
        when = "nothing was read yet" if board is None else f"what stands here is as of event {board.event:,}"
        lines.append(note(f"The books cannot be read: {seen.problem}. {when.capitalize()}.", BAD))
    elif seen.looked and time.monotonic() - seen.looked > STALE_SECONDS:
        lines.append(note(f"Stale: the last look was {time.monotonic() - seen.looked:.0f} s ago.", BAD))
    if board is not None:
        quiet = (time.time_ns() - board.written) // NANOSECONDS
        if quiet > QUIET_SECONDS:
            lines.append(note(f"Nothing was journaled for {ago(board.written)}: is the feed alive?", ODD))
        lines += [note(f"Killed: {scope_words(scope)}. Only a person lets go of it.", BAD) for scope in board.killed]
        lines += [
            note(f"Latch shut: {scope_words(scope)}: nothing leaves for it but cancels.", ODD)
            for scope in board.shut
            if scope not in board.killed
        ]
    lines += [note(f"To mend: {each.subject}: {each.detail}", ODD) for each in seen.to_mend]
    return "".join(lines)


def tables(board: Board) -> str:
    """Everything else, one card each."""
    strategies, unresolved = _alerts(board) + _strategies(board), "".join(_unresolved(board))
    beside = f'<div class="stack">{unresolved}</div>{_unprotected(board)}'
    orders = "".join(make(board) for make in (_orders, _denials, _overrides, _limits))
    return f'<div class="cards">{strategies}{beside}{orders}</div>'


def told(what: Told) -> str:
    """What became of a deed, with the number of its event."""
    record = f"event {what.event:,}" if what.event else what.record or "no event in the journal"
    lines = "".join(f"<li>{escape(line)}</li>" for line in what.lines if line)
    return (
        f'<div class="note {GOOD if what.good else BAD}" role="status"><b>{escape(what.headline)}</b> · {record}'
        f"{f'<ul>{lines}</ul>' if lines else ''}</div>"
    )


def confirmation(title: str, lines: Iterable[str], reason: str, who: str) -> str:
    """What will happen, before anybody says yes."""
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return (
        f'<div class="said"><b>{escape(title)}</b><ul>{items}</ul>'
        f'<p class="dim">On record: {escape(who)}, “{escape(reason)}”.</p></div>'
    )


# ---- cards


def _alerts(board: Board) -> str:
    now = time.time_ns()
    return card(
        "Alerts", ("id", "severity", "alert", "where", "state", "since>", "value>", "action", "told"),
        [
            (r.id, (r.severity, SEVERITIES.get(r.severity, "")), r.rule, r.where,
             (r.state_at(now).value, BAD if r.state_at(now) is AlertState.FIRING else ODD), f"{ago(r.since)} ago",
             found(r), r.action or "–", ", ".join(r.reached) or "–")
            for r in board.alerts
        ],
        "No alert fires.", wide=True,
        below=[f"{r.id} {r.answer_words} by {r.by}: {r.reason}" for r in board.alerts if r.by],
    )  # fmt: skip


def _strategies(board: Board) -> str:
    return card(
        "Strategies", ("strategy", "version", "stage", "state", "open>", "UNKNOWN>", "denied>", "position", "pnl>"),
        [
            (r.name, r.version, r.stage, (r.state, STATES.get(r.state, "")), r.open,
             (str(r.unknown), BAD) if r.unknown else "0", r.denied, r.position, money(r.pnl))
            for r in board.strategies
        ],
        "No strategy was ever deployed here: promote one in a notebook.", wide=True,
        below=[f"{r.name}: {r.why}" for r in board.strategies if r.why],
    )  # fmt: skip


def _unresolved(board: Board) -> Iterable[str]:
    yield card(
        "Doubts", ("order", "strategy", "venue", "may trade", "doubt", "age>"),
        [
            (r.order_id, r.strategy, r.venue, f"{r.side} {r.at_risk} {r.instrument}", (r.doubt, BAD),
             f"{r.age_seconds} s")
            for r in board.agreement.doubts
        ],
        "Nothing is in doubt.",
    )  # fmt: skip
    yield card(
        "Breaks", ("venue", "kind", "subject", "ours>", "venue's>", "holds", "since>"),
        [
            (r.venue, r.kind, r.subject, r.ours, (str(r.theirs), BAD), r.held, ago(r.since))
            for r in board.agreement.breaks
        ],
        "Books and venues agree.", below=[r.detail for r in board.agreement.breaks],
    )  # fmt: skip
    yield card(
        "Proposals", ("checksum", "changes", "by", "why", "ends in>"),
        [
            (r.proposal[:10], "; ".join(r.changes), r.who, r.reason, until(r.expires))
            for r in board.proposals
        ],
        "Nothing waits for approval.",
    )  # fmt: skip


def _unprotected(board: Board) -> str:
    return card(
        "Positions without protection", ("strategy", "instrument", "held>", "protected>"),
        [
            (r.strategy, r.instrument, f"{r.quantity:+f}",
             (f"{r.covered:f}{' by the engine alone' if r.in_engine else ''}" if r.covered else "none", ODD))
            for r in board.unprotected
        ],
        "Every position has a protective order, or nothing is held.",
    )  # fmt: skip


def _orders(board: Board) -> str:
    more = board.orders_open - len(board.orders)
    return card(
        "Open orders", ("order", "strategy", "what", "price>", "filled>", "class", "status", "venue"),
        [
            (r.order_id, r.strategy, f"{r.side} {r.quantity:f} {r.instrument}", price(r.price, r.stop),
             f"{r.filled:f}", r.order_class, (r.status, STATES.get(r.status, "")), r.venue)
            for r in board.orders
        ],
        "No order is open.", wide=True,
        below=[f"and {more} more: `execution orders` has all of them"] if more > 0 else [],
    )  # fmt: skip


def _denials(board: Board) -> str:
    return card(
        "Last denials", ("when>", "strategy", "instrument", "order", "control>", "observed", "limit", "set in"),
        [
            (f"{ago(int(r.wall))} ago", r.strategy, r.instrument, r.order_id or "–", r.control, r.observed,
             r.limit or "–", r.source or "–")
            for r in board.denials
        ],
        "Nothing was denied lately.", wide=True,
    )  # fmt: skip


def _overrides(board: Board) -> str:
    """Nothing at all where there is none: what is loosened for a while is an exception."""
    if not board.overrides:
        return ""
    return card(
        "Limits that are loosened for a while", ("limit", "of", "in force>", "else>", "ends in>", "or after", "for"),
        [
            (r.limit, f"{r.scope} {r.name}".strip(), (r.value, ODD), r.before, until(r.until),
             f"{r.orders} orders more" if r.orders else "–", r.who)
            for r in board.overrides
        ],
        "", wide=True,
    )  # fmt: skip


def _limits(board: Board) -> str:
    rest = board.limits_in_force - len(board.limits)
    return card(
        "Limits", ("control>", "limit", "of", "in force>", "used>", "last denial", "set in"),
        [
            (r.control, r.limit, f"{r.scope} {r.name}".strip(), r.value, r.used or "–",
             (f"{ago(r.denied)} ago: {r.why}", ODD) if r.denied else "–", r.source)
            for r in board.limits
        ],
        "No limit is in force: nothing may be entered.", wide=True,
        below=[f"and {rest} more: `execution limits list` has all of them"] if rest > 0 else [],
    )  # fmt: skip
