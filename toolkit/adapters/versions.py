"""The registry on disk: immutable versions of strategies, named by the hash of their content.

    var/registry/<strategy>/v<N>/
        <source>.py      as promoted, never written again
        manifest.json    class, parameters, instruments, and the hash of each other file

A version's digest is the SHA-256 over the names and bytes of its files, sorted by name: the same content has the same
digest, and the registry holds it once.
"""

from __future__ import annotations

import ast
import os
import shutil
import sys
import traceback
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path
from types import ModuleType
from typing import Any, Final, NamedTuple

import msgspec

from toolkit.adapters.records import sync_folder
from toolkit.domain.errors import ConfigError

MANIFEST: Final = "manifest.json"


class ChangedVersion(ConfigError):
    """The files are not those that were promoted; the message names the first that differs."""


class NotLoadable(ConfigError):
    """The source cannot be imported; the message names file, line and mend."""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a version is beside its source. `requires` are the packages that the source imports."""

    strategy: str
    class_name: str
    file: str
    parameters: dict[str, Any]
    instruments: tuple[str, ...]
    requires: tuple[str, ...]
    files: dict[str, str]


class Version(NamedTuple):
    """One version as it lies in the registry; `fresh` says that it was not there before."""

    strategy: str
    number: int
    digest: str
    path: Path
    fresh: bool = False

    @property
    def label(self) -> str:
        """As people read it: `trend v7 (7f3ac1)`."""
        return f"{self.strategy} v{self.number} ({self.digest[:6]})"


class Loaded(NamedTuple):
    """A verified version's class; whether it is a strategy is for the caller to check."""

    strategy_class: type
    manifest: Manifest


class Registry:
    """The versions under one folder."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def add(
        self,
        strategy: str,
        file: str,
        source: str,
        class_name: str,
        parameters: Mapping[str, object],
        instruments: tuple[str, ...],
        check: Callable[[Path, str], None],
    ) -> Version:
        """Put a version in, unless its content is there already. `check` gets folder and digest and raises to refuse.

        It is written beside its place, checked there, and moved in whole: a refusal or a crash leaves nothing behind.
        """
        shelf = self._root / strategy
        shelf.mkdir(parents=True, exist_ok=True)
        draft = shelf / f".new-{os.getpid()}"
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        try:
            _write_version(draft, _manifest(strategy, file, source, class_name, parameters, instruments), source)
            digest = content_digest(draft)
            for known in self.versions(strategy):
                if known.digest == digest:
                    return known
            check(draft, digest)
            return self._move_in(draft, strategy, digest)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
            if not any(shelf.iterdir()):
                shelf.rmdir()

    def versions(self, strategy: str) -> tuple[Version, ...]:
        """All versions of a strategy, oldest first."""
        found = [
            Version(strategy, int(folder.name[1:]), content_digest(folder), folder)
            for folder in (self._root / strategy).glob("v*")
            if folder.name[1:].isdecimal()
        ]
        return tuple(sorted(found, key=lambda version: version.number))

    def _move_in(self, draft: Path, strategy: str, digest: str) -> Version:
        number = max((version.number for version in self.versions(strategy)), default=0) + 1
        while True:
            place = draft.parent / f"v{number}"
            try:
                draft.rename(place)
            except OSError:
                if not place.exists():
                    raise
                number += 1  # somebody else promoted in the same moment
            else:
                sync_folder(place.parent)
                return Version(strategy, number, digest, place, fresh=True)


def content_digest(folder: Path) -> str:
    """SHA-256, in hex, over the names, lengths and bytes of all files of a folder, sorted by name."""
    total = sha256()
    for path in sorted(folder.iterdir()):
        data = path.read_bytes() if path.is_file() else b"(not a file)"
        total.update(f"{path.name}\0{len(data)}\0".encode())
        total.update(data)
    return total.hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """ConfigError when there is none, or when it cannot be read."""
    try:
        return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise ConfigError(f"{folder} is no version: it has no {MANIFEST}; promote the strategy again") from None
    except msgspec.MsgspecError as error:
        raise ChangedVersion(f"{folder / MANIFEST} was changed ({error}); promote the strategy again") from error


def load_version(folder: Path, digest: str) -> Loaded:
    """Verify a version against its digest and import it, the very bytes that were verified.

    Raises ChangedVersion naming the file that differs, NotLoadable naming file, line and mend. Nothing is written: the
    module is compiled in memory.
    """
    if not folder.is_dir():
        raise ChangedVersion(f"{folder} is missing; promote the strategy again")
    if content_digest(folder) != digest:
        raise ChangedVersion(_difference(folder))
    manifest = read_manifest(folder)
    path = folder / manifest.file
    source = path.read_bytes()
    if sha256(source).hexdigest() != manifest.files.get(manifest.file):
        raise ChangedVersion(f"{path} was changed since it was promoted; promote it again")
    module = _run(path, source, f"strategy_{manifest.strategy}")
    found = getattr(module, manifest.class_name, None)
    if not isinstance(found, type):
        raise NotLoadable(f"{manifest.file}: no class {manifest.class_name} in it; name the class that it defines")
    return Loaded(found, manifest)


def requirements(source: str) -> tuple[str, ...]:
    """The packages that a source imports, the standard library and this one left out."""
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.partition(".")[0])
    return tuple(sorted(names - set(sys.stdlib_module_names) - {"toolkit"}))


def place_of(error: BaseException, folder: Path) -> str:
    """Where in the files of a folder an error arose, as `file.py:12 in name`; "" when it did not pass through them."""
    if isinstance(error, SyntaxError) and error.filename and Path(error.filename).parent == folder:
        return f"{Path(error.filename).name}:{error.lineno}"
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if Path(frame.filename).parent == folder]
    return f"{Path(frames[-1].filename).name}:{frames[-1].lineno} in {frames[-1].name}" if frames else ""


def _run(path: Path, source: bytes, name: str) -> ModuleType:
    module = ModuleType(name)
    module.__file__ = str(path)
    sys.modules[name] = module  # annotations are looked up there
    try:
        exec(compile(source, str(path), "exec"), module.__dict__)
    except (Exception, SystemExit) as error:
        del sys.modules[name]
        place = place_of(error, path.parent) or path.name
        raise NotLoadable(f"{place}: {type(error).__name__}: {error}{_mend(error)}") from error
    return module


def _mend(error: BaseException) -> str:
    if isinstance(error, ModuleNotFoundError):
        return "; install that package, or put its code into the strategy's own file, which is all that is promoted"
    if isinstance(error, NameError):
        return "; define or import it in the strategy's own file, which is all that is promoted"
    return "; mend that line and promote again"


def _manifest(
    strategy: str,
    file: str,
    source: str,
    class_name: str,
    parameters: Mapping[str, object],
    instruments: tuple[str, ...],
) -> Manifest:
    try:
        needed = requirements(source)
    except SyntaxError as error:
        raise NotLoadable(f"{file}:{error.lineno}: {error.msg}; mend that line and promote again") from error
    return Manifest(
        strategy=strategy,
        class_name=class_name,
        file=file,
        parameters=dict(parameters),
        instruments=instruments,
        requires=needed,
        files={file: sha256(source.encode()).hexdigest()},
    )


def _write_version(folder: Path, manifest: Manifest, source: str) -> None:
    try:
        described = msgspec.json.encode(manifest, order="deterministic")
    except TypeError as error:
        raise ConfigError(f"a parameter cannot be written down ({error}); give numbers, texts or lists") from error
    if msgspec.json.decode(described, type=Manifest).parameters != manifest.parameters:
        raise ConfigError(f"parameters {manifest.parameters} do not read back the same; give finite numbers and lists")
    _write(folder / manifest.file, source.encode())
    _write(folder / MANIFEST, msgspec.json.format(described, indent=1) + b"\n")
    sync_folder(folder)


def _write(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o444)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _difference(folder: Path) -> str:
    """Which file is not as it was promoted."""
    expected = dict(read_manifest(folder).files)
    for path in sorted(folder.iterdir()):
        if path.name == MANIFEST:
            continue
        known = expected.pop(path.name, None)
        if known is None:
            return f"{path} was not there when the version was promoted; remove it"
        if sha256(path.read_bytes()).hexdigest() != known:
            return f"{path} was changed since it was promoted; restore it, or promote it as a new version"
    if expected:
        return f"{folder / min(expected)} is missing; restore it, or promote the strategy again"
    return f"{folder / MANIFEST} was changed since it was promoted; restore it, or promote it as a new version"
