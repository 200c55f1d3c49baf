"""How each process of a desk is started: module, arguments, what it is told on its pipe; it starts none."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from execution.settings import Settings
from execution.settings.venue_rows import tell_dead_men
from execution.supervision.backoff import Backoff
from execution.supervision.jupyter import HOST, Lab
from execution.supervision.managed import Specification
from execution.wiring.desk_line import DeskLine
from execution.wiring.versions import runner_setup
from toolkit.adapters.sockets import socket_path
from toolkit.client.home import PROJECT, Home
from toolkit.client.stopping import venue_state
from toolkit.domain.errors import TransportError
from toolkit.simulation.paper_settings import Keeper


def venue(home: Home, settings: Settings, line: DeskLine, name: str) -> Specification:
    """`execution venue` on its socket, with its own ledger."""
    address = str(venue_socket(home, name))
    arguments = ("--name", name, "--dead-men", tell_dead_men(settings.venues))
    return _service(home, settings, f"venue-{name}", "venue", name, arguments, _secret(line, "venue"), address)


def engine(home: Home, settings: Settings, line: DeskLine) -> Specification:
    return _service(home, settings, "engine", "engine", settings.desk.book, (), _secret(line, "engine"))


def listener(home: Home, settings: Settings, line: DeskLine, speed: float) -> Specification:
    arguments = ("--speed", f"{speed:g}")
    return _service(home, settings, "listener", "listener", "feed", arguments, _secret(line, "listener"))


def archiver(home: Home, settings: Settings, line: DeskLine) -> Specification:
    return _service(home, settings, "archiver", "archiver", settings.desk.book, (), _secret(line, "archiver"))


def replayer(home: Home, settings: Settings, line: DeskLine) -> Specification:
    """Runs what the strategies would have done on the same feed, and compares."""
    return replace(
        _service(home, settings, "replayer", "replayer", settings.desk.book, (), _secret(line, "monitor")),
        memory_megabytes=settings.desk.replayer.memory_mb,
    )


def watchdog(home: Home, settings: Settings, line: DeskLine) -> Specification:
    """Cancels the entries of a silent engine at venues that do not do it themselves."""
    beat = str(home.run / "watchdog-beat")
    arguments = ("--dead-men", tell_dead_men(settings.venues))
    return _service(
        home, settings, "watchdog", "watchdog", settings.desk.book, arguments, _secret(line, "engine"), beat
    )


def needs_watchdog(settings: Settings) -> bool:
    return any(venue.dead_man and venue.dead_man.by is Keeper.WATCHDOG for venue in settings.venues.values())


def runner(home: Home, settings: Settings, line: DeskLine, strategy: str) -> Specification:
    """The runner of the deployed version. ConfigError when there is none, or when its files were touched."""
    setup = runner_setup(home, settings, line, strategy)
    return Specification(
        name=f"runner-{strategy}",
        kind="runner",
        subject=strategy,
        arguments=(sys.executable, "-m", "execution.wiring.runner"),
        first_line=setup.line(),
        log=home.log(f"runner-{strategy}"),
        folder=PROJECT,
        memory_megabytes=settings.desk.supervision.runner_memory_mb,
        address=setup.version,
    )


def operations(home: Home, settings: Settings, port: int, secret: str) -> Specification:
    """The app with the buttons. `secret` is what it vouches with for who logged in there."""
    return Specification(
        name="operations",
        kind="operations",
        subject=str(port),
        arguments=(
            sys.executable, "-m", "execution.wiring.operations", "--home", str(home.root), "--port", str(port),
            "--session-hours", str(settings.desk.operations.session_hours),
            "--quarantine-seconds", f"{settings.desk.engine.quarantine_seconds:g}",
        ),
        first_line=f"{secret}\n".encode(),
        log=home.log("operations"),
        folder=PROJECT,
        memory_megabytes=settings.desk.operations.memory_mb,
        address=f"http://{HOST}:{port}/",
    )  # fmt: skip


def monitor(home: Home, settings: Settings, line: DeskLine, port: int) -> Specification:
    """What measures the desk, with its metrics on a port."""
    wanted = settings.desk.monitor
    return replace(
        _service(home, settings, "monitor", "monitor", str(port), ("--port", str(port)), _secret(line, "monitor")),
        memory_megabytes=wanted.memory_mb,
        address=f"http://{wanted.address}:{port}/metrics",
    )


def dashboards(home: Home, settings: Settings, port: int) -> Specification:
    """The dashboards, which only read."""
    rules = settings.desk.dashboards
    zone = ("--time-zone", rules.time_zone) if rules.time_zone else ()
    return Specification(
        name="dashboards",
        kind="dashboards",
        subject=str(port),
        arguments=(
            sys.executable, "-m", "execution.wiring.dashboards", "--home", str(home.root), "--port", str(port),
            "--session-hours", str(rules.session_hours), "--viewers", str(rules.viewers), *zone,
        ),
        first_line=b"-\n",
        log=home.log("dashboards"),
        folder=PROJECT,
        memory_megabytes=rules.memory_mb,
        address=f"http://{HOST}:{port}/",
    )  # fmt: skip


def jupyter(home: Home, settings: Settings, lab: Lab) -> Specification:
    return Specification(
        name="jupyter",
        kind="jupyter",
        subject=str(lab.port),
        arguments=lab.arguments(home.root / settings.desk.jupyter.notebooks),
        first_line=f"{lab.token}\n".encode(),
        log=home.log("jupyter"),
        folder=home.root,
        memory_megabytes=0,
        address=lab.link,
    )


def backoff(settings: Settings, specification: Specification) -> Backoff:
    """Services come back for ever; a runner is given up when it fails too often."""
    rules = settings.desk.supervision
    return Backoff(
        first=rules.first_backoff_seconds,
        longest=rules.longest_backoff_seconds,
        give_up_after=rules.give_up_after if specification.kind == "runner" else 0,
        within=rules.give_up_within_seconds,
    )


def venue_socket(home: Home, name: str) -> Path:
    return socket_path(home.run, f"venue-{name}")


def venue_sockets(home: Home, settings: Settings) -> Mapping[str, Path]:
    """Venue → where to ask it."""
    return {name: venue_socket(home, name) for name in settings.venues}


def venue_answers(home: Home, name: str) -> bool:
    """Whether the venue answers a question."""
    try:
        venue_state(venue_socket(home, name), timeout=1.0)
    except TransportError:
        return False
    return True


def _service(
    home: Home, settings: Settings, name: str, kind: str, subject: str, arguments: tuple[str, ...], line: bytes,
    address: str = "",
) -> Specification:  # fmt: skip
    return Specification(
        name=name,
        kind=kind,
        subject=subject,
        arguments=(sys.executable, "-m", f"execution.wiring.{kind}", "--home", str(home.root), *arguments),
        first_line=line,
        log=home.log(name),
        folder=PROJECT,
        memory_megabytes=settings.desk.supervision.service_memory_mb,
        address=address,
    )


def _secret(line: DeskLine, user: str) -> bytes:
    return f"{line.password(user)}\n".encode()
