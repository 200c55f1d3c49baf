"""A replay that begins in the middle of a book's life does what the book does; on a dearer venue it earns less."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import hypothesis
import msgspec
import pytest
from hypothesis import assume, given
from hypothesis.strategies import integers

from execution.settings import Settings, read_settings
from tests.integration.test_strategy_restart import container, spec_of
from tests.tools.busy_strategies import BusyDesk
from toolkit.domain.events import Event
from toolkit.domain.inbox import InboxEntry
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import Step
from toolkit.research.data import sample
from toolkit.simulation.backtest import Backtest, engine_settings
from toolkit.simulation.heard import Heard
from toolkit.simulation.matching import PaperVenue
from toolkit.simulation.paper_settings import FeeSchedule, PaperSettings, QueueModel, QuoteAsset, Uniform
from toolkit.simulation.rebased import Rebased
from toolkit.simulation.rebased_venues import unknown
from toolkit.simulation.slim_books import ENDED_KEPT, copied, slim

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


class Life:
    """A busy book, as it stood after each step, and what it said batch by batch."""

    def __init__(self, desk: BusyDesk) -> None:
        self.desk = desk
        self.moments: list[Moment] = []
        self.batches: list[tuple[Event, ...]] = []
        self.heard: list[int] = []
        self._book = Backtest(
            spec_of(desk.settings), PaperVenue(desk.venue, desk.settings.instruments), desk.containers(),
            lambda events, ledger: self.batches.append(tuple(events)), self._note, settings=desk.engine,
        )  # fmt: skip
        self._book.run(STEPS)

    def _note(self, step: Step, ledger: Ledger) -> None:
        unread = {name: tuple(left) for name, left in self._book._inboxes.items()}
        self.moments.append(Moment(ledger.to_bytes(), unread))
        self.heard.append(len(self.batches))

    def ledger(self, step: int) -> Ledger:
        return Ledger.from_bytes(self.moments[step - 1].ledger)

    def replay(self, begun: int, ended: int) -> Ledger:
        heard = self.heard[begun - 1]
        replay = Rebased(
            self.ledger(begun), self.desk.engine, [self.desk.venue], self.desk.containers(), unheard,
            lambda step, ledger: None,
            Heard(STEPS[:begun], self.moments[begun - 1].unread, self.batches[max(0, heard - 200) : heard]),
        )  # fmt: skip
        return replay.run(STEPS[begun:ended])


SLOW = {"submit_latency": Uniform(low=10**6, high=10**10), "replace_latency": Uniform(low=10**6, high=10**10)}
COSTLY = FeeSchedule(
    maker_basis_points=Decimal("0.3"), taker_basis_points=Decimal("0.5"), maker_per_unit=Decimal(0),
    taker_per_unit=Decimal("0.005"), minimum=Decimal(1), maximum_basis_points=Decimal(2), asset=QuoteAsset(), tiers=(),
)  # fmt: skip


@pytest.fixture(
    scope="module",
    params=[
        pytest.param({}, id="churn"),
        pytest.param({"dabbles": True, "partial_fills_per_million": 700_000, **SLOW}, id="dabbler"),
        pytest.param({"dabbles": True, "fees": COSTLY, "rejects_per_million": 50_000}, id="costly dabbler"),
    ],
)
def busy(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Life:
    return Life(BusyDesk(tmp_path_factory.mktemp("busy"), **request.param))


@given(begun=integers(100, len(STEPS) - 20), steps=integers(5, 60))
@hypothesis.settings(max_examples=20)
def test_whatever_a_book_is_in_the_middle_of_its_replay_earns_the_same(busy: Life, begun: int, steps: int) -> None:
    ended = min(len(STEPS), begun + steps)
    before, there = busy.ledger(begun), busy.ledger(ended)
    assume(not unknown(before, [busy.desk.venue]))
    replayed = busy.replay(begun, ended)
    for name in busy.desk.settings.strategies:
        assert replayed.pnl(name) == there.pnl(name)
        assert replayed.positions.get(name) == there.positions.get(name)
    assert replayed.order_count == there.order_count


def test_a_slim_book_holds_what_is_open_and_the_newest_that_ended(busy: Life) -> None:
    whole = busy.ledger(len(STEPS))
    loaded = Ledger.from_bytes(slim(whole.to_bytes()))
    assert loaded.open_orders() == whole.open_orders()
    assert list(loaded.closed)[-ENDED_KEPT:] == list(whole.closed)[-ENDED_KEPT:]
    assert loaded.brackets == whole.brackets
    assert loaded.orders.keys() == loaded.closed.keys() | loaded.denied.keys() | {
        order.chain[0] for order in whole.open_orders()
    }
    assert all(loaded.order(name) is not None for name in loaded.aliases)
    for name in busy.desk.settings.strategies:
        assert loaded.pnl(name) == whole.pnl(name)
    assert copied(loaded).digest() == loaded.digest()


@pytest.mark.parametrize(
    ("venue", "words"),
    [
        ({"queue": QueueModel(ahead_percent=100, unprinted_traded_percent=0, unseen_touch_per_million=0)}, "the place"),
        ({"report_latency": 10**8}, "what its venue has not told yet of order"),
    ],
)
def test_what_no_journal_says_of_an_open_order_is_waited_for(
    settings: Settings, life: list[Moment], venue: dict[str, object], words: str
) -> None:
    moment = next(moment for moment in life[200:] if Ledger.from_bytes(moment.ledger).open_orders())
    ledger = Ledger.from_bytes(moment.ledger)
    assert unknown(ledger, [venue_of(settings)]) == ""
    assert unknown(ledger, [msgspec.structs.replace(venue_of(settings), **venue)]).startswith(words)


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
        lambda step, ledger: None, Heard(STEPS[:begun], moment.unread),
    )  # fmt: skip
