"""A strategy that raises, hangs or eats memory ends alone: it is given up, visibly, and the others trade on."""

from __future__ import annotations

import signal
from pathlib import Path

import pytest
import yaml

from execution.services.runner_setup import RunnerExit
from tests.tools.desk_kit import PATIENCE, DeskKit, make_home
from tests.tools.truth import assert_one_story
from toolkit.client.home import Home
from toolkit.domain.commands import RunnerStopped
from toolkit.domain.events import RunnerEnded

pytestmark = pytest.mark.faults

STEPS_AFTER = 40
BAD = '''
"""Goes wrong at its twentieth quote."""

import msgspec

import toolkit as tk


class Bad(tk.Strategy):
    instruments = ("IBM",)

    class State(msgspec.Struct):
        quotes: int = 0

    def on_quote(self, quote):
        self.state.quotes += 1
        if self.state.quotes == 20:
            {way}
'''
WAYS = {
    "raises": ('raise RuntimeError("no more ideas")', RunnerExit.RAISED),
    "hungry": ("bytearray(2_000_000_000)", RunnerExit.MEMORY),
    "hangs": ("while True: pass", None),
}


async def test_a_strategy_that_goes_wrong_is_given_up_alone_and_the_others_trade_on(tmp_path: Path) -> None:
    kit = DeskKit(home_with_bad_strategies(tmp_path / "home"))
    try:
        await kit.start()
        for name, (_, code) in WAYS.items():
            if code is None:
                await until_waited_for(kit, name)
                kit.processes[f"runner-{name}"].send_signal(signal.SIGKILL)
            assert await kit.ends(f"runner-{name}") == (-signal.SIGKILL if code is None else code), kit.last_words()
            taken = await kit.line.give(
                RunnerStopped(strategy=name, cause=name, detail="as the supervisor says it", given_up=True), PATIENCE
            )
            assert not taken.refused
        await kit.until_step(kit.ledger.step + STEPS_AFTER)
        await kit.kill("engine")
        await kit.until_step(kit.ledger.step + STEPS_AFTER)
        await assert_one_story(kit)
        ended = [event for batch in kit.batches for event in batch.events if isinstance(event, RunnerEnded)]
        assert {event.strategy: event.given_up for event in ended} == dict.fromkeys(WAYS, True)
    finally:
        await kit.stop()


async def until_waited_for(kit: DeskKit, strategy: str) -> None:
    """Until this strategy is the only one that has not answered."""
    await kit.until_engine(lambda beat: beat.state == f"waiting for {strategy}")


def home_with_bad_strategies(folder: Path) -> Home:
    """The shipped desk and one more strategy for each way of going wrong, under the quoting strategy's limits."""
    home = make_home(folder)
    strategies = yaml.safe_load((folder / "config" / "strategies.yaml").read_text())
    limits = yaml.safe_load((folder / "config" / "limits.yaml").read_text())
    for name, (way, _) in WAYS.items():
        source = Path("notebooks") / "strategies" / f"{name}.py"
        (folder / source).write_text(BAD.format(way=way))
        strategies["strategies"][name] = {
            "source": str(source),
            "class": "Bad",
            "capital": 1000,
            "instruments": ["IBM"],
            "parameters": {},
            "enabled": True,
        }
        limits["strategies"][name] = limits["strategies"]["quoting"]
    (folder / "config" / "strategies.yaml").write_text(yaml.safe_dump(strategies))
    (folder / "config" / "limits.yaml").write_text(yaml.safe_dump(limits))
    return home
