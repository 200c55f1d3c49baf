"""`tk.promote`: makes an immutable version of a strategy class, proves that it loads elsewhere, and tells the desk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import NamedTuple

from toolkit.client.home import find_home
from toolkit.client.registry import announce, register
from toolkit.domain.errors import ConfigError
from toolkit.engine.strategy import Strategy
from toolkit.engine.strategy_parameters import new_state, parameter_values
from toolkit.research.strategy_source import strategy_name, strategy_source


class Promoted(NamedTuple):
    """What became of a promotion. `fresh` is False when this content was in the registry already."""

    strategy: str
    version: int
    digest: str
    path: Path
    parameters: Mapping[str, object]
    instruments: tuple[str, ...]
    fresh: bool
    note: str

    def __str__(self) -> str:
        return f"{self.strategy} v{self.version} ({self.digest[:6]}). {self._news} {self.note}"

    @property
    def _news(self) -> str:
        return "A new version." if self.fresh else "Nothing changed since it was promoted before."

    def _repr_html_(self) -> str:
        rows = {
            "instruments": ", ".join(self.instruments),
            "parameters": ", ".join(f"{name} = {value!r}" for name, value in self.parameters.items()) or "none",
            "digest": self.digest,
            "folder": str(self.path),
        }
        cells = "".join(
            f"<tr><th style='text-align:left'>{escape(name)}</th><td style='text-align:left'>{escape(value)}</td></tr>"
            for name, value in rows.items()
        )
        return (
            f"<div><b>{escape(self.strategy)} v{self.version}</b> <code>{self.digest[:6]}</code> "
            f"{escape(self._news)} {escape(self.note)}<table>{cells}</table></div>"
        )


def promote(
    strategy: type[Strategy],
    name: str | None = None,
    parameters: Mapping[str, object] | None = None,
    *,
    instruments: Sequence[str] | None = None,
    home: str | Path | None = None,
    reason: str = "promoted from a notebook",
) -> Promoted:
    """Put `strategy` with `parameters` into the desk's registry as an immutable version.

    The same content is the same version.
    The class may live in a file or in a cell of a notebook; `name` is by default that of the class, in small letters.
    ConfigError, and nothing left behind, when it does not load in a fresh interpreter.
    """
    if not _is_strategy(strategy):
        raise TypeError(f"promote takes a strategy class, such as class Trend(tk.Strategy), not {strategy!r}")
    source = strategy_source(strategy)
    called = name or strategy_name(strategy)
    given = dict(parameters or {})
    parameter_values(strategy, given)
    new_state(strategy)
    traded = tuple(instruments or strategy.instruments)
    if not traded:
        raise ConfigError(f"{strategy.__name__} names no instruments; declare them in the class, or give instruments=…")
    desk = find_home(home)
    version = register(
        desk,
        called,
        file=source.file,
        source=source.text,
        class_name=source.class_name,
        parameters=given,
        instruments=traded,
    )
    note = announce(desk, version, traded, source="notebook", reason=reason)
    return Promoted(
        strategy=called,
        version=version.number,
        digest=version.digest,
        path=version.path,
        parameters=given,
        instruments=traded,
        fresh=version.fresh,
        note=note,
    )


def _is_strategy(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Strategy)
