"""A desk is found where people expect it."""

from pathlib import Path

import pytest

from execution.home import PROJECT, find_home
from toolkit.domain.errors import ConfigError


def desk(folder: Path) -> Path:
    (folder / "config").mkdir(parents=True)
    (folder / "config/desk.yaml").write_text("name: x\n")
    return folder


def test_the_option_wins_over_the_environment(tmp_path: Path) -> None:
    first, second = desk(tmp_path / "first"), desk(tmp_path / "second")
    assert find_home(first, environment={"EXECUTION_HOME": str(second)}).root == first
    assert find_home(None, environment={"EXECUTION_HOME": str(second)}).root == second


def test_the_nearest_parent_with_config_is_the_desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    outer = desk(tmp_path / "desk")
    below = outer / "notebooks/strategies"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert find_home(environment={}).root == outer


def test_somebody_elses_config_folder_is_no_desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").mkdir()
    (tmp_path / "config/app.toml").write_text("")
    monkeypatch.chdir(tmp_path)
    assert find_home(environment={}).root == PROJECT


def test_a_named_folder_that_is_no_desk_is_refused_with_the_mend(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no desk.*--home the folder that holds config/"):
        find_home(tmp_path)
