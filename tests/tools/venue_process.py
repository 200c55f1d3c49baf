"""Starts `execution venue` as a process for tests, with a plan file instead of a desk, and a raw line to it."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec

from execution.services.venue_drill import LineMessage
from execution.wiring.venue import VenuePlan
from tests.tools.venue_kit import settings, stock
from toolkit.adapters import codec
from toolkit.domain.venue_line import FromVenue, Login

PROGRAM = "import sys; from execution.wiring.venue import main; sys.exit(main(sys.argv[1:]))"
SECONDS = 60.0


class VenueProcess:
    """One venue that can be killed and started again on the same ledger."""

    def __init__(self, folder: Path, *, durable: bool = False, scriptable: bool = True, **changes: Any) -> None:
        self.folder = folder
        self.socket = folder / "venue.sock"
        self.ledger = folder / "ledger"
        self.failpoints = folder / "failpoints"
        self.durable = durable
        self.scriptable = scriptable
        self.settings = settings(**changes)
        self.instruments = (stock(),)
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        plan = VenuePlan(
            settings=self.settings,
            instruments=self.instruments,
            socket=str(self.socket),
            ledger=str(self.ledger),
            durable=self.durable,
            scriptable=self.scriptable,
        )
        (self.folder / "plan.json").write_bytes(msgspec.json.encode(plan))
        environment = dict(os.environ)
        if self.failpoints.exists():
            environment["EXECUTION_FAILPOINTS"] = str(self.failpoints)
        self.process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "--plan", str(self.folder / "plan.json")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self.process.stdout is not None
        if not self.process.stdout.readline():
            raise AssertionError(self.process.communicate()[1])

    def kill(self) -> None:
        """kill -9, then wait until it is gone."""
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.wait()

    def stop(self) -> int:
        """Close its standard input, as a supervisor does or a dead one would."""
        assert self.process is not None
        assert self.process.stdin is not None
        self.process.stdin.close()
        return self.wait()

    def wait(self) -> int:
        assert self.process is not None
        code = self.process.wait(SECONDS)
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()
        self.process = None
        return code


@contextmanager
def venue_process(**choices: Any) -> Iterator[VenueProcess]:
    """A running venue in a folder whose path is short enough for a socket."""
    with TemporaryDirectory(prefix="qd-venue-") as folder:
        venue = VenueProcess(Path(folder), **choices)
        venue.start()
        try:
            yield venue
        finally:
            if venue.process is not None:
                venue.kill()


class RawLine:
    """A line that says what it is told to, right or wrong, and hands over what it hears."""

    def __init__(self, path: Path, client: str | None = "test", *, trading: bool = True) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(SECONDS)
        self._socket.connect(str(path))
        if client is not None:
            self.say(Login(client=client, trading=trading))

    def say(self, *messages: LineMessage) -> None:
        self.write(msgspec.msgpack.encode(messages))

    def write(self, body: bytes) -> None:
        self._socket.sendall(len(body).to_bytes(4, "big") + body)

    def hear(self, until: type | Sequence[type]) -> list[FromVenue]:
        """Everything up to and including the first message of a kind."""
        kinds = (until,) if isinstance(until, type) else tuple(until)
        heard: list[FromVenue] = []
        while not (heard and isinstance(heard[-1], kinds)):
            length = int.from_bytes(self._read(4), "big")
            for message in codec.decode_from_venue(self._read(length)):
                heard.append(message)
        return heard

    def ends(self) -> bool:
        """Whether the venue has closed the line."""
        try:
            return self._socket.recv(1) == b""
        except ConnectionError:
            return True

    def close(self) -> None:
        self._socket.close()

    def _read(self, count: int) -> bytes:
        data = b""
        while len(data) < count:
            part = self._socket.recv(count - len(data))
            if not part:
                raise ConnectionError("the venue closed the line")
            data += part
        return data
