"""Who may come in: login, logout, one-time link and what every request of an app must show; no page is made here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any, Final

from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

from execution.alive import alive_here
from execution.operations.logins import Logins, NotLetIn, Visitor
from execution.operations.sessions import Session
from toolkit.dashboards import looks

HOST: Final = "127.0.0.1"
LONGEST_WANTED: Final = 2_000
LOGIN: Final = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}: log in</title>
<style>{style}</style></head><body>{bar}
<main class="login card"><h2>{title}</h2><form method="post" action="./login">
<label for="name">name</label><input id="name" name="name" autocomplete="username" autofocus required>
<label for="password">password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<input type="hidden" name="next" value="{wanted}"><button>Log in</button></form>{note}
<p class="dim">A password is made by <code>execution people password NAME</code>.</p>{more}</main></body></html>"""


@dataclass(kw_only=True)
class Site:
    """One app on one port, of a book: `name` is its cookie's, `wake` is called when somebody comes, `hint` stands at
    the login.

    `paths` are its pages. With `is_linked` who is logged in may come from any link, of a message or a notebook, and is
    let in at once: its pages only show. Whoever comes to another one from a foreign site logs in there.
    """

    name: str
    title: str
    port: int
    kind: str
    book: str
    logins: Logins
    wake: Callable[[], None]
    hint: str = ""
    paths: tuple[str, ...] = ()
    is_linked: bool = False
    pages: set[object] = field(default_factory=set)

    @property
    def cookie(self) -> str:
        """Cookies know no port: each app of a machine has a name of its own."""
        return f"{self.name}-{self.port}"

    @property
    def hosts(self) -> tuple[str, ...]:
        return f"{HOST}:{self.port}", f"localhost:{self.port}"

    def session(self, request: HTTPServerRequest) -> Session | None:
        """Whose cookie a request brings."""
        morsel = request.cookies.get(self.cookie)
        return None if morsel is None else self.logins.sessions.read(morsel.value)

    def visitor(self, request: HTTPServerRequest) -> Visitor | None:
        return self.logins.visitor(self.session(request))

    def is_here(self, request: HTTPServerRequest, *, must_say: bool) -> bool:
        """Whether a request was meant for this app and comes from one of its own pages, or is a person's who follows a
        link: the dashboards', of another port, lead to the operations.

        A name that leads here from elsewhere, or what a page of another port does by itself, is not. `must_say`: no
        origin is no.
        """
        if request.headers.get("Host", "") not in self.hosts:
            return False
        came_from = request.headers.get("Sec-Fetch-Site", "none")
        if came_from not in ("same-origin", "none") and not _is_followed_link(request):
            return False
        origin = request.headers.get("Origin")
        return origin in [f"http://{host}" for host in self.hosts] if origin else not must_say


class Door(RequestHandler):
    """What login, logout and the sign of life have in common."""

    def initialize(self, site: Site, **own: Any) -> None:
        self.site = site
        self.own = own

    def prepare(self) -> None:
        harden(self)
        if not self.site.is_here(self.request, must_say=self.request.method == "POST"):
            self.set_status(403)
            self.finish("This did not come from a page of this app; nothing was done.")

    def let_in(self, cookie: str) -> None:
        """The session begins."""
        same_site = "Lax" if self.site.is_linked else "Strict"
        self.set_cookie(self.site.cookie, cookie, path="/", httponly=True, samesite=same_site)
        self.redirect(self.wanted or "./")

    @property
    def wanted(self) -> str:
        """The page that somebody came for before logging in; never another site, or what is no page here."""
        wanted = self.get_argument("next", "")
        path = wanted.partition("?")[0]
        return wanted if path in self.site.paths and len(wanted) <= LONGEST_WANTED else ""


class Login(Door):
    def get(self) -> None:
        self._show("")

    async def post(self) -> None:
        name, password = self.get_body_argument("name", ""), self.get_body_argument("password", "", strip=False)
        self.site.wake()
        try:
            cookie = await self.site.logins.log_in(name, password)
        except NotLetIn as problem:
            self.set_status(403)
            self._show(str(problem))
            return
        self.let_in(cookie)

    def _show(self, problem: str) -> None:
        note = f'<div class="note bad" role="alert">{escape(problem)}</div>' if problem else ""
        bar = looks.bar(self.site.kind, self.site.title.lower())
        more = f'<p class="dim">{self.site.hint}</p>' if self.site.hint else ""
        wanted = escape(self.wanted)
        self.finish(
            LOGIN.format(title=self.site.title, style=looks.STYLE, bar=bar, note=note, more=more, wanted=wanted)
        )


class Logout(Door):
    def post(self) -> None:
        if session := self.site.session(self.request):
            self.site.logins.sessions.end(session)
        self.clear_cookie(self.site.cookie, path="/")
        self.redirect("./login")


class Alive(Door):
    """For the supervisor: the loop turns, and it is this desk's."""

    def get(self) -> None:
        self.set_header("Content-Type", "application/json")
        self.finish(alive_here(self.site.book))


def _is_followed_link(request: HTTPServerRequest) -> bool:
    """A person who follows a link to a whole page, no script and no frame of another site."""
    headers = request.headers
    way = headers.get("Sec-Fetch-Mode"), headers.get("Sec-Fetch-Dest")
    return request.method == "GET" and way == ("navigate", "document")


def harden(handler: RequestHandler) -> None:
    """No other page may frame this one, and nothing of it is kept or sent on."""
    for name, value in HEADERS.items():
        handler.set_header(name, value)


HEADERS: Final[Mapping[str, str]] = {
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
