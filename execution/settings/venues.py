"""Translates a venue's row from people's units into the settings of the paper model; it adds no value of its own."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from execution.settings.models import BaseFees, NamedFees, PaperFees, PaperVenueRow, QuoteFees
from toolkit.simulation.paper_settings import BaseAsset, FeeSchedule, NamedAsset, PaperSettings, QuoteAsset

NANOSECONDS_PER_MILLISECOND = 1_000_000
TIMES = frozenset({"submit_latency_ms", "cancel_latency_ms", "replace_latency_ms", "delay_ms"})


def paper_settings(name: str, row: PaperVenueRow) -> PaperSettings:
    """The paper model's settings: milliseconds become nanoseconds, everything else is taken as it is."""
    plain = row.model_dump(exclude={"kind", "fees", *TIMES})
    return PaperSettings(
        name=name,
        submit_latency=_nanoseconds(row.submit_latency_ms),
        cancel_latency=_nanoseconds(row.cancel_latency_ms),
        replace_latency=_nanoseconds(row.replace_latency_ms),
        delay=_nanoseconds(row.delay_ms),
        fees=_fees(row.fees),
        **plain,
    )


def _fees(row: PaperFees) -> FeeSchedule:
    return FeeSchedule(**row.model_dump(exclude={"asset"}), asset=_asset(row.asset))


def _asset(row: QuoteFees | BaseFees | NamedFees) -> QuoteAsset | BaseAsset | NamedAsset:
    kinds: dict[str, type[QuoteAsset | BaseAsset | NamedAsset]] = {
        "quote": QuoteAsset,
        "base": BaseAsset,
        "named": NamedAsset,
    }
    return msgspec.convert(row.model_dump(exclude={"kind"}) | {"type": row.kind}, kinds[row.kind])


def _nanoseconds(milliseconds: Decimal) -> int:
    return int(milliseconds * NANOSECONDS_PER_MILLISECOND)
