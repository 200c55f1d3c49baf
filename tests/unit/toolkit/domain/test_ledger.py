"""The ledger is a fold: exact money, fees in kind, rates that may be missing, and one chain of batches."""

from decimal import Decimal

import pytest

from tests.tools.core_kit import ANNA, Core, number
from tests.tools.venue_kit import USD, stock
from toolkit.domain import commands as cm
from toolkit.domain import events as ev
from toolkit.domain import ledger as module
from toolkit.domain import requests as rq
from toolkit.domain.errors import JournalError
from toolkit.domain.fold import apply, apply_batch, fold
from toolkit.domain.instruments import Currency
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import SessionClosed
from toolkit.domain.requests import Liquidity
from toolkit.domain.time import FeedTime, WallTime

EUR = Currency(code="EUR", quantum=Decimal("0.01"))
BNB = Currency(code="BNB", quantum=Decimal("0.00000001"))


def a_book(currency: str = "USD") -> Ledger:
    ledger = Ledger()
    apply(
        ledger,
        ev.BookOpened(book="b", desk="DSK", base_currency="USD", currencies=(USD, EUR, BNB), venues=("paper",)),
    )
    apply(ledger, ev.InstrumentDefined(instrument=stock(currency=currency)))
    return ledger


def bought(ledger: Ledger, lots: int, price: int, fee: int = 0, asset: str = "USD") -> None:
    """A trade without an order, as after a loss of memory: the books are the same."""
    apply(
        ledger,
        ev.OrderFilled(
            order_id="DSK0000100000001",
            venue_order_id="",
            execution_id=f"E{ledger.sequence}",
            strategy="trend",
            instrument="AAPL",
            side=1,
            price=price,
            quantity=lots,
            fee=fee,
            fee_asset=asset,
            liquidity=Liquidity.TAKER,
            report=0,
            sent=WallTime(0),
            time=FeedTime(0),
            wall=WallTime(0),
        ),
    )


def marked(ledger: Ledger, twice: int) -> None:
    apply(ledger, ev.Marked(instrument="AAPL", twice=twice, step=1, time=FeedTime(1)))


def rated(ledger: Ledger, asset: str, rate: str) -> None:
    apply(ledger, ev.FxMarked(asset=asset, rate=Decimal(rate), step=1, time=FeedTime(1)))


def moved(ledger: Ledger, kind: str, amount: int, asset: str = "USD") -> None:
    apply(
        ledger,
        ev.CashMoved(kind=kind, sub_account="trend", asset=asset, amount=amount, reference="", time=FeedTime(0)),
    )


def test_equity_is_cash_and_position_at_the_last_mark() -> None:
    ledger = a_book()
    bought(ledger, 10, 100, fee=7)
    assert ledger.equity("trend") is None, "without a mark there is no number"
    marked(ledger, 2 * 103)
    assert ledger.equity("trend") == 10 * 3 - 7


def test_a_fee_in_kind_leaves_in_its_own_asset_and_needs_its_own_rate() -> None:
    ledger = a_book()
    bought(ledger, 10, 100, fee=50_000, asset="BNB")
    marked(ledger, 200)
    assert ledger.fees["trend"] == {"BNB": 50_000}
    assert ledger.equity("trend") is None
    rated(ledger, "BNB", "600")
    assert ledger.equity("trend") == -30  # 0.0005 BNB at 600 USD, in cents


def test_a_balance_of_nothing_needs_no_rate() -> None:
    ledger = a_book()
    moved(ledger, "deposit", 5, asset="EUR")
    moved(ledger, "withdrawal", -5, asset="EUR")
    assert ledger.equity("trend") == 0


def test_a_position_in_another_currency_needs_its_rate() -> None:
    ledger = a_book(currency="EUR")
    bought(ledger, 10, 100)
    marked(ledger, 220)
    assert ledger.equity("trend") is None
    rated(ledger, "EUR", "1.5")
    assert ledger.equity("trend") == 150


def test_an_asset_that_the_book_does_not_keep_has_no_rate() -> None:
    ledger = a_book()
    rated(ledger, "XYZ", "2")
    assert ledger.rate("XYZ") is None
    assert ledger.rate("USD") == 1


@pytest.mark.parametrize("kind", sorted(ev.MOVED_BY_PEOPLE))
def test_money_that_people_move_is_no_profit(kind: str) -> None:
    ledger = a_book()
    moved(ledger, kind, 1_000)
    assert (ledger.equity("trend"), ledger.pnl("trend")) == (1_000, 0)


@pytest.mark.parametrize("kind", sorted(ev.CASH_KINDS - ev.MOVED_BY_PEOPLE))
def test_money_that_comes_of_what_is_held_is(kind: str) -> None:
    ledger = a_book()
    moved(ledger, kind, -25)
    assert ledger.pnl("trend") == -25


def test_money_moved_in_another_currency_is_taken_off_in_that_currency() -> None:
    ledger = a_book()
    moved(ledger, "deposit", 1_000, asset="EUR")
    assert ledger.pnl("trend") is None
    rated(ledger, "EUR", "1.25")
    assert (ledger.equity("trend"), ledger.pnl("trend")) == (1_250, 0)


def test_a_session_rolls_once_and_only_forward() -> None:
    core = Core()
    core.buy(10)
    for session in ("2026-01-05", "2026-01-05", "2026-01-04", "2026-01-06"):
        core.feed(SessionClosed(calendar="XNYS", session=session))
    assert [event.session for event in core.of(ev.SessionRolled)] == ["2026-01-05", "2026-01-06"]
    assert core.ledger.opening_equity["trend"] == core.ledger.equity("trend")


def test_what_is_held_is_marked_at_most_once_per_interval_and_at_the_roll() -> None:
    core = Core()
    core.buy(10)
    before = len(core.of(ev.Marked))
    for _ in range(4):
        core.quote(9_998, 10_001, seconds=0.25)
    assert len(core.of(ev.Marked)) == before + 1
    core.quote(9_997, 10_001, seconds=0.25)
    core.feed(SessionClosed(calendar="XNYS", session="2026-01-05"), seconds=0.25)
    assert core.of(ev.Marked)[-1].twice == 19_998


def test_one_bad_quote_marks_nothing() -> None:
    core = Core()
    core.buy(10)
    before = core.ledger.equity("trend")
    for bid, ask in ((20_000, 1), (0, 10_001), (10_001, 10_001)):
        core.quote(bid, ask)
    assert core.ledger.equity("trend") == before


def test_opposite_positions_of_two_strategies_are_both_marked() -> None:
    core = Core(strategies=("trend", "quoting"))
    core.buy(10)
    core.sell(10, strategy="quoting")
    assert core.ledger.venue_positions["paper"] == {"AAPL": 0}
    core.quote(10_098, 10_102)
    assert core.ledger.marks["AAPL"].twice == 20_200


def batch(ledger: Ledger, *events: ev.Event) -> ev.Batch:
    return ev.Batch(
        book="b",
        schema=1,
        epoch=1,
        first=ledger.sequence + 1,
        previous=ledger.batch_digest,
        step=7,
        wall=WallTime(0),
        events=events,
    )


ALARM = ev.Alarmed(kind="k", subject="s", detail="d", time=FeedTime(0))


def test_batches_fold_in_their_order_or_not_at_all() -> None:
    ledger = Ledger()
    apply_batch(ledger, batch(ledger, ALARM, ALARM), b"one")
    assert (ledger.sequence, ledger.step, ledger.batch_digest) == (2, 7, b"one")
    with pytest.raises(JournalError, match="does not follow event 2"):
        apply_batch(ledger, batch(Ledger(), ALARM), b"two")
    assert ledger.sequence == 2


def test_a_batch_of_another_chain_is_refused() -> None:
    ledger, other = Ledger(), Ledger()
    apply_batch(ledger, batch(ledger, ALARM), b"one")
    apply_batch(other, batch(other, ALARM), b"other")
    with pytest.raises(JournalError, match="previous hash"):
        fold([(batch(other, ALARM), b"two")], ledger)


def test_an_event_of_an_order_that_is_not_there_stops_the_fold_by_its_number() -> None:
    cancel = ev.CancelRequested(order_id="DSK0000100000009", cause="", time=FeedTime(0), wall=WallTime(0))
    with pytest.raises(JournalError, match="event 3 speaks of order DSK0000100000009"):
        apply(a_book(), cancel)


def test_a_snapshot_of_another_fold_is_not_believed() -> None:
    ledger = a_book()
    ledger.fold_version += 1
    with pytest.raises(JournalError, match="fold again"):
        Ledger.from_bytes(ledger.to_bytes())


def test_a_snapshot_is_the_ledger_bit_for_bit() -> None:
    core = Core()
    core.buy(10)
    core.sell(4, 10_050)
    core.mute = True
    core.buy(3)
    core.wait(5)
    assert Ledger.from_bytes(core.ledger.to_bytes()).digest() == core.ledger.digest()


def test_old_finished_orders_are_forgotten_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLOSED_ORDERS_KEPT", 3)
    core = Core()
    resting = core.buy(1, 9_000)
    core.modify(resting, price=9_001)
    for _ in range(5):
        core.buy(1)
    core.cancel(resting)
    ledger = core.ledger
    assert len(ledger.closed) == 3
    assert set(ledger.orders) == set(ledger.closed)
    assert ledger.fills.keys() <= ledger.orders.keys()
    assert set(ledger.intents["trend"].values()) == set(ledger.orders)
    assert set(ledger.aliases.values()) <= set(ledger.orders)
    assert ledger.order(number(1)) is not None, "its end was the newest"


def test_denied_orders_have_places_of_their_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CLOSED_ORDERS_KEPT", 3)
    monkeypatch.setattr(module, "DENIED_ORDERS_KEPT", 2)
    core = Core(strategies=("trend", "rogue"))
    filled = core.buy(10)
    execution = core.ledger.fills[number(1)][0].execution_id
    core.disable("rogue")
    for _ in range(9):
        core.buy(1, 9_000, strategy="rogue")
    ledger = core.ledger
    assert (set(ledger.closed), len(ledger.denied)) == ({number(1)}, 2)
    assert set(ledger.orders) == {*ledger.closed, *ledger.denied}
    assert len(ledger.intents["rogue"]) == 2
    order = core.order(filled).order_id
    core.do(
        rq.Busted(
            venue="paper", order_id=order, execution_id=execution, report=0, time=FeedTime(core.time), wall=WallTime(0)
        )
    )
    assert core.held() == 0, "a venue's fact still finds its order"
    assert core.shadow.digest() == ledger.digest()


def test_an_intent_that_is_denied_the_second_time_stays_that_of_its_first_order() -> None:
    core = Core()
    for _ in range(2):
        core.buy(1, 9_000, intent_id="once")
    assert core.denial().observed == "intent once again"
    core.cancel("once")
    assert core.at_venue() == []


def test_the_cursor_of_a_producer_only_moves_forward() -> None:
    core = Core()
    allocate = cm.AllocateCapital(strategy="trend", amount=Decimal(7), who=ANNA, reason="")
    envelope = cm.Envelope(producer="files", incarnation=5, number=1, body=allocate)
    core.do(envelope)
    done = len(core.events)
    for again in (envelope, cm.Envelope(producer="files", incarnation=4, number=9, body=allocate)):
        core.do(again)
    assert len(core.events) == done
    core.do(cm.Envelope(producer="files", incarnation=5, number=3, body=allocate))
    assert core.alarms() == ["command_gap"]
