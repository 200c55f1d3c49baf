"""The sentence about the paper venue on a result page: nothing that moves a fill is kept from the reader."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from toolkit.domain.orders import Ability
from toolkit.research.assumptions import research_venue
from toolkit.research.venue_words import describe_venue
from toolkit.simulation.paper_settings import (
    BaseAsset,
    FeeSchedule,
    FeeTier,
    Impact,
    LogNormal,
    NamedAsset,
    OrdinaryDay,
    PaperSettings,
    QueueModel,
    Uniform,
)

FEES = research_venue().fees
# What changes no price, quantity, fee or time of a fill
HABITS = {
    "name", "remainder", "unknown_cancel", "closed_until_opened", "acknowledges_before_fill", "execution_ids",
    "keeps_book_on_restart", "closed_orders_kept", "dead_man",
}  # fmt: skip


def venue(**changes: Any) -> PaperSettings:
    return msgspec.structs.replace(research_venue(), **changes)


def test_the_research_venue() -> None:
    assert describe_venue(research_venue()) == (
        "seed 7, latency 50 ms, of cancels 0 ms, 10 % of the displayed size, 0.2 % rejected, 10 % of fills in part, "
        "resting orders fill when gone through, taker fee 0.5 bp + 0.005 a unit"
    )


CHANGES: dict[str, Any] = {
    "seed": 8,
    "submit_latency": LogNormal(median=20_000_000, p99=150_000_000),
    "cancel_latency": 1_000_000,
    "replace_latency": Uniform(low=0, high=1_000_000),
    "report_latency": 1_000_000,
    "delays_per_million": 1,
    "delay": 1_000_000,
    "rejects_per_million": 0,
    "silences_per_million": 1,
    "partial_fills_per_million": 0,
    "participation_percent": 11,
    "unlimited_size": True,
    "slippage_ticks": 1,
    "half_spread_ticks": 1,
    "impact": Impact(
        coefficient=Decimal(1), days={"IBM": OrdinaryDay(volatility_percent=Decimal(1), volume=Decimal(1))}
    ),
    "quote_touch_fills": True,
    "trade_touch_fills": True,
    "queue": QueueModel(ahead_percent=100, unprinted_traded_percent=0, unseen_touch_per_million=0),
    "supports": (Ability.FOK,),
    "fees": msgspec.structs.replace(FEES, minimum=Decimal(1)),
}


def test_every_choice_but_habits_is_tried_here() -> None:
    assert set(CHANGES) | HABITS == {field.name for field in msgspec.structs.fields(PaperSettings)}


@pytest.mark.parametrize("field", CHANGES)
def test_every_choice_that_moves_a_fill_is_told(field: str) -> None:
    others = {"delays_per_million": 2} if field == "delay" else {}
    assert describe_venue(venue(**others, **{field: CHANGES[field]})) != describe_venue(venue(**others))


@pytest.mark.parametrize(
    "change",
    [
        {"maker_basis_points": Decimal(1)},
        {"taker_basis_points": Decimal(1)},
        {"maker_per_unit": Decimal(1)},
        {"taker_per_unit": Decimal(1)},
        {"minimum": Decimal(1)},
        {"maximum_basis_points": Decimal(0)},
        {"tiers": (FeeTier(from_volume=Decimal(1), maker_basis_points=Decimal(0), taker_basis_points=Decimal(0)),)},
        {"asset": BaseAsset(codes={"BTCUSDT": "BTC"}, quantum=Decimal("0.00000001"))},
        {"asset": NamedAsset(code="BNB", quantum=Decimal("0.00000001"), price=Decimal(600))},
    ],
    ids=lambda change: next(iter(change)),
)
def test_every_fee_is_told(change: dict[str, Any]) -> None:
    assert {field.name for field in msgspec.structs.fields(FeeSchedule)} >= set(change)
    assert describe_venue(venue(fees=msgspec.structs.replace(FEES, **change))) != describe_venue(venue())
