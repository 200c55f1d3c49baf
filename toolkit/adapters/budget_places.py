"""Places in a rate budget on one machine: files that processes lock, so that no more of them own a part than were
planned for; what a place has sent lately outlives its holder as the time of the file.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final

import msgspec

from toolkit.adapters.clock import SystemClock
from toolkit.adapters.records import replace_file
from toolkit.domain.errors import ConfigError
from toolkit.domain.rate_budget import BudgetPlan, RateBudget, Sorted
from toolkit.domain.requests import VenueRequest
from toolkit.domain.time import NANOSECONDS, MonoTime

FOLDER = "budgets"
_encode, _decode = msgspec.json.encode, msgspec.json.Decoder(BudgetPlan).decode


class Place:
    """One locked file; without any left to lock, no place at all."""

    def __init__(self, folder: Path, plan: BudgetPlan) -> None:
        self._file = -1
        self.used_lately = False
        for number in range(plan.processes):
            file = os.open(folder / f"{plan.key}.{number}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                continue
            self._file = file
            status = os.fstat(file)
            age = time.time_ns() - status.st_mtime_ns
            # One that was never used is empty and has just been made; a time ahead of ours tells nothing.
            self.used_lately = bool(status.st_size) and age < plan.window + NANOSECONDS // 10
            return

    @property
    def owns(self) -> bool:
        return self._file >= 0

    def touch(self) -> None:
        """Note that something leaves now."""
        if self._file >= 0:
            os.pwrite(self._file, b"1", 0)

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


Held = tuple[RateBudget, Place]
NOTHING: Final[Mapping[str, Held]] = MappingProxyType({})


class Budgets:
    """The budgets of one process by venue; venues with the same key share one. Without any, everything may leave."""

    def __init__(self, folder: Path, plans: Mapping[str, BudgetPlan]) -> None:
        self._folder = folder
        self._take(plans)

    def _take(self, plans: Mapping[str, BudgetPlan], kept: Mapping[str, Held] = NOTHING) -> None:
        self._of_key: dict[str, Held] = {}
        self._of_venue: dict[str, RateBudget] = {}
        for venue, plan in plans.items():
            if plan.key not in self._of_key:
                self._of_key[plan.key] = kept.get(plan.key) or _open(self._folder, plan)
            self._of_venue[venue] = self._of_key[plan.key][0]

    @classmethod
    def publish(cls, folder: Path, plans: Mapping[str, BudgetPlan]) -> Budgets:
        """The budgets of an engine, whose plans are left in the folder for whoever sends beside it.

        ConfigError when all places are taken.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        _leave(folder, plans)
        budgets = cls(folder, plans)
        for budget, place in budgets._of_key.values():
            if not place.owns:
                budgets.close()
                raise ConfigError(
                    f"{budget.plan.source}: all {budget.plan.processes} places of rate {budget.plan.key} are taken; "
                    "raise `processes`, or stop one of those that send with this key"
                )
        return budgets

    @classmethod
    def of(cls, folder: Path, venue: str) -> Budgets:
        """The budget of a venue as the engine left its plan; none where it has none."""
        try:
            plan = _decode((folder / f"{venue}.plan").read_bytes())
        except FileNotFoundError:
            return cls(folder, {})
        except (OSError, msgspec.MsgspecError) as error:
            raise ConfigError(
                f"{folder / venue}.plan: {error}; `execution restart engine --reason …` writes it anew"
            ) from error
        return cls(folder, {venue: plan})

    def replan(self, plans: Mapping[str, BudgetPlan]) -> None:
        """Other plans are in force, for whoever sends beside this engine too. What was leased is given up, what a place
        has sent lately counts on; where the time or the number of places is another, all of its part does."""
        if {venue: budget.plan for venue, budget in self._of_venue.items()} == dict(plans):
            return
        _leave(self._folder, plans)
        before, kept = self._of_key, dict[str, Held]()
        for plan in plans.values():
            known = before.get(plan.key)
            if known is not None and plan.key not in kept and (other := known[0].by_plan(plan)) is not None:
                kept[plan.key] = other, known[1]
        replaced = {key: held for key, held in before.items() if key not in kept}
        for _, place in replaced.values():
            place.close()
        self._take(plans, kept)
        for key, (budget, _) in replaced.items():
            if key in self._of_key:
                self._of_key[key][0].owe(budget.overdrawn())

    def __bool__(self) -> bool:
        return bool(self._of_venue)

    @property
    def all(self) -> list[RateBudget]:
        return [budget for budget, _ in self._of_key.values()]

    def of_venue(self, venue: str) -> RateBudget | None:
        return self._of_venue.get(venue)

    def sort_out(self, requests: Sequence[VenueRequest], now: MonoTime) -> Sorted:
        """Decide about requests that would leave now, each by the budget of its venue."""
        may: list[VenueRequest] = []
        held: list[VenueRequest] = []
        refused: list[VenueRequest] = []
        for key, some in self._by_key(requests).items():
            if not key:
                may += some
                continue
            budget, place = self._of_key[key]
            sorted_ = budget.sort_out(some, now)
            if sorted_.may:
                place.touch()
            may += sorted_.may
            held += sorted_.held
            refused += sorted_.refused
        return Sorted(may, held, refused)

    def close(self) -> None:
        for _, place in self._of_key.values():
            place.close()

    def _by_key(self, requests: Sequence[VenueRequest]) -> dict[str, list[VenueRequest]]:
        groups: dict[str, list[VenueRequest]] = {}
        for request in requests:
            budget = self._of_venue.get(request.venue)
            groups.setdefault("" if budget is None else budget.plan.key, []).append(request)
        return groups


def _leave(folder: Path, plans: Mapping[str, BudgetPlan]) -> None:
    """The plans for whoever sends beside the engine."""
    for venue, plan in plans.items():
        replace_file(folder / f"{venue}.plan", folder / f"{venue}.plan.new", _encode(plan))
    for stale in folder.glob("*.plan"):
        if stale.stem not in plans:
            stale.unlink()


def _open(folder: Path, plan: BudgetPlan) -> Held:
    place = Place(folder, plan)
    used_at = SystemClock().mono() if place.used_lately else None
    return RateBudget(plan, owns=place.owns, used_at=used_at), place
