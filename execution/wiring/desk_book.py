"""Writes down what a desk trades as one file, so that a notebook can run the very same book; it starts nothing."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from execution.settings import Settings
from execution.settings.models import StrategyRow
from execution.wiring.sample import sample_feed
from toolkit.adapters.records import replace_file
from toolkit.client.home import Home
from toolkit.domain.errors import ConfigError
from toolkit.domain.ledger import Ledger
from toolkit.engine.book import BookSpec, StrategySpec
from toolkit.simulation.book import BOOK_FILE, DeskBook, SampleIdentity, encode_book
from toolkit.simulation.sample_feed import CALENDAR


def write_desk_book(home: Home, settings: Settings, ledger: Ledger) -> Path:
    """`var/<book>/book.msgpack` as of now, replaced at once; returns where it lies."""
    path = home.book(settings.desk.book) / BOOK_FILE
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_file(path, path.with_suffix(".new"), encode_book(desk_book(home, settings, ledger)))
    return path


def desk_book(home: Home, settings: Settings, ledger: Ledger) -> DeskBook:
    """Settings, deployed versions and the limits in force as one value.

    A strategy without a deployed version is no part of it yet. What waits for an approval changes nothing.
    """
    desk = settings.desk
    feed = sample_feed(desk.feed, settings.instruments)
    if len(settings.venues) != 1:
        raise ConfigError(f"config/venues.yaml has {', '.join(sorted(settings.venues))}; a backtest has one venue")
    (venue,) = settings.venues.values()
    spec = BookSpec(
        book=desk.book,
        desk=desk.code,
        base_currency=desk.base_currency,
        currencies=settings.currencies,
        venues=tuple(settings.venues),
        instruments=settings.instruments,
        limits=ledger.limits or settings.limits.rows,
        limits_checksum=ledger.limits_checksum or settings.limits.checksum,
        strategies=tuple(_strategies(home, settings, ledger)),
        first_step=feed.last_step(desk.feed.first_session),
        exchange_rates=settings.exchange_rates,
    )
    identity = SampleIdentity(
        symbols=tuple(one.symbol for one in settings.instruments if one.calendar == CALENDAR),
        seed=desk.feed.seed,
        spread_ticks=desk.feed.spread_ticks,
        path_points=desk.feed.path_points,
        minimum_size=desk.feed.minimum_size,
        maximum_size=desk.feed.maximum_size,
    )
    return DeskBook(spec=spec, venue=venue, feed=identity)


def _capital(settings: Settings, ledger: Ledger, name: str, row: StrategyRow) -> Decimal:
    """What is in force: the file's number may still wait for an approval."""
    amount = ledger.capital.get(name)
    return row.capital if amount is None else amount * settings.base_currency.quantum


def _strategies(home: Home, settings: Settings, ledger: Ledger) -> list[StrategySpec]:
    deployed = ledger.deployments
    return [
        StrategySpec(
            name=name,
            version=deployed[name].version,
            digest=deployed[name].digest,
            path=str(home.registry / name / f"v{deployed[name].version}"),
            instruments=row.instruments,
            capital=_capital(settings, ledger, name, row),
            enabled=row.enabled,
        )
        for name, row in settings.strategies.items()
        if name in deployed
    ]
