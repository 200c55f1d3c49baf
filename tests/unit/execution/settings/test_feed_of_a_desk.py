"""The feed in config/desk.yaml: what each kind needs, what it takes no more, and how mistakes are told."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from execution.commands.feed import feed_of_desk, put_in_force, whole_spec
from execution.home import Home
from execution.settings import read_settings
from toolkit.domain.errors import ConfigError


@pytest.fixture
def home(tmp_path: Path, repository: Path) -> Home:
    shutil.copytree(repository / "config", tmp_path / "config")
    made = Home(tmp_path)
    made.prepare()
    return made


def write(home: Home, **feed: Any) -> None:
    path = home.config / "desk.yaml"
    written = yaml.safe_load(path.read_text())
    written["feed"] |= feed
    path.write_text(yaml.safe_dump(written))


def test_each_kind_is_what_one_would_type(home: Home) -> None:
    assert feed_of_desk(home) == "sample"
    write(home, kind="ccxt", exchange="kraken", symbols=["BTC/USD", "ETH/USD"])
    assert feed_of_desk(home) == "ccxt:kraken:BTC/USD,ETH/USD"
    write(home, kind="replay", exchange="", symbols=[], recording="kept")
    assert feed_of_desk(home) == f"replay:{home.root.resolve() / 'kept'}"


@pytest.mark.parametrize(
    ("feed", "told"),
    [
        ({"kind": "ccxt"}, "kind ccxt needs exchange and symbols: such as {kind: ccxt, exchange: binance"),
        ({"kind": "ccxt", "exchange": "kraken"}, "kind ccxt needs symbols"),
        ({"kind": "replay"}, "kind replay needs recording"),
        ({"symbols": ["BTC/USD"]}, "kind sample takes no symbols; change kind, or delete it"),
        ({"kind": "replay", "recording": "x", "exchange": "kraken"}, "kind replay takes no exchange"),
        ({"kind": "cctx"}, "feed.kind is 'cctx'; it must be 'sample', 'ccxt' or 'replay'"),
        ({"kind": "ccxt", "exchage": "kraken"}, "unknown key 'feed.exchage'; did you mean 'exchange'?"),
        ({"kind": "ccxt", "exchange": "kraken", "symbols": ["?"]}, "feed.symbols.0 is '?'"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_its_mend(home: Home, feed: dict[str, Any], told: str) -> None:
    write(home, **feed)
    with pytest.raises(ConfigError) as problem:
        read_settings(home.root)
    assert told in str(problem.value)
    assert str(problem.value).startswith("config/desk.yaml:")


def test_the_sample_can_be_asked_for_on_a_desk_of_another_feed(home: Home) -> None:
    write(home, kind="ccxt", exchange="kraken", symbols=["BTC/USD"])
    (home.var / "feed.yaml").write_text("what the last run left")
    assert put_in_force(home, "sample") is None
    assert not (home.var / "feed.yaml").exists()


def test_a_recordings_folder_is_taken_from_where_one_types(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert whole_spec("replay:kept") == f"replay:{tmp_path.resolve() / 'kept'}"
    assert [whole_spec(spec) for spec in ("ccxt:kraken:BTC/USD", "replay:", None)] == [
        "ccxt:kraken:BTC/USD", "replay:", None,
    ]  # fmt: skip
