"""Commands that make no sense are refused with their reason in the journal, and change nothing."""

from decimal import Decimal

import pytest

from tests.tools.core_kit import ANNA, START, Core, limit, limits
from toolkit.domain import commands as cm
from toolkit.domain import events as ev

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
        "loosening is refused while running: max_position of book: 100000 → 100001 (config/limits.yaml:12)",
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
