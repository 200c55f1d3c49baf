"""Reads the files of config/ into one frozen `Settings`, checked against each other; it starts nothing."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

import msgspec

from execution.settings.documents import Document, Place, read_document
from execution.settings.feed_file import FeedFile, feed_in_force, symbols_of_feeds
from execution.settings.models import (
    DeskFile,
    InstrumentsFile,
    Limits,
    LimitsFile,
    PaperVenueRow,
    StrategiesFile,
    StrategyRow,
)
from execution.settings.people import PeopleTable, read_people
from execution.settings.problems import nearest, problem, validate
from execution.settings.routes import budget_plans, route_rules, router_settings
from execution.settings.venue_file import VenuesFile
from execution.settings.venue_rows import venue_rows
from execution.settings.venues import exchange_fees, paper_settings
from toolkit.domain.commands import LimitRow
from toolkit.domain.errors import ConfigError, DomainError
from toolkit.domain.instruments import Currency, Instrument, describe
from toolkit.domain.money import to_quanta
from toolkit.domain.people import RESERVED
from toolkit.domain.rate_budget import BudgetPlan
from toolkit.engine.messages import Valuation
from toolkit.engine.risk.limits import STAGES, problem_with
from toolkit.engine.router_settings import RouterSettings, RouteRule
from toolkit.simulation.fees import fee_assets
from toolkit.simulation.impact import impact_curve
from toolkit.simulation.paper_settings import BaseAsset, NamedAsset, PaperSettings

SECTIONS = {
    "venues": "venue",
    "accounts": "account",
    "strategies": "strategy",
    "instruments": "instrument",
    "stages": "stage",
}


@dataclass(frozen=True, kw_only=True)
class LimitTable:
    """The limits of config/limits.yaml and what config/venues.yaml says of control, as the engine takes them; the
    checksum is of both."""

    rows: tuple[LimitRow, ...]
    checksum: str


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that people wrote about one desk, read at one moment."""

    home: Path
    desk: DeskFile
    currencies: tuple[Currency, ...]
    instruments: tuple[Instrument, ...]
    limits: LimitTable
    strategies: Mapping[str, StrategyRow]
    venues: Mapping[str, PaperSettings]
    router: RouterSettings
    budgets: Mapping[str, BudgetPlan]
    people: PeopleTable
    exchange_rates: tuple[Valuation, ...] = ()
    feed: FeedFile | None = None
    """The feed of this run where it is another than config/desk.yaml's; `desk` then says what that changes."""
    left_out: tuple[str, ...] = ()
    """The strategies of config/strategies.yaml that wait for a run on another feed."""

    @property
    def base_currency(self) -> Currency:
        """The currency that the book is kept in."""
        return next(currency for currency in self.currencies if currency.code == self.desk.base_currency)

    def traded_at(self, venue: str) -> tuple[Instrument, ...]:
        """The instruments whose own venue this is, and those that a rule of the router may send there."""
        return _traded_at(self.instruments, self.router.rules, venue)

    def instrument(self, symbol: str) -> Instrument:
        """The instrument of a symbol that strategies.yaml may name; KeyError for another."""
        return {instrument.symbol: instrument for instrument in self.instruments}[symbol]


def read_settings(home: Path) -> Settings:
    """Read and check all files. ConfigError lists the problems of the first file that has any, a line each."""
    document = _read(home, "desk")
    desk = validate(document, DeskFile)
    venues = read_venues(home)
    currencies, instruments = read_instruments(home, venues)
    codes = {currency.code for currency in currencies}
    if desk.base_currency not in codes:
        wrong = f"is {desk.base_currency!r}, not in config/instruments.yaml; {nearest(desk.base_currency, codes)}"
        raise problem(document, ("base_currency",), wrong)
    feed = feed_in_force(home)
    if feed is not None:
        desk, venues = _on_feed(desk, venues, feed)
        currencies, instruments = traded_on(feed)
    router = _read_router(home, instruments, venues)
    for name, venue in venues.items():
        traded = _traded_at(instruments, router.rules, name)
        rows = _read(home, "venues")
        _check_impact(rows, name, venue, traded)
        _check_fees(rows, name, venue, currencies, traded, desk.base_currency)
    rates = () if feed is not None else read_exchange_rates(home, desk.base_currency)
    strategies = read_strategies(home, instruments)
    _check_capital(home, strategies, next(each for each in currencies if each.code == desk.base_currency))
    return Settings(
        home=home,
        desk=desk,
        currencies=currencies,
        instruments=instruments,
        limits=read_limits(home, instruments, strategies, venues),
        strategies=strategies,
        venues=venues,
        router=router,
        budgets=_read_budgets(home, venues),
        people=read_people(home),
        exchange_rates=rates,
        feed=feed,
        left_out=_left_out(home, strategies),
    )


def _read_budgets(home: Path, venues: Collection[str]) -> Mapping[str, BudgetPlan]:
    document = _read(home, "venues")
    return budget_plans(document, validate(document, VenuesFile), venues)


def _read_router(
    home: Path, instruments: tuple[Instrument, ...], venues: Mapping[str, PaperSettings]
) -> RouterSettings:
    """What the router is told; what a rule names must exist, in this run or in another."""
    known = {
        "instruments": {instrument.symbol for instrument in instruments} | _other_instruments(home),
        "strategies": _elsewhere(home, "strategies"),
    }
    document = _read(home, "venues")
    return router_settings(document, validate(document, VenuesFile), known, venues)


def _traded_at(
    instruments: tuple[Instrument, ...], routes: tuple[RouteRule, ...], venue: str
) -> tuple[Instrument, ...]:
    rules = [rule for rule in routes if venue in rule.venues]
    return tuple(
        instrument
        for instrument in instruments
        if instrument.venue == venue
        or any(not rule.instruments or instrument.symbol in rule.instruments for rule in rules)
    )


def _on_feed(
    desk: DeskFile, venues: Mapping[str, PaperSettings], feed: FeedFile
) -> tuple[DeskFile, Mapping[str, PaperSettings]]:
    """The desk on a feed of its own: another book, its currency, its one venue with the exchange's fees."""
    if feed.venue not in venues:
        raise ConfigError(f"feed {feed.spec}: config/venues.yaml has no {feed.venue!r}; `execution up --feed` anew")
    venue = venues[feed.venue]
    if feed.fees is not None:
        venue = msgspec.structs.replace(venue, fees=exchange_fees(feed.fees))
    changed = desk.model_copy(update={
        "book": feed.book,
        "base_currency": feed.base_currency,
        "feed": desk.feed.model_copy(update={"mode": feed.mode}),
    })  # fmt: skip
    return changed, MappingProxyType({feed.venue: venue})


def traded_on(feed: FeedFile) -> tuple[tuple[Currency, ...], tuple[Instrument, ...]]:
    """The currencies and instruments of a feed."""
    currencies = {code: Currency(code=code, quantum=row.quantum) for code, row in feed.currencies.items()}
    instruments = (
        describe(symbol=symbol, **{**dict(row), "currency": currencies[row.currency]})
        for symbol, row in feed.instruments.items()
    )
    return tuple(currencies.values()), tuple(instruments)


def read_venues(home: Path) -> Mapping[str, PaperSettings]:
    """config/venues.yaml as the settings that the paper model takes."""
    document = _read(home, "venues")
    file = validate(document, VenuesFile)
    return MappingProxyType({name: _paper_settings(document, name, row) for name, row in file.venues.items()})


def read_instruments(home: Path, venues: Collection[str]) -> tuple[tuple[Currency, ...], tuple[Instrument, ...]]:
    """config/instruments.yaml as currencies and instruments; every venue that it names must exist."""
    document = _read(home, "instruments")
    file = validate(document, InstrumentsFile)
    currencies = {code: Currency(code=code, quantum=row.quantum) for code, row in file.currencies.items()}
    for symbol, row in file.instruments.items():
        if row.venue not in venues:
            place = ("instruments", symbol, "venue")
            raise problem(document, place, f"is {row.venue!r}, not in config/venues.yaml; {nearest(row.venue, venues)}")
    return tuple(currencies.values()), tuple(_instruments(document, file, currencies))


def read_exchange_rates(home: Path, base: str) -> tuple[Valuation, ...]:
    """How other currencies are valued: by an instrument priced in the base currency or in them, or by a number."""
    document = _read(home, "instruments")
    file = validate(document, InstrumentsFile)
    rates = []
    for code, row in file.currencies.items():
        place = ("currencies", code, "valued_by")
        if row.valued_by is not None:
            found = file.instruments.get(row.valued_by)
            if found is None:
                known = nearest(row.valued_by, file.instruments)
                raise problem(document, place, f"is {row.valued_by!r}, which is no instrument here; {known}")
            if found.currency not in (base, code):
                wrong = (
                    f"is {row.valued_by}, priced in {found.currency}; give one that is priced in {base} or in {code}"
                )
                raise problem(document, place, wrong)
        if code != base and (row.valued_by is not None or row.price is not None):
            rates.append(Valuation(asset=code, instrument=row.valued_by or "", price=row.price))
    return tuple(rates)


def read_strategies(home: Path, instruments: tuple[Instrument, ...]) -> Mapping[str, StrategyRow]:
    """The rows of config/strategies.yaml that trade these instruments alone, which are those of this run.

    Others must be in config/instruments.yaml, or on a feed that ran before: their strategies wait for a run on it.
    """
    document = _read(home, "strategies")
    file = validate(document, StrategiesFile)
    traded = {instrument.symbol for instrument in instruments}
    known = traded | _other_instruments(home)
    for name, row in file.strategies.items():
        if name in RESERVED:
            raise problem(document, ("strategies", name), "is a name of the desk's own processes; choose another")
        for index, symbol in enumerate(row.instruments):
            if symbol not in known:
                place = ("strategies", name, "instruments", index)
                raise problem(
                    document, place, f"is {symbol!r}, not in config/instruments.yaml; {nearest(symbol, known)}"
                )
    return MappingProxyType({name: row for name, row in file.strategies.items() if traded.issuperset(row.instruments)})


def _left_out(home: Path, strategies: Collection[str]) -> tuple[str, ...]:
    file = validate(_read(home, "strategies"), StrategiesFile)
    return tuple(name for name in file.strategies if name not in strategies)


def read_limits(
    home: Path, instruments: tuple[Instrument, ...], strategies: Collection[str], venues: Collection[str]
) -> LimitTable:
    """config/limits.yaml and the controlling part of config/venues.yaml as rows with their file and line.

    What they name must exist, in this run or in another. Rows about what is not in this run are left out.
    """
    document = _read(home, "limits")
    file = validate(document, LimitsFile)
    symbols = {instrument.symbol for instrument in instruments}
    here = {"strategies": set(strategies), "instruments": symbols, "venues": set(venues), "accounts": set(venues)}
    left: set[str] = set()
    for section, names in here.items():
        written: Mapping[str, Limits] = getattr(file, section)
        if elsewhere := set(written) - names:
            _check_names(document, section, written, names | _elsewhere(home, section))
            left |= elsewhere
    _check_stages(document, file)
    rows = tuple(_meaningful(_rows(document, file)))
    rows = tuple(row for row in rows if row.scope in ("book", "stage") or row.name not in left)
    of_venues = _read_venue_rows(home, instruments, venues)
    words = f"{document.checksum} without {' '.join(sorted(left))} and {of_venues}"
    return LimitTable(rows=(*rows, *of_venues), checksum=hashlib.sha256(words.encode()).hexdigest())


def _read_venue_rows(home: Path, instruments: tuple[Instrument, ...], venues: Collection[str]) -> tuple[LimitRow, ...]:
    """What of config/venues.yaml decides what may be sent, of the venues of this run."""
    document = _read(home, "venues")
    file = validate(document, VenuesFile)
    known = {
        "instruments": {instrument.symbol for instrument in instruments} | _other_instruments(home),
        "strategies": _elsewhere(home, "strategies"),
    }
    budget_plans(document, file, venues)
    return tuple(venue_rows(document, file, route_rules(document, file, known, venues), venues))


def _elsewhere(home: Path, section: str) -> set[str]:
    """What other runs of this desk know."""
    match section:
        case "strategies":
            return set(validate(_read(home, "strategies"), StrategiesFile).strategies)
        case "instruments":
            return _other_instruments(home)
        case _:
            return set(read_venues(home))


def _other_instruments(home: Path) -> set[str]:
    """What config/instruments.yaml and the feeds of earlier runs know."""
    file = validate(_read(home, "instruments"), InstrumentsFile)
    return {*file.instruments, *symbols_of_feeds(home)}


def _read(home: Path, name: str) -> Document:
    return read_document(home / "config" / f"{name}.yaml", f"config/{name}.yaml")


def _instruments(document: Document, file: InstrumentsFile, currencies: Mapping[str, Currency]) -> Iterator[Instrument]:
    for symbol, row in file.instruments.items():
        place = ("instruments", symbol)
        if row.currency not in currencies:
            raise problem(document, (*place, "currency"), f"is {row.currency!r}; {nearest(row.currency, currencies)}")
        if row.maximum is not None and row.maximum < row.minimum:
            raise problem(document, (*place, "maximum"), f"is {row.maximum}, below the minimum {row.minimum}; raise it")
        try:
            yield describe(symbol=symbol, **{**dict(row), "currency": currencies[row.currency]})
        except ConfigError as wrong:
            raise ConfigError(f"{document.source(place)}: {wrong}") from None


def _paper_settings(document: Document, name: str, row: PaperVenueRow) -> PaperSettings:
    try:
        return paper_settings(name, row)
    except ConfigError as wrong:
        raise ConfigError(f"{document.source(('venues', name))}: {wrong}") from None


def _check_impact(document: Document, venue: str, settings: PaperSettings, traded: tuple[Instrument, ...]) -> None:
    """Whoever lets size cost something says of every instrument there what an ordinary day is."""
    if settings.impact is None:
        return
    for instrument in traded:
        try:
            impact_curve(settings.impact, instrument)
        except ConfigError as wrong:
            raise ConfigError(f"{document.source(('venues', venue, 'impact'))}: {wrong}") from None


def _check_fees(
    document: Document, venue: str, settings: PaperSettings, currencies: tuple[Currency, ...],
    traded: tuple[Instrument, ...], base: str,
) -> None:  # fmt: skip
    """Fees in kind need books that know the asset in the same quanta, and a way to value it."""
    place = ("venues", venue, "fees", "asset")
    quanta = {currency.code: currency.quantum for currency in currencies}
    for asset in fee_assets(settings.fees):
        if quanta.get(asset.code) != asset.quantum:
            line = f"{asset.code}: {{quantum: {asset.quantum:f}}}"
            raise problem(document, place, f"charges {asset.code}; add {line} to currencies of config/instruments.yaml")
    if isinstance(settings.fees.asset, BaseAsset):
        missing = sorted({one.symbol for one in traded} - set(settings.fees.asset.codes))
        if missing:
            raise problem(document, place, f"has no code for {', '.join(missing)}; add what they trade to codes")
    if isinstance(settings.fees.asset, NamedAsset) and any(one.currency != base for one in traded):
        raise problem(document, place, f"has one price for all, so every instrument there must be in {base}")


def _check_capital(home: Path, strategies: Mapping[str, StrategyRow], base: Currency) -> None:
    """Capital is kept in quanta of the base currency, which another file sets."""
    for name, row in strategies.items():
        try:
            to_quanta(row.capital, base.quantum, f"capital in {base.code}")
        except DomainError as wrong:
            source = _read(home, "strategies").source(("strategies", name, "capital"))
            raise ConfigError(f"{source}: {name}: {wrong}") from None


def _check_stages(document: Document, file: LimitsFile) -> None:
    for name in file.stages:
        if name not in STAGES:
            raise problem(document, ("stages", name), f"is no stage of a deployment; {nearest(name, STAGES)}")


def _meaningful(rows: Iterator[LimitRow]) -> Iterator[LimitRow]:
    for row in rows:
        if wrong := problem_with(row):
            raise ConfigError(wrong)
        yield row


def _check_names(document: Document, section: str, named: Mapping[str, Limits], known: set[str]) -> None:
    for name in named:
        if name not in known:
            file = "venues" if section == "accounts" else section
            raise problem(document, (section, name), f"is not in config/{file}.yaml; {nearest(name, known)}")


def _rows(document: Document, file: LimitsFile) -> Iterator[LimitRow]:
    yield from _scope_rows(document, ("book",), "book", "", file.book)
    for section, scope in SECTIONS.items():
        for name, limits in getattr(file, section).items():
            yield from _scope_rows(document, (section, name), scope, name, limits)


def _scope_rows(document: Document, place: Place, scope: str, name: str, limits: Limits) -> Iterator[LimitRow]:
    for limit in Limits.model_fields:
        value = getattr(limits, limit)
        if value is not None:
            source = document.source((*place, limit))
            yield LimitRow(scope=scope, name=name, limit=limit, value=_text(value), source=source)


def _text(value: object) -> str:
    if isinstance(value, tuple):
        return ",".join(value)
    return f"{value:f}" if isinstance(value, Decimal) else str(value)
