"""Puts the strategies of config/strategies.yaml into the registry at the first start, and says what a runner loads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from hashlib import sha256

import msgspec

from execution.services.runner_setup import RunnerSetup
from execution.settings import Settings, read_settings
from execution.settings.models import StrategyRow
from execution.wiring.desk_line import DeskLine
from toolkit.adapters.server_access import ServerRole
from toolkit.adapters.versions import Version, read_manifest
from toolkit.client import registry
from toolkit.client.commands import ourselves
from toolkit.client.home import Home
from toolkit.domain.commands import RegisterVersion, Who
from toolkit.domain.errors import ConfigError, ExecutionError
from toolkit.domain.ledger import Ledger


async def register_missing(
    home: Home, settings: Settings, line: DeskLine, *, say: Callable[[str], None], problem: Callable[[str, str], None]
) -> None:
    """Register and deploy every strategy that has no version yet. One that cannot be is told; the others go on.

    A file that was edited is not deployed by a start: that is said, since somebody may believe it.
    """
    for name, row in settings.strategies.items():
        if name not in line.replica.ledger.deployments:
            try:
                version = await asyncio.to_thread(register, home, name, row)
                say(f"registered {version.label}")
                taken = await line.give(deployment(version, row))
            except ExecutionError as wrong:
                problem(f"register {name}", str(wrong))
            else:
                problem(f"register {name}", taken.refused)
        else:
            deployed = line.replica.ledger.deployments[name].version
            problem(f"version of {name}", await asyncio.to_thread(unregistered, home, name, row, deployed))


def unregistered(home: Home, name: str, row: StrategyRow, deployed: int) -> str:
    """What to do about a source or a row of config/strategies.yaml that no registered version has; "" for nothing."""
    source = home.root / row.source
    try:
        digest = sha256(source.read_bytes()).hexdigest()
        written = (row.class_name, dict(row.parameters), tuple(row.instruments), {source.name: digest})
        for version in registry.Registry(home.registry).versions(name):
            there = read_manifest(version.path)
            if written == (there.class_name, there.parameters, there.instruments, there.files):
                return ""
    except (OSError, ExecutionError):
        return ""  # whoever loads the version, or registers the file, says what is wrong with it
    return (
        f"v{deployed} runs, but {row.source} or its row in config/strategies.yaml has changed since the last version "
        "was registered: `tk.promote` registers the change"
    )


def register(home: Home, name: str, row: StrategyRow) -> Version:
    """Copy, hash and try the strategy's file in a fresh interpreter. ConfigError names file, line and mend."""
    path = home.root / row.source
    try:
        source = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as wrong:
        raise ConfigError(f"{row.source} cannot be read ({wrong}); mend `source` in config/strategies.yaml") from None
    return registry.register(
        home, name, file=path.name, source=source, class_name=row.class_name, parameters=row.parameters,
        instruments=row.instruments,
    )  # fmt: skip


def deployment(version: Version, row: StrategyRow) -> RegisterVersion:
    """The command that deploys a version."""
    return RegisterVersion(
        strategy=version.strategy, version=version.number, digest=version.digest, path=str(version.path),
        instruments=row.instruments, who=ourselves("up"), reason="first start: no version was registered",
    )  # fmt: skip


def register_for_enable(
    home: Home, ledger: Ledger, strategy: str, wanted: int | None, who: Who
) -> RegisterVersion | None:
    """The command that deploys version `wanted`, or a first one; None when what is deployed stays."""
    deployed = ledger.deployments.get(strategy)
    if deployed is not None and wanted in (None, deployed.version):
        return None
    settings = read_settings(home.root)
    row = settings.strategies[strategy]
    known = {version.number: version for version in registry.Registry(home.registry).versions(strategy)}
    if wanted is None:
        version = register(home, strategy, row)
    elif wanted in known:
        version = known[wanted]
    else:
        there = ", ".join(f"v{number}" for number in known) or "none"
        raise ConfigError(f"the registry has no v{wanted} of {strategy}; it has {there}")
    command = deployment(version, row)
    return msgspec.structs.replace(command, who=who, reason=f"enabled with v{version.number}")


def runner_setup(home: Home, settings: Settings, line: DeskLine, strategy: str) -> RunnerSetup:
    """What the runner of the deployed version is told. The runner itself verifies the digest."""
    deployed = line.replica.ledger.deployments.get(strategy)
    if deployed is None:
        raise ConfigError(f"{strategy} has no registered version; run `execution enable {strategy}` to register one")
    path = home.registry / strategy / f"v{deployed.version}"
    journal = line.runner_address(ServerRole.JOURNAL, strategy)
    supervision = settings.desk.supervision
    return RunnerSetup(
        strategy=strategy,
        version=f"v{deployed.version}",
        digest=deployed.digest,
        path=str(path),
        book=settings.desk.book,
        mode=settings.desk.feed.mode,
        journal_url=journal.url,
        bus_url=line.runner_address(ServerRole.BUS, strategy).url,
        username=journal.username,
        password=journal.password,
        instruments=tuple(settings.instrument(symbol) for symbol in read_manifest(path).instruments),
        base_currency=settings.base_currency,
        memory_mb=supervision.runner_memory_mb,
        beat_seconds=supervision.beat_seconds,
    )
