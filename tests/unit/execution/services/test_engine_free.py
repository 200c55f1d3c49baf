"""How long commands gather before the engine asks for more."""

from __future__ import annotations

from execution.services.engine_free import LONGEST_PAUSE, pause_after


def test_nothing_waits_behind_one_order_alone_and_nothing_waits_long() -> None:
    pauses = [pause_after(received) for received in range(1, 1000)]
    assert pauses[0] == 0
    assert pauses == sorted(pauses)
    assert pauses[-1] == LONGEST_PAUSE <= 0.005
