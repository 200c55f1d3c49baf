"""`tk.backtest`: a strategy, several, or a desk's book over numbered steps, on the desk's own schedule and engine."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import partial
from hashlib import sha256
from itertools import islice, takewhile
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, TypeVar

import msgspec

from toolkit.domain.errors import ConfigError
from toolkit.domain.instruments import Currency, Instrument
from toolkit.domain.market import Step
from toolkit.engine.book import BookSpec, StrategySpec
from toolkit.engine.strategy import Strategy
from toolkit.engine.strategy_parameters import nearest, parameter_values
from toolkit.engine.strategy_runner import StrategyContainer
from toolkit.research import data as market_data
from toolkit.research.assumptions import RESEARCH_LIMITS, RESEARCH_VENUE, research_limits, research_venue
from toolkit.research.data import FeedData
from toolkit.research.recording import Recording
from toolkit.research.result import BacktestResult
from toolkit.research.setting import Setting, Traded
from toolkit.research.strategy_source import strategy_name
from toolkit.simulation.backtest import Backtest
from toolkit.simulation.book import DeskBook
from toolkit.simulation.fees import fee_assets
from toolkit.simulation.matching import PaperVenue
from toolkit.simulation.paper_settings import PaperSettings
from toolkit.simulation.sample_feed import LABEL, SampleFeed

if TYPE_CHECKING:
    from toolkit.client.registry import Loaded

__all__ = ["backtest"]

StrategyClass = type[Strategy]
Container = TypeVar("Container", bound=StrategyContainer)


def backtest(
    book: StrategyClass | Sequence[StrategyClass] | DeskBook,
    data: FeedData | None = None,
    *,
    parameters: Mapping[str, object] | None = None,
    capital: float | Decimal | Mapping[str, float] = 100_000,
    sessions: int | None = None,
    last_step: int | None = None,
    limits: Mapping[str, object] | None = None,
    venue: PaperSettings | None = None,
) -> BacktestResult:
    """Run what a desk would run, in this process, and return everything that happened.

    `book` is a strategy class, several of them (in one book, each with its own sub-account), or a desk's book
    (`tk.connect().book()`), which brings its own limits, capital, venue and feed: then the result is the desk's own,
    to the cent, up to the same step. Order of decisions, matching, controls and books are the desk's in any case.

    `data` are numbered steps, `tk.data.sample()` without it. `sessions` takes so many sessions of the sample,
    `last_step` ends with the step of that number. `parameters` override the class's: for one class `{"fast": 10}`, for
    several `{"trend": {"fast": 10}}`. `capital` in the base currency, one number for each strategy or by name.
    `limits` tightens the research limits that a backtest runs under (`{"max_position": 500}`); `venue` replaces the
    research venue: what it simulates stands line by line in `PaperSettings`, and in words on the result's page. What a
    strategy raises goes through unchanged. ConfigError names what does not fit.
    """
    if isinstance(book, DeskBook):
        _refuse_beside_book(data=data, parameters=parameters, limits=limits, venue=venue)
        setting, classes = _desk_setting(book, sessions, last_step)
    else:
        setting, classes = research_setting(book, data, parameters, capital, sessions, limits, venue)
    return run(setting, classes, last_step)


def run(setting: Setting, classes: Mapping[str, StrategyClass], last_step: int | None = None) -> BacktestResult:
    """Carry a setting out: the steps up to the book's first one warm everybody up, the others trade."""
    steps = _until(iter(setting.data), last_step)
    history = list(islice(steps, setting.spec.first_step))
    containers = {
        one.name: make_container(StrategyContainer, setting, one, classes[one.name]) for one in setting.strategies
    }
    recording = Recording(tuple(containers))
    paper = PaperVenue(setting.venue, setting.spec.instruments)
    test = Backtest(setting.spec, paper, containers, recording.record, recording.after_step, history)
    begun = perf_counter()
    ledger = test.run(steps)
    if not recording.steps:
        raise ConfigError(f"no step to trade on: {setting.data!r}; take more sessions, or a later last_step")
    return BacktestResult(setting, recording, ledger, perf_counter() - begun)


# ---- a strategy of a notebook


def research_setting(
    book: StrategyClass | Sequence[StrategyClass], data: FeedData | None, parameters: Mapping[str, object] | None,
    capital: float | Decimal | Mapping[str, float], sessions: int | None, limits: Mapping[str, object] | None,
    venue: PaperSettings | None,
) -> tuple[Setting, dict[str, StrategyClass]]:  # fmt: skip
    """The book of a backtest of classes, every assumption filled in, and each class by its strategy's name."""
    classes = _by_name(book)
    data = _data(data, sessions)
    currency = _currency(data.instruments)
    assumed = RESEARCH_VENUE if venue is None else f"venue {venue.name!r} as given"
    venue = venue or research_venue(data.instruments[0].venue)
    amounts = _by_strategy(capital, classes)
    given = _parameters(book, classes, parameters)
    rows = research_limits(limits)
    strategies = tuple(
        Traded(
            name=name,
            version="",
            capital=_money(f"capital of {name}", amounts[name], currency),
            instruments=_instruments(strategy, data),
            parameters=given[name],
            values=parameter_values(strategy, given[name]),
        )
        for name, strategy in classes.items()
    )
    spec = BookSpec(
        book="research", desk="RES", base_currency=currency.code, currencies=_currencies(currency, venue),
        venues=tuple(sorted({one.venue for one in data.instruments})), instruments=data.instruments, limits=rows,
        limits_checksum=sha256(msgspec.msgpack.encode(rows)).hexdigest(),
        strategies=tuple(
            StrategySpec(
                name=one.name, version=1, digest="", path="", instruments=one.instruments, capital=one.capital,
                enabled=True,
            )
            for one in strategies
        ),
    )  # fmt: skip
    if len(spec.venues) != 1:
        raise ConfigError(f"the data trades at {', '.join(spec.venues)}; a backtest has one venue")
    setting = Setting(
        title=" + ".join(strategy.__name__ for strategy in classes.values()), spec=spec,
        venue=venue, data=data, strategies=strategies,
        limits_name=RESEARCH_LIMITS + (" with changes" if limits else ""),
        venue_name=assumed,
    )  # fmt: skip
    return setting, classes


def _by_name(book: StrategyClass | Sequence[StrategyClass]) -> dict[str, StrategyClass]:
    listed: list[object] = list(book) if isinstance(book, list | tuple) else [book]
    if not listed:
        raise ConfigError("no strategy given; give a class, several, or a desk's book")
    classes: dict[str, StrategyClass] = {}
    for one in listed:
        if not (isinstance(one, type) and issubclass(one, Strategy)):
            raise ConfigError(f"{one!r} is no strategy class; derive one from tk.Strategy and give the class itself")
        name = strategy_name(one)
        if name in classes:
            raise ConfigError(f"two strategies would be called {name!r}; rename one of the classes")
        classes[name] = one
    return dict(sorted(classes.items()))


def _data(data: FeedData | None, sessions: int | None) -> FeedData:
    if data is None:
        return market_data.sample(sessions)
    if not isinstance(data, FeedData):
        raise ConfigError(f"data is {type(data).__name__}; give tk.data.sample(…) or a FeedData of your own steps")
    if sessions is not None:
        raise ConfigError("sessions belongs to the sample; cut your data where you make it, or give last_step")
    return data


def _currency(instruments: Sequence[Instrument]) -> Currency:
    found = {Currency(code=one.currency, quantum=one.currency_quantum) for one in instruments}
    if len(found) != 1:
        codes = ", ".join(sorted(one.code for one in found)) or "no currency"
        raise ConfigError(f"the data is in {codes}; a backtest of a class needs instruments of one currency")
    return found.pop()


def _currencies(currency: Currency, venue: PaperSettings) -> tuple[Currency, ...]:
    """The data's currency and the assets that fees are charged in."""
    return (currency, *(asset for asset in fee_assets(venue.fees) if asset.code != currency.code))


def _instruments(strategy: StrategyClass, data: FeedData) -> tuple[str, ...]:
    """What the class declares, else everything in the data."""
    declared = tuple(strategy.instruments) or tuple(one.symbol for one in data.instruments)
    return tuple(data.instrument(symbol).symbol for symbol in declared)


def _parameters(
    book: object, classes: Mapping[str, StrategyClass], parameters: Mapping[str, object] | None
) -> dict[str, Mapping[str, object]]:
    given = parameters or {}
    if isinstance(book, type):
        return dict.fromkeys(classes, given)
    for name, values in given.items():
        _check_known(name, classes, "parameters")
        if not isinstance(values, Mapping):
            raise ConfigError(f"parameters of {name}: give a mapping, {{{name!r}: {{'fast': 10}}}}")
    return {name: values for name in classes if isinstance(values := given.get(name, {}), Mapping)}


def _by_strategy(
    capital: float | Decimal | Mapping[str, float], classes: Mapping[str, StrategyClass]
) -> dict[str, float | Decimal]:
    if not isinstance(capital, Mapping):
        return dict.fromkeys(classes, capital)
    for name in capital:
        _check_known(name, classes, "capital")
    missing = [name for name in classes if name not in capital]
    if missing:
        raise ConfigError(f"capital of {', '.join(missing)} is missing")
    return dict(capital)


def _check_known(name: str, classes: Mapping[str, StrategyClass], what: str) -> None:
    if name not in classes:
        raise ConfigError(f"{what}: there is no strategy {name!r}{nearest(name, classes)}")


def _money(what: str, amount: float | Decimal, currency: Currency) -> Decimal:
    try:
        exact = Decimal(str(amount))
    except InvalidOperation:
        raise ConfigError(f"{what} is {amount!r}; give a number of {currency.code}") from None
    if not exact.is_finite() or exact < 0 or exact % currency.quantum:
        raise ConfigError(f"{what} is {amount!r}; give a number from 0 on, a multiple of {currency.quantum}")
    return exact


# ---- a desk's book


def _desk_setting(
    book: DeskBook, sessions: int | None, last_step: int | None
) -> tuple[Setting, dict[str, StrategyClass]]:
    loaded = _load(book)
    strategies = tuple(
        Traded(
            name=one.name,
            version=f"v{one.version}",
            capital=one.capital,
            instruments=loaded[one.name].manifest.instruments,
            parameters=loaded[one.name].manifest.parameters,
            values=parameter_values(loaded[one.name].strategy_class, loaded[one.name].manifest.parameters),
        )
        for one in sorted(book.spec.strategies, key=lambda one: one.name)
        if one.enabled
    )
    setting = Setting(
        title=f"Book {book.spec.book} of desk {book.spec.desk}", spec=book.spec, venue=book.venue,
        data=_desk_data(book, sessions, last_step), strategies=strategies, limits_name="the desk's limits",
        venue_name=f"the desk's venue {book.venue.name!r}",
    )  # fmt: skip
    return setting, {name: version.strategy_class for name, version in loaded.items()}


def _desk_data(book: DeskBook, sessions: int | None, last_step: int | None) -> FeedData:
    feed = book.feed.open()
    if sessions is not None and sessions < 1:
        raise ConfigError(f"sessions is {sessions}; give 1 or more, counted from the beginning of the desk's feed")
    count = sessions or len(feed.bars.days)
    if last_step is not None:
        count = max(count, -(-last_step // feed.steps_per_session))
    instruments = tuple(book.instrument(symbol) for symbol in feed.symbols)
    return FeedData(partial(_sessions, feed, count), instruments, title=f"Feed of desk {book.spec.desk}", label=LABEL)


def _load(book: DeskBook) -> dict[str, Loaded]:
    """Every strategy from its registered version, verified against its digest as a runner does."""
    from toolkit.client.registry import load_version  # late: a class of a notebook needs no registry

    return {one.name: load_version(Path(one.path), one.digest) for one in book.spec.strategies if one.enabled}


def _refuse_beside_book(**given: object) -> None:
    for name, value in given.items():
        if value is not None:
            raise ConfigError(f"{name} belongs to the desk's book already; leave it away, or give strategy classes")


# ---- running


def make_container(kind: type[Container], setting: Setting, traded: Traded, strategy: StrategyClass) -> Container:
    """The runner of one strategy of a setting, of this kind of runner, not restored yet."""
    spec = setting.spec
    currency = next(one for one in spec.currencies if one.code == spec.base_currency)
    known = {one.symbol: one for one in spec.instruments}
    instruments = {symbol: known[symbol] for symbol in traded.instruments}
    return kind(strategy, traded.parameters, instruments, currency, name=traded.name)


def _until(steps: Iterator[Step], last_step: int | None) -> Iterator[Step]:
    if last_step is None:
        return steps
    return takewhile(lambda step: step.number <= last_step, steps)


def _sessions(feed: SampleFeed, count: int) -> Iterator[Step]:
    for index in range(count):
        yield from feed.session(index)
