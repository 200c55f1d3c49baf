"""One thread draws for all pages, once for who asks the same; what nobody asks for any more is forgotten."""

import gc
import tracemalloc
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.tools.folded_desk import Journal
from tests.tools.known_desk import known_of
from toolkit.client.home import Home
from toolkit.dashboards import watching
from toolkit.dashboards.choice import Choice
from toolkit.dashboards.face import Picture
from toolkit.dashboards.page import ViewPage, _Drawing
from toolkit.dashboards.pages import VIEWS
from toolkit.dashboards.watching import DeskWatch

REFRESHES = 40
LEAKED_AT_MOST = 300_000


@pytest.fixture
def watch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DeskWatch:
    """A watch that knows the random desk, without a server."""
    home = Home(tmp_path)
    home.prepare()
    journal = Journal(9)
    journal.act(200)
    monkeypatch.setattr(watching, "SHARE", 0)  # each look draws, however long the last one took here
    monkeypatch.setattr(watching, "LONGEST_DRAWING", 60.0)
    made = DeskWatch(home, "paper")
    known = known_of(journal)
    monkeypatch.setattr(made, "_catch_up", lambda: setattr(made, "_read_all", True))
    monkeypatch.setattr(made, "_hear_operations", lambda: None)
    made._watching.replica, made._watching.tallies = known.replica, known.tallies
    made.look()
    return made


def test_two_pages_that_ask_the_same_share_one_drawing(watch: DeskWatch) -> None:
    choice = Choice(view="overview")
    first = watch.drawn(choice, patience=1)
    assert first is not None
    assert watch.drawn(Choice(view="overview")) is first
    watch.look()
    assert watch.drawn(choice) is not first


def test_what_nobody_asks_for_is_drawn_no_more(watch: DeskWatch, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(300):
        watch.drawn(Choice(view="overview", order=str(number)), patience=1)
    watch.look()
    assert len(watch._drawn) <= watching.MOST_DRAWN
    monkeypatch.setattr(watching, "ASKED_SECONDS", -1.0)
    watch.look()
    assert (len(watch._drawn), len(watch._asked)) == (0, 0)


@pytest.mark.parametrize("view", VIEWS)
def test_a_page_shows_its_view_and_ends_with_its_login(watch: DeskWatch, view: str) -> None:
    who = ["vera (login:vera)"]
    page = ViewPage(Choice(view=view, span="all"), watch, lambda: who[0], "paper")
    assert page.refresh(patience=1)
    texts = [shown.text for shown in (page._top, page._numbers)]
    assert "PAPER" in texts[0]
    assert texts[1].count('class="number ') == 5
    who[0] = ""
    page.refresh()
    assert "You are logged out" in page._numbers.text
    assert not page._shown
    assert not page._tables


def test_bars_that_change_places_move_and_are_not_drawn_anew(watch: DeskWatch) -> None:
    choice = Choice(view="risk_limits", span="all")
    found = watch.drawn(choice, patience=1)
    assert found is not None
    picture = found.face.part("use")
    assert isinstance(picture, Picture)
    turned = replace(picture, data={name: values[::-1] for name, values in picture.data.items()})
    drawing = _Drawing(picture)
    drawing.take(picture, found.texts)
    before = drawing._figure
    drawing.take(turned, found.texts)
    assert drawing._figure is before
    assert before.y_range.factors == picture.data["name"] == drawing._source.data["name"][::-1]
    assert len(set(picture.data["name"])) > 1


def test_a_page_before_the_first_look_says_that_it_reads(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.prepare()
    page = ViewPage(Choice(), DeskWatch(home, "paper"), lambda: "vera", "paper")
    assert not page.refresh()
    assert "Reading the books" in page._numbers.text


def test_a_desk_that_cannot_be_read_is_said(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.prepare()
    watch = DeskWatch(home, "paper")
    watch.look()
    page = ViewPage(Choice(), watch, lambda: "vera", "paper")
    page.refresh()
    assert "The books cannot be read" in page._numbers.text


def test_a_page_whose_line_was_cut_draws_nothing_until_it_is_back(watch: DeskWatch) -> None:
    page = ViewPage(Choice(), watch, lambda: "vera", "paper")
    session = SimpleNamespace(connection_count=1)
    document = SimpleNamespace(session_context=SimpleNamespace(session=session))
    beats = []
    for session.connection_count in (1, 0, 0, 1):
        page._refresh(document)
        beats.append(page._beats)
    assert beats == [1, 1, 1, 2]
    session.connection_count = 0
    page._refresh_first(document)
    page._refresh(document)
    assert page._beats == 2


@pytest.mark.parametrize("view", ["overview", "execution_latency"])
def test_a_page_that_stands_open_for_long_costs_no_more_at_its_end(watch: DeskWatch, view: str) -> None:
    page = ViewPage(Choice(view=view, span="all"), watch, lambda: "vera", "paper")

    def go_on(times: int) -> None:
        for _ in range(times):
            watch.look()
            page.refresh(patience=1)

    go_on(20)
    gc.collect()
    tracemalloc.start()
    before = tracemalloc.take_snapshot()
    go_on(REFRESHES)
    gc.collect()
    after = tracemalloc.take_snapshot()
    tracemalloc.stop()
    assert sum(row.size_diff for row in after.compare_to(before, "filename")) < LEAKED_AT_MOST
