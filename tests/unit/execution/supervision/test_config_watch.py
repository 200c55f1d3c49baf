"""What is saved while a desk runs: a broken file disables or stays away, a good one is proposed."""

import asyncio
import contextlib
import shutil
from pathlib import Path

import pytest

from execution.settings import PeopleTable, read_settings
from execution.supervision import config_watch
from execution.supervision.config_watch import ConfigWatch
from toolkit.client.home import Home
from toolkit.domain.commands import AllocateCapital, Command, DisableStrategy, SetLimits, SetPeople


class Desk:
    """A desk's folder, what its files proposed, and what people are told to mend."""

    def __init__(self, root: Path) -> None:
        self.config = root / "config"
        self.proposed: list[Command] = []
        self.problems: dict[str, str] = {}
        self.refusal = ""
        self.recognised: list[PeopleTable] = []
        self.watch = ConfigWatch(
            Home(root),
            read_settings(root),
            propose=self._propose,
            problem=self._problem,
            recognise=self.recognised.append,
        )

    async def save(self, name: str, old: str, new: str) -> None:
        path = self.config / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new, 1))
        await self.watch.look({name})

    async def _propose(self, command: Command) -> str:
        self.proposed.append(command)
        return self.refusal

    def _problem(self, subject: str, detail: str) -> None:
        self.problems[subject] = detail


@pytest.fixture
def desk(tmp_path: Path, repository: Path, monkeypatch: pytest.MonkeyPatch) -> Desk:
    monkeypatch.setattr(config_watch, "SECOND_LOOK", 0.001)
    shutil.copytree(repository / "config", tmp_path / "config")
    return Desk(tmp_path)


async def test_a_flag_that_is_switched_off_disables_its_strategy_once(desk: Desk) -> None:
    await desk.save("strategies.yaml", "    enabled: true", "    enabled: false")
    await desk.watch.look({"strategies.yaml"})
    assert [(type(each), getattr(each, "strategy", "")) for each in desk.proposed] == [(DisableStrategy, "trend")]


async def test_what_is_saved_during_the_first_look_is_looked_at_too(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[set[str]] = []

    async def look(names: set[str]) -> None:
        looks.append(names)
        if len(looks) == 1:
            (desk.config / "limits.yaml").write_text("book: {}")

    monkeypatch.setattr(desk.watch, "look", look)
    watching = asyncio.create_task(desk.watch.run())
    async with asyncio.timeout(60):
        while len(looks) < 2:
            await asyncio.sleep(0.01)
    watching.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await watching
    assert looks[1] == {"limits.yaml"}


async def test_switching_it_on_again_asks_for_nothing(desk: Desk) -> None:
    await desk.save("strategies.yaml", "    enabled: true", "    enabled: false")
    await desk.save("strategies.yaml", "    enabled: false", "    enabled: true")
    assert len(desk.proposed) == 1


async def test_a_broken_file_of_flags_means_disabled(desk: Desk) -> None:
    await desk.save("strategies.yaml", "strategies:", "strategies: [")
    assert [getattr(each, "strategy", "") for each in desk.proposed] == ["trend", "mean_reversion", "quoting"]
    assert "config/strategies.yaml:" in desk.problems["config/strategies.yaml"]


async def test_a_broken_file_of_limits_leaves_the_last_valid_ones_and_says_so(desk: Desk) -> None:
    await desk.save("limits.yaml", "max_position: 10000", "max_position: -1")
    assert desk.proposed == []
    assert "the last valid limits stay in force" in desk.problems["config/limits.yaml"]
    await desk.save("limits.yaml", "max_position: -1", "max_position: 10000")
    assert desk.problems["config/limits.yaml"] == ""


async def test_a_refused_file_is_shown_and_proposed_again_when_it_changes(desk: Desk) -> None:
    desk.refusal = "loosening is refused while running: max_position"
    await desk.save("limits.yaml", "max_position: 10000", "max_position: 20000")
    assert "stay as they are" in desk.problems["config/limits.yaml"]
    desk.refusal = ""
    await desk.save("limits.yaml", "max_position: 20000", "max_position: 9000")
    assert [type(each) for each in desk.proposed] == [SetLimits, SetLimits]
    assert desk.problems["config/limits.yaml"] == ""


async def test_what_a_file_of_venues_says_of_control_is_proposed_with_its_line(desk: Desk) -> None:
    await desk.save("venues.yaml", "    rejects: 10", "    rejects: 5")
    (command,) = desk.proposed
    assert isinstance(command, SetLimits)
    lines = (desk.config / "venues.yaml").read_text().splitlines()
    row = next(row for row in command.rows if row.limit == "breaker_rejects")
    assert (row.value, lines[int(row.source.partition(":")[2]) - 1]) == ("5", "  paper:")
    assert (command.who.source, command.reason) == ("config/venues.yaml", "config/venues.yaml was saved")
    await desk.save("venues.yaml", "seed: 7", "seed: 8")
    assert len(desk.proposed) == 1, "what the venue simulates bounds nothing"
    assert "all else takes effect with the next `execution up`" in desk.problems["config/venues.yaml"]


async def test_other_files_wait_for_the_next_start(desk: Desk) -> None:
    await desk.save("desk.yaml", "seed: 7", "seed: 8")
    assert desk.proposed == []
    assert "next `execution up`" in desk.problems["config/desk.yaml"]


async def test_capital_that_is_saved_is_proposed_and_that_of_a_strategy_that_was_not_there_is_not(desk: Desk) -> None:
    await desk.save("strategies.yaml", "capital: 50000", "capital: 60000")
    (command,) = desk.proposed
    assert isinstance(command, AllocateCapital)
    assert (command.strategy, command.amount, command.who.verified) == ("quoting", 60_000, False)


async def test_people_that_are_saved_are_proposed_and_their_secrets_go_to_the_front_desk_alone(desk: Desk) -> None:
    known = "scrypt:16384:8:1:c2FsdA==:aGFzaA=="
    await desk.save("people.yaml", "    runs_the_desk: true", f"    runs_the_desk: true\n    token: {known}")
    (command,) = desk.proposed
    assert isinstance(command, SetPeople)
    assert [row.identity.partition(":")[0] for row in command.rows] == ["unix", "token"]
    assert desk.recognised[-1].secrets == {"token:owner": known}
    assert known not in repr(command)


async def test_a_broken_file_of_people_leaves_the_last_valid_ones_and_says_so(desk: Desk) -> None:
    await desk.save("people.yaml", "roles: [quant, operator, risk]", "roles: [quant, operator, rsik]")
    assert desk.proposed == []
    assert desk.recognised == []
    assert "the last valid people stay in force" in desk.problems["config/people.yaml"]
    await desk.save("people.yaml", "rsik", "risk")
    assert desk.problems["config/people.yaml"] == ""


async def test_a_table_of_people_that_the_engine_refuses_opens_no_door(desk: Desk) -> None:
    desk.refusal = "nobody could approve anything"
    await desk.save("people.yaml", "roles: [quant, operator, risk]", "roles: [operator, risk]")
    assert desk.recognised == []
    assert "stay as they are" in desk.problems["config/people.yaml"]


async def test_monitoring_that_was_saved_broken_is_told_until_it_is_mended(desk: Desk, repository: Path) -> None:
    shutil.copytree(repository / "runbooks", desk.config.parent / "runbooks")
    await desk.save("monitoring.yaml", "severity: critical", "severity: dire")
    assert "dire" in desk.problems["config/monitoring.yaml"]
    await desk.save("monitoring.yaml", "severity: dire", "severity: critical")
    assert desk.problems["config/monitoring.yaml"] == ""
    assert desk.proposed == []
