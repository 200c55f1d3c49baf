"""Serves the pages of an app on loopback, each to who is logged in and for this origin alone; it makes no page."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Protocol

import panel as pn
from bokeh.application.handlers.handler import Handler
from bokeh.server.auth_provider import AuthProvider
from bokeh.util.token import get_token_payload
from panel.io.application import build_applications
from panel.io.server import Server
from tornado.httputil import HTTPServerRequest
from tornado.web import RequestHandler

from execution.alive import PATH
from execution.operations.doors import HOST, Alive, Login, Logout, Site, harden
from execution.operations.sessions import Session
from toolkit.dashboards import looks

MOST_PAGES: Final = 32
LARGEST_BODY: Final = 64 * 1024
LARGEST_MESSAGE: Final = 1024 * 1024
TICKET: Final = "visit"
FULL: Final = '<div class="note bad">Too many pages of this app are open; close one.</div>'
BEAT: Final = (Path(__file__).parent / "beat.js").read_text(encoding="utf-8")
PAGE: Final = "{% block contents %}{{ super() }}<script>{{ script | safe }}</script>{% endblock %}"


class Shown(Protocol):
    """A page that is open."""

    def view(self) -> Any: ...


MakePage = Callable[[Session | None], Shown]


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


def open_doors(
    site: Site,
    signing: bytes,
    pages: Mapping[str, MakePage],
    *,
    script: str = BEAT,
    more: Sequence[tuple[str, type[RequestHandler], Mapping[str, Any]]] = (),
    most_pages: int = MOST_PAGES,
) -> Server:
    """The server, listening on loopback alone, with a page for each path; `signing` signs the tokens of pages."""
    pn.extension(raw_css=[looks.STYLE], notifications=False, defer_load=False)
    applications = build_applications(
        {path: _opening(site, make, script, most_pages) for path, make in pages.items()},
        title=dict.fromkeys(pages, site.title),
        location=False,
    )
    for application in applications.values():
        application.add(Ticket(site))
    known = {"site": site}
    server = Server(
        applications,
        port=site.port,
        address=HOST,
        allow_websocket_origin=list(site.hosts),
        auth_provider=Doors(site),
        extra_patterns=[("/login", Login, known), ("/logout", Logout, known), (PATH, Alive, known), *more],
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


def _opening(site: Site, make: MakePage, script: str, most_pages: int) -> Callable[[], Any]:
    """Panel calls functions alone; a partial of one it would show as a text."""

    def opened() -> Any:
        return _page(site, make, script, most_pages)

    return opened


def _page(site: Site, make: MakePage, script: str, most_pages: int) -> Any:
    document: Any = pn.state.curdoc
    document.template = PAGE
    document.template_variables["script"] = script
    if len(site.pages) >= most_pages:
        return pn.pane.HTML(FULL, stylesheets=[looks.STYLE])
    ticket = document.session_context.token_payload.get(TICKET)
    page = make(None if ticket is None else Session(**ticket))
    site.pages.add(page)
    pn.state.on_session_destroyed(lambda _: site.pages.discard(page))
    site.wake()
    return page.view()


def _ticket(request: HTTPServerRequest) -> str:
    """Whose page a websocket says it belongs to; whether that is signed is checked when it opens."""
    token = request.headers.get("Sec-WebSocket-Protocol", "").rpartition(",")[2].strip()
    try:
        found: str = get_token_payload(token)[TICKET]["number"]
    except (ValueError, KeyError, TypeError, IndexError):
        return ""
    return found
