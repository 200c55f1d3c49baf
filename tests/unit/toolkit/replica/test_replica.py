"""Everyone who looks sees one fold: the ledger's, with fills, denials and alarms beside it, and it stops on a gap."""

from decimal import Decimal

import pytest

from toolkit.domain import events as ev
from toolkit.domain.commands import LimitRow, Who
from toolkit.domain.errors import JournalError
from toolkit.domain.instruments import Currency, describe
from toolkit.domain.orders import Doubt, OrderClass, OrderType, Side, TimeInForce, TradingState
from toolkit.domain.requests import Liquidity
from toolkit.domain.time import FeedTime, WallTime
from toolkit.engine.risk.controls import CONTROLS
from toolkit.replica import views
from toolkit.replica.limits_in_use import share
from toolkit.replica.replica import FillHistory, Replica
from toolkit.replica.story import CONTROLS as TOLD
from toolkit.replica.story import chain_root, story

USD = Currency(code="USD", quantum=Decimal("0.0001"))
AAPL = describe(symbol="AAPL", tick=Decimal("0.01"), lot=Decimal(1), currency=USD, calendar="SAMPLE", venue="paper")
ANNA = Who(identity="unix:anna", verified=False, source="cli")
ORDER, NEXT = "DSK0000100000001", "DSK0000100000002"
AT, WALL = FeedTime(1_000), WallTime(2_000_000)


class Journal:
    """Batches in a chain, as a journal has them."""

    def __init__(self) -> None:
        self.batches: list[tuple[ev.Batch, bytes]] = []

    def add(self, *events: ev.Event) -> None:
        first = 1 + sum(len(batch.events) for batch, _ in self.batches)
        previous = self.batches[-1][1] if self.batches else b""
        batch = ev.Batch(
            book="paper", schema=1, epoch=1, first=first, previous=previous, step=7, wall=WallTime(3_000_000),
            events=events,
        )  # fmt: skip
        self.batches.append((batch, first.to_bytes(32, "big")))

    def replica(self) -> Replica:
        replica = Replica()
        for batch, digest in self.batches:
            replica.apply(batch, digest)
        return replica

    def plain(self) -> list[ev.Batch]:
        return [batch for batch, _ in self.batches]


def submitted() -> ev.OrderSubmitted:
    return ev.OrderSubmitted(
        order_id=ORDER, strategy="trend", version="v1", intent_id="7.0.0", instrument="AAPL", venue="paper",
        side=Side.BUY, order_type=OrderType.LIMIT, time_in_force=TimeInForce.GTC, order_class=OrderClass.ENTRY,
        quantity=100, price=12_345, post_only=False, reduce_only=False, reason="up",
        seen=ev.Seen(step=7, quote_step=6, bid=12_340, ask=12_350, age=500_000_000),
        checks=(ev.Check(control=2, observed=123_450_000, limit=1_000_000_000),), time=AT, wall=WallTime(2_000_000),
    )  # fmt: skip


def filled(execution: str, quantity: int, price: int) -> ev.OrderFilled:
    return ev.OrderFilled(
        order_id=ORDER, venue_order_id="V1", execution_id=execution, strategy="trend", instrument="AAPL",
        side=Side.BUY, price=price, quantity=quantity, fee=5_000, fee_asset="USD", liquidity=Liquidity.TAKER, report=2,
        sent=WallTime(2_500_000), time=AT, wall=WallTime(4_000_000),
    )  # fmt: skip


def busted(execution: str, quantity: int, price: int) -> ev.FillBusted:
    return ev.FillBusted(
        order_id=ORDER, execution_id=execution, price=price, quantity=quantity, fee=5_000, report=4, time=AT, wall=WALL
    )


@pytest.fixture
def journal() -> Journal:
    journal = Journal()
    journal.add(
        ev.BookOpened(book="paper", desk="DSK", base_currency="USD", currencies=(USD,), venues=("paper",)),
        ev.EpochBegan(epoch=1, wall=WALL, host="here", pid=1),
        ev.InstrumentDefined(instrument=AAPL),
        ev.CapitalAllocated(strategy="trend", amount=1_000_000_000, who=ANNA, reason="start"),
        ev.DeploymentChanged(strategy="trend", version=7, digest="7f3ac1" + "0" * 58, stage="PAPER"),
    )
    journal.add(ev.SignalRaised(strategy="trend", instrument="AAPL", target=100, reason="up", step=7), submitted())
    journal.add(
        ev.OrderAcknowledged(order_id=ORDER, venue_order_id="V1", report=1, sent=WallTime(2_500_000), time=AT,
                             wall=WallTime(3_500_000)),
        filled("X1", 40, 12_345),
        ev.Marked(instrument="AAPL", twice=24_700, step=8, time=FeedTime(2_000)),
    )  # fmt: skip
    return journal


def test_a_strategy_is_shown_in_human_units(journal: Journal) -> None:
    (row,) = views.strategies(journal.replica())
    assert (row.name, row.version, row.stage, row.enabled, row.state) == (
        "trend",
        "v7 (7f3ac1)",
        "PAPER",
        True,
        "ACTIVE",
    )
    assert (row.orders, row.open, row.fills, row.position) == (1, 1, 1, "AAPL +40")
    assert row.capital == Decimal(100_000)
    assert row.pnl == Decimal("40") * (Decimal("123.50") - Decimal("123.45")) - Decimal("0.5")


def test_a_position_is_shown_at_its_last_mark(journal: Journal) -> None:
    (row,) = views.positions(journal.replica())
    assert (row.quantity, row.average, row.mark) == (Decimal(40), Decimal("123.4500"), Decimal("123.50"))
    assert (row.value, row.unrealised) == (Decimal("4940.0000"), Decimal("2.0000"))


def test_a_disabled_strategy_says_who_and_why(journal: Journal) -> None:
    journal.add(
        ev.TradingStateChanged(
            scope="strategy", name="trend", state=TradingState.HALTED, cause="disable", who=ANNA, reason="too wild"
        )
    )
    (row,) = views.strategies(journal.replica())
    assert (row.enabled, row.why) == (False, "disable (unix:anna: too wild)")


def test_a_strategy_whose_runner_was_given_up_says_so_beside_what_it_holds(journal: Journal) -> None:
    journal.add(ev.RunnerEnded(strategy="trend", cause="raised", detail="ZeroDivisionError\nlong", given_up=True))
    (row,) = views.strategies(journal.replica())
    assert row.enabled, "no person stopped it"
    assert row.why == (
        "its runner was given up (raised: ZeroDivisionError), so nobody looks after what it holds: AAPL +40"
    )


def test_a_doubtful_order_is_shown_as_unknown(journal: Journal) -> None:
    journal.add(ev.OrderDoubted(order_id=ORDER, doubt=Doubt.NEW, cause="line lost", time=AT, wall=WALL))
    (row,) = views.orders(journal.replica())
    assert row.status == "UNKNOWN"


def test_a_limit_shows_its_use_and_its_line(journal: Journal) -> None:
    rows = tuple(
        LimitRow(scope=scope, name=name, limit="max_working_orders", value="20", source="config/limits.yaml:9")
        for scope, name in (("book", ""), ("strategy", "trend"), ("strategy", "quoting"))
    )
    journal.add(ev.LimitsChanged(rows=rows, checksum="x", who=ANNA, reason="start"))
    shown = views.limits(journal.replica())
    assert [(row.used, row.source) for row in shown] == [(use, "config/limits.yaml:9") for use in ("1", "1", "0")]


def test_a_limit_of_positions_shows_the_largest_that_anything_may_come_to(journal: Journal) -> None:
    """40 held and 60 that work."""
    rows = tuple(
        LimitRow(scope=scope, name=name, limit="max_position", value="200", source="config/limits.yaml:9")
        for scope, name in (("book", ""), ("venue", "paper"), ("strategy", "trend"), ("strategy", "quoting"))
    )
    other = LimitRow(scope="venue", name="elsewhere", limit="max_position", value="200", source="config/limits.yaml:9")
    journal.add(ev.LimitsChanged(rows=(*rows, other), checksum="x", who=ANNA, reason="start"))
    shown = views.limits(journal.replica())
    assert [row.used for row in shown] == ["100 AAPL", "100 AAPL", "100 AAPL", "0", "0"]
    assert [share(row) for row in shown] == [0.5, 0.5, 0.5, 0, 0]


def test_the_limits_of_a_whole_book_show_what_the_worst_case_of_what_works_uses(journal: Journal) -> None:
    """40 held and 60 that work, at a mark of 123.50, of a capital of 100,000."""
    names = ("max_gross", "max_net", "max_leverage", "max_capital_use")
    rows = tuple(
        LimitRow(scope=scope, name=name, limit=limit, value="2", source="config/limits.yaml:9")
        for scope, name in (("book", ""), ("strategy", "trend"), ("strategy", "*"))
        for limit in names
    )
    at_venue = LimitRow(scope="venue", name="paper", limit="max_margin", value="2", source="config/limits.yaml:9")
    journal.add(ev.LimitsChanged(rows=(*rows, at_venue), checksum="x", who=ANNA, reason="start"))
    used = [row.used for row in views.limits(journal.replica())]
    assert used[:8] == ["12350.00", "12350.00", "0.124", "0.124"] * 2
    assert used[8:] == ["", "", "", "", "12350.00"]


def test_a_gap_stops_the_replica(journal: Journal) -> None:
    replica = Replica()
    first, _, third = journal.batches
    replica.apply(*first)
    with pytest.raises(JournalError, match="does not follow"):
        replica.apply(*third)


def test_a_stored_replica_goes_on_as_if_it_had_never_stopped(journal: Journal) -> None:
    half = Replica()
    half.apply(*journal.batches[0])
    again = Replica.from_bytes(half.to_bytes())
    assert again is not None
    for batch, digest in journal.batches[1:]:
        again.apply(batch, digest)
    assert again.to_bytes() == journal.replica().to_bytes()


def test_what_another_version_stored_is_not_used() -> None:
    assert Replica.from_bytes(Replica(version=99).to_bytes()) is None
    assert Replica.from_bytes(b"nonsense") is None


def test_a_bust_takes_one_fill_out_also_when_ids_repeat(journal: Journal) -> None:
    journal.add(filled("X1", 10, 12_346))
    journal.add(busted("X1", 40, 12_345))
    history = FillHistory()
    for batch in journal.plain():
        history.hear(batch)
    assert [fill.quantity for fill in history.fills()] == [10]
    assert [fill.quantity for fill in journal.replica().fills] == [10]


def test_an_order_tells_its_whole_story_in_order(journal: Journal) -> None:
    told = story(journal.plain(), ORDER, journal.replica().ledger)
    assert told is not None
    assert [line.what for line in told.lines] == [
        "quote seen", "signal", "intent", "control 2", "journaled", "sent", "acknowledged", "filled",
    ]  # fmt: skip
    details = {line.what: line.detail for line in told.lines}
    assert details["quote seen"] == "123.40 / 123.50, step 6, 0.500 s old, decided at step 7"
    assert details["control 2"] == "order value: 12,345.00 USD, limit 100,000.00 USD"
    assert details["filled"] == "40 at 123.45, taker, fee 0.5000 USD, execution X1"
    assert details["journaled"] == "event 7, epoch 1"


def test_a_later_id_of_a_replace_chain_leads_to_the_same_story(journal: Journal) -> None:
    journal.add(
        ev.ReplaceRequested(
            order_id=ORDER, new_id=NEXT, quantity=90, price=12_300, seen=submitted().seen, checks=(), time=AT, wall=WALL
        ),
        ev.OrderReplaced(order_id=ORDER, new_id=NEXT, quantity=90, price=12_300, report=3, time=AT, wall=WALL),
    )
    assert chain_root(journal.plain(), NEXT) == ORDER
    told = story(journal.plain(), ORDER, journal.replica().ledger)
    assert told is not None
    assert told.ids == (ORDER, NEXT)


def test_an_order_that_nobody_knows_has_no_story(journal: Journal) -> None:
    assert story(journal.plain(), "DSK0000100000009", journal.replica().ledger) is None


def test_a_story_has_a_name_for_every_control_that_leaves_a_check() -> None:
    assert {control.number for control in CONTROLS} - {4} <= TOLD.keys()
