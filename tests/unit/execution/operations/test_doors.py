"""Whose requests an app takes: its own pages', and a person's who follows a link; nothing that a foreign page does."""

from __future__ import annotations

import pytest
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine

from execution.operations.doors import Site
from execution.operations.logins import Logins
from execution.operations.sessions import Sessions
from execution.settings.people import PeopleTable
from toolkit.domain.people import People

PORT = 8_100
HERE = f"127.0.0.1:{PORT}"
FOLLOWED = {"Sec_Fetch_Mode": "navigate", "Sec_Fetch_Dest": "document"}
ELSEWHERE = ("same-site", "cross-site")
"""A page of another port of this machine, and of another one."""


@pytest.fixture(params=[False, True], ids=["gives commands", "only shows"])
def site(request: pytest.FixtureRequest) -> Site:
    nobody = People(rows=())
    logins = Logins(
        Sessions(b"secret", hours=1), read_table=lambda: PeopleTable(people=nobody, secrets={}),
        in_force=lambda: nobody,
    )  # fmt: skip
    return Site(
        name="app", title="App", port=PORT, kind="paper", book="paper", logins=logins, wake=lambda: None,
        is_linked=request.param,
    )  # fmt: skip


def comes_in(site: Site, *, method: str = "GET", must_say: bool = False, **headers: str) -> bool:
    said = HTTPHeaders({"Host": HERE, **{name.replace("_", "-"): value for name, value in headers.items()}})
    request = HTTPServerRequest(start_line=RequestStartLine(method, "/", "HTTP/1.1"), headers=said)
    return site.is_here(request, must_say=must_say)


@pytest.mark.parametrize("where", ELSEWHERE)
def test_a_person_may_follow_a_link_to_any_app(site: Site, where: str) -> None:
    assert comes_in(site, Sec_Fetch_Site=where, **FOLLOWED)


@pytest.mark.parametrize("where", ELSEWHERE)
@pytest.mark.parametrize(
    ("method", "mode", "kind"),
    [
        ("GET", "cors", "empty"), ("GET", "no-cors", "script"), ("GET", "no-cors", "image"),
        ("GET", "navigate", "iframe"), ("GET", "websocket", "websocket"), ("POST", "navigate", "document"),
        ("POST", "cors", "empty"),
    ],
)  # fmt: skip
def test_what_a_page_of_elsewhere_does_itself_is_kept_out(
    site: Site, where: str, method: str, mode: str, kind: str
) -> None:
    assert not comes_in(site, method=method, Sec_Fetch_Site=where, Sec_Fetch_Mode=mode, Sec_Fetch_Dest=kind)


def test_a_followed_link_is_still_of_this_name_and_says_its_origin_where_one_has_to(site: Site) -> None:
    followed = {"Sec_Fetch_Site": "same-site", **FOLLOWED}
    assert not comes_in(site, Host="evil.example", **followed)
    assert not comes_in(site, must_say=True, **followed)
    assert not comes_in(site, Origin="http://127.0.0.1:1", **followed)
    assert comes_in(site, must_say=True, Origin=f"http://{HERE}", Sec_Fetch_Site="same-origin")
