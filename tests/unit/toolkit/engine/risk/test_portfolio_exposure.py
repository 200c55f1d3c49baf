"""Control 11 by what the venue received: gross, net, leverage, capital and margin, of a strategy and over the book."""

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

import pytest

from tests.tools.core_kit import ANNA, Core, limit, limits, without
from tests.tools.venue_kit import stock
from toolkit.domain import commands as cm
from toolkit.domain import events as ev
from toolkit.domain.commands import LimitRow
from toolkit.domain.orders import TradingState
from toolkit.engine.risk.controls import LIMIT_NOT_SET

Act = Callable[[Core], None]
AAPL, MSFT = stock(), stock("MSFT")
BONDED = stock(margin=Decimal("0.25"))


class Case(NamedTuple):
    """What just passes under these limits and what does not. Instruments stand at 100, capitals are 100,000."""

    name: str
    rows: tuple[LimitRow, ...]
    edge: tuple[Act, ...]
    breach: tuple[Act, ...]
    observed: str
    limit: str
    would_pass: str


def buy(quantity: int, symbol: str = "AAPL", strategy: str = "trend", price: int = 9_000) -> Act:
    return lambda core: core.buy(quantity, price, symbol=symbol, strategy=strategy) and None


def sell(quantity: int, symbol: str = "AAPL", strategy: str = "trend", price: int = 11_000) -> Act:
    return lambda core: core.sell(quantity, price, symbol=symbol, strategy=strategy) and None


def allocate(amount: int) -> Act:
    """Another capital of the second strategy."""
    told = cm.AllocateCapital(strategy="quoting", amount=Decimal(amount), who=ANNA, reason="test")
    return lambda core: core.command(told)


def at_stage(stage: str) -> tuple[LimitRow, ...]:
    return limits(limit("max_gross", "1000", "stage", stage))


CASES = (
    Case(
        "gross of a strategy", limits(limit("max_gross", "10000", "strategy", "trend")),
        (buy(60), sell(40, "MSFT")), (buy(60), sell(41, "MSFT")),
        "gross of trend 10,100.00 USD", "10,000.00 USD", "40 would",
    ),
    Case(
        "gross of a stage", at_stage("PAPER"), (buy(10),), (buy(11),),
        "gross of trend 1,100.00 USD", "1,000.00 USD", "10 would",
    ),
    Case(
        "two strategies jointly over the gross of the book", limits(max_gross="10000"),
        (buy(60), buy(40, "MSFT", "quoting")), (buy(60), buy(41, "MSFT", "quoting")),
        "gross of the book 10,100.00 USD", "10,000.00 USD", "40 would",
    ),
    Case(
        "two strategies in one instrument", limits(max_gross="10000"),
        (buy(60), buy(40, strategy="quoting")), (buy(60), buy(41, strategy="quoting")),
        "gross of the book 10,100.00 USD", "10,000.00 USD", "40 would",
    ),
    Case(
        "net of a strategy, where what is sold counts against nothing that may not fill",
        limits(limit("max_net", "5000", "strategy", "trend")),
        (sell(50, "MSFT"), buy(50)), (sell(50, "MSFT"), buy(51)),
        "net of trend 5,100.00 USD", "5,000.00 USD", "50 would",
    ),
    Case(
        "net of the book, short", limits(max_net="5000"),
        (sell(20), sell(30, "MSFT", "quoting")), (sell(20), sell(31, "MSFT", "quoting")),
        "net of the book 5,100.00 USD", "5,000.00 USD", "30 would",
    ),
    Case(
        "leverage of a strategy", limits(limit("max_leverage", "0.1", "strategy", "trend")),
        (buy(100),), (buy(101),),
        "leverage of trend 0.101 of 100,000.00 USD", "0.1 of 100,000.00 USD", "100 would",
    ),
    Case(
        "leverage of the book, on the capital of both", limits(limit("max_leverage", "0.1")),
        (allocate(20_000), buy(100), buy(20, "MSFT", "quoting")),
        (allocate(20_000), buy(100), buy(21, "MSFT", "quoting")),
        "leverage of quoting 0.105 of 20,000.00 USD", "0.1 of 20,000.00 USD", "20 would",
    ),
    Case(
        "capital that margin binds", limits(limit("max_capital_use", "0.01", "strategy", "trend")),
        (buy(10, "MSFT"),), (buy(11, "MSFT"),),
        "capital use of trend 0.011 of 100,000.00 USD", "0.01 of 100,000.00 USD", "10 would",
    ),
    Case(
        "margin at the venue", limits(limit("max_margin", "1000", "venue", "paper")),
        (buy(4, "MSFT"), buy(24, strategy="quoting")), (buy(4, "MSFT"), buy(25, strategy="quoting")),
        "margin of venue paper 1,025.00 USD", "1,000.00 USD", "24 would",
    ),
)  # fmt: skip
every_case = pytest.mark.parametrize("case", CASES, ids=[case.name.replace(" ", "-") for case in CASES])


def desk(case: Case, *off: int) -> Core:
    margins = "margin at" in case.name
    return Core(
        rows=case.rows,
        instruments=(BONDED if margins else AAPL, MSFT),
        strategies=("trend", "quoting"),
        controls=without(*off),
    )


def run(core: Core, acts: tuple[Act, ...]) -> Core:
    for act in acts:
        act(core)
    return core


@pytest.mark.proves(11, "edge")
@every_case
def test_what_is_at_the_edge_reaches_the_venue(case: Case) -> None:
    core = run(desk(case), case.edge)
    assert not core.of(ev.OrderDenied)
    assert core.orders_received()


@pytest.mark.proves(11, "breach")
@every_case
def test_a_breach_stays_here_and_its_refusal_teaches(case: Case) -> None:
    core, unguarded = run(desk(case), case.breach), run(desk(case, 11), case.breach)
    assert not unguarded.of(ev.OrderDenied), "the proof fails when the control is off"
    assert len(core.orders_received()) == len(unguarded.orders_received()) - 1
    denial = core.denial()
    assert (denial.control, denial.observed, denial.limit) == (11, case.observed, case.limit)
    assert denial.source == "config/limits.yaml:12"
    assert denial.would_pass == case.would_pass


@pytest.mark.proves(11, "unset")
@pytest.mark.parametrize("name", ["max_gross", "max_net", "max_leverage", "max_capital_use", "max_margin"])
@pytest.mark.parametrize("off", [(), (4,)], ids=["", "with control 4 off"])
def test_an_unset_limit_denies_and_says_which(name: str, off: tuple[int, ...]) -> None:
    core = Core(rows=limits(**{name: None}), controls=without(*off))
    core.buy(1)
    assert core.orders_received() == []
    assert core.denial().limit == LIMIT_NOT_SET
    assert core.denial().control == (11 if off else 4)
    assert name in core.denial().observed


def test_what_is_held_and_what_works_count_together_and_what_ended_does_not() -> None:
    core = Core(rows=limits(max_gross="10000"), instruments=(AAPL, MSFT))
    core.buy(40)
    resting = core.buy(60, 9_000, symbol="MSFT")
    core.buy(1, 9_000)
    assert core.denial().control == 11
    core.cancel(resting)
    core.buy(60, 9_000)
    assert [order.quantity for order in core.orders_received()] == [40, 60, 60]


def test_a_doubtful_order_counts_until_its_venue_has_spoken() -> None:
    core = Core(rows=limits(max_gross="10000"), instruments=(AAPL, MSFT))
    core.deaf = True
    core.buy(60, 9_000)
    core.deaf = False
    core.wait(6)
    core.buy(41, 9_000, symbol="MSFT")
    assert core.orders_received() == []
    core.prove_absent(core.of(ev.OrderSubmitted)[0].order_id)


def test_a_replace_counts_once() -> None:
    core = Core(rows=limits(max_gross="10000"))
    first = core.buy(60, 9_000)
    core.modify(first, quantity=100)
    core.modify(first, quantity=101)
    assert [request.quantity for request in core.replaces_received()] == [100]


def test_a_position_that_grew_dear_lets_nothing_more_in() -> None:
    core = Core(rows=limits(max_gross="10000"))
    core.buy(90)
    core.quote(12_999, 13_001)
    core.buy(1, 12_000)
    assert len(core.orders_received()) == 1
    assert core.denial().observed == "gross of trend 11,830.00 USD"


def test_a_smaller_part_of_the_capital_may_be_used_at_a_lower_stage() -> None:
    core = Core(rows=limits(limit("max_leverage", "1", "strategy", "trend")))
    portfolio = core.engine._guard.portfolio
    assert portfolio.exposures.capital("trend") == 10_000_000
    deployed = core.ledger.deployments["trend"]
    for stage, amount in (("LIVE_10", 1_000_000), ("LIVE_50", 5_000_000), ("LIVE_100", 10_000_000)):
        changed = ev.DeploymentChanged(strategy="trend", version=1, digest=deployed.digest, stage=stage)
        transaction = core.engine.begin(core.now())
        transaction.emit(changed)
        core.take(core.engine.end(transaction))
        assert portfolio.exposures.capital("trend") == amount


# ---- the way out


def hedged() -> Core:
    """One strategy is long what the other one is short of: the book holds nothing."""
    core = Core(rows=limits(max_gross="1000"), strategies=("trend", "quoting"))
    core.buy(9)
    core.sell(9, strategy="quoting")
    assert (core.held(), core.held("quoting")) == (9, -9)
    core.limit(limits(max_gross="500"))
    return core


def test_an_exit_that_takes_the_book_over_a_limit_passes_alarms_and_lets_it_only_reduce() -> None:
    core = hedged()
    core.buy(9, strategy="quoting")
    assert core.held("quoting") == 0
    assert core.alarms() == ["exposure"]
    assert core.of(ev.Alarmed)[0].detail.startswith("gross of the book 900.00 USD, limit 500.00 USD")
    assert core.ledger.states["book:"] == {"exposure": TradingState.REDUCING}
    core.buy(1, 9_000)
    assert (core.denial().control, core.denial().source) == (24, "book by exposure")
    core.sell(9)
    assert core.held() == 0


def test_without_the_control_nobody_is_told_of_such_an_exit() -> None:
    core = Core(rows=limits(max_gross="500"), strategies=("trend", "quoting"), controls=without(11))
    core.buy(9)
    core.sell(9, strategy="quoting")
    core.buy(9, strategy="quoting")
    assert core.alarms() == []
    assert not core.ledger.states


def test_an_exit_that_shrinks_a_book_over_its_limit_raises_no_alarm() -> None:
    core = Core(rows=limits(max_gross="1000"))
    core.buy(10)
    core.limit(limits(max_gross="500"))
    core.sell(5)
    assert core.held() == 5
    assert core.alarms() == []


def test_the_state_survives_a_restart_and_a_new_session() -> None:
    core = hedged()
    core.buy(9, strategy="quoting")
    restored = type(core.ledger).from_bytes(core.ledger.to_bytes())
    assert restored.states["book:"] == {"exposure": TradingState.REDUCING}


def test_what_has_no_mark_cannot_be_held_against_a_limit() -> None:
    core = Core(trading=False, controls=without(1, 17, 19))
    core.buy(1, 9_000)
    assert core.orders_received() == []
    assert (core.denial().control, core.denial().observed) == (11, "no mark of AAPL")
