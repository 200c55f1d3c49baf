"""Where a desk lives: its home folder, what lies where in var/, and a short folder for sockets; it reads no setting."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from toolkit.domain.errors import ConfigError

CONFIG_FILES = ("desk.yaml", "instruments.yaml", "limits.yaml", "strategies.yaml", "venues.yaml")
PROJECT = Path(__file__).resolve().parent.parent
SOCKET_PATH_BYTES = 100  # sun_path holds 104 on macOS, 108 on Linux
LONGEST_SOCKET_NAME = 32


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
    def registry(self) -> Path:
        """Immutable versions: `<strategy>/v<N>/`."""
        return self.var / "registry"

    @property
    def processes(self) -> Path:
        return self.run / "processes.json"

    def book(self, book: str) -> Path:
        """Mirror, latch, lifeboat and snapshots of one book."""
        return self.var / book

    def venue(self, name: str) -> Path:
        """The ledger of a venue that this desk hosts."""
        return self.var / "venue" / name

    def log(self, process: str) -> Path:
        return self.logs / f"{process}.log"

    def sockets(self) -> Path:
        """The folder for unix sockets: var/run, or a short private folder when that path is too long for a socket."""
        if len(os.fsencode(self.run)) + 1 + LONGEST_SOCKET_NAME <= SOCKET_PATH_BYTES:
            return self.run
        return _short_folder(self.run / "sockets")

    def socket(self, name: str) -> Path:
        """The socket of `name`, for instance `journal` or `venue-paper`."""
        return self.sockets() / f"{name}.sock"

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


def _short_folder(record: Path) -> Path:
    """The short folder named in `record`, or a new one; it must be ours alone, since anyone can make names there."""
    try:
        known = Path(record.read_text().strip())
        if _is_ours_alone(known):
            return known
    except FileNotFoundError:
        pass
    folder = Path(tempfile.mkdtemp(prefix="desk-", dir=_short_parent()))
    record.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = record.with_suffix(f".{os.getpid()}")
    draft.write_text(f"{folder}\n")
    draft.replace(record)
    return folder


def _short_parent() -> str:
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    fits = 0 < len(os.fsencode(runtime)) <= 40 and Path(runtime).is_dir()
    return runtime if fits else "/tmp"


def _is_ours_alone(folder: Path) -> bool:
    try:
        found = folder.lstat()
    except FileNotFoundError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and stat.S_IMODE(found.st_mode) == 0o700
