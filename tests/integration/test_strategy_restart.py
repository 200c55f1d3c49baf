"""The desk's own book, its strategies restarted again and again: what they do is what one life in one piece does."""

import importlib.util
import random
from collections.abc import Callable, Iterator
from pathlib import Path

from execution.settings import Settings, read_settings
from toolkit.domain.events import Event
from toolkit.domain.inbox_rules import restored
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import Step
from toolkit.engine.book import BookSpec, StrategySpec
from toolkit.engine.strategy import Strategy
from toolkit.engine.strategy_runner import StrategyContainer
from toolkit.research.data import sample
from toolkit.simulation.backtest import Backtest
from toolkit.simulation.matching import PaperVenue


def test_restarts_change_nothing(repository: Path, full: bool) -> None:
    settings = read_settings(repository)
    sessions = 400 if full else 60
    unbroken = events(settings, sessions, lambda backtest, seen: None)
    dice = random.Random(5)

    def restart_somebody(backtest: Backtest, seen: list[Step]) -> None:
        if dice.random() < 0.05:
            name = dice.choice(sorted(settings.strategies))
            fresh = container(settings, name)
            fresh.restore(restored(backtest.engine.ledger, name, incarnation=1), seen)
            backtest._containers[name] = fresh

    broken = events(settings, sessions, restart_somebody)
    assert sum(type(event).__name__ == "OrderFilled" for event in unbroken) > 50
    assert broken == unbroken


def events(settings: Settings, sessions: int, meddle: Callable[[Backtest, list[Step]], None]) -> list[Event]:
    """Every event of the book over the sample, `meddle` called after each step with the steps so far."""
    told: list[Event] = []
    seen: list[Step] = []
    names = settings.strategies
    venue = PaperVenue(next(iter(settings.venues.values())), settings.instruments)
    backtest = Backtest(
        spec_of(settings),
        venue,
        {name: container(settings, name) for name in names},
        lambda batch, ledger: told.extend(batch),
        lambda step, ledger: None,
    )

    def steps() -> Iterator[Step]:
        for step in sample(sessions=sessions):
            yield step
            seen.append(step)
            meddle(backtest, seen)

    ledger = backtest.run(steps())
    assert isinstance(ledger, Ledger)
    return told


def spec_of(settings: Settings) -> BookSpec:
    return BookSpec(
        book="paper",
        desk=settings.desk.code,
        base_currency=settings.desk.base_currency,
        currencies=settings.currencies,
        venues=tuple(settings.venues),
        instruments=settings.instruments,
        limits=settings.limits.rows,
        limits_checksum=settings.limits.checksum,
        strategies=tuple(
            StrategySpec(
                name=name,
                version=1,
                digest="d",
                path="",
                instruments=row.instruments,
                capital=row.capital,
                enabled=True,
            )
            for name, row in settings.strategies.items()
        ),
    )


def container(settings: Settings, name: str) -> StrategyContainer:
    row = settings.strategies[name]
    instruments = {symbol: settings.instrument(symbol) for symbol in row.instruments}
    strategy = example(settings.home / row.source, row.class_name)
    return StrategyContainer(strategy, row.parameters, instruments, settings.base_currency, name=name)


def example(path: Path, class_name: str) -> type[Strategy]:
    specification = importlib.util.spec_from_file_location(f"example_{path.stem}", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    found = getattr(module, class_name)
    assert issubclass(found, Strategy)
    return found
