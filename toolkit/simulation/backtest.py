"""The backtest loop: engine, paper venue and strategies of a book in one process, on the lockstep schedule."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from toolkit.domain.commands import Envelope, Who
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import FeedMode, Step
from toolkit.domain.ports import Lease
from toolkit.domain.time import FeedTime, MonoTime, Now, WallTime
from toolkit.engine.book import BookSpec, setup_commands
from toolkit.engine.engine import Engine
from toolkit.engine.messages import EngineSettings, Valuation
from toolkit.engine.strategy_runner import StrategyContainer
from toolkit.simulation.fees import fee_valuations
from toolkit.simulation.in_process import NEVER, InProcess, Recorder
from toolkit.simulation.matching import PaperVenue
from toolkit.simulation.paper_settings import PaperSettings

BACKTEST: Final = Who(identity="backtest", verified=True, source="up")


class Backtest(InProcess):
    """One book over one stream of steps. `record` sees every event; `after_step` is called when a step is done.

    `history` are the steps up to the book's first one: they warm everybody up and nothing is decided on them.
    `settings` are an engine's own; without them it is told of the venue's abilities and rates.
    """

    def __init__(
        self,
        spec: BookSpec,
        venue: PaperVenue,
        containers: Mapping[str, StrategyContainer],
        record: Recorder,
        after_step: Callable[[Step, Ledger], None],
        history: Sequence[Step] = (),
        settings: EngineSettings | None = None,
    ) -> None:
        engine = Engine(Ledger(), settings or engine_settings(venue.settings, spec.exchange_rates))
        super().__init__(engine, venue, containers, record, after_step, history)
        for step in history:
            engine.warm(step)
        self._open(spec)

    # ---- opening the book

    def _open(self, spec: BookSpec) -> None:
        now = Now(FeedTime(0), WallTime(0), MonoTime(0))
        engine = self.engine
        self._absorb(
            engine.open_book(
                now,
                book=spec.book,
                desk=spec.desk,
                base=spec.base_currency,
                currencies=spec.currencies,
                venues=spec.venues,
                first_step=spec.first_step,
            ),
            now,
        )
        self._absorb(engine.begin_epoch(now, Lease(epoch=1, send_by=NEVER), "backtest", 0), now)
        for number, command in enumerate(setup_commands(spec, BACKTEST), 1):
            envelope = Envelope(producer="configuration", incarnation=1, number=number, body=command)
            self._absorb(engine.process(now, envelope), now)
        for strategy in spec.strategies:
            if strategy.name in self._containers:
                self._greet(strategy.name, f"v{strategy.version}", strategy.digest, now)


def engine_settings(venue: PaperSettings, exchange_rates: tuple[Valuation, ...] = ()) -> EngineSettings:
    """What an engine must be told of the venue that it trades on in lockstep, and of its book's currencies."""
    return EngineSettings(
        feed_mode=FeedMode.LOCKSTEP,
        abilities=venue.abilities,
        valuations=fee_valuations(venue.fees),
        exchange_rates=exchange_rates,
    )
