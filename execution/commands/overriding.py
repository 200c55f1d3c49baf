"""`execution limits override`: one limit looser for a while or for so many orders, and back before that."""

from __future__ import annotations

import re
from pathlib import Path

from execution.commands.desk import Stop, running_state, the_home
from execution.commands.exits import Exit
from execution.commands.output import banner, say, say_json
from execution.commands.stopping import waits
from toolkit.client.books import Books
from toolkit.client.commands import give, person
from toolkit.domain.commands import EndOverride, OverrideLimit

SOURCE = "cli"
LASTS = re.compile(r"([1-9][0-9]{0,6})([smh])")
SECONDS = {"s": 1, "m": 60, "h": 3600}


def override(
    given: Path | None, limit: str, value: str | None, *, scope: str, lasts: str | None, orders: int, reason: str,
    as_json: bool,
) -> Exit:  # fmt: skip
    """Ask for it; another person approves it, unless four eyes are off."""
    if value is None:
        raise Stop(Exit.USAGE, f"say what {limit} is to be meanwhile, or --end")
    of, _, name = scope.partition(":")
    body = OverrideLimit(
        scope=of, name=name, limit=limit, value=value, seconds=_seconds(lasts), orders=orders, who=person(SOURCE),
        reason=reason,
    )  # fmt: skip
    state = running_state(home := the_home(given))
    outcome = give(Books(home=home, book=state.book), body)
    if outcome.refused:
        raise Stop(Exit.REFUSED, outcome.refused)
    what = f"{limit} of {of} {name}".rstrip()
    if outcome.proposal:
        return waits(state, f"{what} at {value}", outcome, as_json)
    if as_json:
        say_json({"limit": limit, "scope": of, "name": name, "value": value, "event": outcome.event})
    else:
        say(banner(state.kind, f"{what} is {value} from the next order on (event {outcome.event:,})"))
        say("  `execution limits` shows until when")
    return Exit.DONE


def end_override(given: Path | None, limit: str, *, scope: str, reason: str, as_json: bool) -> Exit:
    """End it before its time: one person is enough."""
    of, _, name = scope.partition(":")
    state = running_state(home := the_home(given))
    body = EndOverride(scope=of, name=name, limit=limit, who=person(SOURCE), reason=reason)
    outcome = give(Books(home=home, book=state.book), body)
    if outcome.refused:
        raise Stop(Exit.REFUSED, outcome.refused)
    if as_json:
        say_json({"limit": limit, "scope": of, "name": name, "event": outcome.event})
    else:
        what = f"{limit} of {of} {name}".rstrip()
        say(banner(state.kind, f"{what} is what the table says again (event {outcome.event:,})"))
    return Exit.DONE


def _seconds(text: str | None) -> int:
    """`30s`, `15m`, `2h`; 0 without one."""
    if text is None:
        return 0
    found = LASTS.fullmatch(text)
    if found is None:
        raise Stop(Exit.USAGE, f"--for {text!r} is no time; write 30s, 15m or 2h")
    return int(found[1]) * SECONDS[found[2]]
