"""The dashboards of a real desk: numbers of the journal, addresses that reproduce a view, and nothing that acts."""

import csv
import io
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect

from tests.browser.conftest import patient
from tests.tools.desk_kit import free_port
from tests.tools.desk_numbers import SHOWN, Counting, Moment, Shown
from tests.tools.doors_kit import cookie_of, get, opens, tampered
from tests.tools.whole_desk import Desk, until
from toolkit.adapters.process_identity import this_process
from toolkit.client.credentials import password_hash
from toolkit.client.desk_state import DeskState, ProcessState, write_desk_state
from toolkit.client.home import Home
from toolkit.dashboards.notebook import dashboard
from toolkit.dashboards.pages import VIEWS
from toolkit.monitoring.spans import written

pytestmark = pytest.mark.integration

PASSWORD = "vera only looks on"
PEOPLE = """
four_eyes: "off"
people:
  owner: {{roles: [quant, operator, risk], runs_the_desk: true}}
  vera: {{roles: [viewer], login: "{vera}"}}
"""
READ = """() => {
  const all = (from, css) => [
    ...from.querySelectorAll(css),
    ...[...from.querySelectorAll("*")].filter((each) => each.shadowRoot).flatMap((each) => all(each.shadowRoot, css)),
  ];
  const texts = (from, css) => all(from, css).map((each) => each.textContent);
  const rows = (card) => {
    const head = texts(card, "th");
    return all(card, "tbody tr").map((row) => Object.fromEntries(texts(row, "td").map((cell, at) => [head[at], cell])));
  };
  const tables = all(document, "section.card").map((card) => [texts(card, "h2")[0], rows(card)]);
  return [texts(document, ".bar")[0] ?? "", texts(document, ".number b"), Object.fromEntries(tables)];
}"""
DRAWN = """() => {
  const found = [...Bokeh.documents[0]._all_models.values()].find((each) => each.tags?.includes("picture:pnl"));
  return found && Bokeh.index.find_one(found);
}"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Iterator[Desk]:
    home = tmp_path_factory.mktemp("dashboards")
    shutil.copytree(repository / "config", home / "config")
    shutil.copytree(repository / "notebooks/strategies", home / "notebooks/strategies")
    (home / "config/people.yaml").write_text(PEOPLE.format(vera=password_hash(PASSWORD)))
    made = Desk(home)
    answer = made.run("up", "-d", "--speed", "3", "--operations")
    try:
        assert answer.returncode == 0, answer.stderr
        assert "/enter?once=" in answer.stdout, "a new user is not locked out"
        assert until(lambda: made.process("dashboards").state == "running"), made.run("logs", "dashboards").stdout
        yield made
    finally:
        made.run("down")


@pytest.fixture(scope="module")
def link(desk: Desk) -> str:
    found = desk.process("dashboards").address
    assert desk.json("status")["dashboards"] == found
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has an idle class")
def test_who_looks_on_takes_the_time_that_nobody_else_wants_and_who_trades_or_watches_any(desk: Desk) -> None:
    names = ("dashboards", "replayer", "engine", "monitor", "venue-paper")
    idle = {name for name in names if os.sched_getscheduler(desk.process(name).pid) == os.SCHED_IDLE}
    assert idle == {"dashboards", "replayer"}


@pytest.mark.parametrize("view", VIEWS)
def test_a_notebook_shows_the_same_view_and_keeps_it_in_one_file(desk: Desk, tmp_path: Path, view: str) -> None:
    shown = dashboard(view, span="all", home=desk.home)
    html = shown._repr_html_()
    assert "PAPER" in html
    assert html.count('class="number ') == 5
    assert shown.save(tmp_path / "view.html").read_text(encoding="utf-8").count('class="number ') == 5
    assert [len(shown.frame(name)) for name in shown.names]


@pytest.fixture(scope="module")
def visited(browser: Browser, link: str) -> Iterator[BrowserContext]:
    """A browser in which vera has logged in, having come for something."""
    context = patient(browser.new_context(viewport={"width": 1280, "height": 900}, accept_downloads=True))
    page = context.new_page()
    page.goto(f"{link}pnl_live?span=1h&strategy=trend")
    page.fill("#name", "vera")
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.wait_for_url(re.compile(r"/pnl_live\?span=1h&strategy=trend$"))
    page.close()
    yield context
    context.close()


@contextmanager
def shown(context: BrowserContext, address: str) -> Iterator[Page]:
    """A page once its five numbers stand there."""
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda problem: wrong.append(str(problem)))
    page.goto(address)
    expect(page.locator(".number")).to_have_count(5)
    yield page
    page.close()
    assert wrong == []


@pytest.fixture
def live_link(tmp_path: Path, repository: Path) -> Iterator[str]:
    """The pages of a desk that trades for money."""
    shutil.copytree(repository / "config", tmp_path / "config")
    home, port, this = Home(tmp_path), free_port(), this_process()
    home.prepare()
    runs = ProcessState(name="supervisor", kind="supervisor", pid=this.pid, started=this.started, state="running")
    state = DeskState(name="live", kind="live", book="live", venues=(), supervisor=runs)
    write_desk_state(home.processes, state)
    pages = subprocess.Popen(
        [sys.executable, "-m", "execution.wiring.dashboards", "--home", str(tmp_path), "--port", str(port),
         "--session-hours", "1", "--viewers", "3"],
        stdin=subprocess.PIPE,
    )  # fmt: skip
    try:
        assert pages.stdin is not None
        pages.stdin.write(b"-\n")
        pages.stdin.flush()
        assert until(lambda: is_open(port)), "it never answered"
        yield f"http://127.0.0.1:{port}/"
    finally:
        pages.kill()
        pages.communicate()


def is_open(port: int) -> bool:
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


class Seen(NamedTuple):
    """What stood on a page at one moment: of which event, its numbers, its tables' rows by their headings."""

    event: int
    wall: int
    five: tuple[str, ...]
    tables: dict[str, list[dict[str, str]]]

    def lacks(self, wanted: Shown) -> list[object]:
        """What should stand there and does not."""
        rows = self.tables.get(wanted.table, [])
        numbers = [pair for pair in zip(wanted.five, self.five, strict=True) if pair[0] != pair[1]]
        return [*numbers, *(row for row in wanted.rows if not any(row.items() <= each.items() for each in rows))]


def seen(page: Page) -> Seen:
    """What stands on a page once it shows something: one that lost its line loads itself anew amid a look."""
    found: list[Seen] = []

    def is_read() -> bool:
        with suppress(Error):
            bar, five, tables = page.evaluate(READ)
            event = re.search(r"event ([\d,]+)", bar)
            if event is not None and len(five) == 5:
                found.append(Seen(number(event[1]), time.time_ns(), tuple(five), tables))
        return bool(found)

    assert until(is_read), "it shows nothing"
    return found[0]


def number(words: str) -> int:
    return int(words.replace(",", ""))


def test_the_link_lets_the_desks_own_user_in_once(desk: Desk, link: str, browser: Browser) -> None:
    secret = desk.home / "var/run/dashboards-link"
    assert secret.stat().st_mode & 0o077 == 0
    address = f"{link}enter?once={secret.read_text().strip()}"
    assert address in desk.run("status").stdout
    context = patient(browser.new_context())
    with shown(context, address) as page:
        expect(page).to_have_url(f"{link}overview")
        expect(page.get_by_text("PAPER", exact=True).first).to_be_visible()
        expect(page.get_by_text(re.compile("owner "))).to_be_visible()
        assert until(lambda: desk.process("operations").state == "running")
        way = page.get_by_role("link", name="Operations", exact=True)
        operations = desk.process("operations").address
        expect(way).to_have_attribute("href", operations)
        way.click()
        page.wait_for_url(re.compile(f"^{re.escape(operations)}login"))
        expect(page.get_by_role("heading", name="Operations")).to_be_visible()
        expect(page.locator("#password")).to_be_visible()
    context.close()
    late = patient(browser.new_context())
    page = late.new_page()
    page.goto(address)
    expect(page.get_by_text("This link was used already")).to_be_visible()
    page.goto(f"{link}overview")
    expect(page.locator("#password")).to_be_visible()
    late.close()
    assert secret.read_text().strip() not in address


def test_money_is_red_and_paper_is_grey(visited: BrowserContext, link: str, live_link: str) -> None:
    grey, red = re.compile(r"rgb\(107, 114, 128\)"), re.compile(r"rgb\(179, 38, 30\)")
    with shown(visited, f"{link}overview") as page:
        expect(page.locator(".bar")).to_contain_text("PAPER")
        expect(page.locator(".bar")).to_have_css("background-color", grey)
    page = visited.new_page()
    page.goto(live_link)
    expect(page.locator(".bar")).to_contain_text("LIVE")
    expect(page.locator(".bar")).to_have_css("background-color", red)
    page.close()


def test_each_view_fits_a_phone_and_says_what_it_shows(visited: BrowserContext, link: str) -> None:
    for name, view in VIEWS.items():
        with shown(visited, f"{link}{name}?look=dark") as page:
            expect(page.locator(".bar")).to_have_js_property("clientWidth", 1280)
            page.set_viewport_size({"width": 390, "height": 800})
            expect(page.get_by_role("navigation").locator("[aria-current]")).to_have_text(view.title)
            expect(page.get_by_text(re.compile("^times are ")).first).to_be_visible()
            assert page.evaluate("document.documentElement.dataset.look") == "dark"
            page.wait_for_function("document.documentElement.scrollWidth === 390")


@pytest.fixture(scope="module")
def counting(desk: Desk) -> Counting:
    return Counting(desk)


def test_the_numbers_of_each_view_go_on_by_themselves_and_are_the_journals(
    desk: Desk, visited: BrowserContext, link: str, counting: Counting
) -> None:
    """Header, numbers and tables come one after the other: now and then a look falls between them."""
    for view, count in {**SHOWN, "alerts": partial(some_that_fire, desk)}.items():
        with shown(visited, f"{link}{view}?span=all") as page:
            assert lacking(page, partial(counted, counting, count)) == [], view


def some_that_fire(desk: Desk, at: Moment) -> Shown:
    """The alerts, of which one at least has to be seen: where none fires one is fired, for half a minute."""
    wanted = SHOWN["alerts"](at)
    if wanted.rows:
        return wanted
    assert desk.run("monitoring", "fire", "order_late", "--reason", "so that something fires").returncode == 0
    return wanted._replace(rows=({"where": "what was fired just now"},))


def counted(counting: Counting, count: Callable[[Moment], Shown], found: Seen) -> Shown:
    return count(counting.at(found.event, found.wall))


def lacking(page: Page, wanted: Callable[[Seen], Shown]) -> list[object]:
    """What a page lacks though it went on: nothing as soon as all that should stand there does."""
    first, lacks = seen(page).event, list[object]()

    def is_whole() -> bool:
        found = seen(page)
        lacks[:] = found.lacks(wanted(found))
        return found.event > first and not lacks

    return lacks if until(is_whole) else lacks or ["a newer event"]


def test_what_is_chosen_stands_in_the_address_and_a_link_shows_the_same(visited: BrowserContext, link: str) -> None:
    with shown(visited, f"{link}overview") as page:
        page.get_by_role("link", name="trend", exact=True).click()
        page.wait_for_url(re.compile("strategy=trend"))
        expect(page.locator(".number")).to_have_count(5)
        page.get_by_role("link", name="1 h", exact=True).click()
        page.wait_for_url(re.compile("span=1h"))
        expect(page.locator(".number")).to_have_count(5)
        page.get_by_role("link", name="Risk and limits").click()
        page.wait_for_url(re.compile("risk_limits"))
        address = page.url
    said = parse_qs(urlsplit(address).query)
    assert said == {"span": ["1h"], "strategy": ["trend"]}
    with shown(visited, address.replace("risk_limits", "overview")) as page:
        assert until(lambda: [row["strategy"] for row in seen(page).tables["Strategies"]] == ["trend"])
        expect(page.locator(".choose [aria-current]")).to_have_text(["1 h", "trend", "as system"])


def test_a_link_to_the_past_shows_the_same_while_the_desk_goes_on(visited: BrowserContext, link: str) -> None:
    with shown(visited, f"{link}execution_latency?span=all&until={written(time.time_ns())}") as page:
        expect(page.get_by_text("This is the past, up to ")).to_be_visible()
        assert goes_on(page), "what was decided until then is known"
        then = seen(page).five[-1]
        assert goes_on(page)
        assert seen(page).five[-1] == then
        page.get_by_role("link", name="back to now", exact=True).click()
        page.wait_for_url(re.compile(r"/execution_latency\?span=all$"))
        expect(page.locator(".number")).to_have_count(5)
        assert until(lambda: number(seen(page).five[-1]) > number(then)), "orders that came later"


def goes_on(page: Page) -> bool:
    first = seen(page).event
    return until(lambda: seen(page).event > first)


def test_tables_and_pictures_can_be_taken_along(visited: BrowserContext, link: str) -> None:
    with shown(visited, f"{link}overview?span=all") as page:
        with page.expect_download() as table:
            page.get_by_label("Strategies as CSV").click()
        head, *rows = list(csv.reader(io.StringIO(Path(table.value.path()).read_text())))
        assert head[0] == "strategy"
        assert {row[0] for row in rows} == {"mean_reversion", "quoting", "trend"}
        picture = page.get_by_label("PnL by strategy, USD as PNG")
        expect(picture).to_be_visible()
        page.wait_for_function(DRAWN)
        with page.expect_download() as image:
            picture.click()
        drawn = Path(image.value.path()).read_bytes()
        assert image.value.suggested_filename == "overview-pnl.png"
        assert drawn[:8] == b"\x89PNG\r\n\x1a\n"
        assert len(drawn) > 5_000


def test_a_viewer_acts_on_nothing_and_a_forged_request_opens_nothing(visited: BrowserContext, link: str) -> None:
    for name in VIEWS:
        with shown(visited, f"{link}{name}") as page:
            expect(page.get_by_role("button")).to_have_count(1)  # log out
            expect(page.get_by_role("link", name="Operations", exact=True)).to_have_count(0)
            kinds = page.evaluate("[...Bokeh.documents[0]._all_models.values()].map(model => model.type)")
            assert not [kind for kind in kinds if "widgets" in kind.lower()], "nothing a forged click could be for"
    vera, here = cookie_of(link, "vera", PASSWORD, same_site="Lax"), link.rstrip("/")
    status, whole = get(link, "/overview", vera)
    assert status == 200
    token = re.search(r'"token":"([^"]+)"', whole)
    assert token is not None
    path = "overview/"
    assert opens(link, token[1], here, vera, path) == "open"
    assert opens(link, token[1], "http://127.0.0.1:1", vera, path) != "open", "another origin"
    assert opens(link, token[1], "", vera, path) != "open", "no origin"
    assert opens(link, token[1], here, "", path) != "open", "no session"
    assert opens(link, token[1], here, tampered(vera), path) != "open", "a tampered cookie"
    for cookie in ("", tampered(vera), vera.replace("dashboards", "operations")):
        assert get(link, "/overview", cookie)[0] == 302
        assert get(link, "/csv?view=overview&part=strategies", cookie)[0] == 403
    assert get(link, "/overview", vera, Host="evil.example")[0] == 302, "a name that was bent to this address"
    script = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty"}
    assert get(link, "/csv?view=overview&part=strategies", vera, **script)[0] == 403, "a script of another site"
    followed = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
    assert get(link, "/overview", vera, **followed)[0] == 200, "a link in a message"
