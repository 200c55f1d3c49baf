"""The order tables are complete: every status × doubt × fact has a cell, and every cell errs on the safe side."""

from itertools import product
from pathlib import Path

import pytest

from toolkit.domain.errors import IllegalCommand
from toolkit.domain.order_tables import COMMANDS, FACTS, Fact, OrderCommand, after_command, after_fact, diagram
from toolkit.domain.orders import FINAL, Doubt, Status

EVERY_CELL = list(product(Status, Doubt, Fact))
SPOKEN_BY_THE_VENUE_AT_AN_END = {Fact.CANCELED, Fact.EXPIRED, Fact.REJECTED, Fact.FILLED_WHOLLY}
SILENCE = {Fact.UNANSWERED_NEW, Fact.UNANSWERED_CANCEL, Fact.UNANSWERED_REPLACE}


def test_every_fact_has_an_outcome_in_every_status_and_doubt() -> None:
    assert set(FACTS) == set(EVERY_CELL)
    assert all(after_fact(*cell) is FACTS[cell] for cell in EVERY_CELL)


def test_every_command_is_legal_or_refused_in_every_status() -> None:
    assert set(COMMANDS) == set(product(Status, OrderCommand))


def test_a_refused_command_names_order_status_and_command() -> None:
    with pytest.raises(IllegalCommand, match="cannot replace order X1: it is FILLED"):
        after_command(Status.FILLED, Doubt.NONE, OrderCommand.REPLACE, "X1")
    with pytest.raises(IllegalCommand, match=r"UNKNOWN \(NEW, doubt: cancel\)"):
        after_command(Status.NEW, Doubt.CANCEL, OrderCommand.REPLACE, "X1")


def test_cancel_is_legal_for_whatever_may_still_trade() -> None:
    for status, doubt in product(Status, Doubt):
        if status not in FINAL or doubt is not Doubt.NONE:
            after_command(status, doubt, OrderCommand.CANCEL, "X1")


def test_cancel_and_replace_are_refused_once_nothing_can_trade() -> None:
    for status, command in product(FINAL, OrderCommand):
        with pytest.raises(IllegalCommand):
            after_command(status, Doubt.NONE, command, "X1")


def test_a_final_status_carries_doubt_only_where_its_cell_asks_for_it() -> None:
    doubtful = {
        (status, fact)
        for (status, _, fact), outcome in FACTS.items()
        if outcome.status in FINAL and outcome.doubt is not Doubt.NONE
    }
    asked = {(status, Fact.ACKNOWLEDGED) for status in (Status.CANCELED, Status.EXPIRED)}
    asked |= {(status, Fact.REPLACED) for status in (Status.CANCELED, Status.EXPIRED)}
    asked |= {(status, Fact.FILLED_PARTLY) for status in (Status.REJECTED, Status.DENIED)}
    assert doubtful == asked


def test_silence_never_ends_an_order_nor_a_doubt() -> None:
    for status, doubt, fact in EVERY_CELL:
        if fact in SILENCE and status not in FINAL:
            outcome = after_fact(status, doubt, fact)
            assert outcome.status is status
            assert outcome.doubt is not Doubt.NONE


def test_a_refused_cancel_says_nothing_about_the_order_so_the_venue_is_asked() -> None:
    for status, doubt in product(set(Status) - FINAL, Doubt):
        for fact in (Fact.CANCEL_REFUSED, Fact.REPLACE_REFUSED):
            assert after_fact(status, doubt, fact).doubt is not Doubt.NONE


def test_only_an_end_told_by_the_venue_or_proven_absence_ends_a_working_order() -> None:
    ends = SPOKEN_BY_THE_VENUE_AT_AN_END | {Fact.PROVEN_ABSENT}
    for (status, _, fact), outcome in FACTS.items():
        if status not in FINAL and outcome.status in FINAL:
            assert fact in ends, f"{fact} ends an order that is {status}"


def test_an_unexpected_fact_never_makes_a_working_order_final_without_the_venue_saying_so() -> None:
    """The worst case of what may trade stays at least what it was."""
    for (status, _, fact), outcome in FACTS.items():
        if not outcome.expected and status not in FINAL and outcome.status in FINAL:
            assert fact in {Fact.REJECTED, Fact.PROVEN_ABSENT}


def test_an_order_that_ended_and_is_heard_of_again_raises_an_alarm() -> None:
    silent = SILENCE | {Fact.CANCEL_REFUSED, Fact.REPLACE_REFUSED, Fact.PROVEN_ABSENT}
    for status, doubt in product(FINAL, Doubt):
        for fact in set(Fact) - silent - {Fact.ACKNOWLEDGED}:
            assert not after_fact(status, doubt, fact).expected, (status, fact)


def test_a_late_acknowledgement_of_a_filled_order_is_no_surprise() -> None:
    """Some venues fill before they acknowledge."""
    assert after_fact(Status.FILLED, Doubt.NONE, Fact.ACKNOWLEDGED).expected


@pytest.mark.parametrize("doubt", [doubt for doubt in Doubt if doubt is not Doubt.NONE])
def test_found_working_ends_every_doubt(doubt: Doubt) -> None:
    for status in set(Status) - FINAL:
        assert after_fact(status, doubt, Fact.FOUND_WORKING) == (None, Doubt.NONE, True)


def test_an_order_that_never_arrived_is_rejected_and_one_that_vanished_is_canceled_with_an_alarm() -> None:
    assert after_fact(Status.PENDING_NEW, Doubt.NEW, Fact.PROVEN_ABSENT) == (Status.REJECTED, Doubt.NONE, True)
    assert after_fact(Status.NEW, Doubt.CANCEL, Fact.PROVEN_ABSENT) == (Status.CANCELED, Doubt.NONE, False)


def test_the_diagram_in_the_manual_is_drawn_from_the_tables(repository: Path) -> None:
    golden = repository / "tests" / "golden" / "order_states.mmd"
    assert golden.read_text() == diagram(), "write diagram() to tests/golden/order_states.mmd, and to the README"


def test_the_readme_shows_the_diagram_where_it_shows_one(repository: Path) -> None:
    readme = (repository / "README.md").read_text()
    if "stateDiagram-v2" in readme:
        assert diagram().strip() in readme


def test_the_diagram_shows_every_status() -> None:
    assert all(f"    {status.value}" in diagram() or f"--> {status.value}" in diagram() for status in Status)
