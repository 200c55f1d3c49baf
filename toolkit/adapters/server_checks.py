"""Whether a server keeps what the durability class promises; says what is wrong and how to mend it, changes nothing."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from toolkit.adapters.blocking_redis import BlockingLine
from toolkit.adapters.server_address import ServerAddress
from toolkit.adapters.server_binary import OLDEST
from toolkit.domain.errors import ConfigError, TransportError


class Durability(StrEnum):
    """What an acknowledged append survives: the death of any process, or of the machine."""

    PROCESS = "process"
    MACHINE = "machine"


FSYNC: Final[Mapping[Durability, str]] = {Durability.PROCESS: "no", Durability.MACHINE: "always"}
_ASKED: Final = ("appendonly", "appendfsync", "maxmemory-policy")


def check_journal_server(address: ServerAddress, durability: Durability) -> None:
    """ConfigError with each reason why it may not hold a journal of this class, TransportError when it is away."""
    problems = durability_problems(*_facts(address), durability)
    if problems:
        raise ConfigError(f"{address.url} cannot hold the journal: " + "; ".join(problems))


def check_bus_server(address: ServerAddress) -> None:
    """ConfigError when this server is too old for the bus; TransportError when it is away."""
    version, _ = _facts(address)
    if _major(version) < OLDEST:
        raise ConfigError(f"{address.url} cannot be the bus: {_too_old(version)}")


def durability_problems(version: str, settings: Mapping[str, str], durability: Durability) -> list[str]:
    """Each thing that breaks the promise of the class, with its mend; empty when the server is fit."""
    problems = []
    if _major(version) < OLDEST:
        problems.append(_too_old(version))
    if settings.get("appendonly") != "yes":
        problems.append("it keeps nothing over a restart: set `appendonly yes`")
    fsync = settings.get("appendfsync", "unknown")
    if fsync == "everysec":
        problems.append(
            "`appendfsync everysec` postpones even the write: a crash of the server loses what it acknowledged. "
            f"Set `appendfsync {FSYNC[durability]}` (class {durability})"
        )
    elif fsync != "always" and fsync != FSYNC[durability]:
        problems.append(f"class {durability} needs `appendfsync {FSYNC[durability]}`, it has `{fsync}`")
    policy = settings.get("maxmemory-policy", "unknown")
    if policy != "noeviction":
        problems.append(f"`maxmemory-policy {policy}` throws records away: set `maxmemory-policy noeviction`")
    return problems


def _facts(address: ServerAddress) -> tuple[str, Mapping[str, str]]:
    with BlockingLine(address) as line:
        information: bytes = line.ask("INFO", "server")
        try:
            flat: list[bytes] = line.ask("CONFIG", "GET", *_ASKED)
        except (ConfigError, TransportError) as error:
            raise ConfigError(
                f"{address.url} does not show its configuration ({error}); allow `CONFIG GET` to its user"
            ) from error
    words = [word.decode() for word in flat]
    version = next(
        (row.partition(":")[2] for row in information.decode().splitlines() if row.startswith("redis_version:")), "0"
    )
    return version, dict(zip(words[::2], words[1::2], strict=True))


def _major(version: str) -> int:
    first = version.partition(".")[0]
    return int(first) if first.isdecimal() else 0


def _too_old(version: str) -> str:
    return f"version {version} is too old, {OLDEST}.0 or newer is needed"
