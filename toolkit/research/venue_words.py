"""A paper venue's settings in words, for pages that name what they assume; nothing is left out that moves a fill."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from toolkit.domain.orders import Ability
from toolkit.simulation.paper_settings import (
    BaseAsset,
    FeeSchedule,
    Latency,
    LogNormal,
    NamedAsset,
    PaperSettings,
    QueueModel,
    Uniform,
)

_TEN_THOUSAND: Final = 10_000  # per million to percent


def describe_venue(venue: PaperSettings) -> str:
    """One line: seed, latencies, size, luck, price, queue and fees. What is switched off is not mentioned."""
    return ", ".join((f"seed {venue.seed}", *_time(venue), *_size(venue), *_price(venue), _fees(venue.fees)))


def _time(venue: PaperSettings) -> Iterator[str]:
    yield f"latency {_latency(venue.submit_latency)}"
    if venue.cancel_latency != venue.submit_latency:
        yield f"of cancels {_latency(venue.cancel_latency)}"
    if venue.replace_latency != venue.submit_latency:
        yield f"of replaces {_latency(venue.replace_latency)}"
    if venue.report_latency:
        yield f"of reports {_latency(venue.report_latency)}"
    if venue.delays_per_million:
        yield f"{venue.delays_per_million / _TEN_THOUSAND:g} % of requests {venue.delay / 1e6:g} ms later"


def _size(venue: PaperSettings) -> Iterator[str]:
    yield "any size" if venue.unlimited_size else f"{venue.participation_percent} % of the displayed size"
    yield f"{venue.rejects_per_million / _TEN_THOUSAND:g} % rejected"
    if venue.silences_per_million:
        yield f"{venue.silences_per_million / _TEN_THOUSAND:g} % of requests unanswered"
    if venue.partial_fills_per_million:
        yield f"{venue.partial_fills_per_million / _TEN_THOUSAND:g} % of fills in part"


def _price(venue: PaperSettings) -> Iterator[str]:
    if venue.slippage_ticks:
        yield f"slippage {venue.slippage_ticks} ticks"
    if venue.half_spread_ticks:
        yield f"half a spread of {venue.half_spread_ticks} ticks on bars and prints"
    if venue.impact is not None:
        yield f"impact {venue.impact.coefficient} · volatility · √(size / volume), temporary"
    if venue.queue is not None:
        yield _queue(venue.queue)
    else:
        yield f"resting orders fill {_touch(venue)}"
    if missing := [ability.value for ability in Ability if ability not in venue.supports]:
        yield f"takes no {', '.join(missing)}"


def _queue(queue: QueueModel) -> str:
    return (
        f"queue with {queue.ahead_percent} % of the display ahead, {queue.unprinted_traded_percent} % of what vanishes "
        f"unprinted traded, {queue.unseen_touch_per_million / _TEN_THOUSAND:g} % of unseen touches filled"
    )


def _touch(venue: PaperSettings) -> str:
    match venue.quote_touch_fills, venue.trade_touch_fills:
        case True, True:
            return "when touched"
        case True, False:
            return "when a quote touches, or a print or bar goes through"
        case False, True:
            return "when a print or bar touches, or a quote goes through"
        case _:
            return "when gone through"


def _fees(fees: FeeSchedule) -> str:
    parts = [f"taker fee {fees.taker_basis_points} bp + {fees.taker_per_unit} a unit"]
    if fees.maker_basis_points or fees.maker_per_unit:
        parts.append(f"maker fee {fees.maker_basis_points} bp + {fees.maker_per_unit} a unit")
    if fees.minimum:
        parts.append(f"at least {fees.minimum} an order")
    if fees.maximum_basis_points is not None:
        parts.append(f"at most {_percent(fees.maximum_basis_points)} % of an order's value")
    if fees.tiers:
        parts.append(f"{len(fees.tiers)} tiers by 30 days of volume down to {fees.tiers[-1].taker_basis_points} bp")
    match fees.asset:
        case BaseAsset(codes=codes):
            parts.append(f"in {' or '.join(sorted(set(codes.values())))}")
        case NamedAsset(code=code, price=price):
            parts.append(f"in {code} at {price}")
    return " ".join(parts)


def _percent(basis_points: Decimal) -> str:
    return f"{float(basis_points) / 100:g}"


def _latency(latency: Latency) -> str:
    match latency:
        case Uniform(low=low, high=high):
            return f"{low / 1e6:g} to {high / 1e6:g} ms"
        case LogNormal(median=median, p99=p99):
            return f"lognormal, median {median / 1e6:g} ms and p99 {p99 / 1e6:g} ms"
        case _:
            return f"{latency / 1e6:g} ms"
