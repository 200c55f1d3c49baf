"""Lines of alerts reach the operations log once the server answers, and what others wrote is heard."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from execution.services.alert_log import AlertLog
from toolkit.domain.errors import TransportError


class Server:
    """An operations log in memory that may be away."""

    def __init__(self) -> None:
        self.lines: list[Mapping[str, str]] = []
        self.away = False
        self.breaks_after_write = False

    def operations(self, count: int) -> Sequence[tuple[str, Mapping[str, str]]]:
        return self.operations_after("0-0")[-count:]

    def operations_after(self, position: str) -> Sequence[tuple[str, Mapping[str, str]]]:
        self._check()
        first = int(position.partition("-")[0])
        return [(f"{number}-0", line) for number, line in enumerate(self.lines, 1) if number > first]

    def note(self, fields: Mapping[str, str]) -> None:
        self._check()
        self.lines.append(fields)
        if self.breaks_after_write:
            self.breaks_after_write = False
            raise TransportError("the line broke")

    def close(self) -> None:
        return

    def connect(self) -> Server:
        self._check()
        return self

    def _check(self) -> None:
        if self.away:
            raise TransportError("no server")


def until(true: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 60
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
    return true()


def test_it_remembers_then_hears_what_is_new_and_only_of_alerts() -> None:
    server = Server()
    server.lines = [{"kind": "alert", "id": "A"}, {"kind": "start", "process": "engine"}]
    log, found = AlertLog(server.connect), []
    assert until(lambda: bool(found.extend(log.heard()) or found))
    assert (found[0].remembered, found[0].lines) == (True, ({"kind": "alert", "id": "A"},))
    server.lines.append({"kind": "alert", "id": "B"})
    assert until(lambda: bool(found.extend(log.heard()) or len(found) == 2))
    assert (found[1].remembered, found[1].lines) == (False, ({"kind": "alert", "id": "B"},))
    log.close()


def test_what_is_written_while_the_server_is_away_comes_later_in_its_order() -> None:
    server = Server()
    server.away = True
    log = AlertLog(server.connect)
    for number in range(3):
        log.write({"did": "opened", "id": str(number)}, number)
    assert until(lambda: "no server" in log.problem)
    server.away = False
    assert until(lambda: len(server.lines) == 3)
    assert [line["id"] for line in server.lines] == ["0", "1", "2"]
    assert server.lines[0] == {"did": "opened", "id": "0", "kind": "alert", "process": "monitor", "wall": "0"}
    log.close()


def test_a_line_of_which_nobody_knows_whether_it_came_through_is_written_again() -> None:
    server = Server()
    server.breaks_after_write = True
    log = AlertLog(server.connect)
    log.write({"id": "A"}, 1)
    assert until(lambda: len(server.lines) == 2)
    assert len({line["id"] for line in server.lines}) == 1
    log.close()


def test_at_the_end_what_waits_is_written() -> None:
    server = Server()
    log = AlertLog(server.connect)
    for number in range(200):
        log.write({"id": str(number)}, number)
    log.close(10)
    assert len(server.lines) == 200
