"""The two servers that a desk brings itself: start, adoption after a crash, stop; never on a network."""

from __future__ import annotations

import fcntl
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from toolkit.adapters import server_access
from toolkit.adapters.blocking_redis import BlockingLine
from toolkit.adapters.process_identity import ProcessIdentity, end, identify, is_running
from toolkit.adapters.records import replace_file
from toolkit.adapters.server_access import PROCESSES, Passwords, ServerRole, runner_user
from toolkit.adapters.server_address import ServerAddress
from toolkit.adapters.server_binary import find_server
from toolkit.adapters.server_checks import FSYNC, Durability
from toolkit.adapters.sockets import private_folder, remove_short_folder, socket_path
from toolkit.domain.errors import ConfigError, ExecutionError, TransportError

BUS_MEMORY: Final = "512mb"
POLL_SECONDS: Final = 0.005
HANGS_SECONDS: Final = 2.0
"""A running server that does not answer for so long is ended and replaced."""

_COMMON: Final = """\
port 0
protected-mode yes
daemonize no
unixsocketperm 700
save ""
maxmemory-policy noeviction
latency-tracking no
"""


class EmbeddedServers:
    """Both servers of one desk. `run` is its `var/run`, `data` where the journal lies, `logs` where the servers write.

    They run in sessions of their own and outlive whoever started them, so that an engine, a supervisor or a terminal
    can die without taking the record with it; the next start adopts them, `stop` ends them.
    """

    def __init__(
        self,
        run: Path,
        data: Path,
        logs: Path,
        *,
        books: Sequence[str],
        strategies: Sequence[str] = (),
        durability: Durability = Durability.PROCESS,
        binary: Path | None = None,
        bus_memory: str = BUS_MEMORY,
        patience_seconds: float = 60.0,
    ) -> None:
        self._run, self._data, self._logs = run, data, logs
        self._books, self._strategies = tuple(books), tuple(strategies)
        self._durability = durability
        self._binary = binary
        self._bus_memory = bus_memory
        self._patience = patience_seconds
        self._passwords = Passwords(run / "server-passwords.json")
        self._children: dict[ServerRole, subprocess.Popen[bytes]] = {}
        self._known: dict[ServerRole, ProcessIdentity] = {}

    def start(self) -> dict[ServerRole, ProcessIdentity]:
        """Start what does not run, adopt what does, wait until both answer. ConfigError names what is in the way."""
        with self._locked():
            self._prepare()
            for role in ServerRole:
                if not self._adopt(role):
                    self._launch(role)
            return {role: self._wait_ready(role) for role in ServerRole}

    def stop(self) -> list[ServerRole]:
        """End both in order, whoever started them; returns those that ran."""
        with self._locked():
            ended = [role for role in ServerRole if self._end(role)]
            remove_short_folder(self._run)
            return ended

    def address(self, role: ServerRole, user: str) -> ServerAddress:
        """Where a server is for one user. ConfigError when the desk was never started or knows no such user."""
        return ServerAddress(f"unix://{self.socket(role)}", user, self._passwords.own(user))

    def socket(self, role: ServerRole) -> Path:
        return socket_path(self._run, role.value)

    def identity(self, role: ServerRole) -> ProcessIdentity | None:
        """The running server of a role; None when it does not run. Whoever knows one that runs goes by no record: that
        may be lost, or another desk's by now."""
        known = self._known.get(role)
        if known is not None and is_running(known):
            return known
        try:
            identity = msgspec.json.decode(self._record(role).read_bytes(), type=ProcessIdentity)
        except (OSError, msgspec.MsgspecError):
            return None
        return identity if is_running(identity) else None

    def admit(self, strategies: Sequence[str]) -> None:
        """Give runners of further strategies their users, also while the servers run."""
        self._strategies = tuple(dict.fromkeys((*self._strategies, *strategies)))
        with self._locked():
            self._prepare()
            for role in ServerRole:
                with BlockingLine(self.address(role, "supervisor")) as line:
                    self._grant(role, line)

    # ------------------------------------------------------------------ start

    def _prepare(self) -> None:
        for folder in (self._run, self._data, self._logs, *(self._data / role.value for role in ServerRole)):
            private_folder(folder)
        passwords = self._passwords.ensure([*PROCESSES, *map(runner_user, self._strategies)])
        for role in ServerRole:
            allowed = server_access.rules(role, self._books, self._strategies)
            _write(self._acl(role), server_access.acl_file(allowed, passwords))
            _write(self._configuration(role), self._settings(role))

    def _grant(self, role: ServerRole, line: BlockingLine) -> None:
        """Tell a running server what its ACL file says."""
        allowed = server_access.rules(role, self._books, self._strategies)
        for user, words in server_access.grants(allowed, self._passwords.read()).items():
            line.ask("ACL", "SETUSER", user, *words)

    def _settings(self, role: ServerRole) -> str:
        own = (
            f"appendonly yes\nappendfsync {FSYNC[self._durability]}\naof-load-truncated yes\n"
            "auto-aof-rewrite-min-size 256mb\n"
            if role is ServerRole.JOURNAL
            else f"appendonly no\nmaxmemory {self._bus_memory}\n"
        )
        places = (
            ("unixsocket", self.socket(role)), ("dir", (self._data / role.value).resolve()),
            ("aclfile", self._acl(role).resolve()), ("logfile", self._log(role).resolve()),
        )  # fmt: skip
        return _COMMON + own + "".join(f"{name} {_quoted(path)}\n" for name, path in places)

    def _adopt(self, role: ServerRole) -> bool:
        """Whether a server of ours runs already and can go on. One that hangs or is configured otherwise is ended."""
        identity = self.identity(role) or self._listening(role)
        if identity is None:
            return False
        try:
            with BlockingLine(self.address(role, "supervisor"), patience=HANGS_SECONDS) as line:
                fsync = line.ask("CONFIG", "GET", "appendfsync")[1].decode()
                self._grant(role, line)
        except ExecutionError:
            fsync = ""
        if fsync and (role is ServerRole.BUS or fsync == FSYNC[self._durability]):
            self._remember(role, identity)
            return True
        self._end_process(role, identity)
        return False

    def _listening(self, role: ServerRole) -> ProcessIdentity | None:
        """A server on our socket whose record was lost."""
        if not self.socket(role).exists():
            return None
        try:
            with BlockingLine(self.address(role, "supervisor"), patience=1.0) as line:
                rows: bytes = line.ask("INFO", "server")
        except TransportError:
            return None  # a stale socket: the server replaces it
        pid = next(row for row in rows.decode().splitlines() if row.startswith("process_id:")).partition(":")[2]
        return identify(int(pid))

    def _launch(self, role: ServerRole) -> None:
        self._binary = self._binary or find_server()
        with self._log(role).open("ab") as log:
            child = subprocess.Popen(
                [self._binary, self._configuration(role)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, process_group=0,
            )  # fmt: skip
        self._children[role] = child
        identity = identify(child.pid)
        if identity is not None:
            self._remember(role, identity)

    def _wait_ready(self, role: ServerRole) -> ProcessIdentity:
        deadline = time.monotonic() + self._patience
        problem: ExecutionError | None = None
        while time.monotonic() < deadline:
            identity = self.identity(role)
            if identity is None:
                raise ConfigError(f"the {role} server did not start: {self._last_words(role)}")
            try:
                with BlockingLine(self.address(role, "supervisor"), patience=1.0) as line:
                    line.ask("PING")
                    return identity
            except TransportError as error:  # not listening yet, or still loading
                problem = error
                time.sleep(POLL_SECONDS)
        raise TransportError(f"the {role} server does not answer after {self._patience:.0f} s: {problem}")

    # ------------------------------------------------------------------ stop

    def _end(self, role: ServerRole) -> bool:
        identity = self.identity(role) or (self._listening(role) if self._passwords_exist() else None)
        if identity is None:
            return False
        self._end_process(role, identity)
        return True

    def _end_process(self, role: ServerRole, identity: ProcessIdentity) -> None:
        end(identity, patience_seconds=10.0 if role is ServerRole.JOURNAL else 0)  # the bus has nothing to save
        child = self._children.pop(role, None)
        if child is not None:
            child.wait()
        self._record(role).unlink(missing_ok=True)
        self.socket(role).unlink(missing_ok=True)

    def _passwords_exist(self) -> bool:
        return (self._run / "server-passwords.json").exists()

    # ------------------------------------------------------------------ files

    def _remember(self, role: ServerRole, identity: ProcessIdentity) -> None:
        self._known[role] = identity
        _write(self._record(role), msgspec.json.encode(identity).decode())

    def _last_words(self, role: ServerRole) -> str:
        try:
            lines = self._log(role).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            lines = []
        return " / ".join(lines[-5:]) or f"it wrote nothing to {self._log(role)}"

    def _record(self, role: ServerRole) -> Path:
        return self._run / f"{role.value}-server.json"

    def _configuration(self, role: ServerRole) -> Path:
        return self._run / f"{role.value}-server.conf"

    def _acl(self, role: ServerRole) -> Path:
        return self._run / f"{role.value}-server.acl"

    def _log(self, role: ServerRole) -> Path:
        return self._logs / f"{role.value}-server.log"

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """One process at a time starts or stops them."""
        private_folder(self._run)
        with (self._run / "servers.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _write(path: Path, text: str) -> None:
    replace_file(path, path.with_name(path.name + ".new"), text.encode())


def _quoted(path: Path) -> str:
    """A path in a server's configuration file: in double quotes, with backslashes and quotes escaped."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
