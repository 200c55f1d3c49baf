"""What a replayer is made of: the outside of one, and the desk as its files describe it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from toolkit.domain import events as ev
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import Step
from toolkit.domain.ports import Sealed
from toolkit.domain.rungs import Divergence, SessionRungs
from toolkit.engine.messages import EngineSettings
from toolkit.engine.strategy_runner import StrategyContainer
from toolkit.simulation.paper_settings import PaperSettings

Steps = Callable[[int, int], Sequence[Step]]
"""After which number, and how many."""


class Store(Protocol):
    """Where sessions are kept."""

    @property
    def sessions(self) -> Sequence[SessionRungs]: ...

    @property
    def now(self) -> Divergence | None: ...

    def add(self, session: SessionRungs) -> None: ...

    def show(self, now: Divergence) -> None: ...


@dataclass(frozen=True, kw_only=True)
class ReplayerParts:
    """The outside of one replayer.

    `begin` gives the newest books, `batches` what the journal has after an event, `steps` the feed, `engine_step` the
    last step that the engine said it is done with (None while it says nothing). `source` is the feed as a backtest has
    it, None where nobody has it but the desk. `containers` loads strategies as a ledger has them deployed.
    """

    begin: Callable[[], Ledger]
    batches: Callable[[int], Sequence[Sealed]]
    open_batch: Callable[[bytes], ev.Batch]
    steps: Steps
    engine_step: Callable[[], int | None]
    source: Steps | None
    containers: Callable[[Ledger, Sequence[str]], Mapping[str, StrategyContainer]]
    store: Store
    wall: Callable[[], int]
    beat: Callable[[str, int], None]
    say: Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class ReplayerPlan:
    """The desk's venues and engine as its files describe them; `history` steps warm a replay up."""

    settings: EngineSettings
    venues: tuple[PaperSettings, ...]
    history: int
