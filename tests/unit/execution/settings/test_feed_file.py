"""A desk whose strategies belong to several feeds: each run takes its own, and names of the others are no mistake."""

import shutil
from pathlib import Path

import pytest
import yaml

from execution.settings import read_settings
from execution.settings.feed_file import FeedFile, read_feed_file
from tests.tools.replay_kit import FEED, SYMBOL
from toolkit.domain.errors import ConfigError
from toolkit.domain.market import FeedMode

ROW = {"source": "a.py", "class": "A", "capital": 1, "instruments": [SYMBOL], "enabled": True}


@pytest.fixture
def home(tmp_path: Path, repository: Path) -> Path:
    """The shipped desk with a strategy and a limit on an exchange's instrument."""
    shutil.copytree(repository / "config", tmp_path / "config")
    (tmp_path / "var" / "feeds").mkdir(parents=True)
    for name, section, row in (
        ("strategies", "strategies", {"coin": ROW}),
        ("limits", "instruments", {SYMBOL: {"max_position": 1}}),
    ):
        path = tmp_path / "config" / f"{name}.yaml"
        written = yaml.safe_load(path.read_text())
        written[section] |= row
        path.write_text(yaml.safe_dump(written))
    return tmp_path


def write(path: Path, feed: FeedFile) -> None:
    path.write_text(yaml.safe_dump(feed.model_dump(mode="json")))


def test_an_instrument_that_no_feed_ever_had_is_a_mistake(home: Path) -> None:
    with pytest.raises(ConfigError, match=r"'BTC/USDT', not in config/instruments\.yaml"):
        read_settings(home)


def test_on_the_sample_what_belongs_to_another_feed_waits(home: Path) -> None:
    write(home / "var" / "feeds" / "binance_usdt.yaml", FEED)
    settings = read_settings(home)
    assert settings.feed is None
    assert list(settings.left_out) == ["coin"]
    assert SYMBOL not in {row.name for row in settings.limits.rows}
    assert settings.desk.book == "paper"


def test_on_its_feed_it_runs_and_the_others_wait(home: Path) -> None:
    write(home / "var" / "feeds" / "binance_usdt.yaml", FEED)
    on_sample = read_settings(home)
    write(home / "var" / "feed.yaml", FEED)
    settings = read_settings(home)
    assert list(settings.strategies) == ["coin"]
    assert {row.name for row in settings.limits.rows if row.scope != "stage"} == {"", "paper", SYMBOL}
    assert (settings.desk.book, settings.base_currency.code) == ("binance_usdt", "USDT")
    assert settings.limits.checksum != on_sample.limits.checksum, "other rows are another table"


def test_a_market_waits_for_nobody_and_a_replay_for_everybody() -> None:
    assert FEED.mode is FeedMode.FREE
    assert FEED.model_copy(update={"kind": "replay"}).mode is FeedMode.LOCKSTEP


def test_a_damaged_file_is_named_with_its_line(home: Path) -> None:
    path = home / "var" / "feed.yaml"
    write(path, FEED)
    path.write_text(path.read_text().replace("kind: ccxt", "kind: magic"))
    with pytest.raises(ConfigError, match=r"var/feed.yaml:\d+: kind is 'magic'"):
        read_feed_file(path)
