"""One visitor's page of one view in the browser: redrawn each second, and only what has changed; nobody acts here."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import Any, Final

import panel as pn
from bokeh.models import ColumnDataSource

from toolkit.dashboards import looks, markup
from toolkit.dashboards.choice import Choice, chosen
from toolkit.dashboards.face import Face, Part, Picture, Table
from toolkit.dashboards.watching import DeskWatch, Drawn

SCRIPT: Final = (Path(__file__).parent / "script.js").read_text(encoding="utf-8")
FIRST_MS: Final = 100
REFRESH_MS: Final = 1000
PATIENCE: Final = 0.4
STALE_SECONDS: Final = 12.0
WIDE: Final = "stretch_width"
PICTURES: Final = "pictures"
READING: Final = "Reading the books …"
OVER: Final = '<div class="note bad">You are logged out. <a href="./login">Log in</a> to go on.</div>'
_CARD: Final = {
    "background": "var(--card)", "border": "1px solid var(--line)", "border-radius": "8px", "padding": "11px 13px",
    "flex": "1 1 min(100%, 440px)", "min-width": "0", "width": "auto",
}  # fmt: skip
_INNER: Final = {"width": "100%", "max-width": "1320px", "margin": "0 auto", "padding": "0 14px 20px"}


def open_page(view: str, watch: DeskWatch, *, who: Callable[[], str], kind: str) -> ViewPage:
    """The page of a view for the request that is being answered, as its address wants it."""
    return ViewPage(chosen(view, pn.state.session_args), watch, who, kind)


class ViewPage:
    """`who` says who looks ("" for nobody any more), each time anew: a login ends while a page stands open."""

    def __init__(self, choice: Choice, watch: DeskWatch, who: Callable[[], str], kind: str) -> None:
        self._choice = choice
        self._watch = watch
        self._who = who
        self._kind = kind
        self._top, self._numbers = html(), html()
        self._beat, self._beats = pn.pane.HTML("", tags=["beat"], visible=False), 0
        self._parts = pn.Column(html(), sizing_mode=WIDE, margin=0)
        self._keys: tuple[str, ...] = ()
        self._shown: dict[str, _Drawing] = {}
        self._tables: list[tuple[Any, tuple[str, ...]]] = []
        self._first: Any = None

    def view(self) -> pn.Column:
        """All of it; refreshed from now on."""
        if not self.refresh(patience=PATIENCE):
            self._first = pn.state.add_periodic_callback(self._refresh_first, period=FIRST_MS)
        pn.state.add_periodic_callback(self._refresh, period=REFRESH_MS)
        inner = pn.Column(self._numbers, self._parts, sizing_mode=WIDE, margin=0, styles=_INNER)
        return pn.Column(self._top, inner, self._beat, sizing_mode=WIDE, margin=0)

    def refresh(self, *, patience: float = 0.0) -> bool:
        """Show what is new; whether there is anything to show yet."""
        self._beats += 1
        self._beat.object = str(self._beats)  # the page's script sees by it that the page is alive
        who = self._who()
        if not who:
            self._leave()
            return True
        drawn = self._watch.drawn(self._choice, patience=patience)
        if drawn is None:
            problem = self._watch.problem
            words = f"The books cannot be read: {problem}" if problem else READING
            put(self._top, looks.bar(self._kind, "", who) + markup.menu(self._choice))
            put(self._numbers, looks.note(words, looks.BAD if problem else ""))
            return False
        self._show(drawn, who)
        return True

    def _refresh(self) -> None:
        self.refresh()

    def _refresh_first(self) -> None:
        if self.refresh() and self._first is not None:
            self._first.stop()
            self._first = None

    def _show(self, drawn: Drawn, who: str) -> None:
        head = looks.bar(drawn.kind, drawn.headline, who) + markup.menu(self._choice)
        put(self._top, head + markup.selectors(self._choice, drawn.strategies, drawn.venues, drawn.zone))
        age = time.monotonic() - drawn.looked
        stale = [(f"Stale: the last look was {age:.0f} s ago.", looks.BAD)] if age > STALE_SECONDS else []
        put(self._numbers, markup.numbers(drawn.face) + markup.notes([*stale, *drawn.face.notes]))
        keys = tuple(part.key for part in drawn.face.parts)
        if keys != self._keys:
            self._lay_out(drawn.face)
            self._keys = keys
        for pane, names in self._tables:
            found = [part for part in map(drawn.face.part, names) if isinstance(part, Table)]
            put(pane, markup.tables(found, self._choice))
        for key, shown in self._shown.items():
            picture = drawn.face.part(key)
            if isinstance(picture, Picture):
                shown.take(picture, self._choice)

    def _lay_out(self, face: Face) -> None:
        """Pictures beside each other, tables beside each other, in the order of the face."""
        self._shown, self._tables, rows = {}, [], []
        for kind, run in groupby(face.parts, key=_kind):
            parts: list[Part] = list(run)
            if kind == PICTURES:
                drawings = [_Drawing(part) for part in parts if isinstance(part, Picture)]
                self._shown |= {drawing.key: drawing for drawing in drawings}
                panels = [drawing.panel for drawing in drawings]
                rows.append(
                    pn.FlexBox(*panels, gap="12px", align_items="stretch", sizing_mode=WIDE, margin=(12, 0, 0, 0))
                )
            else:
                pane = html()
                self._tables.append((pane, tuple(part.key for part in parts)))
                rows.append(pane)
        self._parts.objects = rows

    def _leave(self) -> None:
        put(self._top, looks.bar(self._kind, "logged out"))
        put(self._numbers, OVER)
        self._parts.objects, self._keys, self._shown, self._tables = [html()], (), {}, []


def _kind(part: Part) -> str:
    """A table that somebody opened is a pane of its own: it stays open while others are written anew."""
    if isinstance(part, Picture):
        return PICTURES
    return part.key if part.folded else "tables"


class _Drawing:
    """One picture on one page: its data go over when they change, its figure only when its shape does."""

    def __init__(self, picture: Picture) -> None:
        self.key = picture.key
        self._head = html()
        self._foot = html()
        self._pane = pn.pane.Bokeh(sizing_mode=WIDE, margin=0)
        self._source = ColumnDataSource()
        self._drawn: tuple[object, ...] | None = None
        self._data: object = None
        wide = {"flex-basis": "100%"} if picture.wide else {}
        self.panel = pn.Column(self._head, self._pane, self._foot, margin=0, styles=_CARD | wide)

    def take(self, picture: Picture, choice: Choice) -> None:
        put(self._head, markup.picture_head(picture, choice))
        put(self._foot, markup.picture_foot(picture))
        self._pane.visible = not picture.empty
        if picture.empty:
            return
        if self._drawn != picture.shape:
            self._source = ColumnDataSource({name: list(values) for name, values in picture.data.items()})
            made = picture.draw(self._source)
            made.tags = [f"picture:{picture.key}"]
            self._pane.object = made
            self._drawn, self._data = picture.shape, picture.data
        elif self._data != picture.data:
            self._source.data = {name: list(values) for name, values in picture.data.items()}
            self._data = picture.data


def html(text: str = "") -> Any:
    return pn.pane.HTML(text, sizing_mode=WIDE, margin=0, stylesheets=[looks.STYLE], sanitize_html=False)


def put(pane: Any, text: str) -> None:
    if pane.object != text:
        pane.object = text
