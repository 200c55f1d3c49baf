"""Puts bokeh pictures into HTML that works offline, in JupyterLab, in exports and in a browser; it draws nothing."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files
from uuid import uuid4

from bokeh.core.types import ID
from bokeh.embed import json_item
from bokeh.model import Model
from bokeh.resources import Resources

# Scripts in an output may run before the output is on the page, and before the library has loaded: wait for both.
_DRAW = """
(function () {
  const items = %s;
  const until = Date.now() + 20000;
  function draw() {
    const waiting = items.filter((item) => {
      const place = document.querySelector(`#${item.target_id}:not([data-drawn])`);
      if (!place || !window.Bokeh) return true;
      place.dataset.drawn = "yes";
      window.Bokeh.embed.embed_item(item, place);
      return false;
    });
    if (!waiting.length) return;
    if (Date.now() < until) { setTimeout(draw, 60); return; }
    for (const item of waiting) {
      const place = document.getElementById(item.target_id);
      if (place) place.textContent = "The picture needs the first result of this notebook: run that cell again.";
    }
  }
  draw();
})();
"""


class Pictures:
    """Collects pictures while a page is written: `place` leaves a spot, `script` fills all of them."""

    def __init__(self) -> None:
        self._items: list[dict[str, object]] = []

    def place(self, model: Model) -> str:
        """The spot of one picture."""
        spot = f"qd-{uuid4().hex}"
        self._items.append(dict(json_item(model, target=ID(spot))))
        return f"<div class='qd-picture' id='{spot}'></div>"

    def script(self) -> str:
        """What draws them; "</" is broken up so that no text within can end the script."""
        if not self._items:
            return ""
        items = json.dumps(self._items).replace("</", "<\\/")
        return f"<script>{_DRAW.replace('%s', items, 1)}</script>"


@cache
def library() -> str:
    """Bokeh's own script, about one megabyte, so that nothing is fetched from anywhere.

    Without `render_js`, which names files of every bokeh extension that the process has imported, such as panel's.
    """
    scripts = Resources(mode="inline", components=["bokeh"], minified=True).js_raw
    return "".join(f"<script>\n{script}\n</script>" for script in scripts)


@cache
def style() -> str:
    """The page's style sheet."""
    return f"<style>{files('toolkit.research').joinpath('result.css').read_text(encoding='utf-8')}</style>"


class Notebook:
    """Remembers which cell of this notebook brought the library, so that it is stored once and not with each result."""

    def __init__(self) -> None:
        self._carrier: str | None = None

    def library(self, cell: str | None) -> str:
        """The library where it is needed: in the first cell that asks, in that cell again, and outside of notebooks."""
        if cell is None:
            return library()
        if self._carrier is None:
            self._carrier = cell
        return library() if cell == self._carrier else ""


notebook = Notebook()


def current_cell() -> str | None:
    """What tells the running cell from others: its id, else the count of runs; None outside of a kernel."""
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    shell = get_ipython()
    if shell is None or not hasattr(shell, "kernel"):
        return None
    metadata = shell.get_parent().get("metadata", {})
    return str(metadata.get("cellId") or f"run {shell.execution_count}")
