"""Commands that make no sense are refused with their reason in the journal, and change nothing."""

from decimal import Decimal

import pytest

from tests.tools.core_kit import ANNA, START, Core, limit, limits
from toolkit.adapters import codec
from toolkit.domain import commands as cm
from toolkit.domain import events as ev
from toolkit.domain.time import WallTime

NAN = Decimal("NaN")
BAD = {
    "throttle of nothing": (cm.SetThrottle(scope="", name="", rate=None, who=ANNA, reason=""), "name a venue"),
    "throttle of the book": (cm.SetThrottle(scope="book", name="x", rate=None, who=ANNA, reason=""), "name a venue"),
    "negative throttle": (
        cm.SetThrottle(scope="venue", name="paper", rate=Decimal(-1), who=ANNA, reason=""),
        "0 or more",
    ),
    "throttle NaN": (cm.SetThrottle(scope="venue", name="paper", rate=NAN, who=ANNA, reason=""), "messages per second"),
    "capital NaN": (cm.AllocateCapital(strategy="trend", amount=NAN, who=ANNA, reason=""), "finite"),
    "negative capital": (cm.AllocateCapital(strategy="trend", amount=Decimal(-1), who=ANNA, reason=""), "0 or more"),
    "half a cent": (cm.AllocateCapital(strategy="trend", amount=Decimal("0.005"), who=ANNA, reason=""), "multiple"),
    "unknown asset": (
        cm.MoveCash(kind="deposit", sub_account="trend", asset="GBP", amount=Decimal(1), who=ANNA, reason=""),
        "unknown currency 'GBP'; known: USD",
    ),
    "unknown kind": (
        cm.MoveCash(kind="gift", sub_account="trend", asset="USD", amount=Decimal(1), who=ANNA, reason=""),
        "unknown kind of cash movement 'gift'; known: adjustment",
    ),
    "limit that is no number": (
        cm.SetLimits(rows=limits(max_position="many"), checksum="x", who=START, reason=""),
        "config/limits.yaml:12: max_position is 'many'; give a number",
    ),
    "limit NaN": (cm.SetLimits(rows=limits(max_position="NaN"), checksum="x", who=START, reason=""), "finite number"),
    "negative limit": (cm.SetLimits(rows=limits(max_position="-1"), checksum="x", who=START, reason=""), "0 or more"),
    "unknown limit": (
        cm.SetLimits(rows=limits(limit("max_positon", "5")), checksum="x", who=START, reason=""),
        "max_positon is no limit; known: max_order_value",
    ),
    "empty list": (cm.SetLimits(rows=limits(permitted=" , "), checksum="x", who=START, reason=""), "is empty"),
    "looser while running": (
        cm.SetLimits(rows=limits(max_position="100001"), checksum="x", who=ANNA, reason=""),
        "where nobody is named to approve it: max_position of book: 100000 → 100001 (config/limits.yaml:12)",
    ),
    "limit of half an order": (
        cm.SetLimits(rows=limits(max_working_orders="0.5"), checksum="x", who=START, reason=""),
        "max_working_orders is 0.5; give a whole number",
    ),
    "half a message per second": (
        cm.SetLimits(rows=limits(message_rate="0.5"), checksum="x", who=START, reason=""),
        "message_rate is 0.5; give a whole number",
    ),
    "unknown strategy": (
        cm.DisableStrategy(strategy="trned", flatten=False, who=ANNA, reason=""),
        "unknown strategy 'trned'; known: trend",
    ),
    "enable of nothing": (cm.EnableStrategy(strategy="trned", who=ANNA, reason=""), "no registered version"),
}


@pytest.mark.parametrize("name", BAD)
def test_it_is_refused_with_its_reason_and_changes_nothing(name: str) -> None:
    body, reason = BAD[name]
    core = Core()
    before = len(core.events)
    core.command(body)
    taken = core.events[before:]
    assert [type(event) for event in taken] == [ev.CommandTaken]
    assert reason in taken[0].refused
    core.buy(1)
    assert core.held() == 1, "and trading goes on"


def test_setting_what_was_not_set_is_loosening_for_what_is_not_set_denies() -> None:
    core = Core(rows=limits(max_order_value=None))
    core.buy(1)
    assert core.denial().control == 4
    before = core.ledger.limits
    core.command(cm.SetLimits(rows=limits(), checksum="x", who=ANNA, reason=""))
    assert "max_order_value of book: not set, which denies → 100000000" in core.of(ev.CommandTaken)[-1].refused
    assert core.ledger.limits == before


def test_a_narrower_row_beside_one_of_the_book_only_tightens() -> None:
    core = Core()
    rows = limits(limit("max_order_quantity", "5", "strategy", "trend"))
    core.command(cm.SetLimits(rows=rows, checksum="x", who=ANNA, reason=""))
    core.buy(6)
    assert core.orders_received() == []


def test_tightening_takes_effect_at_once() -> None:
    core = Core()
    core.command(cm.SetLimits(rows=limits(max_order_quantity="5"), checksum="x", who=ANNA, reason=""))
    core.buy(6)
    assert core.orders_received() == []


def test_a_throttle_is_in_force_at_once_and_after_a_restart_of_the_ledger() -> None:
    core = Core()
    core.command(cm.SetThrottle(scope="strategy", name="trend", rate=Decimal(1), who=ANNA, reason=""))
    core.wait(5)
    core.buy(1)
    core.buy(1)
    assert core.denial().source == "throttle of strategy:trend"
    assert core.shadow.throttles == {"strategy:trend": Decimal(1)}


def test_what_is_in_force_already_leaves_no_second_record() -> None:
    core = Core()
    before = len(core.of(ev.InstrumentDefined)), len(core.of(ev.LimitsChanged)), len(core.of(ev.CapitalAllocated))
    core.command(cm.DefineInstruments(instruments=core.instruments, who=START, reason=""))
    core.command(cm.SetLimits(rows=core.ledger.limits, checksum=core.ledger.limits_checksum, who=START, reason=""))
    core.command(cm.AllocateCapital(strategy="trend", amount=Decimal(100_000), who=START, reason=""))
    assert before == (
        len(core.of(ev.InstrumentDefined)),
        len(core.of(ev.LimitsChanged)),
        len(core.of(ev.CapitalAllocated)),
    )


TOO_MUCH = {
    "capital": (
        cm.AllocateCapital(strategy="trend", amount=Decimal("1e40"), who=ANNA, reason=""),
        "amount of USD is 1E+40; give at most",
    ),
    "capital that Decimal cannot divide": (
        cm.AllocateCapital(strategy="trend", amount=Decimal("1e999999"), who=ANNA, reason=""),
        "give at most",
    ),
    "capital of next to nothing": (
        cm.AllocateCapital(strategy="trend", amount=Decimal("1e-999999"), who=ANNA, reason=""),
        "is not a multiple",
    ),
    "deposit": (
        cm.MoveCash(kind="deposit", sub_account="trend", asset="USD", amount=Decimal("-1e40"), who=ANNA, reason=""),
        "give at most",
    ),
    "throttle": (
        cm.SetThrottle(scope="venue", name="paper", rate=Decimal("1e30"), who=ANNA, reason=""),
        "give 0 or from 0.00001 to 1000000000",
    ),
    "throttle of next to nothing": (
        cm.SetThrottle(scope="venue", name="paper", rate=Decimal("1e-999999"), who=ANNA, reason=""),
        "give 0 or from 0.00001",
    ),
    **{
        f"limit {name}": (
            cm.SetLimits(rows=limits(**{name: value}), checksum="x", who=START, reason=""),
            f"{name} is {value}; give at most",
        )
        for name, value in {
            "max_order_value": "1e30", "max_order_quantity": "1e30", "max_position": "1e20", "message_rate": "1e25",
            "max_working_orders": "1e25", "duplicate_window": "100000000000", "max_quote_age": "1e12",
            "cancel_reserve": "1e25", "fresh_quotes": "1e999999",
        }.items()
    },
    "limit of next to nothing": (
        cm.SetLimits(rows=limits(max_quote_age="1e-999999"), checksum="x", who=START, reason=""),
        "give 0, or at least 1E-18",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TOO_MUCH)
def test_a_number_that_the_books_cannot_hold_is_refused_and_the_refusal_is_journaled(name: str) -> None:
    """A command stays in its stream: one that ends the engine would end it again at each start."""
    body, reason = TOO_MUCH[name]
    core = Core()
    before = len(core.events)
    core.command(body)
    (taken,) = core.events[before:]
    assert isinstance(taken, ev.CommandTaken)
    assert reason in taken.refused
    assert len(taken.refused) < 300
    core.buy(1)
    assert core.held() == 1, "and trading goes on"
    journaled(core)


def test_money_moved_often_stays_within_what_the_books_hold() -> None:
    core = Core()
    deposit = cm.MoveCash(
        kind="deposit", sub_account="house", asset="USD", amount=Decimal("6e13"), who=ANNA, reason="a lot"
    )
    for _ in range(300):
        core.command(deposit)
    assert "house would hold" in core.of(ev.CommandTaken)[-1].refused
    assert core.ledger.cash["house"]["USD"] <= 10**18
    core.ledger.to_bytes()


def test_what_no_event_can_hold_is_refused_before_anything_of_it_is_folded() -> None:
    """Whatever number a later command brings: its events are encoded before the first of them is folded."""
    core = Core()
    before = len(core.events)
    core.command(
        cm.RegisterVersion(
            strategy="new", version=2**70, digest="d", path="p", instruments=("AAPL",), who=ANNA, reason=""
        )
    )
    (taken,) = core.events[before:]
    assert "a number in RegisterVersion is beyond what the books can hold" in taken.refused
    assert "new" not in core.ledger.deployments
    journaled(core)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("max_order_value", "1e30"),
        ("max_order_quantity", "1e30"),
        ("max_position", "1e20"),
        ("message_rate", "1e25"),
        ("duplicate_window", "1e11"),
        ("max_quote_age", "1e12"),
    ],
)
def test_books_in_which_an_older_version_put_a_boundless_limit_trade_again(name: str, value: str) -> None:
    core = Core()
    rows = limits(**{name: value})
    core.ledger.limits = core.shadow.limits = rows
    core.engine._guard.limits_changed()
    core.buy(1)
    assert core.held() == 1
    journaled(core)


@pytest.mark.parametrize("rate", ["1e-999999", "1e999999"])
def test_books_in_which_an_older_version_put_a_boundless_throttle_start_again(rate: str) -> None:
    core = Core()
    core.ledger.throttles["strategy:trend"] = core.shadow.throttles["strategy:trend"] = Decimal(rate)
    core.engine._guard.limits_changed()
    core.buy(1)
    core.buy(2)
    journaled(core)


def journaled(core: Core) -> None:
    """Every event fits into the journal."""
    batch = ev.Batch(
        book="main", schema=codec.SCHEMA, epoch=1, first=1, previous=b"", step=0, wall=WallTime(0),
        events=tuple(core.events),
    )  # fmt: skip
    codec.seal(batch)
