"""How a flatten past the engine is split: each sub-account closes its own, and never more than the venue holds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.core_kit import Core
from tests.tools.venue_kit import stock
from toolkit.adapters.lifeboat import Lifeboat
from toolkit.client import flattening
from toolkit.client.flattening import Flattener, Holding, down_to
from toolkit.domain.commands import Kill, KillMode, Who
from toolkit.domain.errors import Fenced
from toolkit.domain.orders import Status
from toolkit.domain.requests import OrderFound, OrderNotFound, QueryOrder, SubmitOrder, VenueState
from toolkit.domain.time import FeedTime, WallTime

LOTS = st.integers(-50, 50)


def holdings(**lots: int) -> list[Holding]:
    return [Holding(name, "paper", "AAPL", held) for name, held in sorted(lots.items()) if held]


def test_where_books_and_venue_agree_each_closes_its_own_also_against_each_other() -> None:
    held = holdings(trend=10, quoting=-4)
    assert list(down_to({"AAPL": 6}, held, "paper")) == held


def test_what_the_venue_does_not_hold_is_not_closed_and_what_nobody_claims_is_manuals() -> None:
    assert list(down_to({"AAPL": 6}, holdings(trend=10), "paper")) == holdings(trend=6)
    assert list(down_to({"AAPL": 13}, holdings(trend=10), "paper")) == [*holdings(trend=10), *holdings(manual=3)]
    assert list(down_to({"AAPL": -2}, holdings(trend=10), "paper")) == holdings(manual=-2)
    assert list(down_to({}, holdings(trend=10), "paper")) == []


@given(LOTS, LOTS, LOTS)
def test_the_venue_is_flat_afterwards_whatever_the_books_say(trend: int, quoting: int, shown: int) -> None:
    closed = list(down_to({"AAPL": shown}, holdings(trend=trend, quoting=quoting), "paper"))
    assert sum(holding.lots for holding in closed) == shown


class Hotline:
    """A line to the venue of a `Core`, which hears nothing of it; `silent` answers nothing, `dead` never trades."""

    def __init__(self, core: Core) -> None:
        self.core = core
        self.sent: list[SubmitOrder] = []
        self.silent = False
        self.dead: set[str] = set()
        self.foreign: dict[str, int] = {}

    def __call__(self, *_: object) -> Hotline:
        return self

    def __enter__(self) -> Hotline:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def ask_state(self) -> VenueState:
        shown = self.core.venue.state()
        return msgspec.structs.replace(shown, positions=(*shown.positions, *self.foreign.items()))

    def submit(self, order: SubmitOrder) -> None:
        self.sent.append(order)
        if not self.silent and order.instrument not in self.dead:
            self.core.venue.process(order)

    def find(self, order: SubmitOrder) -> OrderFound | OrderNotFound | None:
        if self.silent:
            return None
        if order.instrument in self.dead:
            return OrderFound(
                venue="paper", order_id=order.order_id, venue_order_id="", status=Status.CANCELED, filled=0,
                quantity=order.quantity, price=None, time=FeedTime(0), wall=WallTime(0),
            )  # fmt: skip
        (answer,) = self.core.venue.process(QueryOrder(venue="paper", order_id=order.order_id))
        assert isinstance(answer, OrderFound | OrderNotFound)
        return answer


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Hotline:
    hotline = Hotline(Core(instruments=(stock(), stock("MSFT"))))
    monkeypatch.setattr(flattening, "VenueHotline", hotline)
    return hotline


def flattener(line: Hotline, folder: Path, *, scope: str = "book", accept_unknown: bool = False) -> Flattener:
    who = Who(identity="unix:anna", verified=False, source="cli")
    kill = Kill(
        scope=scope, name="trend" if scope == "strategy" else "", mode=KillMode.FLATTEN, who=who, reason="all dead",
        accept_unknown=accept_unknown,
    )  # fmt: skip
    return Flattener(folder, line.core.ledger, kill, {"paper": folder / "venue"})


def symbols(orders: Sequence[SubmitOrder]) -> list[str]:
    return [order.instrument for order in orders]


@pytest.mark.parametrize("scope", ["book", "strategy"])
def test_what_an_earlier_flatten_sent_and_may_still_trade_is_not_closed_a_second_time(
    line: Hotline, tmp_path: Path, scope: str
) -> None:
    line.core.buy(10)
    line.silent = True  # it is on its way to the venue's market
    assert "nothing is known of it" in flattener(line, tmp_path, scope=scope).flatten(0.0)
    assert "of an earlier flatten may still trade" in flattener(line, tmp_path, scope=scope).flatten(0.0)
    assert len(line.sent) == 1
    line.silent = False
    line.core.venue.process(line.sent[0])
    assert flattener(line, tmp_path, scope=scope).flatten(0.0) == ""
    assert (len(line.sent), line.core.venue.state().positions) == (1, ())


def test_what_the_venue_never_heard_of_is_closed_by_another_order(line: Hotline, tmp_path: Path) -> None:
    line.core.buy(10)
    line.silent = True
    flattener(line, tmp_path).flatten(0.0)
    line.silent = False
    assert flattener(line, tmp_path).flatten(0.0) == ""
    assert (len(line.sent), line.core.venue.state().positions) == (2, ())


def test_what_trades_does_not_wait_for_what_does_not(line: Hotline, tmp_path: Path) -> None:
    line.core.buy(10)
    line.core.buy(5, symbol="MSFT")
    line.dead.add("AAPL")
    assert flattener(line, tmp_path).flatten(0.2) == "trend still holds AAPL +10 lots at paper"
    assert symbols(line.sent)[:3] == ["AAPL", "MSFT", "AAPL"]
    assert dict(line.core.venue.state().positions) == {"AAPL": 10}


def test_what_no_book_can_name_keeps_nothing_else_open(line: Hotline, tmp_path: Path) -> None:
    line.core.buy(10)
    line.foreign = {"AAA": 3}
    said = flattener(line, tmp_path, accept_unknown=True).flatten(0.0)
    assert said.startswith("manual still holds AAA +3 lots at paper (")
    assert line.core.venue.state().positions == ()


def test_no_order_leaves_once_an_engine_has_the_book(line: Hotline, tmp_path: Path) -> None:
    line.core.buy(10)

    def taken() -> None:
        raise Fenced("epoch 3 has taken over")

    flatten = flattener(line, tmp_path)
    flatten._still_ours = taken
    said = flatten.flatten(0.0)
    assert "epoch 3 has taken over" in said
    assert "trend still holds AAPL +10" in said
    assert (line.sent, Lifeboat(tmp_path / "lifeboat").flattens) == ([], ())
