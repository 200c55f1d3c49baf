"""A replay that begins in the middle of a book's life does what the book does; on a dearer venue it earns less."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import msgspec
import pytest

from execution.settings import Settings, read_settings
from tests.integration.test_strategy_restart import container, spec_of
from toolkit.domain.events import Event
from toolkit.domain.inbox import InboxEntry
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import Step
from toolkit.research.data import sample
from toolkit.simulation.backtest import Backtest, engine_settings
from toolkit.simulation.matching import PaperVenue
from toolkit.simulation.paper_settings import PaperSettings
from toolkit.simulation.rebased import Rebased

STEPS = tuple(sample(sessions=30))


class Moment(NamedTuple):
    """A book after a step: its bytes, and what its strategies had not read by then."""

    ledger: bytes
    unread: Mapping[str, Sequence[InboxEntry]]


@pytest.fixture(scope="module")
def settings(repository: Path) -> Settings:
    return read_settings(repository)


@pytest.fixture(scope="module")
def life(settings: Settings) -> list[Moment]:
    """The desk's own book over thirty sessions, as it stood after each step."""
    moments: list[Moment] = []

    def note(step: Step, ledger: Ledger) -> None:
        moments.append(Moment(ledger.to_bytes(), {name: tuple(left) for name, left in book._inboxes.items()}))

    book = Backtest(
        spec_of(settings), PaperVenue(venue_of(settings), settings.instruments), containers(settings), unheard, note
    )
    book.run(STEPS)
    return moments


@pytest.mark.parametrize("begun", [199, 210, 217, 225, 322])
def test_from_any_step_on_it_earns_what_the_book_earns(settings: Settings, life: list[Moment], begun: int) -> None:
    replay = rebased(settings, life[begun - 1], begun, venue_of(settings))
    there = Ledger.from_bytes(life[-1].ledger)
    replayed = replay.run(STEPS[begun:])
    for name in settings.strategies:
        assert replayed.pnl(name) == there.pnl(name)
        assert replayed.positions.get(name) == there.positions.get(name)
    assert replayed.order_count == there.order_count > Ledger.from_bytes(life[begun - 1].ledger).order_count


def test_a_dearer_venue_costs_what_it_charges_more(settings: Settings, life: list[Moment]) -> None:
    venue = venue_of(settings)
    dearer = msgspec.structs.replace(
        venue, fees=msgspec.structs.replace(venue.fees, maker_basis_points=Decimal(20))
    )  # fmt: skip
    there, replayed = Ledger.from_bytes(life[-1].ledger), rebased(settings, life[224], 225, dearer).run(STEPS[225:])
    assert pnl(replayed, "quoting") < pnl(there, "quoting")


def pnl(ledger: Ledger, name: str) -> int:
    found = ledger.pnl(name)
    assert found is not None
    return found


def venue_of(settings: Settings) -> PaperSettings:
    return next(iter(settings.venues.values()))


def containers(settings: Settings) -> dict[str, object]:
    return {name: container(settings, name) for name in settings.strategies}


def unheard(events: Sequence[Event], ledger: Ledger) -> None:
    """Nobody looks at events."""


def rebased(settings: Settings, moment: Moment, begun: int, venue: PaperSettings) -> Rebased:
    return Rebased(
        Ledger.from_bytes(moment.ledger), engine_settings(venue), [venue], containers(settings), unheard,
        lambda step, ledger: None, STEPS[:begun], moment.unread,
    )  # fmt: skip
