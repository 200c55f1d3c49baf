"""Watches config/ while the desk runs and turns what people save into proposals; the last valid reading stays."""

from __future__ import annotations

import asyncio
import os
import pwd
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from watchfiles import Change, awatch

from execution.settings import LimitTable, PeopleTable, Settings, is_as_begun, read_limits, read_people, read_strategies
from execution.settings.models import StrategyRow
from execution.settings.monitoring import SOURCE as MONITORING_FILE
from execution.settings.monitoring import read_monitoring
from execution.settings.people import PEOPLE_FILE
from execution.supervision.proposals import (
    LIMITS_FILE,
    STRATEGIES_FILE,
    all_off,
    new_capital,
    new_limits,
    new_people,
    switched_off,
)
from toolkit.client.home import Home
from toolkit.domain.commands import Command, Who
from toolkit.domain.errors import ConfigError

Read = TypeVar("Read")
UNTIL_THE_NEXT_START = {
    "desk.yaml": "it takes effect",
    "instruments.yaml": "it takes effect",
    "venues.yaml": "what bounds what may be sent is taken or proposed now, `execution limits diff`; all else takes "
    "effect",
}
SECOND_LOOK = 0.2
"""Seconds. An editor may empty a file before it writes it: what looks broken is looked at once more."""


class ConfigWatch:
    """`propose` sends a command and says why it was refused; `problem` shows or clears one under a subject.

    `recognise` is told of a table of people that was read: their secrets are for the front desk, not for the engine.
    """

    def __init__(
        self,
        home: Home,
        settings: Settings,
        *,
        propose: Callable[[Command], Awaitable[str]],
        problem: Callable[[str, str], None],
        recognise: Callable[[PeopleTable], None] = lambda _: None,
    ) -> None:
        self._home = home
        self._settings = settings
        self._propose = propose
        self._problem = problem
        self._strategies = dict(settings.strategies)
        self._limits: LimitTable = settings.limits
        self._recognise = recognise
        self._people = settings.people

    async def run(self) -> None:
        """Watch until cancelled; what was saved while the desk started is looked at once nothing more is missed."""
        saves = awatch(self._home.config, debounce=100, step=20, recursive=False)
        first = asyncio.create_task(anext(saves))
        try:
            await asyncio.sleep(0)  # it watches from its first turn on
            await self.look({"strategies.yaml", "limits.yaml", "people.yaml", "monitoring.yaml"})
            await self.look(_names(await first))
            async for changes in saves:
                await self.look(_names(changes))
        finally:
            first.cancel()

    async def look(self, names: set[str]) -> None:
        """Read the files of these names and propose what they newly ask for."""
        if "strategies.yaml" in names:
            await self._look_at_strategies()
        if "limits.yaml" in names:
            await self._look_at_limits("limits.yaml")
        if "venues.yaml" in names:
            await self._look_at_limits("venues.yaml")
        if "people.yaml" in names:
            await self._look_at_people()
        if "monitoring.yaml" in names:
            await self._look_at_monitoring()
        for name, what in UNTIL_THE_NEXT_START.items():
            if name in names:
                later = f"saved while running: {what} with the next `execution up`"
                self._problem(f"config/{name}", "" if is_as_begun(self._home.root, name) else later)

    async def _look_at_strategies(self) -> None:
        try:
            now = await self._patiently(self._read_strategies)
        except ConfigError as problem:
            self._problem(
                STRATEGIES_FILE, f"{problem}; every strategy is disabled: mend it, then `execution enable NAME`"
            )
            for command in all_off(self._strategies, str(problem), self._saved_by("strategies.yaml")):
                await self._propose(command)
            self._strategies = {name: _off(row) for name, row in self._strategies.items()}
            return
        self._problem(STRATEGIES_FILE, "")
        for command in switched_off(self._strategies, now, self._saved_by("strategies.yaml")):
            refused = await self._propose(command)
            self._problem(f"disable {command.strategy}", refused)
        for raised in new_capital(self._strategies, now, self._saved_by("strategies.yaml")):
            self._problem(f"capital of {raised.strategy}", await self._propose(raised))
        self._strategies = dict(now)

    async def _look_at_limits(self, name: str) -> None:
        try:
            now = await self._patiently(self._read_limits)
        except ConfigError as problem:
            self._problem(LIMITS_FILE, f"{problem}; the last valid limits stay in force")
            return
        command = new_limits(self._limits, now, self._saved_by(name))
        if command is None:
            self._problem(LIMITS_FILE, "")
            return
        refused = await self._propose(command)
        self._problem(LIMITS_FILE, refused and f"{refused}. The limits in force stay as they are")
        if not refused:
            self._limits = now

    async def _look_at_people(self) -> None:
        try:
            now = await self._patiently(self._read_people)
        except ConfigError as problem:
            self._problem(PEOPLE_FILE, f"{problem}; the last valid people stay in force")
            return
        command = new_people(self._people.people, now.people, self._saved_by("people.yaml"))
        refused = await self._propose(command) if command is not None else ""
        self._problem(PEOPLE_FILE, refused and f"{refused}. The people in force stay as they are")
        if not refused:
            self._people = now
            self._recognise(now)

    async def _look_at_monitoring(self) -> None:
        """The monitor reads it by itself; here it is said when it cannot."""
        if not self._settings.desk.monitor.enabled:
            return
        try:
            await self._patiently(lambda: read_monitoring(self._home.root))
        except ConfigError as problem:
            self._problem(MONITORING_FILE, f"{problem}; the last valid rules are watched, or none where there are none")
        else:
            self._problem(MONITORING_FILE, "")

    def _read_people(self) -> PeopleTable:
        return read_people(self._home.root)

    def _read_strategies(self) -> dict[str, StrategyRow]:
        return dict(read_strategies(self._home.root, self._settings.instruments))

    def _read_limits(self) -> LimitTable:
        settings = self._settings
        return read_limits(self._home.root, settings.instruments, self._strategies, settings.venues)

    async def _patiently(self, read: Callable[[], Read]) -> Read:
        try:
            return read()
        except ConfigError:
            await asyncio.sleep(SECOND_LOOK)
            return read()

    def _saved_by(self, name: str) -> Who:
        """Whoever owns the file, unverified: the system does not say who saved it."""
        try:
            owner = (self._home.config / name).stat().st_uid
        except OSError:
            owner = os.getuid()
        try:
            identity = pwd.getpwuid(owner).pw_name
        except KeyError:
            identity = str(owner)
        return Who(identity=f"unix:{identity}", verified=False, source=f"config/{name}")


def _names(changes: set[tuple[Change, str]]) -> set[str]:
    return {Path(path).name for _, path in changes}


def _off(row: StrategyRow) -> StrategyRow:
    return row.model_copy(update={"enabled": False})
