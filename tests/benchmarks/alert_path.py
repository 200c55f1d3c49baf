"""From an order to the message that it sets off: a running desk, its monitor's process, apprise, a webhook on loopback.

Each order that rests is one more than the threshold of one alert of its own, so that every sample is a new alert: found
by the rules, told by the channel's thread, received by somebody.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Mapping
from pathlib import Path

import uvloop
import yaml

from tests.benchmarks.bench_desk import STRATEGY, SYMBOLS, write_yaml
from tests.benchmarks.report import Result, at_most, percentile, plain
from tests.tools.desk_kit import PROJECT
from tests.tools.kill_kit import FAR, KillDesk, kill_desk
from tests.tools.webhook import Webhook
from toolkit.domain.orders import Side

SAMPLES, WARM_UP = 300, 10
GOAL = 1.0
PATIENCE = 20.0
PAUSES = (0.02, 0.4)
"""Seconds between samples, at random: nobody's orders keep time with the looks of a monitor."""


def run() -> list[Result]:
    return results(uvloop.run(measure(SAMPLES)))


def results(seconds: list[float]) -> list[Result]:
    return [
        at_most("alert p99 from event to message", 1e3 * percentile(seconds, 99), "ms", 1e3 * GOAL),
        plain("alert p50 from event to message", 1e3 * percentile(seconds, 50), "ms"),
        plain("alert samples", len(seconds), "messages"),
    ]


async def measure(samples: int, warm_up: int = WARM_UP) -> list[float]:
    """Seconds from a strategy's word to the webhook, sample by sample."""
    chance = random.Random(7)
    found: list[float] = []
    with Webhook() as hook:
        async with kill_desk() as desk:
            _write_alerts(desk.kit.home.root, hook.address, warm_up + samples)
            desk.kit.launch("monitor")
            await _first_message(desk, hook)
            for number in range(2, warm_up + samples + 1):
                await asyncio.sleep(chance.uniform(*PAUSES))
                found.append(await _sample(desk, hook, number))
    return found[warm_up - 1 :]


async def _first_message(desk: KillDesk, hook: Webhook) -> None:
    """The monitor runs, has read its rules and loaded its channels."""
    await _order(desk, 1)
    await desk.kit.until(lambda: bool(hook.taken), 60)


async def _sample(desk: KillDesk, hook: Webhook, number: int) -> float:
    before = len(hook.taken)
    began = time.time()
    await _order(desk, number)
    deadline = time.monotonic() + PATIENCE
    while len(hook.taken) == before:
        assert time.monotonic() < deadline, f"no message of alert {number}"
        await asyncio.sleep(0.001)
    moment, message = hook.taken[before]
    assert f" {_alert(number)} " in message["title"], message["title"]
    return moment - began


async def _order(desk: KillDesk, number: int) -> None:
    """One that rests, far away from the market."""
    await desk.order(Side.BUY, 1, FAR - number, symbol=SYMBOLS[number % len(SYMBOLS)])


def _alert(number: int) -> str:
    return f"rests_{number}"


def _write_alerts(home: Path, address: str, count: int) -> None:
    """The shipped file with one channel, and one alert for each order to come."""
    shipped = yaml.safe_load((PROJECT / "config" / "monitoring.yaml").read_text(encoding="utf-8"))
    alerts: Mapping[str, object] = {
        _alert(number): {
            "says": "{value} orders rest", "severity": "critical", "channels": ["desk"], "owner": "operator",
            "watch": [{"level": "quarterdeck_orders_open", "fold": "sum", "at_least": number}],
            "playbook": "page", "dashboard": "overview",
        }
        for number in range(1, count + 1)
    }  # fmt: skip
    open_orders = {"metric": "quarterdeck_orders_open", "labels": {"strategy": STRATEGY, "venue": "paper"}}
    case = {
        "every": 1, "series": [{**open_orders, "values": str(count)}],
        "fires": [{"alert": name, "from": 0} for name in alerts],
    }  # fmt: skip
    (home / "runbooks").mkdir()
    (home / "runbooks" / "page.md").write_text("# A page\n", encoding="utf-8")
    (home / "channel").write_text(address, encoding="utf-8")
    (home / "channel").chmod(0o600)
    own = {"channels": {"desk": {"file": "channel", "escalate_after": 3600}}, "heartbeat": None, "background": []}
    write_yaml(home, "monitoring.yaml", {**shipped, **own, "alerts": alerts, "tests": {"all_of_them": case}})
