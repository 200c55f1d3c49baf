"""How every page of a desk looks: bar, cards, tables, notes, amounts and ages; it knows neither desk nor journal."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from html import escape
from pathlib import Path
from typing import Final

from toolkit.domain.time import NANOSECONDS

STYLE: Final = (Path(__file__).parent / "looks.css").read_text(encoding="utf-8")
NOTHING: Final = ("–", "0", "")
"""What a narrow screen leaves out."""
SHORT: Final = 18
"""Letters that stay on one line, as one word does that is not too long."""
LONGEST_WORD: Final = 30
GOOD, BAD, ODD = "good", "bad", "odd"
STATES: Final = {"ACTIVE": GOOD, "HALTED": BAD, "REDUCING": ODD, "UNKNOWN": BAD}

Cell = str | Decimal | int | None | tuple[str, str]
"""A text, or a text with how it is meant: good, bad, odd."""


def bar(kind: str, words: str, user: str = "", acts: str = "") -> str:
    """PAPER grey or LIVE red, on top of every screen; `acts` is where this user gives commands."""
    name = "live" if kind == "live" else "paper"
    out = ""
    if user:
        act = f'<a href="{escape(acts)}">Operations</a> · ' if acts else ""
        out = (
            f'<span class="end">{act}{escape(user)}</span>'
            '<form method="post" action="./logout"><button>Log out</button></form>'
        )
    return f'<div class="bar {name}"><b>{escape(kind.upper())}</b><span>{escape(words)}</span>{out}</div>'


def number(value: str, words: str, how: str = "") -> str:
    """One of the five that a page leads with."""
    return f'<div class="number {how}"><b>{escape(value)}</b><span>{escape(words)}</span></div>'


def card(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[Cell]], empty: str, *,
    wide: bool = False, below: Sequence[str] = (),
) -> str:  # fmt: skip
    """A table under its title, or in words that there is nothing; a column whose name ends in ">" is of numbers."""
    notes = "".join(f'<p class="dim">{escape(line)}</p>' for line in below)
    inner = table(columns, rows) if rows else f'<p class="empty">{escape(empty)}</p>'
    return f'<section class="card{" wide" if wide else ""}"><h2>{escape(title)}</h2>{inner}{notes}</section>'


def table(columns: Sequence[str], rows: Sequence[Sequence[Cell]], links: Sequence[str] = ()) -> str:
    """A row each; `links` are addresses for the first cells, one a row, where there are any."""
    labels = [column.removesuffix(">") for column in columns]
    right = [column.endswith(">") for column in columns]
    head = "".join(f'<th class="{"right" if r else ""}">{escape(n)}</th>' for n, r in zip(labels, right, strict=True))
    body = []
    for place, row in enumerate(rows):
        cells = [_cell(cell, n, r) for cell, n, r in zip(row, labels, right, strict=True)]
        if links:
            cells[0] = cells[0].replace(">", f'><a href="{escape(links[place])}">', 1).replace("</td>", "</a></td>")
        body.append(f"<tr>{''.join(cells)}</tr>")
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table>"


def note(words: str, how: str) -> str:
    """What is not as it should be."""
    return f'<div class="note {how}">{prose(words)}</div>'


def prose(words: str) -> str:
    """A sentence in which `what stands like this` is a command."""
    parts = escape(words).split("`")
    return "".join(f"<code>{part}</code>" if place % 2 else part for place, part in enumerate(parts))


def money(value: Decimal | None) -> str:
    """With its sign and two decimals, as `execution status` shows it."""
    return "–" if value is None else f"{value:+,.2f}"


def price(limit: Decimal | None, stop: Decimal | None) -> str:
    shown = "market" if limit is None else f"{limit:f}"
    return shown if stop is None else f"{shown}, stop {stop:f}"


def until(wall: int) -> str:
    minutes = max(0, wall - time.time_ns()) // (60 * NANOSECONDS)
    return f"{minutes // 60} h {minutes % 60:02d} min"


def ago(wall: int) -> str:
    """How long since, a dash for never."""
    if not wall:
        return "–"
    seconds = max(0, time.time_ns() - wall) // NANOSECONDS
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 86_400:
        return f"{seconds // 3600} h {seconds % 3600 // 60:02d} min" if seconds >= 3600 else f"{seconds // 60} min"
    return f"{datetime.fromtimestamp(wall / NANOSECONDS, UTC):%Y-%m-%d %H:%M} UTC"


def scope_words(scope: str) -> str:
    """`strategy:trend` as people say it."""
    kind, _, name = scope.partition(":")
    return f"{kind} {name}" if name else "everything: the whole book"


def _cell(cell: Cell, label: str, right: bool) -> str:
    text, how = cell if isinstance(cell, tuple) else (cell, "")
    shown = "–" if text is None else f"{text:f}" if isinstance(text, Decimal) else str(text)
    is_short = len(shown) <= SHORT or (" " not in shown and len(shown) <= LONGEST_WORD)
    nil = " nil" if shown in NOTHING else " short" if is_short else ""
    return f'<td class="{how}{" right" if right else ""}{nil}" data-label="{escape(label)}">{escape(shown)}</td>'
