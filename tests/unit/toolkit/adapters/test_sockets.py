import os
from pathlib import Path

import pytest

from toolkit.adapters import sockets
from toolkit.adapters.sockets import LONGEST_PATH, private_folder, remove_short_folder, socket_path
from toolkit.domain.errors import ConfigError


@pytest.fixture
def deep(tmp_path: Path) -> Path:
    return tmp_path / ("deep" * 30) / "run"


def test_a_socket_lies_in_the_run_folder(tmp_path: Path) -> None:
    if len(os.fsencode(tmp_path)) > LONGEST_PATH - 20:
        pytest.skip("optional: the temporary folder of this machine is too deep for a socket")
    assert socket_path(tmp_path / "run", "venue") == (tmp_path / "run").resolve() / "venue.sock"


def test_a_path_too_long_leads_to_one_short_private_folder_for_all(deep: Path) -> None:
    venue, bus = socket_path(deep, "venue"), socket_path(deep, "bus")
    assert venue.parent == bus.parent
    assert len(os.fsencode(venue)) <= LONGEST_PATH
    assert venue.parent.stat().st_mode & 0o777 == 0o700
    remove_short_folder(deep)
    assert not venue.parent.exists()


def test_a_short_folder_in_use_stays(deep: Path) -> None:
    venue = socket_path(deep, "venue")
    venue.touch()
    remove_short_folder(deep)
    assert socket_path(deep, "venue") == venue
    venue.unlink()
    remove_short_folder(deep)


def test_a_short_folder_that_was_swept_away_is_made_anew(deep: Path) -> None:
    socket_path(deep, "venue").parent.rmdir()
    assert socket_path(deep, "venue").parent.is_dir()
    remove_short_folder(deep)


def test_a_folder_of_somebody_else_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sockets.os, "getuid", lambda: 4242)
    with pytest.raises(ConfigError, match="another user"):
        private_folder(tmp_path)


def test_a_folder_that_others_could_enter_is_closed(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir(mode=0o755)
    assert private_folder(folder).stat().st_mode & 0o777 == 0o700
