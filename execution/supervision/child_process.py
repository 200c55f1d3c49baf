"""One child process: started with its secret on a pipe, watched, ended; why it runs is the supervisor's business."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

LAST_WORDS = 400
HARMLESS = frozenset({
    "EXECUTION_FAILPOINTS", "HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED",
    "PYTHONPATH", "PYTHONUNBUFFERED", "TMPDIR", "TZ", "USER", "VIRTUAL_ENV",
})  # fmt: skip
LOG_BYTES = 10_000_000


class ChildProcess:
    """A process in a group of its own, so that Ctrl-C reaches the supervisor alone. Output goes to its log file."""

    def __init__(self, process: asyncio.subprocess.Process, log: Path, said: Callable[[str], None]) -> None:
        self._process = process
        self._log = log
        self._listening = asyncio.create_task(self._listen(said)) if process.stdout is not None else None

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process.returncode is None

    async def wait(self) -> int:
        """The exit code; negative is the signal that ended it."""
        code = await self._process.wait()
        if self._listening is not None:
            await self._listening
        return code

    def kill(self) -> None:
        """End it at once, also when it is stopped."""
        with suppress(ProcessLookupError):
            os.killpg(self.pid, signal.SIGKILL)

    async def stop(self, patience: float) -> bool:
        """Close its pipe and send SIGTERM; kill it after `patience` seconds. Whether it ended by itself."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        with suppress(ProcessLookupError):
            self._process.send_signal(signal.SIGTERM)
        try:
            async with asyncio.timeout(patience):
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()
            return False
        return True

    async def _listen(self, said: Callable[[str], None]) -> None:
        """Hand on each line of its stdout; an endless line is cut, since a strategy may print what it likes."""
        assert self._process.stdout is not None  # else nobody listens
        while True:
            try:
                line = await self._process.stdout.readline()
            except ValueError:  # longer than the reader's buffer, which it emptied
                continue
            if not line:
                return
            said(line.decode("utf-8", "replace").rstrip())

    def resident_megabytes(self) -> float:
        """Memory in use, 0 when it cannot be told."""
        return resident_megabytes(self.pid)

    def last_words(self) -> str:
        """The last line that it wrote."""
        return last_words(self._log)


async def spawn(
    arguments: Sequence[str],
    *,
    first_line: bytes,
    log: Path,
    folder: Path,
    said: Callable[[str], None] | None = None,
    environment: Mapping[str, str] | None = None,
) -> ChildProcess:
    """Start a child, hand over its first line and keep the pipe open. OSError when it cannot be started.

    `said` gets every line of its stdout; without it stdout goes to the log, as stderr always does. `environment` is
    ours without it.
    """
    _rotate(log)
    with open_log(log) as output:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=output if said is None else asyncio.subprocess.PIPE,
            stderr=output,
            cwd=folder,
            env=environment,
            process_group=0,  # and no session of its own: Linux weighs sessions before it looks at niceness in them
        )
    assert process.stdin is not None  # we asked for a pipe
    with suppress(ConnectionError):  # it died already; whoever waits for it will see
        process.stdin.write(first_line)
        await process.stdin.drain()
    return ChildProcess(process, log, said or _nothing)


def bare(environment: Mapping[str, str]) -> dict[str, str]:
    """What a strategy's process needs of an environment, and none of the secrets that may be in it."""
    return {name: value for name, value in environment.items() if name in HARMLESS or name.startswith("LC_")}


def open_log(path: Path) -> BinaryIO:
    """To append to, and this user's alone: a log may hold a login link."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600), "ab")


def _nothing(_: str) -> None: ...


def last_words(log: Path) -> str:
    """The last line of a log that says something."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4096))
            lines = file.read().decode("utf-8", "replace").splitlines()
    except OSError:
        return ""
    return next((line.strip()[:LAST_WORDS] for line in reversed(lines) if line.strip()), "")


def resident_megabytes(pid: int) -> float:
    """Memory that a process holds, in MB; 0 when it cannot be told."""
    return _resident_linux(pid) if sys.platform.startswith("linux") else _resident_ps(pid)


def _resident_linux(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _resident_ps(pid: int) -> float:
    shown = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return int(shown or 0) * 1024 / 1e6


def _rotate(log: Path) -> None:
    """Keep one older file, so that a process that dies again and again fills no disk."""
    with suppress(FileNotFoundError):
        if log.stat().st_size > LOG_BYTES:
            log.replace(log.with_suffix(".old.log"))
