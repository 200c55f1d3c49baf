"""The heartbeat address is called while the path of alerts lives, and only then."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from execution.services import snitch
from execution.services.snitch import Snitch


def until(true: Callable[[], bool], seconds: float = 60.0) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.01)
    return true()


def test_it_is_called_from_the_first_sign_of_life_on_until_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snitch, "FRESH_SECONDS", 0.3)
    calls: list[float] = []
    told = Snitch(lambda: calls.append(time.monotonic()) or "", every=0.02)
    time.sleep(0.15)
    assert calls == [], "nothing lives yet"
    assert until(lambda: told.alive() is None and len(calls) >= 3)
    assert until(lambda: no_more(calls)), "the path is dead"
    told.close()


def no_more(calls: list[float]) -> bool:
    """Whether none comes any more; while the path lives ten times as many would."""
    count = len(calls)
    time.sleep(0.2)
    return len(calls) == count


def test_an_address_that_does_not_answer_is_told_once() -> None:
    problems: list[str] = []
    told = Snitch(lambda: "does not answer", every=0.01, problem=problems.append)
    assert until(lambda: told.alive() is None and bool(problems))
    for _ in range(20):
        told.alive()
        time.sleep(0.01)
    assert problems == ["does not answer"]
    told.close()
