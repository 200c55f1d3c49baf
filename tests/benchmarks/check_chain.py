"""Every control over one entry, in a book of 100 instruments with some hundred working orders."""

from __future__ import annotations

import gc
import random
import time

from tests.benchmarks.report import Result, at_most, percentile
from tests.benchmarks.workshop import VENUE, Workshop
from toolkit.domain.intents import PlaceOrder
from toolkit.domain.orders import OrderClass, OrderType, Side, TimeInForce
from toolkit.domain.time import MonoTime
from toolkit.engine.risk.guard import Guard
from toolkit.engine.risk.proposal import Approved, Proposal

SYMBOLS, STRATEGIES, WORKING, PROPOSALS = 100, 5, 400, 20_000
GOAL = 12.0


def run() -> list[Result]:
    names = [f"strategy{number}" for number in range(STRATEGIES)]
    shop, draw = _traded_book(names), random.Random(7)
    guard = Guard(shop.ledger, shop.engine.view)
    proposals = [_proposal(shop, draw, names, number) for number in range(PROPOSALS)]
    took: list[int] = []
    gc.collect()
    gc.disable()
    for number, proposal in enumerate(proposals):
        began = time.perf_counter_ns()
        answer, _, checks = guard.examine(proposal, MonoTime(shop.time + number * 100_000))
        took.append(time.perf_counter_ns() - began)
        assert isinstance(answer, Approved), answer
        assert len(checks) >= 10, "a control did not look"
    gc.enable()
    return [at_most("check chain p50", percentile(took, 50) / 1000, "µs", GOAL)]


def _traded_book(names: list[str]) -> Workshop:
    """Positions in everything and orders that rest, of several strategies."""
    shop = Workshop(symbols=SYMBOLS, strategies=names, minutes=30)
    for number in range(SYMBOLS * 2 + WORKING):
        resting = number >= SYMBOLS * 2
        shop.answer(
            names[number % STRATEGIES],
            PlaceOrder(
                intent_id=f"prepare.{number}",
                instrument=shop.master[number % SYMBOLS].symbol,
                side=Side.BUY,
                quantity=1 + number % 50,
                order_type=OrderType.LIMIT if resting else OrderType.MARKET,
                price=9_000 + number % 900 if resting else None,
            ),
        )
    assert len(shop.ledger.open_orders()) == WORKING, f"{len(shop.ledger.open_orders())} of {WORKING} orders work"
    return shop


def _proposal(shop: Workshop, draw: random.Random, names: list[str], number: int) -> Proposal:
    limit = draw.random() < 0.5
    return Proposal(
        strategy=draw.choice(names),
        version="v1",
        intent_id=f"propose.{number}",
        instrument=draw.choice(shop.master),
        venue=VENUE,
        side=Side.BUY,
        quantity=draw.randint(51, 10_000),
        order_type=OrderType.LIMIT if limit else OrderType.MARKET,
        price=draw.randint(9_000, 9_900) if limit else None,
        time_in_force=TimeInForce.DAY,
        post_only=False,
        reduce_only=False,
        order_class=OrderClass.ENTRY,
        reason="benchmark",
    )
