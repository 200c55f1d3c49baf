"""What a running desk goes by: the files as `execution up` read them, kept until it goes down.

A process that starts again in the middle of a day must find what the others go by: neither a file that was saved broken
meanwhile, nor one that takes effect with the next `execution up`.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Final

from execution.settings.reading import Settings, read_settings
from toolkit.domain.errors import ConfigError

FILES: Final = ("config/*.yaml", "var/feed.yaml", "var/feeds/*.yaml")


def begin_run(home: Path) -> Settings:
    """Keep the files for this run and read what was kept. ConfigError lists the problems of the first that has any."""
    end_run(home)
    for source in sorted(path for pattern in FILES for path in home.glob(pattern)):
        name = source.relative_to(home)
        try:
            content = source.read_bytes()
        except OSError as problem:
            raise ConfigError(f"{name} cannot be read ({problem.strerror}); mend its permissions") from None
        _keep(_kept(home) / name, content)
    return read_running(home)


def read_running(home: Path) -> Settings:
    """The settings of the run that goes on; what the files say now where none does."""
    kept = _kept(home)
    return replace(read_settings(kept), home=home) if kept.is_dir() else read_settings(home)


def is_as_begun(home: Path, name: str) -> bool:
    """Whether a file of config/ says what the run goes by."""
    place = Path("config") / name
    try:
        return (home / place).read_bytes() == (_kept(home) / place).read_bytes()
    except OSError:
        return False


def end_run(home: Path) -> None:
    """The next one reads the files anew."""
    shutil.rmtree(_kept(home), ignore_errors=True)


def _keep(place: Path, content: bytes) -> None:
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        place.write_bytes(content)
    except OSError as problem:
        raise ConfigError(f"{place}: cannot write ({problem}); free space or mend the disk") from problem


def _kept(home: Path) -> Path:
    return home / "var" / "run" / "settings"
