"""Several strategies in one book: their sub-accounts add up to the venue's account, whatever moves between them."""

from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.core_kit import ANNA, Core, limit, limits
from tests.tools.venue_kit import SECOND, stock
from toolkit.adapters.codec import encode
from toolkit.domain import commands as cm
from toolkit.domain import events as ev
from toolkit.domain.inbox import PositionChanged
from toolkit.domain.ledger import HOUSE, MANUAL
from toolkit.domain.time import MonoTime
from toolkit.engine.account_desk import split_lots
from toolkit.engine.messages import Looked

BY = {"who": ANNA, "reason": "as agreed"}


def two() -> Core:
    core = Core(strategies=("trend", "other"))
    core.buy(10)
    core.sell(4, strategy="other")
    return core


def refused(core: Core, body: cm.Command) -> str:
    core.command(body)
    return str(core.of(ev.CommandTaken)[-1].refused)


def give(quantity: int | None = None, price: str | None = None, source: str = "trend", to: str = "other") -> cm.Command:
    return cm.TransferPosition(
        source=source, target=to, instrument="AAPL", quantity=None if quantity is None else Decimal(quantity),
        price=None if price is None else Decimal(price), **BY,
    )  # fmt: skip


def assert_sums(core: Core) -> None:
    """Per venue, instrument and asset; and both folds agree."""
    ledger = core.ledger
    symbols = {symbol for held in ledger.positions.values() for symbol in held}
    for symbol in symbols:
        ours = sum(held[symbol].lots for held in ledger.positions.values() if symbol in held)
        assert ours == sum(account.get(symbol, 0) for account in ledger.venue_positions.values()), symbol
    for asset in {asset for held in ledger.cash.values() for asset in held}:
        ours = sum(held.get(asset, 0) for held in ledger.cash.values())
        assert ours == sum(account.get(asset, 0) for account in ledger.venue_cash.values()), asset
    assert core.shadow.digest() == ledger.digest()


def test_two_strategies_in_one_book_keep_their_own_and_add_up() -> None:
    core = two()
    assert (core.held(), core.held("other")) == (10, -4)
    assert core.ledger.venue_positions["paper"] == {"AAPL": 6} == dict(core.venue.state().positions)
    assert_sums(core)


def test_a_position_is_given_at_the_mark_and_the_result_stays_with_who_earned_it() -> None:
    core = two()
    core.quote(10_100, 10_103)  # the mark is on half a tick
    before = {name: core.ledger.pnl(name) for name in ("trend", "other")}
    assert refused(core, give(6)) == ""
    assert (core.held(), core.held("other")) == (4, 2)
    assert {name: core.ledger.pnl(name) for name in ("trend", "other")} == before
    assert sum(held["USD"] for held in core.ledger.cash.values()) == core.ledger.venue_cash["paper"]["USD"]
    assert_sums(core)


def test_a_stated_price_moves_the_result_and_the_sum_is_zero() -> None:
    core = two()
    total = sum(core.ledger.pnl(name) or 0 for name in ("trend", "other"))
    assert refused(core, give(price="90.00")) == ""
    assert core.held() == 0
    assert core.ledger.position("trend", "AAPL").realised == -10 * (10_001 - 9_000)
    assert sum(core.ledger.pnl(name) or 0 for name in ("trend", "other")) == total
    assert_sums(core)


def test_who_runs_a_strategy_is_told_of_its_new_position() -> None:
    core = two()
    core.command(give(6))
    told = {name: [item for item in core.inbox[name] if isinstance(item, PositionChanged)] for name in core.inbox}
    assert [item.position for item in told["trend"]] == [4]
    assert [item.position for item in told["other"]] == [2]


def test_a_transfer_asks_what_the_giver_has_and_what_the_receiver_may_have() -> None:
    core = Core(strategies=("trend", "other"), rows=limits(limit("max_position", "12", "strategy", "other")))
    core.buy(10)
    core.buy(5, strategy="other")
    assert "holds +10 AAPL" in refused(core, give(11))
    assert "max_position is 12" in refused(core, give(8))
    assert "cannot give to itself" in refused(core, give(1, to="trend"))
    assert "unknown sub-account" in refused(core, give(1, to="nobody"))
    assert "a reason is missing" in refused(
        core, cm.TransferCash(source="trend", target="other", asset="USD", amount=Decimal(1), who=ANNA, reason=" ")
    )
    assert refused(core, give(7)) == ""
    assert_sums(core)


def test_a_position_does_not_leave_under_the_exits_that_work_for_it() -> None:
    core = two()
    core.sell(10, 10_500)
    assert "exits of trend work for its AAPL" in refused(core, give(5))


def test_cash_goes_from_one_to_the_other_and_is_no_result() -> None:
    core = two()
    before = {name: core.ledger.pnl(name) for name in ("trend", "other")}
    body = cm.TransferCash(source="trend", target="other", asset="USD", amount=Decimal("12.34"), **BY)
    assert refused(core, body) == ""
    assert {name: core.ledger.pnl(name) for name in ("trend", "other")} == before
    one_sided = cm.MoveCash(kind="transfer", sub_account="trend", asset="USD", amount=Decimal(1), **BY)
    assert "two sides" in refused(core, one_sided)
    assert_sums(core)


def test_a_dividend_is_paid_by_what_each_holds_and_what_rounding_leaves_is_the_house_s() -> None:
    core = two()
    cash = {name: dict(core.ledger.cash[name]) for name in ("trend", "other")}
    body = cm.DistributeCash(
        kind="dividend", instrument="AAPL", asset="USD", per_unit=Decimal("0.333"), amount=Decimal("2.01"), **BY
    )
    assert refused(core, body) == ""
    got = {name: core.ledger.cash[name]["USD"] - cash[name]["USD"] for name in cash}
    assert got == {"trend": 333, "other": -133}
    assert core.ledger.cash[HOUSE]["USD"] == 201 - 200
    assert "is not paid on what is held" in refused(
        core, cm.DistributeCash(kind="gift", instrument="AAPL", asset="USD", per_unit=Decimal(1), amount=None, **BY)
    )
    assert_sums(core)


def test_a_split_changes_lots_and_marks_and_no_result() -> None:
    core = two()
    core.quote(10_100, 10_102)
    before = {name: core.ledger.pnl(name) for name in ("trend", "other")}
    split = cm.SplitInstrument(instrument="AAPL", numerator=2, denominator=1, **BY)
    assert refused(core, split) == ""
    assert (core.held(), core.held("other")) == (20, -8)
    assert core.ledger.venue_positions["paper"]["AAPL"] == 12
    assert {name: core.ledger.pnl(name) for name in ("trend", "other")} == before
    resting = core.buy(1, 10_050)
    assert "orders in AAPL are open" in refused(core, split)
    core.cancel(resting)
    assert_sums(core)


@given(
    held=st.dictionaries(st.sampled_from(["a", "b", "c", HOUSE]), st.integers(-1_000, 1_000), max_size=4),
    numerator=st.integers(1, 30),
    denominator=st.integers(1, 30),
)
def test_a_split_gives_everybody_his_share_to_less_than_a_lot(
    held: dict[str, int], numerator: int, denominator: int
) -> None:
    held = {name: lots for name, lots in held.items() if lots}
    after = dict(split_lots(held, numerator, denominator))
    total = sum(held.values()) * numerator
    assert sum(after.values()) == abs(total) // denominator * (1 if total >= 0 else -1)
    for name, lots in held.items():
        if name != HOUSE:
            assert abs(after[name] * denominator - lots * numerator) < denominator


def test_a_symbol_changes_and_the_position_with_it() -> None:
    core = Core(strategies=("trend",), instruments=(stock(), stock("APPL"), stock("ODD", tick=Decimal("0.05"))))
    core.buy(10)
    before = core.ledger.position("trend", "AAPL")
    assert "differ in tick" in refused(core, cm.ChangeSymbol(old="AAPL", new="ODD", **BY))
    assert refused(core, cm.ChangeSymbol(old="AAPL", new="APPL", **BY)) == ""
    assert core.ledger.position("trend", "APPL") == before
    assert core.held() == 0
    assert core.ledger.venue_positions["paper"] == {"APPL": 10}
    told = [item for item in core.inbox["trend"] if isinstance(item, PositionChanged)]
    assert [(item.instrument, item.position) for item in told] == [("AAPL", 0), ("APPL", 10)]
    assert_sums(core)


@pytest.mark.parametrize("kind", ["deposit", "dividend", "funding", "interest", "borrow", "fee", "adjustment"])
def test_whatever_moves_cash_moves_the_venue_s_account_with_it(kind: str) -> None:
    core = two()
    body = cm.MoveCash(kind=kind, sub_account=MANUAL, asset="USD", amount=Decimal("-3.21"), **BY)
    assert refused(core, body) == ""
    assert_sums(core)


@pytest.mark.parametrize("kind", ["transfer", "adjustment"])
def test_what_moves_a_position_without_a_trade_counts_in_the_exposure_of_the_next_order(kind: str) -> None:
    core = Core(strategies=("trend", "other"), rows=limits(limit("max_gross", "1000", "strategy", "other")))
    core.buy(8)
    core.buy(1, 9_000)
    assert len(core.at_venue()) == 1, "all figures were reckoned for it"
    if kind == "transfer":
        assert refused(core, give(8)) == ""
    else:
        state = msgspec.structs.replace(core.venue.state(), positions=(("AAPL", 16),))
        for second in (0, 6):
            core.do(Looked(state=state, at=MonoTime(core.mono + second * SECOND)))
        adopted = cm.AdoptBreak(venue="paper", kind="position", subject="AAPL", sub_account="other", price=None, **BY)
        assert refused(core, adopted) == ""
    assert core.held("other") == 8
    core.buy(9, 9_000, strategy="other")
    assert core.denial().control == 11, "8 and 9 lots at 100.00 are more than 1,000.00"
    core.buy(2, 9_000, strategy="other")
    assert len(core.at_venue()) == 2


def test_splits_without_end_do_not_grow_beyond_what_the_books_can_hold() -> None:
    """Each alone was small enough, and the next quote made a result of them that no event can carry."""
    core = two()
    for _ in range(4):
        refused(core, cm.SplitInstrument(instrument="AAPL", numerator=1_000, denominator=1, **BY))
    assert "less than half a tick" in core.of(ev.CommandTaken)[-1].refused
    for bid in (9_999, 1_000_000):
        for _ in range(3):
            core.quote(bid, bid + 2)
    for event in core.events:
        encode(event)
    assert_sums(core)


@pytest.mark.parametrize("price", [None, "0.01", "1000000"])
def test_a_position_that_no_book_can_hold_is_not_adopted(price: str | None) -> None:
    core = two()
    state = msgspec.structs.replace(core.venue.state(), positions=(("AAPL", 10**17),))
    for second in (0, 6):
        core.do(Looked(state=state, at=MonoTime(core.mono + second * SECOND)))
    adopted = cm.AdoptBreak(
        venue="paper", kind="position", subject="AAPL", sub_account=HOUSE,
        price=None if price is None else Decimal(price), **BY,
    )  # fmt: skip
    assert "what is wrong with that number?" in refused(core, adopted)
    assert core.held(HOUSE) == 0
