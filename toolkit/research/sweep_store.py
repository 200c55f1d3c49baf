"""What a sweep keeps on disk, so that it can go on where it was stopped; it runs nothing.

    var/sweeps/<digest>/
        source/<strategy>/v1/    the class as every point runs it
        steps                    the data: each step behind its length
        points/<digest>.json     parameters and figures of one point, written beside and moved in whole

The digest is that of everything but the point: source, the modules of one's own that it imports, data, capital,
limits, venue and version of this package. So a folder holds every point that was ever tried on the same ground. Files
that a strategy reads while it runs, and installed packages, are not in it: after they change, sweep into a new folder.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextvars import ContextVar
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec

from toolkit.client.registry import Registry, load_version
from toolkit.domain.errors import ConfigError
from toolkit.domain.market import Step
from toolkit.engine.strategy import Strategy
from toolkit.research.data import FeedData
from toolkit.research.imported_sources import imported_digest
from toolkit.research.strategy_source import strategy_name, strategy_source

Parameters = Mapping[str, object]
Figures = dict[str, float]

_LOADING: Final[ContextVar[bool]] = ContextVar("loading", default=False)


class Ground(NamedTuple):
    """What all points of a sweep share beside source and data. `settings` are arguments of `tk.backtest`."""

    instruments: tuple[Any, ...]
    title: str
    label: str
    settings: dict[str, Any]


class Task(NamedTuple):
    """All that another process needs to run a point: it holds no code, only where the code lies and its digest."""

    version: Path
    digest: str
    steps: Path
    ground: Ground


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """One point. A figure that cannot be known is NaN (null in the file)."""

    parameters: dict[str, Any]
    figures: dict[str, float | None]


class Store:
    """The folder of one sweep."""

    def __init__(self, folder: Path, task: Task) -> None:
        self.folder = folder
        self.task = task
        self._points = folder / "points"
        self._points.mkdir(exist_ok=True)

    @classmethod
    def open(cls, root: Path, strategy: type[Strategy], data: FeedData, settings: dict[str, Any]) -> Store:
        """Write source and data down, in the folder of their digest; what is there already stays."""
        source = strategy_source(strategy)
        ground = Ground(data.instruments, data.title, data.label, settings)
        root.mkdir(parents=True, exist_ok=True)
        draft = root / f".steps-{os.getpid()}"
        try:
            total = sha256(source.text.encode() + b"\0" + source.class_name.encode())
            total.update(imported_digest(source.text))
            total.update(_encoded(ground) + version("quarterdeck").encode())
            total.update(_write_steps(draft, data))
            folder = root / total.hexdigest()[:16]
            folder.mkdir(exist_ok=True)
            draft.replace(folder / "steps")
        finally:
            draft.unlink(missing_ok=True)
        kept = Registry(folder / "source").add(
            strategy_name(strategy), source.file, source.text, source.class_name, {}, (), _check_loads
        )
        return cls(folder, Task(kept.path, kept.digest, folder / "steps", ground))

    def known(self, parameters: Parameters) -> Figures | None:
        """The figures of a point that was tried before; None when it was not."""
        try:
            tried = msgspec.json.decode(self._place(parameters).read_bytes(), type=Tried)
        except FileNotFoundError:
            return None
        return {name: float("nan") if value is None else value for name, value in tried.figures.items()}

    def keep(self, parameters: Parameters, figures: Figures) -> None:
        """Write a point down, whole or not at all."""
        place = self._place(parameters)
        draft = place.with_suffix(f".{os.getpid()}")
        draft.write_bytes(msgspec.json.encode(Tried(parameters=dict(parameters), figures=dict(figures))))
        draft.replace(place)

    def count(self) -> int:
        """How many points were ever tried on this ground."""
        return sum(1 for _ in self._points.glob("*.json"))

    def _place(self, parameters: Parameters) -> Path:
        named = msgspec.json.encode(dict(parameters), order="deterministic")
        return self._points / f"{sha256(named).hexdigest()[:24]}.json"


def load_class(folder: Path, digest: str) -> type[Strategy]:
    """The class as every point runs it, verified. ConfigError (ChangedVersion, NotLoadable) when it cannot be had."""
    before = _LOADING.set(True)
    try:
        return load_version(folder, digest).strategy_class
    finally:
        _LOADING.reset(before)


def is_loading() -> bool:
    """Whether the source of a strategy is executed at this moment."""
    return _LOADING.get()


def read_steps(path: Path) -> Iterator[Step]:
    """The steps of a file, one at a time."""
    decode = msgspec.msgpack.Decoder(Step).decode
    with path.open("rb") as file:
        while length := file.read(4):
            yield decode(file.read(int.from_bytes(length, "big")))


def _write_steps(path: Path, steps: Iterable[Step]) -> bytes:
    """Write steps to a file; returns the digest of its bytes."""
    encode = msgspec.msgpack.Encoder().encode
    total = sha256()
    with path.open("wb") as file:
        for step in steps:
            packed = encode(step)
            record = len(packed).to_bytes(4, "big") + packed
            total.update(record)
            file.write(record)
    return total.digest()


def _encoded(ground: Ground) -> bytes:
    try:
        return msgspec.json.encode(ground, order="deterministic")
    except TypeError as error:
        raise ConfigError(
            f"capital, limits or venue cannot be written down ({error}); give numbers and texts"
        ) from error


def _check_loads(folder: Path, digest: str) -> None:
    load_class(folder, digest)
