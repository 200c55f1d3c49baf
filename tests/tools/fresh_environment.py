"""An environment of its own with a wheel and what that asks for, and nothing else that the tests were given.

What it asks for is linked from the environment that runs the tests, which was installed with the pinned versions; pip
then installs the wheel without an index, and so only if all of its requirements are there. Nothing is fetched.
"""

from __future__ import annotations

import os
import subprocess
import sys
import venv
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


@dataclass(frozen=True)
class FreshEnvironment:
    """The folder of an environment; commands run in it as for a person who activated it."""

    folder: Path

    def run(self, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            (str(self.folder / "bin" / arguments[0]), *arguments[1:]), cwd=folder, env=self._variables,
            capture_output=True, text=True, check=False, timeout=300,
        )  # fmt: skip

    @property
    def _variables(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
        return kept | {"PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}


def fresh_environment(folder: Path, wheel: Path) -> FreshEnvironment:
    """Make it and install the wheel in it; a requirement that is nowhere fails as pip says it."""
    venv.create(folder, symlinks=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    for one in _wanted(_requirements(wheel)):
        _link(one, packages)
    done = subprocess.run(
        (sys.executable, "-m", "pip", "--isolated", "--python", str(folder / "bin" / "python"), "install", "--no-index",
         "--no-compile", "--quiet", "--disable-pip-version-check", str(wheel)),
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return FreshEnvironment(folder)


def _requirements(wheel: Path) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return message_from_bytes(archive.read(name)).get_all("Requires-Dist", [])


def _wanted(requirements: list[str]) -> Iterator[Distribution]:
    """Everything that is asked for here, directly or by another; each once for each set of extras."""
    waiting, seen = [(text, "") for text in requirements], set()
    while waiting:
        text, extra = waiting.pop()
        wanted = Requirement(text)
        if wanted.marker is not None and not wanted.marker.evaluate({"extra": extra}):
            continue
        found = distribution(wanted.name)
        for of in ("", *wanted.extras):
            if (key := (canonicalize_name(wanted.name), of)) not in seen:
                seen.add(key)
                waiting += [(one, of) for one in found.requires or ()]
                yield found


def _link(one: Distribution, packages: Path) -> None:
    """Its folders and files at the top of site-packages; scripts and data beside it are nobody's import."""
    tops = {file.parts[0] for file in one.files or ()} - {"..", "__pycache__"}
    for top in tops:
        link = packages / top
        if not link.is_symlink():
            link.symlink_to(Path(str(one.locate_file(top))))
