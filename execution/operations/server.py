"""The app's doors: login, logout, the page and its websocket, each for this origin alone; no page is made here."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Final

import panel as pn
from bokeh.application.handlers.handler import Handler
from bokeh.server.auth_provider import AuthProvider
from bokeh.util.token import get_token_payload
from panel.io.application import build_applications
from panel.io.server import Server
from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

from execution.operations import markup
from execution.operations.logins import Logins, NotLetIn, Visitor
from execution.operations.page import Page
from execution.operations.sessions import Session
from execution.operations.watch import Watch

HOST: Final = "127.0.0.1"
MOST_PAGES: Final = 32
LARGEST_BODY: Final = 64 * 1024
LARGEST_MESSAGE: Final = 1024 * 1024
TICKET: Final = "visit"
FULL: Final = '<div class="note bad">Too many pages of this app are open; close one.</div>'
BEAT: Final = (Path(__file__).parent / "beat.js").read_text(encoding="utf-8")
PAGE: Final = "{% block contents %}{{ super() }}<script>{{ beat | safe }}</script>{% endblock %}"
LOGIN: Final = """<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1"><title>Operations: log in</title>
<style>{style}</style></head><body>{bar}
<main class="login card"><h2>Operations</h2><form method="post" action="./login">
<label for="name">name</label><input id="name" name="name" autocomplete="username" autofocus required>
<label for="password">password</label>
<input id="password" name="password" type="password" autocomplete="current-password" required>
<button>Log in</button></form>{note}
<p class="dim">A password is made by <code>execution people password NAME</code>.</p></main></body></html>"""


@dataclass(kw_only=True)
class Site:
    """One app on one port. `make_page` makes the page of a session."""

    port: int
    kind: str
    logins: Logins
    watch: Watch
    make_page: Callable[[Session | None], Page]
    pages: set[Page] = field(default_factory=set)

    @property
    def cookie(self) -> str:
        """Cookies know no port: each app of a machine has a name of its own."""
        return f"operations-{self.port}"

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
        """Whether a request was meant for this app and comes from one of its own pages.

        A name that leads here from elsewhere, or a page of another port, is not. `must_say`: no origin is no.
        """
        if request.headers.get("Host", "") not in self.hosts:
            return False
        if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
            return False
        origin = request.headers.get("Origin")
        return origin in [f"http://{host}" for host in self.hosts] if origin else not must_say


class Doors(AuthProvider):
    """Says who opens page and websocket. A websocket shows the ticket of a page, too: it must be of the same login."""

    def __init__(self, site: Site) -> None:
        self._site = site
        super().__init__()

    @property
    def login_url(self) -> str:
        return "/login"

    @property
    def get_user(self) -> Callable[[Any], Any]:
        return self._user

    def _user(self, handler: RequestHandler) -> str | None:
        request = handler.request
        harden(handler)
        socket = request.headers.get("Upgrade", "").lower() == "websocket"
        if not self._site.is_here(request, must_say=socket) or request.path.endswith("/autoload.js"):
            return None
        visitor = self._site.visitor(request)
        if visitor is None or (socket and _ticket(request) != visitor.session.number):
            return None
        return visitor.login


class Ticket(Handler):
    """Writes into a page's signed token whose it is, in place of the cookie, which no script may read."""

    def __init__(self, site: Site) -> None:
        super().__init__()
        self._site = site

    def modify_document(self, doc: Any) -> None:
        """Nothing: the page is made by another handler."""

    def process_request(self, request: HTTPServerRequest) -> dict[str, Any]:
        session = self._site.session(request)
        if session is None:
            return {}
        return {TICKET: {"login": session.login, "key": session.key, "ends": session.ends, "number": session.number}}


class Door(RequestHandler):
    """What login, logout and the sign of life have in common."""

    def initialize(self, site: Site) -> None:
        self.site = site

    def prepare(self) -> None:
        harden(self)
        if not self.site.is_here(self.request, must_say=self.request.method == "POST"):
            self.set_status(403)
            self.finish("This did not come from a page of this app; nothing was done.")


class Login(Door):
    def get(self) -> None:
        self._show("")

    async def post(self) -> None:
        name, password = self.get_body_argument("name", ""), self.get_body_argument("password", "", strip=False)
        self.site.watch.wake()
        try:
            cookie = await self.site.logins.log_in(name, password)
        except NotLetIn as problem:
            self.set_status(403)
            self._show(str(problem))
            return
        self.set_cookie(self.site.cookie, cookie, path="/", httponly=True, samesite="Strict")
        self.redirect("./")

    def _show(self, problem: str) -> None:
        note = f'<div class="note bad" role="alert">{escape(problem)}</div>' if problem else ""
        bar = markup.bar(self.site.kind, "operations")
        self.finish(LOGIN.format(style=markup.STYLE, bar=bar, note=note))


class Logout(Door):
    def post(self) -> None:
        if session := self.site.session(self.request):
            self.site.logins.sessions.end(session)
        self.clear_cookie(self.site.cookie, path="/")
        self.redirect("./login")


class Alive(Door):
    """For the supervisor: the loop turns."""

    def get(self) -> None:
        self.finish("alive")


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


def open_doors(site: Site, signing: bytes) -> Server:
    """The server, listening on loopback alone; `signing` signs the tokens of pages."""
    pn.extension(raw_css=[markup.STYLE], notifications=False, defer_load=False)
    applications = build_applications({"/": lambda: _page(site)}, title={"/": "Operations"}, location=False)
    for application in applications.values():
        application.add(Ticket(site))
    more = {"site": site}
    server = Server(
        applications,
        port=site.port,
        address=HOST,
        allow_websocket_origin=list(site.hosts),
        auth_provider=Doors(site),
        extra_patterns=[("/login", Login, more), ("/logout", Logout, more), ("/alive", Alive, more)],
        sign_sessions=True,
        secret_key=hmac.new(signing, b"pages", hashlib.sha256).digest(),
        generate_session_ids=True,
        include_cookies=[],
        include_headers=["Host"],
        websocket_max_message_size=LARGEST_MESSAGE,
        http_server_kwargs={"max_body_size": LARGEST_BODY},
        check_unused_sessions_milliseconds=5_000,
        unused_session_lifetime_milliseconds=10_000,
    )
    server.start()
    return server


def _page(site: Site) -> Any:
    document: Any = pn.state.curdoc
    document.template = PAGE
    document.template_variables["beat"] = BEAT
    if len(site.pages) >= MOST_PAGES:
        return pn.pane.HTML(FULL, stylesheets=[markup.STYLE])
    ticket = document.session_context.token_payload.get(TICKET)
    page = site.make_page(None if ticket is None else Session(**ticket))
    site.pages.add(page)
    pn.state.on_session_destroyed(lambda _: site.pages.discard(page))
    site.watch.wake()
    return page.view()


def _ticket(request: HTTPServerRequest) -> str:
    """Whose page a websocket says it belongs to; whether that is signed is checked when it opens."""
    token = request.headers.get("Sec-WebSocket-Protocol", "").rpartition(",")[2].strip()
    try:
        found: str = get_token_payload(token)[TICKET]["number"]
    except (ValueError, KeyError, TypeError, IndexError):
        return ""
    return found
