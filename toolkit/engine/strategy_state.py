"""What survives of a strategy, as bytes: its declared state and its timers; when to keep it is decided elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from toolkit.domain.errors import ConfigError, DomainError

MOST_STATE = 64 * 1024


class Kept(msgspec.Struct, frozen=True, array_like=True):
    """The layout: the state, and each timer's name and feed time."""

    state: msgspec.Raw
    timers: tuple[tuple[str, int], ...]


class StateKeeper:
    """Turns one strategy's state into bytes and back. The same state is always the same bytes."""

    def __init__(self, name: str, state_class: type[Any]) -> None:
        self._name = name
        self._state_class = state_class
        self._encode = msgspec.msgpack.Encoder(order="deterministic", enc_hook=_plain).encode
        self._decode = msgspec.msgpack.Decoder(Kept).decode
        self._nothing = None if state_class.__struct_fields__ else self._packed(state_class(), {})

    def pack(self, state: object, timers: Mapping[str, int]) -> bytes:
        """DomainError when something in the state cannot be kept, or when it is too large."""
        if self._nothing is not None and not timers and type(state) is self._state_class:
            return self._nothing  # a State without fields is always the same
        return self._packed(state, timers)

    def _packed(self, state: object, timers: Mapping[str, int]) -> bytes:
        try:
            kept = self._encode(Kept(msgspec.Raw(self._encode(state)), tuple(sorted(timers.items()))))
        except (TypeError, OverflowError) as error:
            raise DomainError(f"{self._name}: the state cannot be kept: {error}") from error
        if len(kept) > MOST_STATE:
            raise DomainError(f"{self._name}: the state has {len(kept)} bytes of {MOST_STATE}; keep less in State")
        return kept

    def unpack(self, packed: bytes) -> tuple[Any, dict[str, int]]:
        """State and timers. ConfigError when the bytes do not fit the declared State."""
        try:
            kept = self._decode(packed)
            return msgspec.msgpack.decode(kept.state, type=self._state_class), dict(kept.timers)
        except msgspec.DecodeError as error:
            raise ConfigError(
                f"{self._name}: the kept state does not fit {self._state_class.__qualname__}: {error}; "
                "mend the value or the declared type, and give a new field a default"
            ) from error


def _plain(value: object) -> object:
    """A number or text of somebody else's class (numpy's, our own `Position`) as what it stands for."""
    if isinstance(value, float | str):
        return float(value) if isinstance(value, float) else str(value)
    if hasattr(value, "__index__"):
        return value.__index__()
    raise TypeError(f"a {type(value).__name__} cannot be kept; use numbers, texts, lists, mappings and structs")
