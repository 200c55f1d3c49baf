"""Where a desk lives: its home folder, and what lies where in var/; it reads no setting."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from toolkit.domain.errors import ConfigError

CONFIG_FILES = ("desk.yaml", "instruments.yaml", "limits.yaml", "strategies.yaml", "venues.yaml")
PROJECT = Path(__file__).resolve().parent.parent.parent


@dataclass(frozen=True)
class Home:
    """Paths of one desk. Nothing is created until `prepare` is called."""

    root: Path

    @property
    def config(self) -> Path:
        return self.root / "config"

    @property
    def var(self) -> Path:
        return self.root / "var"

    @property
    def run(self) -> Path:
        """Sockets, pid files and `processes.json`."""
        return self.var / "run"

    @property
    def logs(self) -> Path:
        return self.var / "logs"

    @property
    def servers(self) -> Path:
        """What the embedded servers keep."""
        return self.var / "servers"

    @property
    def registry(self) -> Path:
        """Immutable versions: `<strategy>/v<N>/`."""
        return self.var / "registry"

    @property
    def processes(self) -> Path:
        return self.run / "processes.json"

    def book(self, book: str) -> Path:
        """Mirror, latch, lifeboat and snapshots of one book."""
        return self.var / book

    def archive(self, book: str) -> Path:
        """The journal of one book for good, a folder for each day."""
        return self.book(book) / "archive"

    def ladder(self, book: str) -> Path:
        """What one book earned beside its replay, a line for each session."""
        return self.book(book) / "divergence"

    def venue(self, name: str) -> Path:
        """The ledger of a venue that this desk hosts."""
        return self.var / "venue" / name

    def log(self, process: str) -> Path:
        return self.logs / f"{process}.log"

    def prepare(self) -> None:
        """Make var/ and what belongs into it, for this user alone."""
        for folder in (self.var, self.run, self.logs):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def find_home(given: str | os.PathLike[str] | None = None, *, environment: Mapping[str, str] | None = None) -> Home:
    """The desk: `given`, else EXECUTION_HOME, else the nearest parent with config/, else the project itself.

    ConfigError when there is none.
    """
    named = given or (os.environ if environment is None else environment).get("EXECUTION_HOME")
    if named:
        root = Path(named).expanduser().resolve()
        if not is_home(root):
            raise ConfigError(f"{root} is no desk (no config/desk.yaml); give --home the folder that holds config/")
        return Home(root)
    here = Path.cwd()
    for folder in (here, *here.parents, PROJECT):
        if is_home(folder):
            return Home(folder)
    raise ConfigError(f"no desk in {here} or above: no config/desk.yaml; go there, or use --home or EXECUTION_HOME")


def is_home(folder: Path) -> bool:
    """Whether a folder holds config/ with at least one of a desk's files (a broken desk is still a desk)."""
    return any((folder / "config" / name).is_file() for name in CONFIG_FILES)
