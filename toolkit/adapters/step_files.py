"""Files of recorded steps: written once, read from any step on; what made the steps is never known here.

Layout: 8 bytes of magic; for each step its length and CRC-32 (4 bytes each, big-endian) and its msgpack; at the end a
frame of length 0 whose second word is the count of steps: a file that was cut anywhere shows it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from mmap import ACCESS_READ, mmap
from pathlib import Path
from struct import Struct
from typing import Final, NoReturn
from zlib import crc32

import msgspec

from toolkit.adapters import codec
from toolkit.adapters.records import replace_file
from toolkit.domain.errors import ConfigError
from toolkit.domain.market import Step

MAGIC: Final = b"STEPS\x00\x00\x01"
_FRAME: Final = Struct(">II")


def write_steps(path: Path, steps: Iterable[Step]) -> int:
    """Write a whole file, or none; returns the count of steps. ConfigError when their numbers have a gap."""
    frames = bytearray(MAGIC)
    count, last = 0, None
    for step in steps:
        if last is not None and step.number != last + 1:
            raise ConfigError(f"{path}: step {step.number} comes after {last}; number steps without gaps")
        body = codec.encode(step)
        frames += _FRAME.pack(len(body), crc32(body)) + body
        count, last = count + 1, step.number
    frames += _FRAME.pack(0, count)
    replace_file(path, path.with_name(path.name + ".new"), bytes(frames))
    return count


class StepFile:
    """A recorded feed. Opening checks the whole file; ConfigError names the file and the byte where it goes wrong."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            with path.open("rb") as file:
                self._data = mmap(file.fileno(), 0, access=ACCESS_READ)
        except (OSError, ValueError) as problem:  # mmap refuses an empty file with ValueError
            raise ConfigError(f"{path} cannot be read as a file of steps ({problem}); give the path of one") from None
        if self._data[: len(MAGIC)] != MAGIC:
            raise ConfigError(f"{path} is no file of steps (it begins with {self._data[:8]!r}); give the path of one")
        self._places = tuple(self._scan())
        self.first = self._at(0).number if self._places else 1
        for step, number in zip(self.steps(0), range(self.first, self.last + 1), strict=True):
            if step.number != number:
                self._damaged(self._places[number - self.first][0], f"step {step.number} stands where {number} belongs")

    @property
    def last(self) -> int:
        """Number of the last step; one less than the first when there is none."""
        return self.first + len(self._places) - 1

    def steps(self, after: int = 0) -> Iterator[Step]:
        """Every step with a number above `after`."""
        return map(self._at, range(max(0, after + 1 - self.first), len(self._places)))

    def _at(self, index: int) -> Step:
        start, end = self._places[index]
        try:
            return codec.decode_step(self._data[start:end])
        except msgspec.MsgspecError as problem:
            self._damaged(start, str(problem))

    def _scan(self) -> Iterator[tuple[int, int]]:
        """Start and end of each step's bytes, checked."""
        place, count = len(MAGIC), 0
        while place + _FRAME.size <= len(self._data):
            length, word = _FRAME.unpack_from(self._data, place)
            start = place + _FRAME.size
            if length == 0:
                if word != count or start != len(self._data):
                    self._damaged(place, f"it ends after {count} steps and says {word}")
                return
            place = start + length
            if place > len(self._data):
                break
            if crc32(self._data[start:place]) != word:
                self._damaged(start, "the checksum does not match")
            count += 1
            yield start, place
        raise ConfigError(
            f"{self._path} is cut short at byte {len(self._data)}, after {count} whole steps; "
            "copy it again, or record it anew"
        )

    def _damaged(self, place: int, what: str) -> NoReturn:
        raise ConfigError(f"{self._path} is damaged at byte {place}: {what}; copy it again, or record it anew")
