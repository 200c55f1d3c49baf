"""The supervisor's own work goes on: a disk that takes nothing, a latch that cannot be shut."""

import shutil
import socket
import sys
from pathlib import Path

import pytest

from execution.settings import read_settings
from execution.supervision.jupyter import free_port
from execution.supervision.managed import Specification
from execution.supervisor import Supervisor, Wishes
from execution.wiring.desk_line import Taken
from toolkit.client.home import Home
from toolkit.domain.commands import Command, DisableStrategy, Who
from toolkit.domain.errors import TransportError

ANNA = Who(identity="unix:anna", verified=False, source="cli")


@pytest.fixture
async def supervisor(tmp_path: Path, repository: Path) -> Supervisor:
    shutil.copytree(repository / "config", tmp_path / "config")
    home = Home(tmp_path)
    home.prepare()
    return Supervisor(home=home, settings=read_settings(tmp_path), wishes=Wishes(), say=lambda _: None)


async def test_where_nothing_can_be_written_what_is_known_is_kept_until_it_can(supervisor: Supervisor) -> None:
    supervisor.status.begin()
    shutil.rmtree(supervisor.home.run)
    supervisor.status.problem("disk", "full")
    supervisor.home.run.mkdir()
    supervisor.status.write(())
    assert "full" in supervisor.home.processes.read_text()


async def test_the_engine_is_told_to_stop_a_strategy_whose_latch_cannot_be_shut(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[Command] = []

    async def give(command: Command) -> Taken:
        given.append(command)
        return Taken(7, "")

    def refuse(strategy: str) -> None:
        raise TransportError("read-only file system")

    monkeypatch.setattr(supervisor.line, "give", give)
    monkeypatch.setattr(supervisor.line, "shut_latch", refuse)
    command = DisableStrategy(strategy="trend", flatten=False, who=ANNA, reason="a test")
    assert await supervisor.propose(command) == "read-only file system"
    assert given == [command]


async def test_a_page_whose_port_somebody_else_took_comes_back_on_another_one(supervisor: Supervisor) -> None:
    """Two desks that start at once may both find the same port free."""
    with socket.create_server(("127.0.0.1", 0)) as unused:  # far from where desks of other tests look
        first = int(unused.getsockname()[1])
    port = free_port(first)

    def make(on: int) -> Specification:
        return Specification(
            name="monitor", kind="monitor", subject=str(on),
            arguments=(sys.executable, "-c", "import time; time.sleep(60)"),
            first_line=b"\n", log=supervisor.home.log("monitor"), folder=supervisor.home.root, memory_megabytes=0,
            address=f"http://127.0.0.1:{on}/metrics",
        )  # fmt: skip

    supervisor._start_on_port("monitor", port, make, "Metrics")
    managed = supervisor.managed["monitor"]
    try:
        supervisor._move_page("monitor")
        assert managed.specification.subject == str(port), "its port was free"
        with socket.create_server(("127.0.0.1", port)):
            supervisor._move_page("monitor")
        moved = int(managed.specification.subject)
        assert moved > port
        assert dict(supervisor.status.state.links)["Metrics"] == f"http://127.0.0.1:{moved}/metrics"
        supervisor._move_page("engine")
    finally:
        await managed.stop(1.0)
