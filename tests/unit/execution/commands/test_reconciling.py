"""`execution reconcile` and `account`: which break a person means, and what cannot be meant."""

from collections.abc import Callable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from execution.commands import accounting, reconciling
from execution.commands.desk import Stop
from tests.stories.test_reconciliation import FOREIGN, confirm, in_doubt, listed, venue
from tests.tools.core_kit import Core, number
from toolkit.domain import commands as cm
from toolkit.domain.time import WallTime
from toolkit.replica.reconciliation import reconciliation

Said = Callable[..., cm.Command]


@pytest.fixture
def core() -> Core:
    made = Core()
    confirm(made, venue(made, listed(), AAPL=5))
    return made


@pytest.fixture
def told(core: Core, monkeypatch: pytest.MonkeyPatch) -> list[cm.Command]:
    """Commands that would be given, on the books of `core`."""
    given: list[cm.Command] = []
    books = SimpleNamespace(replica=lambda: SimpleNamespace(ledger=core.ledger))
    for module in (reconciling, accounting):
        monkeypatch.setattr(module, "open_books", lambda _: (None, None, books))
        monkeypatch.setattr(module, "tell_outcome", lambda state, books, command, words, as_json: given.append(command))
    return given


def test_a_break_is_named_by_its_subject_or_in_full(told: list[cm.Command]) -> None:
    for name in ("AAPL", "paper:position:AAPL"):
        reconciling.adopt(None, name, "house", price="99.5", reason="why", as_json=False)
    assert [(one.kind, one.subject, one.price) for one in told] == [("position", "AAPL", Decimal("99.5"))] * 2
    with pytest.raises(
        Stop, match="names no break or doubt; breaks: paper:foreign_order:SOMEBODY, paper:position:AAPL"
    ):
        reconciling.adopt(None, "MSFT", "house", price=None, reason="why", as_json=False)


def test_a_break_is_resolved_by_its_subject(told: list[cm.Command]) -> None:
    reconciling.resolve(None, FOREIGN, "theirs", reason="asked", as_json=False)
    assert told == [
        cm.ResolveBreak(
            venue="paper", kind="foreign_order", subject=FOREIGN, outcome="theirs", who=told[0].who, reason="asked"
        )
    ]


def test_an_order_in_doubt_is_resolved_by_its_id(core: Core, told: list[cm.Command]) -> None:
    doubtful = Core()
    in_doubt(doubtful)
    core.engine = doubtful.engine
    reconciling.resolve(None, number(1), "gone", reason="asked", as_json=False)
    assert [(type(one), one.order_id, one.outcome) for one in told] == [(cm.ResolveDoubt, number(1), "gone")]


def test_what_is_assigned_is_an_instrument_or_a_currency(told: list[cm.Command]) -> None:
    def assign(what: str, **more: Any) -> None:
        reconciling.assign(
            None, what, "house", "trend", **{"quantity": None, "price": None, "reason": "w", "as_json": False, **more}
        )

    assign("AAPL")
    assign("USD", quantity="5")
    assert [type(one) for one in told] == [cm.TransferPosition, cm.TransferCash]
    for what, problem in (("GBP", "neither an instrument nor a currency"), ("USD", "how much USD")):
        with pytest.raises(Stop, match=problem):
            assign(what)
    with pytest.raises(Stop, match="is no number"):
        assign("USD", quantity="five")


def test_a_ratio_is_new_to_old(told: list[cm.Command]) -> None:
    accounting.split(None, "AAPL", "3:2", reason="they said so", as_json=False)
    (body,) = told
    assert isinstance(body, cm.SplitInstrument)
    assert (body.numerator, body.denominator) == (3, 2)
    with pytest.raises(Stop, match="write new:old"):
        accounting.split(None, "AAPL", "two", reason="they said so", as_json=False)


def test_the_view_shows_breaks_and_what_nobody_owns(core: Core) -> None:
    core.ledger.move_cash("house", "USD", 1_234, "paper")
    view = reconciliation(core.ledger, WallTime(core.mono))
    assert [(row.kind, row.residual) for row in view.breaks] == [("foreign_order", 0), ("position", 5)]
    owned = [(row.sub_account, row.subject, row.amount) for row in view.residuals]
    assert owned == [("house", "USD", Decimal("12.34"))]
    assert not view.clean


def test_the_view_shows_doubts_with_their_ages() -> None:
    core = Core()
    in_doubt(core)
    view = reconciliation(core.ledger, WallTime(core.mono + 60 * 10**9))
    assert [(row.order_id, row.at_risk, row.age_seconds) for row in view.doubts] == [(number(1), 10, 60)]
    assert not view.clean
    assert reconciliation(Core().ledger, WallTime(0)).clean
