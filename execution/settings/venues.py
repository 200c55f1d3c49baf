"""Translates a venue's row from people's units into the settings of the paper model; it adds no value of its own."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from execution.settings.dead_man import DeadManRow
from execution.settings.feed_file import ExchangeFees
from execution.settings.models import (
    BaseFees,
    LogNormalRow,
    NamedFees,
    PaperFees,
    PaperVenueRow,
    QuoteFees,
    UniformRow,
)
from toolkit.domain.time import NANOSECONDS
from toolkit.simulation.paper_settings import (
    BaseAsset,
    DeadMan,
    FeeSchedule,
    FeeTier,
    Impact,
    Latency,
    LogNormal,
    NamedAsset,
    PaperSettings,
    QueueModel,
    QuoteAsset,
    Uniform,
)

NANOSECONDS_PER_MILLISECOND = 1_000_000
TIMES = frozenset({"submit_latency_ms", "cancel_latency_ms", "replace_latency_ms", "report_latency_ms", "delay_ms"})
TRANSLATED = TIMES | {"kind", "impact", "queue", "fees", "dead_man"}


def paper_settings(name: str, row: PaperVenueRow) -> PaperSettings:
    """The paper model's settings: milliseconds become nanoseconds, everything else is taken as it is.

    ConfigError for choices that contradict each other.
    """
    return PaperSettings(
        name=name,
        submit_latency=_latency(row.submit_latency_ms),
        cancel_latency=_latency(row.cancel_latency_ms),
        replace_latency=_latency(row.replace_latency_ms),
        report_latency=_latency(row.report_latency_ms),
        delay=_nanoseconds(row.delay_ms),
        impact=None if row.impact is None else msgspec.convert(row.impact.model_dump(), Impact),
        queue=None if row.queue is None else QueueModel(**dict(row.queue)),
        fees=_fees(row.fees),
        dead_man=None if row.dead_man is None else _dead_man(row.dead_man),
        **row.model_dump(exclude=set(TRANSLATED)),
    )


def _dead_man(row: DeadManRow) -> DeadMan:
    return DeadMan(by=row.by, after=int(row.after_seconds * NANOSECONDS), everything=row.cancels == "all")


def _latency(row: Decimal | UniformRow | LogNormalRow) -> Latency:
    match row:
        case UniformRow():
            return Uniform(low=_nanoseconds(row.low), high=_nanoseconds(row.high))
        case LogNormalRow():
            return LogNormal(median=_nanoseconds(row.median), p99=_nanoseconds(row.p99))
        case _:
            return _nanoseconds(row)


def exchange_fees(fees: ExchangeFees) -> FeeSchedule:
    """The fee model of an exchange that told its rates: of the value, in the instrument's own currency, no minimum."""
    return FeeSchedule(
        maker_basis_points=fees.maker_basis_points,
        taker_basis_points=fees.taker_basis_points,
        maker_per_unit=Decimal(0),
        taker_per_unit=Decimal(0),
        minimum=None,
        maximum_basis_points=None,
        asset=QuoteAsset(),
        tiers=(),
    )


def _fees(row: PaperFees) -> FeeSchedule:
    tiers = tuple(FeeTier(**dict(tier)) for tier in row.tiers)
    return FeeSchedule(**row.model_dump(exclude={"asset", "tiers"}), asset=_asset(row.asset), tiers=tiers)


def _asset(row: QuoteFees | BaseFees | NamedFees) -> QuoteAsset | BaseAsset | NamedAsset:
    kinds: dict[str, type[QuoteAsset | BaseAsset | NamedAsset]] = {
        "quote": QuoteAsset,
        "base": BaseAsset,
        "named": NamedAsset,
    }
    return msgspec.convert(row.model_dump(exclude={"kind"}) | {"type": row.kind}, kinds[row.kind])


def _nanoseconds(milliseconds: Decimal) -> int:
    return int(milliseconds * NANOSECONDS_PER_MILLISECOND)
