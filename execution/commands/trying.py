"""`execution monitoring fire`: a trial of an alert along its whole way to a person, under the name of who tries."""

from __future__ import annotations

import os
from pathlib import Path

from execution.commands.desk import Stop, running_state, the_home
from execution.commands.exits import Exit
from execution.commands.output import YELLOW, banner, paint, say, say_json
from execution.settings.monitoring import read_monitoring, resolve_channels
from execution.settings.problems import nearest
from toolkit.client.commands import answer_alert
from toolkit.client.desk_state import ProcessState
from toolkit.domain.alerts import AlertAnswer, AlertDeed
from toolkit.domain.errors import DomainError
from toolkit.monitoring.trial import TRIAL_SECONDS

SOURCE = "cli"
MONITOR = "monitor"


def fire(given: Path | None, name: str, *, reason: str, as_json: bool) -> Exit:
    """DONE once the desk has noted it; `execution alerts` shows who was reached. REFUSED for who may not answer."""
    home = the_home(given)
    monitoring = read_monitoring(home.root)
    rule = monitoring.plan.rule(name)
    if rule is None:
        known = nearest(name, [each.name for each in monitoring.plan.rules])
        raise Stop(Exit.USAGE, f"no alert is called {name!r}; {known}")
    state = running_state(home)
    monitor = state.process(MONITOR)
    if monitor is None or not monitor.is_alive():
        raise Stop(Exit.NOT_RUNNING, f"nobody watches desk {state.name}: no monitor runs; {_mend(monitor)}")
    try:
        answer_alert(home, AlertAnswer(deed=AlertDeed.TRY, alert=name, reason=reason, source=SOURCE))
    except DomainError as refused:
        raise Stop(Exit.REFUSED, str(refused)) from None
    untold = [each for each in resolve_channels(monitoring, home.root, os.environ)[1] if _concerns(each, rule.channels)]
    if as_json:
        say_json({"alert": name, "channels": rule.channels, "seconds": TRIAL_SECONDS, "untold_here": untold})
        return Exit.DONE
    say(banner(state.kind, f"desk {state.name} · trial of {name}: {' → '.join(rule.channels)}"))
    say(f"  fires for {TRIAL_SECONDS:g} s, marked as a trial, and stops nothing; `execution alerts` says who was told")
    for sentence in untold:
        say(paint(f"  as this shell sees it, {sentence}", YELLOW))
    return Exit.DONE


def _mend(monitor: ProcessState | None) -> str:
    if monitor is None:
        return "say `monitor: {enabled: true}` in config/desk.yaml, then `execution up`"
    return f"it is {monitor.state}, `execution logs monitor` says why"


def _concerns(sentence: str, channels: tuple[str, ...]) -> bool:
    return any(sentence.startswith(f"channel {channel} ") for channel in channels)
