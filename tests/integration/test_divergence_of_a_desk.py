"""A running desk is held against its own replay: equal while it is well, an alert when its venue takes other fees."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
import yaml

from tests.tools.desk_kit import FAST, make_home
from tests.tools.whole_desk import Desk, until
from toolkit.adapters.ladder_file import LadderFile, read_sessions
from toolkit.client.home import Home
from toolkit.domain.rungs import Rung, SessionRungs

pytestmark = pytest.mark.integration

KNOWN = 20
ALERT = "paper_live_divergence"


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """One that knows from earlier sessions what a session's difference usually is."""
    changes = {**FAST, "monitor": {"enabled": True}, "replayer": {"enabled": True}}
    home = make_home(tmp_path_factory.mktemp("diverging"), changes)
    earlier = LadderFile(home.ladder("paper"))
    for day in range(1, KNOWN + 1):
        rung = Rung(strategy="quoting", version="v1", live=0, replay=0, orders=10, noise=50_000.0)
        earlier.add(SessionRungs(session=f"2012-01-{day:02}", step=day, time=day, wall=day, rungs=(rung,)))
    desk = Desk(home.root)
    answer = desk.run("up", "-d", "--speed", "2")
    try:
        assert answer.returncode == 0, answer.stderr
        yield desk
    finally:
        desk.run("down")


def measured(desk: Desk) -> Sequence[Rung]:
    """Of the strategy that quotes, since this desk began."""
    sessions = read_sessions(Home(desk.home).ladder("paper"))[KNOWN:]
    return [rung for session in sessions for rung in session.rungs if rung.strategy == "quoting"]


def alerts(desk: Desk) -> set[tuple[str, str]]:
    return {(each["rule"], each["where"]) for each in desk.json("alerts", "list")["open"] if ALERT in each["rule"]}


def test_a_venue_that_takes_other_fees_is_an_alert_and_a_normal_day_is_none(desk: Desk) -> None:
    assert until(lambda: sum(rung.orders for rung in measured(desk)) >= 20)
    well = [rung for rung in measured(desk) if not rung.missing]
    assert [rung.live for rung in well] == [rung.replay for rung in well]
    assert alerts(desk) == set()

    path = desk.home / "var" / "run" / "settings" / "config" / "venues.yaml"  # what the run goes by, behind its back
    venues = yaml.safe_load(path.read_text())
    venues["venues"]["paper"]["fees"] |= {"maker_basis_points": 50, "taker_basis_points": 50}
    path.write_text(yaml.safe_dump(venues))
    answer = desk.run("restart", "venue-paper", "--reason", "the venue has new fees")
    assert answer.returncode == 0, answer.stderr

    assert until(lambda: any(rung.fees < 0 for rung in measured(desk)))
    assert until(lambda: (ALERT, "strategy quoting, against replay") in alerts(desk)), (alerts(desk), measured(desk))
