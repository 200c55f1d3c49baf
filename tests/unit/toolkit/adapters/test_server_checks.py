import pytest

from toolkit.adapters.server_checks import Durability, durability_problems

FIT = {"appendonly": "yes", "appendfsync": "no", "maxmemory-policy": "noeviction"}


@pytest.mark.parametrize(
    ("fsync", "durability"),
    [("no", Durability.PROCESS), ("always", Durability.PROCESS), ("always", Durability.MACHINE)],
)
def test_a_fit_server_has_no_problem(fsync: str, durability: Durability) -> None:
    assert durability_problems("7.0.15", FIT | {"appendfsync": fsync}, durability) == []


@pytest.mark.parametrize(
    ("version", "change", "durability", "words"),
    [
        ("6.2.14", {}, Durability.PROCESS, "version 6.2.14 is too old, 7.0 or newer"),
        ("8.0.1", {"appendonly": "no"}, Durability.PROCESS, "set `appendonly yes`"),
        ("8.0.1", {"appendfsync": "everysec"}, Durability.PROCESS, "Set `appendfsync no`"),
        ("8.0.1", {"appendfsync": "everysec"}, Durability.MACHINE, "Set `appendfsync always`"),
        ("8.0.1", {"appendfsync": "no"}, Durability.MACHINE, "needs `appendfsync always`"),
        ("8.0.1", {"maxmemory-policy": "allkeys-lru"}, Durability.PROCESS, "set `maxmemory-policy noeviction`"),
        ("8.0.1", {"maxmemory-policy": "volatile-ttl"}, Durability.MACHINE, "volatile-ttl` throws records away"),
    ],
)
def test_each_broken_promise_is_named_with_its_mend(
    version: str, change: dict[str, str], durability: Durability, words: str
) -> None:
    fit = FIT | {"appendfsync": "always"} if durability is Durability.MACHINE else FIT
    (problem,) = durability_problems(version, fit | change, durability)
    assert words in problem


def test_a_server_that_shows_nothing_is_not_fit() -> None:
    assert len(durability_problems("", {}, Durability.MACHINE)) == 4
