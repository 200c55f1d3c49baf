"""A face as HTML: bar, menu, selectors as plain links, numbers, notes, tables; every text of others is escaped here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape
from itertools import groupby
from typing import Final

from toolkit.dashboards import looks
from toolkit.dashboards.choice import LOOKS, SPAN_WORDS, Choice
from toolkit.dashboards.face import Face, Part, Picture, Table
from toolkit.dashboards.pages import VIEWS
from toolkit.monitoring.spans import SPANS

LOOK_WORDS: Final = {"": "as system", "light": "light", "dark": "dark"}
FOLDED: Final = 12
"""More names than so many stand behind one line that opens."""
BY_VENUE: Final = ("execution_latency", "fill_rate", "alerts")
"""Views of which each venue's part can be seen by itself."""
MENU: Final = "menu"
NUMBERS: Final = "numbers"
NOTES: Final = "notes"
PICTURES: Final = "pictures"
Texts = Mapping[str, str]
"""All that a page has to say, by its place: the three above, `head` and `foot` of a picture, the first key of a row of
tables."""


def texts(
    face: Face, choice: Choice, *, strategies: Sequence[str], venues: Sequence[str], zone: str, past: str = ""
) -> Texts:  # fmt: skip
    """What every page of a choice shows, whoever looks; `past` is what to say of a span that has an end."""
    found = {
        MENU: menu(choice) + selectors(choice, strategies, venues, zone), NUMBERS: numbers(face),
        NOTES: notes([*((words, looks.ODD) for words in (past,) if words), *face.notes]),
    }  # fmt: skip
    for row in rows(face):
        if isinstance(row[0], Picture):
            for picture in row:
                if isinstance(picture, Picture):
                    found[head(picture.key)] = picture_head(picture, choice)
                    found[foot(picture.key)] = picture_foot(picture)
        else:
            found[row[0].key] = tables([part for part in row if isinstance(part, Table)], choice)
    return found


def head(key: str) -> str:
    return f"head of {key}"


def foot(key: str) -> str:
    return f"foot of {key}"


def rows(face: Face) -> list[list[Part]]:
    """Pictures beside each other, tables beside each other, in the order of the face."""
    return [list(run) for _, run in groupby(face.parts, key=_kind)]


def _kind(part: Part) -> str:
    """A table that somebody opened is a row of its own: it stays open while others are written anew."""
    if isinstance(part, Picture):
        return PICTURES
    return part.key if part.folded else "tables"


def menu(choice: Choice) -> str:
    """One link a view; the span, the strategies and the look go along."""
    shown = "".join(
        _pill(view.title, choice.but(view=name, order="").address(), name == choice.view)
        for name, view in VIEWS.items()
    )
    return f'<nav class="menu" aria-label="views">{shown}</nav>'


def selectors(choice: Choice, strategies: Sequence[str], venues: Sequence[str], zone: str) -> str:
    """What can be chosen, as links: an address is the whole choice, and reproduces what is seen."""
    spans = "".join(_pill(SPAN_WORDS[name], choice.but(span=name).address(), name == choice.span) for name in SPANS)
    spans += _pill("back to now", choice.but(until=0).address(), False) if choice.until else ""
    looked = "".join(_pill(LOOK_WORDS[name], choice.but(look=name).address(), name == choice.look) for name in LOOKS)
    spans = f"<i>{'up to then' if choice.until else 'last'}</i>{spans}"
    named = _names("strategies", strategies, choice.strategies, choice.with_strategy, choice.but(strategies=()))
    if choice.view in BY_VENUE and (len(venues) > 1 or choice.venues):
        named += _names("venues", venues, choice.venues, choice.with_venue, choice.but(venues=()))
    return (
        f'<div class="choose"><span class="group" role="group" aria-label="time range">{spans}</span>{named}'
        f'<span class="group end" role="group" aria-label="look">{looked}<i>times are {escape(zone)}</i></span></div>'
    )


def _names(
    of: str, known: Iterable[str], chosen: Sequence[str], toggled: Callable[[str], Choice], without: Choice
) -> str:
    names = sorted({*known, *chosen})
    every = _pill("all", without.address(), not chosen)
    each = "".join(_pill(name, toggled(name).address(), name in chosen) for name in names)
    if len(names) > FOLDED:
        summary = f"{len(chosen)} of {len(names)} chosen" if chosen else f"all {len(names)}"
        each = f"<details><summary>{summary}</summary>{each}</details>"
    return f'<span class="group" role="group" aria-label="{of}"><i>{of}</i>{every}{each}</span>'


def numbers(face: Face) -> str:
    """The five."""
    shown = "".join(looks.number(each.value, each.words, each.how) for each in face.numbers)
    return f'<div class="numbers">{shown}</div>'


def notes(found: Iterable[tuple[str, str]]) -> str:
    return "".join(looks.note(words, how) for words, how in found)


def tables(found: Sequence[Table], choice: Choice | None) -> str:
    """Cards beside each other where there is room, the wide ones by themselves; without a choice, without links."""
    runs = []
    for wide, run in groupby(found, key=lambda each: each.wide):
        cards = [_card(each, choice) for each in run]
        beside = "".join(f'<div class="slot">{card}</div>' for card in cards)
        runs.append("".join(cards) if wide else f'<div class="beside">{beside}</div>')
    return f'<div class="deck">{"".join(runs)}</div>'


def picture_head(picture: Picture, choice: Choice | None) -> str:
    """Title, exports, and what stands in place of a picture that is empty."""
    words = f'<p class="empty">{looks.prose(picture.empty)}</p>' if picture.empty else ""
    links = "" if picture.empty or choice is None else _exports(picture.key, picture.title, choice, png=True)
    legend = "" if picture.empty or len(picture.legend) < 2 else _legend(picture.legend)
    return f'<header class="head"><h2>{escape(picture.title)}</h2>{links}</header>{legend}{words}'


def _legend(found: Iterable[tuple[str, str]]) -> str:
    shown = "".join(f'<li style="--ink:{escape(colour)}">{escape(words)}</li>' for words, colour in found)
    return f'<ul class="legend">{shown}</ul>'


def picture_foot(picture: Picture) -> str:
    """What is worth knowing about what is drawn; nothing where nothing is."""
    return f'<p class="dim">{looks.prose(picture.below)}</p>' if picture.below and not picture.empty else ""


def export_address(key: str, choice: Choice) -> str:
    """Where the columns of a part are, as CSV."""
    query = choice.query()
    return f"./csv?view={choice.view}&part={key}{'&' + query if query else ''}"


def _card(found: Table, choice: Choice | None) -> str:
    below = "".join(f'<p class="dim">{looks.prose(line)}</p>' for line in found.below)
    links = _exports(found.key, found.title, choice) if found.rows and choice is not None else ""
    inner = (
        looks.table(found.columns, found.rows, found.links if choice is not None else ())
        if found.rows
        else f'<p class="empty">{looks.prose(found.empty)}</p>'
    )
    how = " compact" if found.compact else ""
    title = f"<h2>{escape(found.title)}</h2>"
    if found.folded and found.rows:
        folded = f"<summary>{title}</summary>{inner}{below}"
        return f'<section class="card{how}"><details>{folded}<p class="dim">{links}</p></details></section>'
    return f'<section class="card{how}"><header class="head">{title}{links}</header>{inner}{below}</section>'


def _exports(key: str, title: str, choice: Choice, *, png: bool = False) -> str:
    csv = (
        f'<a href="{escape(export_address(key, choice))}" download="{escape(choice.view)}-{escape(key)}.csv" '
        f'aria-label="{escape(title)} as CSV">CSV</a>'
    )
    image = (
        f'<a href="#png-{escape(key)}" data-png="{escape(key)}" data-title="{escape(title)}" '
        f'data-file="{escape(choice.view)}-{escape(key)}.png" '
        f'aria-label="{escape(title)} as PNG">PNG</a>'
        if png
        else ""
    )
    return f'<span class="exports">{csv}{image}</span>'


def _pill(words: str, address: str, chosen: bool) -> str:
    here = ' aria-current="true"' if chosen else ""
    return f'<a class="pill" href="{escape(address)}"{here}>{escape(words)}</a>'
