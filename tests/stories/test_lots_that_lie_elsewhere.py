"""Whatever a person does with lots that lie at two venues, the books know where each lies, and exits go there."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from tests.tools.core_kit import ANNA
from tests.tools.two_venues import ALPHA, BETA, TwoVenues, rule
from tests.tools.venue_kit import SECOND, stock
from toolkit.domain import commands as cm
from toolkit.domain import events as ev
from toolkit.domain.ledger import HOUSE
from toolkit.domain.time import MonoTime
from toolkit.engine.messages import Looked

BY: dict[str, Any] = {"who": ANNA, "reason": "as agreed"}


def core_with(at_beta: int = 6, at_alpha: int = 4) -> TwoVenues:
    core = TwoVenues(rule(BETA, minimum_quantity=Decimal(at_beta)), strategies=("trend", "other"))
    core.buy(at_beta)
    core.buy(at_alpha)
    return core


def do(core: TwoVenues, body: cm.Command) -> None:
    core.command(body)
    assert core.of(ev.CommandTaken)[-1].refused == ""


def give(core: TwoVenues, quantity: int, source: str = "trend", to: str = "other") -> None:
    do(core, cm.TransferPosition(
        source=source, target=to, instrument="AAPL", quantity=Decimal(quantity), price=None, **BY
    ))  # fmt: skip


def assert_sums(core: TwoVenues) -> None:
    """Where the sub-accounts say that their lots lie is where the venues' accounts have them."""
    ledger, there = core.ledger, {ALPHA: 0, BETA: 0}
    for name, held in ledger.positions.items():
        at_beta = ledger.elsewhere.get(name, {}).get("AAPL", {}).get(BETA, 0)
        there[BETA] += at_beta
        there[ALPHA] += held["AAPL"].lots - at_beta if "AAPL" in held else 0
    assert there == {venue: ledger.venue_positions.get(venue, {}).get("AAPL", 0) for venue in there}
    assert core.shadow.digest() == ledger.digest()


@pytest.mark.parametrize("quantity", [1, 4, 5, 10])
def test_lots_that_are_given_to_another_are_closed_where_they_lie(quantity: int) -> None:
    core = core_with()
    give(core, quantity)
    assert_sums(core)
    for name in ("other", "trend"):
        core.target(0, strategy=name)
    assert core.ledger.venue_positions == {BETA: {"AAPL": 0}, ALPHA: {"AAPL": 0}}
    assert_sums(core)


def test_what_is_adopted_at_another_venue_is_closed_there() -> None:
    core = core_with()
    state = msgspec.structs.replace(core.venue.state(BETA), positions=(("AAPL", 9),))
    for second in (0, 6):
        core.do(Looked(state=state, at=MonoTime(core.mono + second * SECOND)))
    do(core, cm.AdoptBreak(venue=BETA, kind="position", subject="AAPL", sub_account=HOUSE, price=None, **BY))
    assert core.ledger.elsewhere[HOUSE] == {"AAPL": {BETA: 3}}
    assert_sums(core)
    give(core, 3, HOUSE, "other")
    core.target(0, strategy="other")
    assert core.went_to()[-1] == BETA
    assert_sums(core)


def test_a_split_changes_what_lies_at_each_venue() -> None:
    core = core_with()
    give(core, 3)
    do(core, cm.SplitInstrument(instrument="AAPL", numerator=3, denominator=2, **BY))
    assert_sums(core)
    assert core.ledger.venue_positions == {BETA: {"AAPL": 9}, ALPHA: {"AAPL": 6}}


def test_a_new_symbol_is_found_where_the_old_one_lay() -> None:
    core = core_with()
    do(core, cm.DefineInstruments(instruments=(stock("NEWA", venue=ALPHA),), **BY))
    do(core, cm.ChangeSymbol(old="AAPL", new="NEWA", **BY))
    assert core.ledger.elsewhere["trend"] == {"NEWA": {BETA: 6}}
    assert core.shadow.digest() == core.ledger.digest()
