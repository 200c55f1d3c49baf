"""The page says PAPER or LIVE, leads with five numbers, says in words what is empty or stale, escapes everything."""

import time
from decimal import Decimal

import msgspec
import pytest

from execution.operations import markup
from execution.operations.board import Board
from execution.operations.doing import Told
from execution.operations.watch import Seen
from tests.unit.execution.operations.test_actions import BOARD, strategy
from toolkit.client.desk_state import Problem
from toolkit.domain.time import NANOSECONDS
from toolkit.replica.reconciliation import ReconciliationView
from toolkit.replica.views import OrderView, OverrideView

HOSTILE = '<img src=x onerror="alert(1)">'
EMPTY = msgspec.structs.replace(
    BOARD, strategies=(), agreement=ReconciliationView(breaks=(), doubts=(), residuals=()), proposals=(), killed=(),
    shut=(), written=time.time_ns(),
)  # fmt: skip


def order(status: str) -> OrderView:
    return OrderView(
        order_id="A1", strategy="trend", instrument="AAPL", side="BUY", order_type="limit", time_in_force="day",
        order_class="entry", quantity=Decimal(100), filled=Decimal(0), price=Decimal("1.5"), average=None,
        status=status, venue="paper", reason="", decided=0, stop=None, held="",
    )  # fmt: skip


@pytest.mark.parametrize(("kind", "colour"), [("paper", "paper"), ("live", "live")])
def test_every_screen_says_paper_or_live(kind: str, colour: str) -> None:
    shown = markup.bar(kind, "desk demo")
    assert kind.upper() in shown
    assert f'class="bar {colour}"' in shown
    assert f".bar.{colour} {{ background:" in markup.STYLE


def test_five_numbers_lead() -> None:
    shown = markup.numbers(BOARD)
    assert shown.count('class="number ') == 5
    for words in ("1 of 2", "strategies trade", "UNKNOWN of 0", "doubts and breaks, oldest 7 s", "proposal waits"):
        assert words in shown


def test_what_is_empty_is_said_in_words() -> None:
    shown = markup.tables(EMPTY)
    for words in (
        "No strategy was ever deployed", "Nothing is in doubt", "Books and venues agree", "Nothing waits for approval",
        "No order is open", "Nothing was denied lately",
        "No limit is in force", "Every position has a protective order",
    ):  # fmt: skip
        assert words in shown


def test_what_is_loosened_for_a_while_says_when_it_ends_by_time_and_by_use() -> None:
    assert "loosened for a while" not in markup.tables(BOARD)
    override = OverrideView(
        limit="max_order_value", scope="strategy", name="trend", value="60000", before="50000",
        until=time.time_ns() + 3_700 * NANOSECONDS, orders="2 of 3", who="unix:<olga>",
    )  # fmt: skip
    shown = markup.tables(msgspec.structs.replace(BOARD, overrides=(override,)))
    for words in ("loosened for a while", "60000", "50000", "1 h 01 min", "2 of 3 orders more", "unix:&lt;olga&gt;"):
        assert words in shown


def test_an_order_of_whose_fate_nobody_knows_is_marked() -> None:
    board = msgspec.structs.replace(BOARD, orders=(order("UNKNOWN"),), orders_open=1, unknown=1)
    assert 'class="bad short" data-label="status">UNKNOWN' in markup.tables(board)
    assert '<div class="number bad"><b>1</b><span>UNKNOWN of 1 open orders' in markup.numbers(board)


@pytest.mark.parametrize(
    ("seen", "words"),
    [
        (Seen(problem="the server is away"), "The books cannot be read: the server is away. Nothing was read yet."),
        (Seen(board=EMPTY, problem="gone"), "What stands here is as of event 9."),
        (Seen(board=EMPTY, looked=time.monotonic() - 60), "Stale: the last look was"),
        (
            Seen(board=BOARD, looked=time.monotonic()),
            "Killed: everything: the whole book. Only a person lets go of it.",
        ),
        (Seen(board=msgspec.structs.replace(EMPTY, written=1)), "Nothing was journaled for"),
        (Seen(to_mend=(Problem(subject="engine", detail="given up", since=0),)), "To mend: engine: given up"),
    ],
)
def test_what_is_not_as_it_should_be_is_said(seen: Seen, words: str) -> None:
    assert words in markup.notices(seen)


def test_nothing_is_said_of_a_desk_that_is_well() -> None:
    well = msgspec.structs.replace(EMPTY, written=time.time_ns())
    assert markup.notices(Seen(board=well, looked=time.monotonic())) == ""


def test_texts_of_others_are_texts() -> None:
    hostile = msgspec.structs.replace(
        BOARD, strategies=(msgspec.structs.replace(strategy("trend", "HALTED"), why=HOSTILE, position=HOSTILE),),
        proposals=(msgspec.structs.replace(BOARD.proposals[0], changes=(HOSTILE,), reason=HOSTILE, who=HOSTILE),),
        killed=(HOSTILE,), shut=(HOSTILE,), session=HOSTILE,
    )  # fmt: skip
    seen = Seen(board=hostile, problem=HOSTILE, to_mend=(Problem(subject=HOSTILE, detail=HOSTILE, since=0),))
    whole = [
        markup.bar(HOSTILE, markup.headline(seen), HOSTILE), markup.numbers(hostile), markup.tables(hostile),
        markup.notices(seen), markup.told(Told(good=True, headline=HOSTILE, lines=(HOSTILE,))),
        markup.confirmation(HOSTILE, (HOSTILE,), HOSTILE, HOSTILE),
    ]  # fmt: skip
    assert not any("<img" in part for part in whole)


def test_the_outcome_names_its_event_or_says_that_there_is_none() -> None:
    assert "event 4,618" in markup.told(Told(good=True, headline="done", event=4618))
    assert "no event in the journal" in markup.told(Told(good=False, headline="not done"))


def test_a_desk_with_very_much_on_it_makes_a_page_of_bounded_size() -> None:
    many: Board = msgspec.structs.replace(BOARD, orders=(order("NEW"),) * 40, orders_open=9_000)
    shown = markup.tables(many)
    assert "and 8960 more: `execution orders`" in shown
