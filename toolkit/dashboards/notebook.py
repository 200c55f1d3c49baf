"""`tk.dashboard("pnl_live")`: a view of the running desk in a cell of a notebook, as of when the cell ran; it reads."""

from __future__ import annotations

import difflib
import io
import os
import time
from collections.abc import Iterable
from html import escape
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pandas as pd
from bokeh.models import ColumnDataSource

from toolkit.client.desk_state import read_desk_state
from toolkit.client.home import find_home
from toolkit.dashboards import looks, markup
from toolkit.dashboards.choice import USUAL_SPAN, Choice
from toolkit.dashboards.face import Face, Picture, Table, as_csv
from toolkit.dashboards.known import Known, Reference
from toolkit.dashboards.pages import VIEWS
from toolkit.dashboards.watching import DeskWatch
from toolkit.domain.errors import ConfigError, TransportError
from toolkit.monitoring.spans import SPANS
from toolkit.research.embedding import Pictures, current_cell, library, notebook

if TYPE_CHECKING:
    from toolkit.research.outcome import Outcome

PATIENCE: Final = 60.0
OWN: Final = (Path(__file__).parent / "notebook.css").read_text(encoding="utf-8")
"""The colours of JupyterLab's own theme in place of the page's."""


def dashboard(
    view: str = "overview",
    *,
    span: str = USUAL_SPAN,
    strategies: str | Iterable[str] = (),
    venues: str | Iterable[str] = (),
    order: str = "",
    replay: Outcome | None = None,
    backtest: Outcome | None = None,
    home: str | os.PathLike[str] | None = None,
) -> Dashboard:
    """One view of the desk of `home`, else of EXECUTION_HOME, else of the nearest parent with config/.

    `span` is how far back it looks: 15min, 1h, 4h, 1d, 7d or all; `order` the one whose course `execution_latency`
    draws. `pnl_live` holds the desk against a `replay` or a `backtest` of the same book
    (`tk.backtest(tk.connect().book())`). ConfigError for a view or a span that does not exist, or without a desk.
    """
    choice = Choice(
        view=_one_of(view, VIEWS, "view"), span=_one_of(span, SPANS, "span"), strategies=_names(strategies),
        venues=_names(venues), order=order,
    )  # fmt: skip
    references = (*_references("replay", replay), *_references("backtest", backtest))
    return Dashboard(_known(home, references), choice)


def _names(given: str | Iterable[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(sorted(given))


class Dashboard:
    """A view as it was when it was asked for; run the cell again for a newer one. It draws itself in a notebook.

    `.names` are its tables and pictures, `.frame("positions")` is one as a DataFrame. `.save("view.html")` writes a
    page that needs no network.
    """

    def __init__(self, known: Known, choice: Choice) -> None:
        self._known = known
        self._choice = choice
        self._face = VIEWS[choice.view].face(known, choice)

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(part.key for part in self._face.parts)

    def frame(self, name: str) -> pd.DataFrame:
        """A table as it is shown, or the columns of a picture. ConfigError for a name that is not there."""
        part = self._face.part(_one_of(name, self.names, "part"))
        assert part is not None
        if isinstance(part, Picture):
            columns = {key: list(values) for key, values in part.data.items()}
            frame = pd.DataFrame(columns)
            return frame.assign(time=pd.to_datetime(frame["time"], unit="ms")) if "time" in frame else frame
        return pd.read_csv(io.StringIO(as_csv(part)))

    def save(self, path: str | Path) -> Path:
        """Write the view as one HTML file; returns where it lies."""
        place = Path(path)
        title = escape(VIEWS[self._choice.view].title)
        place.write_text(
            f"<!doctype html><html lang='en'><head><meta charset='utf-8'><title>{title}</title>"
            f"<meta name='viewport' content='width=device-width'><style>{looks.STYLE}</style></head>"
            f"<body>{self._inside(library())}</body></html>",
            encoding="utf-8",
        )
        return place

    def _repr_html_(self) -> str:
        style = f"<style>.qd-view {{ {looks.STYLE.replace(':root', '&')} }} {OWN}</style>"
        return f"{style}{self._inside(notebook.library(current_cell()))}"

    def __repr__(self) -> str:
        numbers = "; ".join(f"{each.value} {each.words}" for each in self._face.numbers)
        return f"{self._choice.view}: {numbers}"

    def _inside(self, script: str) -> str:
        known, face, pictures = self._known, self._face, Pictures()
        zone = known.zone.label(known.wall)
        asked = f"{known.headline()} · {self._choice.span_words} · times are {zone}"
        notes = markup.notes(face.notes)
        body = "".join(self._rows(face, pictures))
        return (
            f"{script}<div class='qd-view'>{looks.bar(known.kind, asked)}{markup.numbers(face)}{notes}{body}</div>"
            f"{pictures.script()}"
        )

    def _rows(self, face: Face, pictures: Pictures) -> Iterable[str]:
        for is_picture, run in groupby(face.parts, key=lambda part: isinstance(part, Picture)):
            if is_picture:
                cards = "".join(_card(part, pictures) for part in run if isinstance(part, Picture))
                yield f'<div class="row">{cards}</div>'
            else:
                yield markup.tables([part for part in run if isinstance(part, Table)], None)


def _card(picture: Picture, pictures: Pictures) -> str:
    drawn = ""
    if not picture.empty:
        source = ColumnDataSource({name: list(values) for name, values in picture.data.items()})
        drawn = pictures.place(picture.draw(source))
    below = markup.picture_foot(picture)
    wide = " wide" if picture.wide else ""
    return f'<section class="card{wide}">{markup.picture_head(picture, None)}{drawn}{below}</section>'


def _known(home: str | os.PathLike[str] | None, references: tuple[Reference, ...]) -> Known:
    found = find_home(home)
    state = read_desk_state(found.processes)
    if state is None:
        raise ConfigError(f"{found.root} was never started; `execution up -d` starts it, or pass home=…")
    watch = DeskWatch(found, state.book, references=references)
    deadline = time.monotonic() + PATIENCE
    try:
        while True:
            known = watch.look()
            if known is not None and (known.read_all or known.problem):
                return known
            if watch.problem:
                raise TransportError(watch.problem)
            if time.monotonic() > deadline:
                raise TransportError(f"the journal of {state.name} was not read within {PATIENCE:g} s; try again")
    finally:
        watch.close()


def _references(against: str, result: Outcome | None) -> Iterable[Reference]:
    """What each strategy of a backtest earned, at each of its marks."""
    if result is None:
        return
    equity = result.equity
    times = tuple(int(value) for value in pd.DatetimeIndex(equity.index).as_unit("ns").asi8)
    for one in result.setting.strategies:
        earned = equity[one.name] - float(one.capital)
        yield Reference(
            against=against, strategy=one.name, times=times, pnl=tuple(float(value) for value in earned)
        )  # fmt: skip


def _one_of(name: str, names: Iterable[str], what: str) -> str:
    known = list(names)
    if name not in known:
        near = difflib.get_close_matches(name, known, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise ConfigError(f"there is no {what} {name!r}{hint} There are {', '.join(known)}")
    return name
