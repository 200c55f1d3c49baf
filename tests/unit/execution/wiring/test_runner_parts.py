"""Parts of the runner's process: signs of life that never wait, words about a failure, instruments that must exist."""

import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest

from execution.services.runner_setup import RunnerExit, RunnerSetup, read_setup
from execution.wiring.runner import Beats, calculate_in_one_thread, container_maker, tell_failure
from tests.unit.toolkit.engine.strategy_kit import AAPL, MSFT, USD
from toolkit.adapters.versions import Registry
from toolkit.domain.errors import ConfigError
from toolkit.domain.market import FeedMode


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    os.close(writer)


def setup(path: str, digest: str, *instruments: object) -> RunnerSetup:
    return RunnerSetup(
        strategy="trend",
        version="v1",
        digest=digest,
        path=path,
        book="paper",
        mode=FeedMode.FREE,
        journal_url="unix:///nowhere",
        bus_url="unix:///nowhere",
        username="runner-trend",
        password="secret",
        instruments=instruments,
        base_currency=USD,
        memory_mb=64,
    )


def test_a_setup_comes_back_from_its_line_and_never_shows_its_password() -> None:
    told = setup("/somewhere", "abc", AAPL)
    assert read_setup(told.line()) == told
    assert told.line().count(b"\n") == 1
    assert "secret" not in repr(told)


@pytest.mark.parametrize(
    ("ending", "cause"),
    [
        (RunnerExit.RAISED, "raised"),
        (RunnerExit.MEMORY, "memory"),
        (RunnerExit.HASH, "hash"),
        (RunnerExit.IMPORT, "import"),
        (RunnerExit.SETUP, "exit"),
        (RunnerExit.REPLACED, "exit"),
        (RunnerExit.STOPPED, "exit"),
    ],
)
def test_every_ending_has_the_word_that_the_journal_knows(ending: RunnerExit, cause: str) -> None:
    assert ending.cause == cause


def test_signs_of_life_are_rare_but_a_new_state_is_told_at_once(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    beat = Beats(60, writer)
    for state, step in [("running", 1), ("running", 2), ("without-servers", 2), ("running", 3)]:
        beat(state, step)
    assert os.read(reader, 4096).decode().splitlines() == [
        "beat running 1",
        "beat without-servers 2",
        "beat running 3",
    ]


def test_a_reader_that_does_not_read_holds_nobody_up(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    beat = Beats(0, writer)
    for step in range(20_000):
        beat("running", step)
    assert len(os.read(reader, 1 << 20)) < 20_000 * len("beat running 0\n")


def test_a_failure_outside_of_the_strategys_file_is_told_without_a_place(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tell_failure(ValueError("odd"), tmp_path)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == lines[-1] == "ValueError: odd"


def test_numpy_gets_one_thread_unless_somebody_wants_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "environ", {"OMP_NUM_THREADS": "4"})
    calculate_in_one_thread()
    assert (os.environ["OPENBLAS_NUM_THREADS"], os.environ["OMP_NUM_THREADS"]) == ("1", "4")


def test_a_version_runs_with_its_own_instruments_in_its_own_order(tmp_path: Path) -> None:
    source = "import toolkit as tk\nclass Trend(tk.Strategy):\n    pass\n"
    version = Registry(tmp_path).add("trend", "trend.py", source, "Trend", {}, ("MSFT", "AAPL"), lambda *_: None)
    container = container_maker(setup(str(version.path), version.digest, AAPL, MSFT))()
    assert list(container.strategy.instruments) == ["MSFT", "AAPL"]
    assert container.strategy.instruments["AAPL"].tick == float(Decimal("0.01"))
    with pytest.raises(ConfigError, match=r"v1 trades MSFT; define it in config/instruments.yaml"):
        container_maker(setup(str(version.path), version.digest, AAPL))
