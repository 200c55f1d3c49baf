"""Where the unix sockets of a desk lie: in its run folder, or in a short private one when that path is too long."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from toolkit.domain.errors import ConfigError

LONGEST_PATH: Final = 100
"""Bytes; the systems allow 103 to 107."""

_RECORD: Final = "socket-folder"


def socket_path(run: Path, name: str) -> Path:
    """The path of the socket `<name>.sock` of the desk with this run folder; the same in every process of it."""
    private_folder(run)
    path = run.resolve() / f"{name}.sock"
    if len(os.fsencode(path)) <= LONGEST_PATH:
        return path
    return _short_folder(run) / f"{name}.sock"


def private_folder(folder: Path) -> Path:
    """Make a folder that only its owner may enter. ConfigError when somebody else owns it."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    status = folder.stat()
    if status.st_uid != os.getuid():
        raise ConfigError(f"{folder} belongs to another user (uid {status.st_uid}); choose another --home")
    if status.st_mode & 0o077:
        folder.chmod(0o700)
    return folder


def remove_short_folder(run: Path) -> None:
    """Take the short folder away once no socket is left in it; nothing happens where there is none."""
    record = run / _RECORD
    if not record.is_file():
        return
    folder = Path(record.read_text(encoding="utf-8").strip())
    if folder.is_dir() and all(path.name == "budgets" for path in folder.iterdir()):
        shutil.rmtree(folder)
        record.unlink()


def _short_folder(run: Path) -> Path:
    record = run / _RECORD
    if record.is_file():
        known = Path(record.read_text(encoding="utf-8").strip())
        if known.is_dir() and not known.is_symlink() and known.stat().st_uid == os.getuid():
            return private_folder(known)
    folder = Path(tempfile.mkdtemp(prefix="qd-", dir="/tmp"))
    record.write_text(f"{folder}\n", encoding="utf-8")
    return folder
