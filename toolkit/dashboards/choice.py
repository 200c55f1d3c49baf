"""Which view somebody looks at, over which span, of which strategies and venues: as an address says it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

import msgspec

from toolkit.domain.time import NANOSECONDS
from toolkit.monitoring.spans import SPANS, read, written

SPAN_WORDS: Final[Mapping[str, str]] = {
    "15min": "15 min", "1h": "1 h", "4h": "4 h", "1d": "1 day", "7d": "7 days", "all": "all",
}  # fmt: skip
USUAL_SPAN: Final = "4h"
LOOKS: Final = ("", "light", "dark")
"""As the system has it, else as somebody chose."""
MOST_NAMES: Final = 64
LONGEST: Final = 64


class Choice(msgspec.Struct, frozen=True, kw_only=True):
    """What an address asks for. No strategies or venues: all of them. `order` is the one whose course is drawn.

    The span goes up to `until` (UTC ns, whole seconds), which may be yet to come; 0: up to now, and on with it.
    """

    view: str = "overview"
    span: str = USUAL_SPAN
    strategies: tuple[str, ...] = ()
    look: str = ""
    order: str = ""
    venues: tuple[str, ...] = ()
    until: int = 0

    @property
    def seconds(self) -> int:
        return SPANS[self.span]

    @property
    def span_words(self) -> str:
        if self.until:
            return "what is shown of the past"
        return "as far back as anything is kept" if not self.seconds else f"the last {SPAN_WORDS[self.span]}"

    def begins(self, wall: int) -> int:
        """From when on something is looked at (UTC ns)."""
        return (self.until or wall) - self.seconds * NANOSECONDS if self.seconds else 0

    def covers(self, moment: int, wall: int) -> bool:
        """Whether a moment lies in the span, as of `wall`."""
        return self.begins(wall) <= moment and (not self.until or moment <= self.until)

    def takes(self, strategy: str) -> bool:
        return not self.strategies or strategy in self.strategies

    def takes_venue(self, venue: str) -> bool:
        return not self.venues or venue in self.venues

    def with_strategy(self, name: str) -> Choice:
        """The same with one strategy more, or without it when it was chosen."""
        return self.but(strategies=_toggled(self.strategies, name))

    def with_venue(self, name: str) -> Choice:
        """The same with one venue more, or without it when it was chosen."""
        return self.but(venues=_toggled(self.venues, name))

    def but(self, **changes: str | int | tuple[str, ...]) -> Choice:
        """The same with something else."""
        return msgspec.structs.replace(self, **changes)

    def query(self) -> str:
        """What stands in the address behind the "?": only what differs from the usual."""
        said = {
            "span": self.span if self.span != USUAL_SPAN else "",
            "until": written(self.until) if self.until else "", "strategy": ",".join(self.strategies),
            "venue": ",".join(self.venues), "order": self.order, "look": self.look,
        }  # fmt: skip
        return urlencode({name: value for name, value in said.items() if value}, safe=",:")

    def address(self) -> str:
        """Relative to any page of the app."""
        query = self.query()
        return f"./{self.view}?{query}" if query else f"./{self.view}"


def chosen(view: str, arguments: Mapping[str, Sequence[bytes | str]]) -> Choice:
    """What an address says; what it says wrongly is left out, since an old link still shows something."""
    span, look = _last(arguments, "span"), _last(arguments, "look")
    return Choice(
        view=view,
        span=span if span in SPANS else USUAL_SPAN,
        strategies=_names(arguments, "strategy"),
        venues=_names(arguments, "venue"),
        look=look if look in LOOKS else "",
        order=_last(arguments, "order"),
        until=read(_last(arguments, "until")),
    )


def _toggled(names: tuple[str, ...], name: str) -> tuple[str, ...]:
    others = tuple(each for each in names if each != name)
    return others if len(others) < len(names) else tuple(sorted((*names, name)))


def _names(arguments: Mapping[str, Sequence[bytes | str]], name: str) -> tuple[str, ...]:
    said = _last(arguments, name, LONGEST * MOST_NAMES).split(",")
    return tuple(sorted(set(_words(said))))[:MOST_NAMES]


def _last(arguments: Mapping[str, Sequence[bytes | str]], name: str, longest: int = LONGEST) -> str:
    values = arguments.get(name) or [""]
    value = values[-1]
    text = value.decode("utf-8", "replace") if isinstance(value, bytes) else value
    return text.strip()[:longest]


def _words(parts: Iterable[str]) -> list[str]:
    return [part.strip()[:LONGEST] for part in parts if part.strip()]
