"""The short sibling of the benchmark `kill`: each kill of a sample is taken by the engine and verified."""

import pytest

from tests.benchmarks.kill_switch import measure, results
from toolkit.client import killing

pytestmark = pytest.mark.integration


async def test_every_kill_of_a_sample_is_verified(monkeypatch: pytest.MonkeyPatch) -> None:
    """How long one may take is for the benchmark to say, on a machine that does nothing else."""
    monkeypatch.setattr(killing, "ENGINE_SECONDS", 60.0)
    seconds = await measure(3, warm_up=1)
    assert len(seconds["kill"]) == len(seconds["round trips"]) == 3


def test_the_goal_is_on_what_we_add_to_the_round_trips() -> None:
    missed = results({"kill": [0.5], "round trips": [0.2]})[0]
    assert (missed.value, missed.met) == (300, False)
    assert results({"kill": [0.5], "round trips": [0.3]})[0].met
