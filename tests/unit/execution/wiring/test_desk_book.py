"""The shipped desk as one file: read back, loaded from the registry, and run by `tk.backtest` without a process."""

import dataclasses
from pathlib import Path

import msgspec
import pytest

import toolkit as tk
from execution.settings import Settings, read_settings
from execution.wiring.desk_book import desk_book, write_desk_book
from tests.tools.desk_kit import make_home
from toolkit.adapters.versions import Registry
from toolkit.client.home import Home
from toolkit.domain.errors import ConfigError
from toolkit.domain.ledger import Deployment, Ledger
from toolkit.simulation.book import decode_book


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return make_home(tmp_path)


def deployed(home: Home, settings: Settings, *names: str) -> Ledger:
    """A ledger in which these strategies were registered and deployed."""
    ledger = Ledger()
    for name in names:
        row = settings.strategies[name]
        version = Registry(home.registry).add(
            name, f"{name}.py", (home.root / row.source).read_text(), row.class_name, row.parameters, row.instruments,
            lambda *_: None,
        )  # fmt: skip
        ledger.deployments[name] = Deployment(version=version.number, digest=version.digest, stage="PAPER")
    return ledger


def test_the_shipped_desk_runs_from_its_file(home: Home) -> None:
    settings = read_settings(home.root)
    path = write_desk_book(home, settings, deployed(home, settings, *settings.strategies))
    assert path == home.var / "paper" / "book.msgpack"
    book = decode_book(path.read_bytes())
    result = tk.backtest(book, sessions=60)
    assert result.strategies == ("mean_reversion", "quoting", "trend")
    assert result.steps == 30 * 15, "the first 30 sessions of this desk only warm up"
    assert set(result.fills["strategy"]) == {"mean_reversion", "quoting", "trend"}
    assert {row.source.partition(":")[0] for row in result.setting.spec.limits} == {
        "config/limits.yaml",
        "config/venues.yaml",
    }
    assert tk.backtest(book, last_step=60 * 15).pnl == result.pnl


def test_a_strategy_that_was_never_deployed_is_no_part_of_it(home: Home) -> None:
    settings = read_settings(home.root)
    book = desk_book(home, settings, deployed(home, settings, "trend"))
    assert [one.name for one in book.spec.strategies] == ["trend"]


def test_more_venues_than_one_are_refused(home: Home) -> None:
    settings = read_settings(home.root)
    other = msgspec.structs.replace(settings.venues["paper"], name="other")
    settings = dataclasses.replace(settings, venues={**settings.venues, "other": other})
    with pytest.raises(ConfigError, match=r"venues\.yaml has other, paper; a backtest has one venue"):
        desk_book(home, settings, Ledger())
