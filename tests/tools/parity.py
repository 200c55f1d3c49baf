"""The same book through the backtest loop, and what of it must equal a desk that ran: every fill, position and fee."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple

from execution.wiring.listener import sample_feed
from tests.tools.desk_kit import DeskKit
from toolkit.adapters.versions import load_version
from toolkit.domain.events import Event, OrderDenied, OrderFilled, OrderSubmitted
from toolkit.domain.fold import apply_batch
from toolkit.domain.ledger import Ledger
from toolkit.engine.book import BookSpec, StrategySpec
from toolkit.engine.strategy_runner import StrategyContainer
from toolkit.simulation.backtest import Backtest
from toolkit.simulation.matching import PaperVenue


class Done(NamedTuple):
    """A fill as everybody must see it, whatever epoch sent the order."""

    time: int
    strategy: str
    instrument: str
    side: int
    quantity: int
    price: int
    fee: int
    order: str


def fills(events: Iterable[Event]) -> list[Done]:
    """Fills in the order of the books; an order is named by its number, not by the epoch that sent it."""
    return [
        Done(
            time=int(event.time),
            strategy=event.strategy,
            instrument=event.instrument,
            side=int(event.side),
            quantity=event.quantity,
            price=event.price,
            fee=event.fee,
            order=event.order_id[-8:],
        )
        for event in events
        if isinstance(event, OrderFilled)
    ]


def decisions(events: Iterable[Event]) -> list[tuple[str, str, int, int, int | None, str]]:
    """Orders and denials, without their ids' epochs."""
    return [
        (event.strategy, event.instrument, int(event.side), event.quantity, event.price, type(event).__name__)
        for event in events
        if isinstance(event, OrderSubmitted | OrderDenied)
    ]


def book_of(kit: DeskKit) -> BookSpec:
    """The desk's book as a backtest takes it."""
    settings, ledger = kit.settings, kit.ledger
    feed = sample_feed(settings.desk.feed, settings.instruments)
    return BookSpec(
        book=settings.desk.book,
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
                version=ledger.deployments[name].version,
                digest=ledger.deployments[name].digest,
                path=str(kit.home.registry / name / f"v{ledger.deployments[name].version}"),
                instruments=row.instruments,
                capital=row.capital,
                enabled=row.enabled,
            )
            for name, row in settings.strategies.items()
        ),
        first_step=feed.last_step(settings.desk.feed.first_session),
    )


def backtest(kit: DeskKit, last_step: int) -> tuple[Ledger, list[Event]]:
    """The desk's book over the same steps in one process: the ledger at the end and every event."""
    settings, spec = kit.settings, book_of(kit)
    feed = sample_feed(settings.desk.feed, settings.instruments)
    containers = {}
    for strategy in spec.strategies:
        loaded = load_version(kit.home.registry / strategy.name / f"v{strategy.version}", strategy.digest)
        containers[strategy.name] = StrategyContainer(
            loaded.strategy_class,
            loaded.manifest.parameters,
            {symbol: settings.instrument(symbol) for symbol in strategy.instruments},
            settings.base_currency,
            name=strategy.name,
        )
    events: list[Event] = []
    run = Backtest(
        spec,
        PaperVenue(settings.venues["paper"], settings.instruments),
        containers,
        lambda made, _: events.extend(made),
        lambda _step, _ledger: None,
        history=list(islice(feed.steps(0), spec.first_step)),
    )
    ledger = run.run(islice(feed.steps(spec.first_step), last_step - spec.first_step))
    return ledger, events


def assert_same_as_backtest(kit: DeskKit) -> int:
    """Every fill of the desk up to its last whole step equals the backtest's. Returns how many were compared."""
    step = kit.ledger.step
    expected_ledger, expected = backtest(kit, step)
    live = fills(event for batch in kit.batches[: _batches_up_to(kit, step)] for event in batch.events)
    wanted = fills(expected)
    for index, (ours, theirs) in enumerate(zip(live, wanted, strict=False)):
        assert ours == theirs, f"fill {index}: desk {ours}, backtest {theirs}\n{_first_difference(kit, expected)}"
    assert len(live) == len(wanted), f"{len(live)} fills on the desk, {len(wanted)} in the backtest"
    ledger = _at_the_end_of(kit, step)
    for strategy in kit.strategies:
        assert _books(ledger, strategy) == _books(expected_ledger, strategy), strategy
    return len(live)


def _first_difference(kit: DeskKit, expected: list[Event]) -> str:
    """The first decision that differs and what the desk's journal tells around it."""
    wanted = decisions(expected)
    for index, batch in enumerate(kit.batches):
        made = decisions(batch.events)
        if made != wanted[: len(made)]:
            around = kit.batches[max(0, index - 25) : index + 1]
            told = [f"{one.epoch} {one.step} {event}"[:300] for one in around for event in one.events]
            return "\n".join((f"decided {made}, wanted {wanted[: len(made)]}", *told))
        wanted = wanted[len(made) :]
    return "the decisions are the same"


def _batches_up_to(kit: DeskKit, step: int) -> int:
    """How many the desk made until it was done with a step; batches carry the step that was done before them.

    A fill of that step that is reported only in the next one belongs to the next one.
    """
    return next((number for number, batch in enumerate(kit.batches) if batch.step >= step), len(kit.batches))


def _at_the_end_of(kit: DeskKit, step: int) -> Ledger:
    ledger = Ledger()
    count = _batches_up_to(kit, step)
    for batch, digest in zip(kit.batches[:count], kit.digests[:count], strict=True):
        apply_batch(ledger, batch, digest)
    return ledger


def _books(ledger: Ledger, strategy: str) -> tuple[object, ...]:
    """Positions with cost and realised result, cash, fees and profit of one strategy, in quanta."""
    positions = {
        symbol: held for symbol, held in ledger.positions.get(strategy, {}).items() if held.bought or held.sold
    }
    return positions, ledger.cash.get(strategy), ledger.fees.get(strategy), ledger.pnl(strategy)
