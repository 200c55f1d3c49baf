"""Each view of any desk: five numbers, the replica's own, words where there is nothing, no text of others as markup."""

import csv
import io
import math
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from bokeh.models import ColumnDataSource

from tests.tools.folded_desk import Journal
from tests.tools.known_desk import STATE, known_of
from toolkit.client.desk_state import Problem, ProcessState
from toolkit.dashboards import markup
from toolkit.dashboards.choice import Choice, chosen
from toolkit.dashboards.face import FIVE, Face, Picture, Table, as_csv
from toolkit.dashboards.known import Known
from toolkit.dashboards.looks import BAD, GOOD, ODD, money
from toolkit.dashboards.orders_seen import HOPS, STEPS
from toolkit.dashboards.pages import VIEWS
from toolkit.domain.time import NANOSECONDS, WallTime
from toolkit.monitoring.alert_book import LINE, Alert, AlertBook, AlertState, Did, stated
from toolkit.monitoring.spans import MINUTE, SPANS
from toolkit.replica import views
from toolkit.replica.reconciliation import reconciliation
from toolkit.replica.replica import Replica
from toolkit.replica.tallies import Tallies

HOSTILE = '<img src=x onerror="alert(1)">'
EMPTY = {"replica": Replica(), "tallies": Tallies()}


@pytest.fixture(scope="module")
def journal() -> Journal:
    journal = Journal(5)
    journal.act(600)
    return journal


@pytest.fixture(scope="module")
def known(journal: Journal) -> Known:
    return known_of(journal)


def face_of(known: Known, view: str, **choice: Any) -> Face:
    return VIEWS[view].face(known, Choice(view=view, **choice))


def table(face: Face, key: str) -> Table:
    part = face.part(key)
    assert isinstance(part, Table)
    return part


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("span", SPANS)
def test_five_numbers_lead_and_every_part_is_drawn_or_says_why_not(known: Known, view: str, span: str) -> None:
    face = face_of(known, view, span=span)
    assert len(face.numbers) == FIVE
    assert len({part.key for part in face.parts}) == len(face.parts)
    for part in face.parts:
        if isinstance(part, Picture) and not part.empty:
            assert len({len(column) for column in part.data.values()}) == 1, part.key
            part.draw(ColumnDataSource({name: list(values) for name, values in part.data.items()}))
        assert part.title
        assert isinstance(part, Picture) or part.rows or part.empty


def test_a_span_of_the_past_shows_what_was_then_however_much_came_later() -> None:
    journal = Journal(5)
    journal.act(300)
    then = known_of(journal)
    until = int(then.replica.wall) // NANOSECONDS * NANOSECONDS
    past: dict[str, Any] = {"span": "all", "until": until}
    shown = then_and_there(then, past)
    assert shown["orders"] > 20
    assert max(shown["curve"]) == pytest.approx(until / 1e6, abs=60_000)
    journal.act(300)
    now = known_of(journal)
    assert then_and_there(now, past) == shown
    assert then_and_there(now, {"span": "all"})["orders"] > shown["orders"]
    assert "This is the past" in now.past(Choice(**past))
    assert "stands still" in now.past(Choice(until=now.wall + NANOSECONDS))
    assert now.past(Choice()) == ""


def then_and_there(known: Known, asked: dict[str, Any]) -> dict[str, Any]:
    """What of a span can be no other later: which orders, denials and marks it has."""
    curve = face_of(known, "overview", **asked).part("pnl")
    denials, hops = (
        table(face_of(known, "risk_limits", **asked), "denials"),
        face_of(known, "execution_latency", **asked),
    )
    assert isinstance(curve, Picture)
    orders = int(hops.numbers[-1].value.replace(",", ""))
    return {"orders": orders, "denials": [row[1:] for row in denials.rows], "curve": curve.data["time"]}


def test_an_alert_leads_to_its_own_view_of_the_time_in_which_it_happened(journal: Journal) -> None:
    wall = 1_800_000_000 * NANOSECONDS
    over = Alert(
        id="AAAAAA", rule="venue_rejects", severity="critical", since=wall - 90 * MINUTE, opened=wall - 90 * MINUTE,
        changed=wall - 60 * MINUTE, resolved=wall - 60 * MINUTE, state=AlertState.RESOLVED, dashboard="fill_rate",
    )  # fmt: skip
    book = AlertBook()
    line = {"kind": LINE, "process": "monitor", "wall": str(over.changed)}
    assert book.hear(line | stated(over, Did.RESOLVED, "over"))
    known = known_of(journal, alerts=book, wall=wall)
    (address,) = table(face_of(known, "alerts", strategies=("trend",)), "resolved").links
    parts = urlsplit(address)
    choice = chosen(parts.path.removeprefix("./"), parse_qs(parts.query))
    assert (choice.view, choice.span, choice.strategies) == ("fill_rate", "1h", ("trend",))
    assert choice.covers(over.since - 5 * MINUTE, wall)
    assert choice.covers(over.resolved + 5 * MINUTE, wall)
    assert not choice.covers(wall, wall)


@pytest.mark.parametrize("view", VIEWS)
def test_a_desk_on_which_nothing_happened_is_said_in_words(view: str) -> None:
    face = face_of(known_of(Journal(1), **EMPTY, state=None), view)
    assert len(face.numbers) == FIVE
    for part in face.parts:
        assert part.empty, part.key
        assert not isinstance(part, Table) or not part.rows or part.empty
    assert "nan" not in markup.numbers(face).lower()


def test_a_hop_of_many_orders_is_that_of_each(known: Known) -> None:
    courses = list(known.tallies.courses.values())
    for hop in (*HOPS, *STEPS):
        each = [(course.decided, taken) for course in courses if (taken := hop.nanoseconds(course)) is not None]
        decided, taken = hop.passed(courses)
        assert list(zip(decided.tolist(), taken.tolist(), strict=True)) == each


@pytest.mark.parametrize("view", VIEWS)
def test_no_raw_number_of_the_machine_is_shown(known: Known, view: str) -> None:
    """Neither nanoseconds nor floats that nobody rounded."""
    face = face_of(known, view, span="all")
    texts = [number.value for number in face.numbers]
    for part in face.parts:
        if isinstance(part, Table):
            texts += [str(cell[0] if isinstance(cell, tuple) else cell) for row in part.rows for cell in row]
    long = [
        text
        for text in texts
        for word in text.split()
        if len(word.replace(",", "").lstrip("+-−").partition(".")[0]) > 12
        and word.replace(",", "").lstrip("+-").replace(".", "").isdecimal()
    ]
    fine = [
        text for text in texts if len(text.partition(".")[2].rstrip(" %")) > 8 and text.replace(".", "").isdecimal()
    ]
    assert (long, fine) == ([], [])


def test_money_is_what_status_says(known: Known) -> None:
    shown = {row[0]: row[-1] for row in table(face_of(known, "overview"), "strategies").rows}
    assert shown == {row.name: money(row.pnl) for row in views.strategies(known.replica)}
    picture = face_of(known, "overview", span="all").part("pnl")
    assert isinstance(picture, Picture)
    ends = {words.partition(" ")[0]: picture.data[f"pnl{place}"][-1] for place, (words, _) in enumerate(picture.legend)}
    for row in views.strategies(known.replica):
        if row.pnl is not None and not math.isnan(ends[row.name]):
            assert ends[row.name] == pytest.approx(float(row.pnl), abs=1e-9) or known.tallies.equity.stale


def test_doubts_and_breaks_are_those_of_the_books(known: Known) -> None:
    agreement = reconciliation(known.replica.ledger, WallTime(known.wall))
    face = face_of(known, "risk_limits")
    assert [row[0] for row in table(face, "doubts").rows] == [doubt.order_id for doubt in agreement.doubts]
    assert face.numbers[4].value == str(len(agreement.doubts) + len(agreement.breaks))


def test_a_strategy_that_was_not_chosen_is_not_shown(known: Known) -> None:
    rows = table(face_of(known, "overview", strategies=("trend",)), "strategies").rows
    assert [row[0] for row in rows] == ["trend"]


@pytest.mark.parametrize("view", ["fill_rate", "execution_latency"])
def test_of_a_venue_is_shown_what_went_there(known: Known, view: str) -> None:
    there, elsewhere = (face_of(known, view, span="all", venues=(name,)) for name in ("paper", "elsewhere"))
    assert there == face_of(known, view, span="all") or there.numbers == face_of(known, view, span="all").numbers
    part = "shares" if view == "fill_rate" else "hops"
    assert table(there, part).rows
    assert not table(elsewhere, part).rows


def test_venues_are_chosen_where_there_are_several_and_the_view_knows_them() -> None:
    choice = Choice(view="fill_rate", span="1h", strategies=("trend",))
    assert 'aria-label="venues"' not in markup.selectors(choice, (), ("paper",), "UTC")
    shown = markup.selectors(choice, (), ("binance", "paper"), "UTC")
    assert 'href="./fill_rate?span=1h&amp;strategy=trend&amp;venue=binance"' in shown
    assert 'aria-label="venues"' not in markup.selectors(choice.but(view="pnl_live"), (), ("binance", "paper"), "UTC")


@pytest.mark.parametrize(
    ("changes", "verdict", "how", "words"),
    [
        ({"problem": "the server is away"}, "Act now", BAD, "the books cannot be read"),
        ({"state": None}, "Act now", BAD, "the desk does not run"),
        ({"to_mend": (Problem(subject="x", detail="y", since=0),)}, "Have a look", ODD, "1 thing to mend"),
        ({}, "All is well", GOOD, "everything runs"),
    ],
)
def test_one_verdict_in_words(
    monkeypatch: pytest.MonkeyPatch, changes: Any, verdict: str, how: str, words: str
) -> None:
    monkeypatch.setattr(type(STATE.supervisor), "is_alive", lambda _: True)
    quiet = known_of(Journal(1), **(EMPTY | changes))
    number = face_of(quiet, "overview").numbers[0]
    assert (number.value, number.how) == (verdict, how)
    assert words in number.words


def test_as_many_processes_are_counted_as_are_listed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(STATE.supervisor), "is_alive", lambda _: True)
    runs = tuple(ProcessState(name=name, kind=name, state="running") for name in ("engine", "listener"))
    face = face_of(known_of(Journal(1), **EMPTY, state=msgspec.structs.replace(STATE, processes=runs)), "overview")
    assert face.numbers[1].value == f"3 of {len(table(face, 'processes').rows)}"


def test_texts_of_others_are_texts(journal: Journal) -> None:
    problem = Problem(subject=HOSTILE, detail=HOSTILE, since=0)
    process = msgspec.structs.replace(STATE.supervisor, name=HOSTILE, detail=HOSTILE)
    state = msgspec.structs.replace(STATE, name=HOSTILE, processes=(process,))
    known = known_of(journal, to_mend=(problem,), state=state, shut=(HOSTILE,), problem=HOSTILE)
    choice = Choice(view="overview", strategies=(HOSTILE,), order=HOSTILE)
    for view in VIEWS:
        face = VIEWS[view].face(known, choice.but(view=view))
        tables = [part for part in face.parts if isinstance(part, Table)]
        pictures = [part for part in face.parts if isinstance(part, Picture)]
        whole = [
            markup.menu(choice), markup.selectors(choice, (HOSTILE,), (HOSTILE, "paper"), HOSTILE),
            markup.numbers(face), markup.notes(face.notes), markup.tables(tables, choice),
            *(markup.picture_head(picture, choice) for picture in pictures),
        ]  # fmt: skip
        assert not any("<img" in part for part in whole), view


@pytest.mark.parametrize("view", VIEWS)
def test_each_part_goes_out_as_csv_with_plain_numbers(known: Known, view: str) -> None:
    for part in face_of(known, view, span="all").parts:
        head, *rows = list(csv.reader(io.StringIO(as_csv(part))))
        width = len(part.data) if isinstance(part, Picture) else len(part.columns)
        assert len(head) == width
        assert all(len(row) == width for row in rows)
        assert not any(name.endswith(">") for name in head)


def test_a_cell_that_a_spreadsheet_would_compute_stays_a_text() -> None:
    bad = Table(key="t", title="t", columns=("name", "n>"), rows=(("=1+1", "-1,234.50"),), empty="")
    assert as_csv(bad).splitlines()[1] == "'=1+1,-1234.50"
