"""Takes the README's pictures of a running desk anew: starts one, lets it trade, stops a strategy, and looks at it all.

    python -m tests.tools.pictures [FOLDER]     into notebooks/pictures unless a folder is named; some minutes

Those of the workshop (backtest, sweep, gates, own data) are pages of the notebooks: see make_pictures.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import yaml
from playwright.sync_api import Browser, Page, expect, sync_playwright

from execution.commands.exits import Exit
from tests.tools.chromium import FLAGS, found_chromium
from tests.tools.make_pictures import lighten, terminal
from tests.tools.whole_desk import Desk, until
from toolkit.client.credentials import password_hash

PROJECT: Final = Path(__file__).resolve().parents[2]
PICTURES: Final = PROJECT / "notebooks" / "pictures"
PASSWORD: Final = "bob looks on and decides"
PEOPLE: Final = """
four_eyes: on
people:
  anna: {{roles: [operator, quant], runs_the_desk: true}}
  bob: {{roles: [risk], login: "{bob}"}}
"""
ORDERS: Final = 120
PATIENCE_MS: Final = 120_000
SETTLE_MS: Final = 2_500
SOON: Final = ("at_least: 0.05, clear: 0.04", "at_least: 0.005, clear: 0.001")
"""So that a drawdown is an alert within a minute."""
Scheme = Literal["light", "dark"]
VIEWS: Final = {
    "alerts": 900, "overview": 1260, "execution_latency": 1180, "fill_rate": 1180, "pnl_live": 1010,
    "risk_limits": 1090,
}  # fmt: skip
"""Each with the height of its picture."""


def main(arguments: list[str]) -> None:
    folder = Path(arguments[0]) if arguments else PICTURES
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="qd-pictures-") as made, browser() as chromium:
        desk = _desk(Path(made))
        try:
            terminal(_started(desk), folder / "up.png", "make run")
            assert until(lambda: _orders(desk) > ORDERS, 900), "too few orders"
            terminal(_screen(desk, "status"), folder / "status.png", "execution status")
            _something_happens(desk)
            _operations(desk, chromium, folder)
            _dashboards(desk, chromium, folder)
        finally:
            desk.run("down")


@contextmanager
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=found_chromium(playwright), args=FLAGS)
        yield launched
        launched.close()


# ---- the desk


def _desk(home: Path) -> Desk:
    for name in ("config", "notebooks/strategies", "runbooks"):
        shutil.copytree(PROJECT / name, home / name)
    (home / "config" / "people.yaml").write_text(PEOPLE.format(bob=password_hash(PASSWORD)))
    path = home / "config" / "desk.yaml"
    settings = yaml.safe_load(path.read_text())
    settings["supervision"]["hung_after_seconds"] = 600  # a machine that is busy drawing
    path.write_text(yaml.safe_dump(settings))
    path = home / "config" / "monitoring.yaml"
    path.write_text(path.read_text().replace(*SOON))
    return Desk(home)


def _started(desk: Desk) -> str:
    """What the terminal of a desk that stays in the foreground shows once it is up."""
    screen = desk.home / "screen"
    runs = _in_terminal(desk, screen, "up", "--lab", "--operations", "--speed", "5")
    until(lambda: runs.poll() is not None or (screen.exists() and "notebooks/01" in screen.read_text()), 300)
    assert runs.poll() is None, f"the desk does not come up:\n{screen.read_text()}"
    return _shown(screen)


def _screen(desk: Desk, *words: str) -> str:
    """What a command shows in a terminal, in its colours."""
    screen = desk.home / "screen"
    _in_terminal(desk, screen, *words).wait()
    return _shown(screen)


def _in_terminal(desk: Desk, screen: Path, *words: str) -> subprocess.Popen[bytes]:
    command = shlex.join((sys.executable, "-m", "execution.cli", *words))
    found = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))  # `execution` has no path then
    environment = {**os.environ, "PATH": found, "EXECUTION_HOME": str(desk.home), "PYTHONPATH": str(PROJECT)}
    environment["COLUMNS"] = "170"
    return subprocess.Popen(
        ("script", "-qfec", f"stty cols 170; {command}", str(screen)), env=environment, cwd=desk.home,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
    )  # fmt: skip


def _shown(screen: Path) -> str:
    """Without what `script` says of itself, and without what lets somebody in."""
    lines = [line for line in screen.read_text().split("\n") if not line.startswith("Script ")]
    return re.sub(r"(token|once)=\S+", r"\1=…", "\n".join(lines))


def _orders(desk: Desk) -> int:
    return sum(int(row["orders"]) for row in desk.json("status")["strategies"])


def _something_happens(desk: Desk) -> None:
    """A strategy is killed, and somebody wants it back; an alert is taken on, another one silenced."""
    _does(desk, "kill", "--strategy", "quoting", "--cancel-all", "--reason", "quotes look odd since the roll")
    _does(desk, "enable", "quoting", "--reason", "the feed was mended")
    assert until(lambda: {"trading_halted", "drawdown"} <= _alerts(desk).keys(), 300), "no alerts"
    alerts = _alerts(desk)
    _does(desk, "alerts", "silence", alerts["trading_halted"], "--for", "1h", "--reason", "anna looks into it")
    _does(desk, "alerts", "ack", alerts["drawdown"], "--reason", "its author knows")


def _alerts(desk: Desk) -> dict[str, str]:
    """An open one of each rule."""
    return {alert["rule"]: alert["id"] for alert in desk.json("alerts", "list")["open"]}


def _does(desk: Desk, *words: str) -> None:
    answer = desk.run(*words)
    assert answer.returncode in (Exit.DONE, Exit.WAITS), (
        f"{' '.join(words)}: {answer.returncode}\n{answer.stdout}{answer.stderr}"
    )


# ---- the pages


def _dashboards(desk: Desk, chromium: Browser, folder: Path) -> None:
    link = desk.process("dashboards").address
    schemes: tuple[Scheme, ...] = ("light", "dark")
    for scheme in schemes:
        context = chromium.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme)
        page = context.new_page()
        page.goto(
            f"{link}enter?once={(desk.home / 'var/run/dashboards-link').read_text().strip()}", timeout=PATIENCE_MS
        )
        for view, height in VIEWS.items():
            _shoot(page, f"{link}{view}", folder / f"dashboard_{view}_{scheme}.png", 1280, height)
        _shoot(page, f"{link}overview", folder / f"dashboard_phone_{scheme}.png", 390, 1180)
        context.close()


def _shoot(page: Page, address: str, picture: Path, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    page.goto(address, timeout=PATIENCE_MS)
    expect(page.locator(".number")).to_have_count(5, timeout=PATIENCE_MS)
    _take(page, picture)


def _take(page: Page, picture: Path) -> None:
    """Once everything is drawn, and the desk was looked at of late."""
    expect(page.get_by_text("Stale:")).to_have_count(0, timeout=PATIENCE_MS)
    page.wait_for_timeout(SETTLE_MS)
    page.screenshot(path=picture, timeout=PATIENCE_MS)
    lighten(picture)


def _operations(desk: Desk, chromium: Browser, folder: Path) -> None:
    """The words before a release is approved by the second person."""
    context = chromium.new_context(viewport={"width": 1180, "height": 820}, device_scale_factor=1.5)
    context.set_default_timeout(PATIENCE_MS)
    page = context.new_page()
    page.goto(desk.process("operations").address)
    page.fill("#name", "bob")
    page.fill("#password", PASSWORD)
    page.get_by_role("button", name="Log in").click()
    page.get_by_role("button", name="Approve", exact=True).click()
    page.get_by_label("Approve").select_option(index=1)
    page.get_by_label("why").fill("I saw the mend")
    page.get_by_role("button", name="Review …").click()
    expect(page.get_by_role("button", name=re.compile("^Yes, "))).to_be_visible(timeout=PATIENCE_MS)
    _take(page, folder / "operations.png")
    context.close()


if __name__ == "__main__":
    main(sys.argv[1:])
