"""`execution monitoring check`, `generate` and `test`: what config/monitoring.yaml means, in files and in verdicts."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from execution.commands.desk import Stop, the_home
from execution.commands.exits import Exit
from execution.commands.output import DIM, GREEN, RED, YELLOW, heading, paint, say, say_json, table
from execution.home import Home
from execution.settings import read_settings
from execution.settings.monitoring import Monitoring, read_monitoring, resolve_channels
from toolkit.client.desk_state import read_desk_state
from toolkit.measures.sequential import cusum_run_length, daily_rule_false_alarms
from toolkit.monitoring.alertmanager import CONFIGURATION, alertmanager_files
from toolkit.monitoring.catalogue import METRICS
from toolkit.monitoring.grafana import grafana_files
from toolkit.monitoring.inventory import awaited, condition, inventory_files
from toolkit.monitoring.plan import Plan
from toolkit.monitoring.prometheus import HEADER, RULES, SCRAPE, USUAL_PAGE, prometheus_files
from toolkit.monitoring.replay import Mismatch, mismatches
from toolkit.monitoring.rules import Rule

TOOL_SECONDS: Final = 120
MONITOR: Final = "monitor"
SESSIONS: Final = (30, 250)


def check(given: Path | None, *, metrics: bool, as_json: bool) -> Exit:
    """Refuses what cannot work (USAGE, each with its line); says what is inert, untold, and what noise costs."""
    home = the_home(given).root
    monitoring = read_monitoring(home)
    plan = monitoring.plan
    untold = resolve_channels(monitoring, home, os.environ)[1]
    if as_json:
        say_json(_document(monitoring, untold, metrics))
        return Exit.DONE
    say(heading(f"  config/monitoring.yaml: {_counts(plan)}"))
    say("")
    if metrics:
        _show_metrics(plan)
    else:
        say(table(("alert", "severity", "told", "owner", "fires when"), map(_row, plan.rules)))
    say("")
    for sentence in _inert(plan):
        say(paint(f"  · {sentence}", DIM))
    for sentence in untold:
        say(paint(f"  · {sentence}", YELLOW))
    for sentence in _false_alarms(monitoring):
        say(f"  {sentence}")
    say(paint("  ✓ all of it can work", GREEN))
    return Exit.DONE


def generate(given: Path | None, folder: Path, *, as_json: bool) -> Exit:
    """Writes all files and has them checked by promtool and amtool where they are; FINDINGS when those refuse one."""
    home = the_home(given)
    files = all_files(read_monitoring(home.root).plan, _page_of(home))
    for name in files:
        _refuse_what_is_not_ours(folder / name)
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    checked = {tool: _run(tool, *arguments, folder=folder) for tool, *arguments in _checks()}
    wrong = {tool: told for tool, told in checked.items() if told}
    if as_json:
        say_json({"files": sorted(files), "refused": wrong, "unchecked": _missing_tools()})
    else:
        for name in sorted(files):
            say(f"  {folder / name}")
        _show_checks(wrong)
    return Exit.FINDINGS if wrong else Exit.DONE


def run_cases(given: Path | None, *, as_json: bool) -> Exit:
    """FINDINGS when a case does not happen as it stands there, in either evaluation."""
    plan = read_monitoring(the_home(given).root).plan
    wrong = [each for case in plan.cases for each in mismatches(plan, case)]
    told = _promtool_says(plan)
    if as_json:
        say_json({"cases": len(plan.cases), "wrong": [str(each) for each in wrong], "promtool": told})
    else:
        _show_cases(plan, wrong, told)
    return Exit.FINDINGS if wrong or told else Exit.DONE


def all_files(plan: Plan, page: str = USUAL_PAGE) -> dict[str, str]:
    """By path within the folder; `page` is where the metrics are."""
    return {**prometheus_files(plan, page), **alertmanager_files(plan), **grafana_files(plan), **inventory_files(plan)}


# ---- what is said


def _counts(plan: Plan) -> str:
    return f"{len(plan.rules)} alerts, {len(plan.cases)} cases, {len(plan.dashboards)} dashboards"


def _inert(plan: Plan) -> Iterator[str]:
    for rule in plan.rules:
        missing = awaited(rule)
        if len(missing) == len(rule.watches):
            names = " and ".join(sorted({metric.awaits for metric in missing}))
            yield f"{rule.name}: no series yet, it awaits {names}"


def _false_alarms(monitoring: Monitoring) -> Iterator[str]:
    """What the rule in force costs where nothing diverges, and what the other one would."""
    chosen = monitoring.divergence
    daily = ", ".join(f"{daily_rule_false_alarms(days, chosen.width):.0%} in {days} sessions" for days in SESSIONS)
    mark = {"daily_z": "  ", "cusum": "  "} | {chosen.rule: "→ "}
    yield "divergence, though nothing diverges:"
    for name, limit in (("warns", chosen.warn), ("freezes", chosen.freeze)):
        length = cusum_run_length(limit)
        yield f"{mark['cusum']}cusum {name} at {limit:g} σ once in {length:,.0f} sessions"
    yield f"{mark['daily_z']}daily_z fires at {chosen.width:g} σ at least once with {daily}"


def _row(rule: Rule) -> tuple[str, ...]:
    words = condition(rule).replace("`", "")
    return rule.name, rule.severity.value, " → ".join(rule.channels), rule.owner, words


def _show_metrics(plan: Plan) -> None:
    rows = [
        (metric.name, metric.kind.value, metric.unit or "–", ", ".join(metric.labels) or "–",
         ", ".join(rule.name for rule in plan.rules if metric.name in rule.metrics) or "–")
        for metric in METRICS
    ]  # fmt: skip
    say(table(("metric", "kind", "unit", "labels", "alerts"), rows))


def _show_checks(wrong: Mapping[str, str]) -> None:
    for tool, told in wrong.items():
        say(paint(f"  ✗ {tool}: {told}", RED))
    for tool in _missing_tools():
        say(paint(f"  · not checked: {tool} is not on this machine", YELLOW))
    if not wrong and not _missing_tools():
        say(paint("  ✓ promtool and amtool take them", GREEN))


def _show_cases(plan: Plan, wrong: list[Mismatch], told: str) -> None:
    failed = {each.case for each in wrong}
    for case in plan.cases:
        mark = paint("✗", RED) if case.name in failed else paint("✓", GREEN)
        say(f"  {mark} {case.name.replace('_', ' ')}")
        for each in wrong:
            if each.case == case.name:
                say(paint(f"      {each}", RED))
    if told:
        say(paint(f"  ✗ Prometheus says otherwise:\n{told}", RED))
    elif shutil.which("promtool"):
        say(paint("  ✓ Prometheus says the same (promtool)", GREEN))
    else:
        say(paint("  · Prometheus was not asked: promtool is not on this machine", YELLOW))


def _document(monitoring: Monitoring, untold: tuple[str, ...], metrics: bool) -> dict[str, Any]:
    plan, chosen = monitoring.plan, monitoring.divergence
    return {
        "alerts": [
            {"name": rule.name, "fires_when": condition(rule), "by": rule.by, "severity": rule.severity.value,
             "channels": rule.channels, "action": rule.action.value, "owner": rule.owner, "playbook": rule.playbook}
            for rule in plan.rules
        ],
        "cases": len(plan.cases),
        "no_series_yet": [*_inert(plan)],
        "untold": untold,
        "divergence": {
            "rule": chosen.rule,
            "sessions_between_false_alarms": {
                "warn": cusum_run_length(chosen.warn), "freeze": cusum_run_length(chosen.freeze),
            },
            "daily_z_false_alarms": {days: daily_rule_false_alarms(days, chosen.width) for days in SESSIONS},
        },
        **({"metrics": METRICS} if metrics else {}),
    }  # fmt: skip


# ---- files and tools


def _page_of(home: Home) -> str:
    """Where Prometheus finds the desk: where its monitor serves now, which may be the next free port, else where it
    would."""
    wanted, state = read_settings(home.root).desk.monitor, read_desk_state(home.processes)
    monitor = None if state is None else state.process(MONITOR)
    served = urlsplit(monitor.address).netloc if monitor is not None and monitor.is_alive() else ""
    return served or f"{wanted.address}:{wanted.port}"


def _refuse_what_is_not_ours(path: Path) -> None:
    """Files of other people are never written over: ours say what they are made of, in their first lines."""
    if path.suffix not in (".yaml", ".yml") or not path.exists():
        return
    if not path.read_text(encoding="utf-8", errors="replace").startswith(HEADER):
        raise Stop(Exit.USAGE, f"{path} was not made by this command; give another folder, or move it away")


def _checks() -> Iterator[tuple[str, ...]]:
    """Each tool with what it is asked, for files below a folder."""
    yield "promtool", "check", "rules", RULES
    yield "promtool config", "check", "config", SCRAPE
    yield "amtool", "check-config", CONFIGURATION


def _missing_tools() -> list[str]:
    return [tool for tool in ("promtool", "amtool") if not shutil.which(tool)]


def _promtool_says(plan: Plan) -> str:
    """What promtool has against the cases, "" when it agrees or is not here."""
    with tempfile.TemporaryDirectory() as folder:
        files = prometheus_files(plan)
        for name, text in files.items():
            path = Path(folder) / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        tests = sorted(name for name in files if "/tests/" in name)
        return _run("promtool", "test", "rules", *tests, folder=Path(folder))


def _run(tool: str, *arguments: str, folder: Path) -> str:
    """What a tool complains about, "" when it does not or is not here."""
    program = shutil.which(tool.partition(" ")[0])
    if program is None:
        return ""
    try:
        done = subprocess.run(
            [program, *arguments], cwd=folder, capture_output=True, text=True, timeout=TOOL_SECONDS, check=False
        )
    except (subprocess.TimeoutExpired, OSError) as problem:
        return f"did not end: {problem}"
    return "" if done.returncode == 0 else (done.stdout + done.stderr).strip()
