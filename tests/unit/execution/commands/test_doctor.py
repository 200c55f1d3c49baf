"""The doctor warns of a server that fills up before it is full: neither throws anything away."""

import pytest

from execution.commands.doctor import _memory
from execution.wiring.examination import Server, memory_taken

MEGABYTE = 2**20


def test_memory_is_measured_against_the_servers_own_bound_and_else_against_the_machine() -> None:
    said = {"used_memory": f"{64 * MEGABYTE}\r", "maxmemory": "0\r", "total_system_memory": f"{256 * MEGABYTE}\r"}
    assert memory_taken(said) == 0.25
    assert memory_taken({**said, "maxmemory": f"{128 * MEGABYTE}\r"}) == 0.5
    assert memory_taken({}) == 0.0


@pytest.mark.parametrize(
    ("full", "verdict"), [(0.0, "ok"), (0.49, "ok"), (0.5, "look"), (0.8, "wrong"), (1.2, "wrong")]
)
def test_a_server_that_fills_up_is_told_of(full: float, verdict: str) -> None:
    finding = _memory(Server("journal server", "answers", full))
    assert (finding.verdict, bool(finding.mend)) == (verdict, verdict != "ok")
