"""A desk that runs goes by the files as they were when it started, whatever is saved meanwhile."""

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from execution.settings import begin_run, end_run, read_running, read_settings
from tests.unit.execution.settings.test_reading import edit
from toolkit.domain.errors import ConfigError


@pytest.fixture
def home(tmp_path: Path, repository: Path) -> Path:
    shutil.copytree(repository / "config", tmp_path / "config")
    return tmp_path


def test_what_is_saved_meanwhile_counts_from_the_next_run_on(home: Path) -> None:
    begun = begin_run(home)
    assert begun == read_settings(home)
    edit(home, "strategies", "capital: 100000", "capital: 90000")
    assert read_running(home) == begun
    assert read_settings(home).strategies["trend"].capital == Decimal(90_000)
    end_run(home)
    assert read_running(home) == read_settings(home)


def test_a_file_that_is_broken_meanwhile_changes_nothing_either(home: Path) -> None:
    begun = begin_run(home)
    for path in (home / "config").glob("*.yaml"):
        path.write_text("[")
    assert read_running(home) == begun


def test_a_run_begins_with_the_files_of_now(home: Path) -> None:
    begin_run(home)
    edit(home, "strategies", "capital: 100000", "capital: 90000")
    (home / "config" / "rollout.yaml").unlink()
    assert begin_run(home) == read_settings(home)


@pytest.mark.parametrize("spoil", [lambda path: path.write_text("["), lambda path: path.unlink()])
def test_a_file_that_cannot_be_used_begins_no_run_and_is_named_as_it_is(home: Path, spoil: object) -> None:
    begin_run(home)
    assert callable(spoil)
    spoil(home / "config" / "limits.yaml")
    with pytest.raises(ConfigError) as plain:
        read_settings(home)
    with pytest.raises(ConfigError) as begun:
        begin_run(home)
    assert str(begun.value) == str(plain.value)
