"""`execution changelog`: every change of limits, capital, versions, states, people and the like, one line each."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from execution.commands.desk import Stop, the_home, the_state
from execution.commands.exits import Exit
from execution.commands.output import DIM, YELLOW, banner, moment, paint, say, say_json
from execution.settings.problems import nearest
from toolkit.client.books import Books
from toolkit.client.desk_state import DeskState
from toolkit.replica.decisions import KINDS, TAGS, ChangeLine, Changelog

AGO = re.compile(r"([0-9]+)([mhdw])")
UNITS = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}


def changelog(
    given: Path | None, *, kind: str | None, who: str | None, about: str | None, since: str | None, count: int,
    as_json: bool,
) -> Exit:  # fmt: skip
    """The newest changes, oldest first."""
    if kind is not None and kind not in KINDS:
        raise Stop(Exit.USAGE, f"no kind {kind!r}; {nearest(kind, KINDS)}")
    home = the_home(given)
    state = the_state(home)
    books = Books(home=home, book=state.book)
    kinds = KINDS if kind is None else (kind,)
    begin = 0 if since is None else _begin(since)
    return show_lines(state, books, kinds=kinds, who=who, about=about, since=begin, count=count, as_json=as_json)


def show_lines(
    state: DeskState, books: Books, *, kinds: Sequence[str], count: int, as_json: bool, who: str | None = None,
    about: str | None = None, since: int = 0,
) -> Exit:  # fmt: skip
    """The newest `count` changes that fit; all of them for 0."""
    log = Changelog()
    found = deque(
        (
            line
            for batch in books.batches(containing=TAGS)
            for line in log.hear(batch)
            if line.kind in kinds and line.wall >= since and _fits(line.who, who) and _fits(line.what, about)
        ),
        maxlen=count or None,
    )
    if as_json:
        say_json(list(found))
        return Exit.DONE
    say(banner(state.kind, f"desk {state.name} · {len(found)} changes"))
    for line in found:
        say(_row(line))
    return Exit.DONE


def _row(line: ChangeLine) -> str:
    who = line.who + (paint(f" ({line.how})", DIM if line.verified else YELLOW) if line.how else "")
    change = f"{line.what}: {line.before} → {line.after}"
    reason = f" · {line.reason}" if line.reason else ""
    when = moment(line.wall)[:19].replace("T", " ")
    return f"  {when}  {line.kind:<11} {change} · {who} from {line.source or '–'}{reason} · event {line.event:,}"


def _fits(text: str, wanted: str | None) -> bool:
    return wanted is None or wanted.lower() in text.lower()


def _begin(text: str) -> int:
    """`2h`, `3d`, `2026-11-25` or `2026-11-25T14:00` (UTC), as UTC ns."""
    if found := AGO.fullmatch(text):
        back = timedelta(**{UNITS[found[2]]: int(found[1])})
        return int((datetime.now(UTC) - back).timestamp() * 1e9)
    try:
        moment_given = datetime.fromisoformat(text)
    except ValueError:
        raise Stop(Exit.USAGE, f"--since {text!r} is no time; write 30m, 2h, 3d, or 2026-11-25T14:00 (UTC)") from None
    return int(moment_given.replace(tzinfo=moment_given.tzinfo or UTC).timestamp() * 1e9)
