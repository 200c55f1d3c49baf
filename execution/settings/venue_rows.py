"""What config/venues.yaml says of control, as rows of the table of limits, and the dead men that are in force."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

import msgspec

from execution.settings.dead_man import DeadManRow
from execution.settings.documents import Document, Place
from execution.settings.venue_file import BreakerRow, BudgetRow, VenuesFile
from toolkit.domain.commands import LimitRow
from toolkit.domain.time import NANOSECONDS
from toolkit.engine.risk import venue_limits
from toolkit.engine.risk.limits import stricter
from toolkit.engine.risk.portfolio_limits import OPEN
from toolkit.engine.router_settings import RouteRule
from toolkit.simulation.paper_settings import DeadMan, Keeper, PaperSettings

Venues = Mapping[str, PaperSettings]
_told = msgspec.json.Decoder(dict[str, DeadMan | None])


def venue_rows(
    document: Document, file: VenuesFile, rules: Sequence[RouteRule], venues: Collection[str]
) -> Iterator[LimitRow]:
    """The rows of the venues of this run, and of what holds for the book; `rules` are those of the router."""
    yield venue_limits.row_of_routes(rules, document.source(("routes",)))
    joins = Decimal(0) if file.aggregation is None else file.aggregation.window_ms / 1_000
    source = document.source(("aggregation",))
    yield LimitRow(scope="book", name="", limit=venue_limits.JOIN_WITHIN, value=f"{joins:f}", source=source)
    for name in venues:
        for place, said in _said(file, name):
            for limit, value in said.items():
                yield LimitRow(scope="venue", name=name, limit=limit, value=value, source=document.source(place))


def dead_men_in_force(venues: Venues, table: Sequence[LimitRow], rows: Sequence[LimitRow]) -> Venues:
    """The venues with the dead men that hold once the engine has taken what the file (`rows`) tightens."""
    if not venue_limits.are_in(table):
        return venues
    held = venue_limits.dead_men(stricter(table, rows))
    return with_dead_men(venues, {
        name: DeadMan(by=Keeper(by), after=int(after * NANOSECONDS), everything=cancels == "all")
        for name, (by, after, cancels) in held.items()
    })  # fmt: skip


def with_dead_men(venues: Venues, dead_men: Mapping[str, DeadMan | None]) -> Venues:
    return MappingProxyType({
        name: msgspec.structs.replace(venue, dead_man=dead_men.get(name)) for name, venue in venues.items()
    })  # fmt: skip


def tell_dead_men(venues: Venues) -> str:
    """The dead men in force as an argument for a process that reads the file by itself."""
    return msgspec.json.encode({name: venue.dead_man for name, venue in venues.items()}).decode()


def told_dead_men(venues: Venues, told: str | None) -> Venues:
    """The venues as whoever started this process said; as they stand in the file where nobody did."""
    return venues if told is None else with_dead_men(venues, _told.decode(told))


def _said(file: VenuesFile, name: str) -> Iterator[tuple[Place, Mapping[str, str]]]:
    if name in file.breakers:
        yield ("breakers", name), _breaker(file.breakers[name])
    if (budget := file.budgets.get(name)) is not None:
        yield ("budgets", name), _budget(name, budget)
    if name in file.venues and (dead_man := file.venues[name].dead_man) is not None:
        yield ("venues", name, "dead_man"), _dead_man(dead_man)


def _breaker(row: BreakerRow | None) -> Mapping[str, str]:
    """`off` is that no number of bad answers opens it."""
    if row is None:
        return dict.fromkeys(venue_limits.COUNTS, OPEN)
    return {
        "breaker_rejects": str(row.rejects),
        "breaker_venue_rejects": str(row.venue_rejects),
        "breaker_late_answers": str(row.late_answers),
        "breaker_within": _seconds(row.within_seconds),
        "breaker_late_after": _seconds(row.late_after_seconds),
        "breaker_open": _seconds(row.open_seconds),
    }


def _budget(name: str, row: BudgetRow) -> Mapping[str, str]:
    return {
        "budget_key": row.key or name,
        "budget_messages": str(row.messages),
        "budget_window": _seconds(row.per_seconds),
        "budget_processes": str(row.processes),
        "budget_reserve": str(row.reserve),
        "budget_share": str(row.share),
        "budget_block": str(row.block),
    }


def _dead_man(row: DeadManRow) -> Mapping[str, str]:
    return {
        "dead_man_by": row.by.value,
        "dead_man_after": _seconds(row.after_seconds),
        "dead_man_cancels": row.cancels,
    }


def _seconds(value: float) -> str:
    return f"{Decimal(str(value)):f}"
