"""The doors that the dashboards have beside those of every app: the one-time link, the first page, columns as CSV."""

from __future__ import annotations

import asyncio
from html import escape
from typing import Final

from execution.operations.doors import Door
from execution.operations.links import OneTimeSecret
from toolkit.dashboards import looks
from toolkit.dashboards.choice import chosen
from toolkit.dashboards.face import as_csv
from toolkit.dashboards.pages import FIRST, VIEWS
from toolkit.dashboards.watching import DeskWatch

PATIENCE: Final = 5.0
SPENT: Final = "This link was used already, or is of another start. `execution status` shows the one that is good now."
ENTER: Final = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Dashboards</title>
<style>{style}</style></head><body>{bar}<main class="login card"><h2>Dashboards</h2>
<form method="post" action="./enter"><input type="hidden" name="once" value="{once}">
<button autofocus>Open the dashboards</button></form></main>
<script>document.forms[0].submit()</script></body></html>"""


class Enter(Door):
    """The link only shows a form: who looks ahead at links, as mail programs do, does not use it up."""

    def get(self) -> None:
        bar = looks.bar(self.site.kind, "dashboards")
        self.finish(ENTER.format(style=looks.STYLE, bar=bar, once=escape(self.get_argument("once", ""))))

    async def post(self) -> None:
        self.site.wake()
        secret: OneTimeSecret = self.own["secret"]
        if not self.site.logins.tries_left("link"):
            self.refuse("Too many tries of a link; wait a minute.")
        elif await asyncio.to_thread(secret.use, self.get_body_argument("once", "")):
            self.let_in(self.site.logins.enter())
        else:
            self.refuse(SPENT)

    def refuse(self, words: str) -> None:
        self.set_status(403)
        bar = looks.bar(self.site.kind, "dashboards")
        self.finish(
            f"<!doctype html><meta charset='utf-8'><title>Dashboards</title><style>{looks.STYLE}</style>{bar}"
            f"<main class='login card'>{looks.note(words, looks.BAD)}"
            "<p><a href='./login'>Log in by password</a></p></main>"
        )


class Root(Door):
    def get(self) -> None:
        query = self.request.query
        self.redirect(f"./{FIRST}{f'?{query}' if query else ''}")


class Csv(Door):
    """The columns of one part of one view, as they are drawn now."""

    async def get(self) -> None:
        if self.site.visitor(self.request) is None:
            self.set_status(403)
            self.finish("Log in first.")
            return
        view, key = self.get_query_argument("view", ""), self.get_query_argument("part", "")
        if view not in VIEWS:
            self.set_status(404)
            self.finish(f"no view {view[:40]!r}; there are {', '.join(VIEWS)}")
            return
        watch: DeskWatch = self.own["watch"]
        choice = chosen(view, self.request.query_arguments)
        drawn = await asyncio.to_thread(watch.drawn, choice, patience=PATIENCE)
        part = None if drawn is None else drawn.face.part(key)
        if part is None:
            self.set_status(404)
            self.finish("nothing of that name is drawn now")
            return
        self.set_header("Content-Type", "text/csv; charset=utf-8")
        self.set_header("Content-Disposition", f'attachment; filename="{view}-{part.key}.csv"')
        self.finish(as_csv(part))
