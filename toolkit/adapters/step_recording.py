"""A folder of Parquet files with the numbered steps of a feed: parts that are moved in whole, read back step for step.

    steps-<first>-<last>.parquet   a row for each event: step and time of its step, its kind, its fields
    open.json                      there while a part is open: after which step, and since when
    lost.txt                       what recorders that were killed had open, a line each

A part is written beside, synced and renamed, so a kill -9 loses at most the open part; the marker that it leaves says
so to whoever records into the folder next, or replays it. Prices are in ticks and sizes in lots of the instruments that
the feed's description names, which is in the metadata of every part.
"""

from __future__ import annotations

import io
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from toolkit.adapters.records import replace_file, sync_folder
from toolkit.domain.errors import ConfigError
from toolkit.domain.market import (
    FeedGap,
    MarketEvent,
    Quote,
    SessionClosed,
    SessionOpened,
    Step,
    Trade,
    TradingHalted,
)
from toolkit.domain.time import NANOSECONDS, FeedTime, WallTime

PART_SECONDS: Final = 30
PART_EVENTS: Final = 100_000
MARKER: Final = "open.json"
LOST: Final = "lost.txt"

_PART: Final = re.compile(r"steps-(\d{12})-(\d{12})\.parquet")
_KINDS: Final[dict[str, type[MarketEvent]]] = {
    "quote": Quote,
    "trade": Trade,
    "session_opened": SessionOpened,
    "session_closed": SessionClosed,
    "trading_halted": TradingHalted,
    "feed_gap": FeedGap,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}
_WORD: Final = pa.dictionary(pa.int32(), pa.string())
_FIELDS: Final = {
    "instrument": _WORD, "bid": pa.int64(), "ask": pa.int64(), "bid_size": pa.int64(), "ask_size": pa.int64(),
    "price": pa.int64(), "size": pa.int64(), "calendar": _WORD, "session": _WORD, "halted": pa.bool_(),
}  # fmt: skip
_SCHEMA: Final = pa.schema(
    [("step", pa.int64()), ("time", pa.int64()), ("label", _WORD), ("kind", _WORD), *_FIELDS.items()]
)


class _Marker(msgspec.Struct, frozen=True):
    after: int
    wall: int


class StepRecorder:
    """Writes steps into a folder, which may hold earlier ones of the same feed; numbers go on where they end.

    `description` says what the feed is. `last` is the number of the newest step that is safe, `lost` what an earlier
    recorder had open when it was killed ("" when it ended in order).
    """

    def __init__(self, folder: Path, description: str, *, part_seconds: float = PART_SECONDS) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        parts = _parts(folder)
        self.last = parts[-1][1] if parts else 0
        self.lost = _open_when_killed(folder)
        if self.lost:
            known = (folder / LOST).read_bytes() if (folder / LOST).exists() else b""
            replace_file(folder / LOST, folder / f"{LOST}.new", known + f"{self.lost}\n".encode())
            (folder / MARKER).unlink()
        self._folder = folder
        self._description = description
        self._part_nanoseconds = int(part_seconds * NANOSECONDS)
        self._open: list[Step] = []
        self._events = 0
        self._since = 0

    def take(self, steps: Sequence[Step], wall: WallTime) -> None:
        """Add steps; a part that is full or old enough is moved in. TransportError when the disk refuses.

        Steps that were taken before are ignored: who is interrupted while it hands them over says them again.
        """
        newest = self._open[-1].number if self._open else self.last
        steps = [step for step in steps if step.number > newest]
        if steps and not self._open:
            self._since = int(wall)
            marker = msgspec.json.encode(_Marker(after=self.last, wall=int(wall)))
            replace_file(self._folder / MARKER, self._folder / f"{MARKER}.new", marker)
        self._open += steps
        self._events += sum(len(step.events) for step in steps)
        if self._open and (self._events >= PART_EVENTS or int(wall) - self._since >= self._part_nanoseconds):
            self.close()

    def close(self) -> None:
        """Move the open part in. TransportError when the disk refuses; it then stays open."""
        if not self._open:
            return
        first, last = self._open[0].number, self._open[-1].number
        path = self._folder / f"steps-{first:012d}-{last:012d}.parquet"
        replace_file(path, path.with_suffix(".new"), _encode(self._open, self._description))
        self._open, self._events, self.last = [], 0, last
        (self._folder / MARKER).unlink(missing_ok=True)
        sync_folder(self._folder)


class StepRecording:
    """A recorded feed. ConfigError when the folder holds none, or a part of it is missing or damaged."""

    def __init__(self, folder: Path) -> None:
        self._parts = _parts(folder)
        if not self._parts:
            raise ConfigError(f"{folder} holds no recording (steps-….parquet); make one with `execution record`")
        for (_, before, _), (first, _, path) in zip(self._parts, self._parts[1:], strict=False):
            if first != before + 1:
                raise ConfigError(f"{path}: begins with step {first} after {before}: a part between them is missing")
        self.first, self.last = self._parts[0][0], self._parts[-1][1]
        self.lost = "; ".join([*_lost_before(folder), *filter(None, [_open_when_killed(folder)])])
        self.description = _description(self._parts[0][2])

    def steps(self, after: int = 0) -> Iterator[Step]:
        """Every step with a number above `after`, as it was recorded."""
        for _, last, path in self._parts:
            if last > after:
                yield from (step for step in _decode(path) if step.number > after)

    def times(self) -> array[int]:
        """The feed time (ns) of every step, `first` to `last`."""
        found = array("q")
        for _, _, path in self._parts:
            numbers, times = (_read(path, ["step", "time"]).column(name).to_pylist() for name in ("step", "time"))
            found.extend(dict(zip(numbers, times, strict=True)).values())
        return found


def _lost_before(folder: Path) -> list[str]:
    path = folder / LOST
    return path.read_text().splitlines() if path.exists() else []


def _open_when_killed(folder: Path) -> str:
    """What a recorder that was killed had open, in words; "" when nothing is missing."""
    try:
        marker = msgspec.json.decode((folder / MARKER).read_bytes(), type=_Marker)
    except FileNotFoundError:
        return ""
    except msgspec.MsgspecError as problem:
        raise ConfigError(f"{folder / MARKER} is damaged ({problem}); delete it") from None
    parts = _parts(folder)
    if parts and parts[-1][1] > marker.after:  # killed between the part and the marker
        return ""
    since = datetime.fromtimestamp(marker.wall // NANOSECONDS, UTC).isoformat(sep=" ")
    return f"the recorder was killed: what came after step {marker.after}, from {since} on, is lost"


def _parts(folder: Path) -> list[tuple[int, int, Path]]:
    """First and last step of each part, in order."""
    if not folder.is_dir():
        return []
    found = ((_PART.fullmatch(path.name), path) for path in folder.iterdir())
    return sorted((int(match[1]), int(match[2]), path) for match, path in found if match)


def _encode(steps: Iterable[Step], description: str) -> bytes:
    columns: dict[str, list[Any]] = {name: [] for name in _SCHEMA.names}
    for step in steps:
        for event in step.events:
            if type(event) not in _NAMES:
                raise ConfigError(f"a {type(event).__name__} cannot be recorded: an exchange's stream has none")
            columns["step"].append(step.number)
            columns["time"].append(int(step.time))
            columns["label"].append(step.label)
            columns["kind"].append(_NAMES[type(event)])
            for name in _FIELDS:
                columns[name].append(getattr(event, name, None))
    table = pa.Table.from_pydict(columns, schema=_SCHEMA.with_metadata({"feed": description}))
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _decode(path: Path) -> Iterator[Step]:
    columns = [column.to_pylist() for column in _read(path, None).columns]
    number, time, label, events = 0, FeedTime(0), "", list[MarketEvent]()
    for step, at, said, kind, *values in zip(*columns, strict=True):
        if step != number and events:
            yield Step(number=number, time=time, label=label, events=tuple(events))
            events = []
        number, time, label = step, FeedTime(at), said
        fields = {name: value for name, value in zip(_FIELDS, values, strict=True) if value is not None}
        events.append(_KINDS[kind](**fields))
    if events:
        yield Step(number=number, time=time, label=label, events=tuple(events))


def _read(path: Path, columns: list[str] | None) -> pa.Table:
    try:
        return pq.read_table(path, columns=columns)
    except (OSError, pa.ArrowException) as problem:
        raise ConfigError(f"{path} cannot be read ({problem}); copy it again, or record it anew") from None


def _description(path: Path) -> str:
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowException) as problem:
        raise ConfigError(f"{path} cannot be read ({problem}); copy it again, or record it anew") from None
    if b"feed" not in metadata:
        raise ConfigError(f"{path} does not say which feed it is of; it was not written by `execution record`")
    return bytes(metadata[b"feed"]).decode()
