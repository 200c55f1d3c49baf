"""One visitor's page of one view in the browser: redrawn each second, and only what has changed; nobody acts here."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

import panel as pn
from bokeh.models import ColumnDataSource, FactorRange
from bokeh.models.widgets import Div

from toolkit.dashboards import looks, markup
from toolkit.dashboards.choice import Choice, chosen
from toolkit.dashboards.drawing import factors
from toolkit.dashboards.face import Data, Face, Picture
from toolkit.dashboards.markup import Texts
from toolkit.dashboards.watching import DeskWatch, Drawn

SCRIPT: Final = (Path(__file__).parent / "script.js").read_text(encoding="utf-8")
FIRST_MS: Final = 100
REFRESH_MS: Final = 1000
PATIENCE: Final = 0.4
WHOLE_WIDTH: Final = ".bk-clearfix { display: block !important; }"
"""Bokeh makes a text as wide as its words."""
STALE_SECONDS: Final = 12.0
WIDE: Final = "stretch_width"
READING: Final = "Reading the books …"
OVER: Final = '<div class="note bad">You are logged out. <a href="./login">Log in</a> to go on.</div>'
_CARD: Final = {
    "background": "var(--card)", "border": "1px solid var(--line)", "border-radius": "8px", "padding": "11px 13px",
    "flex": "1 1 min(100%, 440px)", "min-width": "0", "width": "auto",
}  # fmt: skip
_INNER: Final = {"width": "100%", "max-width": "1320px", "margin": "0 auto", "padding": "0 14px 20px"}


def open_page(
    view: str, watch: DeskWatch, *, who: Callable[[], str], commands: Callable[[], bool], kind: str
) -> ViewPage:
    """The page of a view for the request that is being answered, as its address wants it."""
    return ViewPage(chosen(view, pn.state.session_args), watch, who, kind, commands)


class ViewPage:
    """`who` says who looks ("" for nobody any more), each time anew: a login ends while a page stands open. Whoever
    `commands` is shown the way to where that is done."""

    def __init__(
        self, choice: Choice, watch: DeskWatch, who: Callable[[], str], kind: str,
        commands: Callable[[], bool] = lambda: False,
    ) -> None:  # fmt: skip
        self._choice = choice
        self._watch = watch
        self._who = who
        self._kind = kind
        self._commands = commands
        self._top, self._menu, self._numbers = html(), html(), html()
        self._beat, self._beats = Div(tags=["beat"], visible=False), 0
        self._parts = pn.Column(html(), sizing_mode=WIDE, margin=0)
        self._keys: tuple[str, ...] = ()
        self._shown: dict[str, _Drawing] = {}
        self._tables: dict[str, Div] = {}
        self._first: Any = None

    def view(self) -> pn.Column:
        """All of it; refreshed from now on."""
        document: Any = pn.state.curdoc
        if not self.refresh(patience=PATIENCE):
            first = partial(self._refresh_first, document)
            self._first = pn.state.add_periodic_callback(first, period=FIRST_MS)
        document.add_periodic_callback(partial(self._refresh, document), REFRESH_MS)
        inner = pn.Column(self._numbers, self._parts, sizing_mode=WIDE, margin=0, styles=_INNER)
        return pn.Column(self._top, self._menu, inner, self._beat, sizing_mode=WIDE, margin=0)

    def refresh(self, *, patience: float = 0.0) -> bool:
        """Show what is new; whether there is anything to show yet."""
        self._beats += 1
        self._beat.text = str(self._beats)  # the page's script sees by it that the page is alive
        who = self._who()
        if not who:
            self._leave()
            return True
        drawn = self._watch.drawn(self._choice, patience=patience)
        if drawn is None:
            problem = self._watch.problem
            words = f"The books cannot be read: {problem}" if problem else READING
            self._top.text = looks.bar(self._kind, "", who)
            self._menu.text = markup.menu(self._choice)
            self._numbers.text = looks.note(words, looks.BAD if problem else "")
            return False
        self._show(drawn, who)
        return True

    def _refresh(self, document: Any) -> None:
        if is_seen(document):
            with _in_one_message():
                self.refresh()

    def _refresh_first(self, document: Any) -> None:
        if is_seen(document) and self.refresh() and self._first is not None:
            self._first.stop()
            self._first = None

    def _show(self, drawn: Drawn, who: str) -> None:
        """Bokeh sends what differs and nothing else; the texts were written once for all pages of this choice."""
        texts, face = drawn.texts, drawn.face
        age = time.monotonic() - drawn.looked
        stale = looks.note(f"Stale: the last look was {age:.0f} s ago.", looks.BAD) if age > STALE_SECONDS else ""
        self._top.text = looks.bar(drawn.kind, drawn.headline, who, drawn.operations if self._commands() else "")
        self._menu.text = texts[markup.MENU]
        self._numbers.text = texts[markup.NUMBERS] + stale + texts[markup.NOTES]
        keys = tuple(part.key for part in face.parts)
        if keys != self._keys:
            self._lay_out(face)
            self._keys = keys
        for key, table in self._tables.items():
            table.text = texts[key]
        for key, shown in self._shown.items():
            picture = face.part(key)
            if isinstance(picture, Picture):
                shown.take(picture, texts)

    def _lay_out(self, face: Face) -> None:
        """Pictures beside each other, tables beside each other, in the order of the face."""
        rows: list[Any] = []
        self._shown, self._tables = {}, {}
        for row in markup.rows(face):
            if isinstance(row[0], Picture):
                drawings = [_Drawing(part) for part in row if isinstance(part, Picture)]
                self._shown |= {drawing.key: drawing for drawing in drawings}
                panels = [drawing.panel for drawing in drawings]
                rows.append(
                    pn.FlexBox(*panels, gap="12px", align_items="stretch", sizing_mode=WIDE, margin=(12, 0, 0, 0))
                )
            else:
                self._tables[row[0].key] = html()
                rows.append(self._tables[row[0].key])
        self._parts.objects = rows

    def _leave(self) -> None:
        self._top.text, self._menu.text, self._numbers.text = looks.bar(self._kind, "logged out"), "", OVER
        self._parts.objects, self._keys, self._shown, self._tables = [html()], (), {}, {}


def is_seen(document: Any) -> bool:
    """Whether a browser holds this page's line. The server keeps a page for a while after its line was cut."""
    context = document.session_context
    session = None if context is None else context.session
    return session is None or bool(session.connection_count)


@contextmanager
def _in_one_message() -> Iterator[None]:
    """All that a refresh changes goes over at once, where each thing by itself costs three writes to the line.

    Not before the browser has said that its page stands: until then Panel forgets what it holds.
    """
    if pn.state.loaded:
        with pn.io.hold():
            yield
    else:
        yield


class _Drawing:
    """One picture on one page: its data go over when they change, its figure only when its shape does."""

    def __init__(self, picture: Picture) -> None:
        self.key = picture.key
        self._head = html()
        self._foot = html()
        self._pane = pn.pane.Bokeh(sizing_mode=WIDE, margin=0)
        self._source = ColumnDataSource()
        self._figure: Any = None
        self._drawn: tuple[object, ...] | None = None
        self._data: Data = {}
        wide = {"flex-basis": "100%"} if picture.wide else {}
        self.panel = pn.Column(self._head, self._pane, self._foot, margin=0, styles=_CARD | wide)

    def take(self, picture: Picture, texts: Texts) -> None:
        self._head.text, self._foot.text = texts[markup.head(self.key)], texts[markup.foot(self.key)]
        if self._pane.visible == bool(picture.empty):
            self._pane.visible = not picture.empty
        if picture.empty:
            return
        if self._drawn != picture.shape:
            self._source = ColumnDataSource(_columns(picture.data))
            self._figure = picture.draw(self._source)
            self._figure.tags = [f"picture:{picture.key}"]
            self._pane.object = self._figure
            self._drawn, self._data = picture.shape, picture.data
        elif self._data != picture.data:
            self._source.data = _columns(picture.data)
            if isinstance(self._figure.y_range, FactorRange):
                self._figure.y_range.factors = factors(self._source)
            self._data = picture.data


def _columns(data: Data) -> dict[str, Any]:
    return {name: list(values) for name, values in data.items()}


def html(text: str = "") -> Div:
    """Bokeh's own, without Panel around it: Panel takes a turn of the loop and a message for each text."""
    return Div(text=text, sizing_mode=WIDE, margin=0, stylesheets=[looks.STYLE, WHOLE_WIDTH], disable_math=True)
