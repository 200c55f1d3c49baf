"""How commands speak: a banner saying PAPER or LIVE, tables that need no library, or JSON; no number of its own."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from io import TextIOBase
from pathlib import Path
from typing import TextIO

import msgspec

RESET, BOLD, DIM, RED, GREEN, YELLOW = "\033[0m", "\033[1m", "\033[2m", "\033[31m", "\033[32m", "\033[33m"
BANNERS = {"paper": "\033[30;47m", "live": "\033[1;97;41m"}
GOOD = frozenset({"running", "yes", "ACTIVE", "FILLED", "ok"})
BAD = frozenset({"dead", "given up", "no", "HALTED", "UNKNOWN", "REJECTED", "wrong", "stopped"})
ODD = frozenset({"REDUCING", "backing off", "starting", "stopping", "DENIED", "PENDING_CANCEL", "PENDING_NEW", "look"})


class LastingStream(TextIOBase):
    """A terminal or pipe that may go away: what is written then is dropped, and whoever writes goes on.

    A desk that is being stopped must not fail because nobody is left to read about it.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lost = False

    def write(self, text: str) -> int:
        self._try(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        self._try(self._stream.flush)

    def isatty(self) -> bool:
        return not self._lost and self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def _try(self, act: Callable[[], object]) -> None:
        if self._lost:
            return
        try:
            act()
        except OSError:
            self._lost = True


def command() -> str:
    """What to type for this program in the shell that started it: its name where that is found, else its path."""
    if shutil.which("execution"):
        return "execution"
    beside = Path(sys.executable).with_name("execution")
    return os.path.relpath(beside) if beside.is_file() else f"{sys.executable} -m execution.cli"


def coloured(stream: object = None) -> bool:
    """Whether escape codes are welcome: a terminal, and no NO_COLOR."""
    target = stream or sys.stdout
    return bool(getattr(target, "isatty", lambda: False)()) and "NO_COLOR" not in os.environ


def paint(text: str, *codes: str) -> str:
    return f"{''.join(codes)}{text}{RESET}" if coloured() and text else text


def banner(kind: str, words: str) -> str:
    """The first line of every screen: PAPER on grey, LIVE on red."""
    return f"{paint(f' {kind.upper()} ', BANNERS.get(kind, BANNERS['live']))} {words}"


def heading(words: str) -> str:
    return paint(words, BOLD)


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Aligned columns; numbers to the right. A column whose name ends in `>` is one of numbers."""
    names = [name.rstrip(">") for name in columns]
    right = [name.endswith(">") for name in columns]
    texts = [[_cell(value) for value in row] for row in rows]
    if not texts:
        return "  none"
    widths = [max(len(names[i]), *(len(row[i]) for row in texts)) for i in range(len(names))]
    lines = [paint("  " + "  ".join(_fit(names[i], widths[i], right[i]) for i in range(len(names))).rstrip(), DIM)]
    for row in texts:
        cells = (_shade(row[i], _fit(row[i], widths[i], right[i])) for i in range(len(names)))
        lines.append("  " + "  ".join(cells).rstrip())
    return "\n".join(lines)


def money(value: Decimal | None, signed: bool = False) -> str:
    """Thousands apart, two digits; a dash when it is not known."""
    return "–" if value is None else f"{value:+,.2f}" if signed else f"{value:,.2f}"


def ago(wall_ns: int, now_ns: int | None = None) -> str:
    """`12 s`, `3 min`, `2 h 5 min`, `4 d`; a dash for never."""
    if not wall_ns:
        return "–"
    seconds = max(0, ((now_ns or time.time_ns()) - wall_ns) // 1_000_000_000)
    if seconds < 120:
        return f"{seconds} s"
    if seconds < 7200:
        return f"{seconds // 60} min"
    if seconds < 172_800:
        return f"{seconds // 3600} h {seconds % 3600 // 60} min"
    return f"{seconds // 86_400} d"


def clock(wall_ns: int) -> str:
    """Local time of day to the millisecond."""
    moment = datetime.fromtimestamp(wall_ns / 1e9, tz=UTC).astimezone()
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


def moment(wall_ns: int) -> str:
    """UTC, ISO, to the microsecond."""
    return datetime.fromtimestamp(wall_ns / 1e9, tz=UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def say(text: str = "") -> None:
    print(text, flush=True)


def say_json(value: object) -> None:
    """One JSON document; decimals as strings, so that no digit is lost."""
    print(msgspec.json.format(msgspec.json.encode(value, enc_hook=str), indent=2).decode(), flush=True)


def complain(text: str) -> None:
    """To stderr, in red on a terminal."""
    print(f"{RED}{text}{RESET}" if coloured(sys.stderr) else text, file=sys.stderr, flush=True)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:,f}" if isinstance(value, Decimal) else str(value)


def _fit(text: str, width: int, right: bool) -> str:
    return text.rjust(width) if right else text.ljust(width)


def _shade(text: str, fitted: str) -> str:
    if text in GOOD:
        return paint(fitted, GREEN)
    if text in BAD:
        return paint(fitted, RED)
    return paint(fitted, YELLOW) if text in ODD else fitted
