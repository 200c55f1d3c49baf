"""`execution up --feed ccxt:…` from a terminal: paper trading on an exchange's own stream, without a key."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

import toolkit as tk
from execution.commands.desk import Stop
from execution.commands.feed import put_in_force, snippet
from execution.services.engine import FEED as STEPS
from execution.settings import read_settings
from execution.settings.feed_file import read_feed_file
from execution.wiring.feeds import find_feed, replay_feed
from tests.tools.desk_kit import PROJECT, make_home
from tests.tools.loopback_exchange import LoopbackExchange, lively, loopback_exchange
from tests.tools.replay_kit import asked
from toolkit.adapters.step_recording import StepRecording
from toolkit.client.books import Books
from toolkit.client.home import Home
from toolkit.domain.errors import ConfigError
from toolkit.domain.market import FeedGap, FeedMode, Quote, Step, Trade

pytestmark = pytest.mark.integration

FEED = "ccxt:binance:BTC/USDT,ETH/USDT"


@pytest.fixture
async def exchange() -> AsyncIterator[LoopbackExchange]:
    async with loopback_exchange() as exchange, lively(exchange):
        yield exchange


@pytest.fixture
def home(tmp_path: Path, exchange: LoopbackExchange) -> Home:
    home = make_home(tmp_path / "desk", {"feed": {"rest": exchange.address, "stream": exchange.stream}})
    path = home.config / "limits.yaml"
    limits = yaml.safe_load(path.read_text())
    limits["book"]["max_var"] = "*"  # what it asks for is known after two minutes of prices
    path.write_text(yaml.safe_dump(limits))
    return home


async def execution(home: Home, *words: str) -> tuple[int, str]:
    """Type a command; its exit code and what it said."""
    process = await start(home, *words)
    said, _ = await asyncio.wait_for(process.communicate(), 300)
    assert process.returncode is not None
    return process.returncode, said.decode()


async def start(home: Home, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "execution.cli", *words, "--home", str(home.root)),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT, cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT)},
    )  # fmt: skip


async def status(home: Home) -> dict[str, Any]:
    code, said = await execution(home, "status", "--json")
    assert code == 0, said
    found: dict[str, Any] = json.loads(said)
    return found


def paste(home: Home, text: str) -> None:
    """Do what the printed lines say."""
    _, strategies, limits, _ = text.split("\n\n")
    for name, block in (("strategies", strategies), ("limits", limits)):
        path = home.config / f"{name}.yaml"
        written = yaml.safe_load(path.read_text())
        written["strategies"] |= yaml.safe_load("\n".join(block.splitlines()[1:]))
        path.write_text(yaml.safe_dump(written))


async def test_a_new_desk_trades_the_example_on_a_real_stream_and_its_listener_may_die(home: Home) -> None:
    feed = await find_feed(home, FEED)
    (home.var / "feeds").mkdir()
    (home.var / "feeds" / "x.yaml").write_text(yaml.safe_dump(feed.model_dump(mode="json")))
    paste(home, snippet(feed))
    code, said = await execution(home, "up", "-d", "--feed", FEED)
    assert code == 0, said
    try:
        assert "PAPER" in said
        assert "fees 10/10 bp" in said.replace(".000", "")
        assert "not on this feed, so not started: mean_reversion, quoting, trend" in said
        before = await until(home, lambda found: found["strategies"][0]["fills"] > 0)
        assert before["kind"] == "paper"
        assert before["feed"]["path"] == "Binance spot, raw streams"
        listener = next(row for row in before["processes"] if row["name"] == "listener")
        os.kill(listener["pid"], signal.SIGKILL)
        step = before["as_of"]["step"]
        after = await until(
            home,
            lambda found: (
                found["as_of"]["step"] > step
                and running(found) != listener["pid"]
                and found["feed"]["step"] > before["feed"]["step"]
                and found["feed"]["lateness_ms"] is not None
            ),
        )
        code, words = await execution(home, "status")
        assert code == 0
        assert f"FEED\n  {FEED}  running for" in words
        assert "lateness" in words
    finally:
        code, said = await execution(home, "down")
    assert code == 0, said
    assert int((home.var / "binance_usdt" / "feed-step").read_text()) >= after["feed"]["step"]


def running(found: dict[str, Any]) -> int:
    return next(
        (row["pid"] for row in found["processes"] if row["name"] == "listener" and row["state"] == "running"), 0
    )


async def until(home: Home, holds: Any) -> dict[str, Any]:
    async with asyncio.timeout(240):
        while True:
            found = await status(home)
            if found["feed"] is not None and found["strategies"] and running(found) and holds(found):
                return found
            await asyncio.sleep(0.2)


async def test_a_killed_recorder_loses_its_open_part_and_a_desk_replays_the_rest(home: Home, tmp_path: Path) -> None:
    """What is lost is said. What was kept is what a desk gets, and what it does about it, twice, bit for bit."""
    folder, words = tmp_path / "recording", ("record", str(tmp_path / "recording"), "--feed", "ccxt:binance:BTC/USDT")
    process = await start(home, *words, "--part-seconds", "1")
    await parts(process, folder, 2)
    process.kill()
    await process.wait()
    before = StepRecording(folder)
    process = await start(home, *words, "--part-seconds", "1")
    await parts(process, folder, 1 + len(list(folder.glob("*.parquet"))))
    process.send_signal(signal.SIGINT)
    said = (await asyncio.wait_for(process.communicate(), 120))[0].decode()
    assert process.returncode == 0, said
    recording = StepRecording(folder)
    assert list(recording.steps())[: before.last] == list(before.steps())
    assert next(recording.steps(before.last)).events == (FeedGap(),)
    assert {type(event) for step in recording.steps() for event in step.events} >= {Quote, Trade, FeedGap}
    if before.lost:  # killed between two parts it has lost nothing
        assert before.lost in said
        assert recording.lost == before.lost

    assert f"up --feed replay:{folder}" in said
    paste(home, snippet(replay_feed(home, f"replay:{folder}", folder)))
    first, again = [await replayed(home, folder, run) for run in (1, 2)]
    assert first.steps == again.steps == list(recording.steps()) == list(tk.data.recorded(folder))
    assert len(first.asked) > 10
    assert [pair for pair in zip(first.asked, again.asked, strict=True) if pair[0] != pair[1]] == []


class Replayed(NamedTuple):
    """What a desk got from its feed, and what its strategy asked for then."""

    steps: list[Step]
    asked: list[tuple[int, bytes]]


async def replayed(home: Home, folder: Path, run: int) -> Replayed:
    """Run a desk on a recording to its end, as fast as it follows; each run is a book of its own."""
    code, said = await execution(home, "up", "-d", "--feed", f"replay:{folder}", "--speed", "0")
    assert code == 0, said
    try:
        last = StepRecording(folder).last
        books = Books(home=home, book=f"replay_recording_run{run}")
        with closing(books.bus(60)) as bus:
            async with asyncio.timeout(120):
                while (engine := bus.beats().get("engine")) is None or engine.step < last:
                    await asyncio.sleep(0.05)
            steps = list(bus.steps(STEPS, 0, last + 1))
        done = [one for one in asked(books.batches()) if one[0] < last]  # it may still be at work on the last step
        return Replayed(steps, done)
    finally:
        code, said = await execution(home, "down")
        assert code == 0, said


async def parts(process: asyncio.subprocess.Process, folder: Path, count: int) -> None:
    """Wait for so many parts, no longer than the recorder lives."""
    async with asyncio.timeout(240):
        while len(list(folder.glob("*.parquet"))) < count:
            assert process.returncode is None, (await process.communicate())[0].decode()
            await asyncio.sleep(0.05)


async def test_a_desk_may_name_its_feed_in_its_own_file(home: Home) -> None:
    path = home.config / "desk.yaml"
    desk = yaml.safe_load(path.read_text())
    desk["feed"] |= {"kind": "ccxt", "exchange": "binance", "symbols": ["BTC/USDT"]}
    path.write_text(yaml.safe_dump(desk))
    feed = await asyncio.to_thread(put_in_force, home, None)
    assert feed == read_feed_file(home.var / "feed.yaml")
    settings = read_settings(home.root)
    assert (settings.desk.book, settings.desk.feed.mode) == ("binance_usdt", FeedMode.FREE)
    assert [one.symbol for one in settings.instruments] == ["BTC/USDT"]
    desk["feed"]["symbols"] = ["BTC/USTD"]
    path.write_text(yaml.safe_dump(desk))
    with pytest.raises(Stop, match=r"desk\.yaml: feed: binance has no market 'BTC/USTD'; the nearest: BTC/USDT"):
        await asyncio.to_thread(put_in_force, home, None)


async def test_what_a_feed_is_called_and_what_it_changes(home: Home) -> None:
    code, said = await execution(home, "up", "--feed", "ccxt:binance:BTC/USTD")
    assert (code, said.strip().splitlines()[-1]) == (
        2, "binance has no market 'BTC/USTD'; the nearest: BTC/USDT, ETH/USDT"
    )  # fmt: skip
    for wrong in ("binance", "ccxt:binance", "ccxt:binance:", "replay:"):
        with pytest.raises(ConfigError, match="give ccxt:EXCHANGE:SYMBOL"):
            await find_feed(home, wrong)
    feed = await find_feed(home, FEED)
    text = yaml.safe_dump(feed.model_dump(mode="json"))
    (home.var / "feed.yaml").write_text(text)
    settings = read_settings(home.root)
    assert (settings.desk.book, settings.desk.base_currency, settings.desk.feed.mode) == (
        "binance_usdt", "USDT", FeedMode.FREE
    )  # fmt: skip
    assert [one.symbol for one in settings.instruments] == ["BTC/USDT", "ETH/USDT"]
    assert settings.venues["paper"].fees.taker_basis_points == 10
    assert not settings.strategies
    assert list(settings.left_out) == ["trend", "mean_reversion", "quoting"]
    assert {row.name for row in settings.limits.rows if row.scope != "stage"} == {"", "paper"}
    assert read_feed_file(home.var / "feed.yaml") == feed


async def test_an_exchange_with_a_row_of_its_own_keeps_the_fees_that_somebody_wrote_down(home: Home) -> None:
    path = home.config / "venues.yaml"
    venues = yaml.safe_load(path.read_text())
    venues["venues"]["binance"] = venues["venues"]["paper"]
    path.write_text(yaml.safe_dump(venues))
    feed = await find_feed(home, FEED)
    (home.var / "feed.yaml").write_text(yaml.safe_dump(feed.model_dump(mode="json")))
    settings = read_settings(home.root)
    assert list(settings.venues) == ["binance"]
    assert str(settings.venues["binance"].fees.taker_basis_points) == "0.5"
