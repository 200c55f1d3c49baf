"""A moment of the random desk as its views know it, and the choice to look at it with."""

from __future__ import annotations

from typing import Any

from tests.tools.folded_desk import Journal, folded
from toolkit.client.desk_state import DeskState, ProcessState
from toolkit.dashboards.known import Known
from toolkit.dashboards.zones import Zone
from toolkit.monitoring.alert_book import AlertBook

RUNS = ProcessState(name="supervisor", kind="supervisor", state="running")
STATE = DeskState(name="demo", kind="paper", book="paper", venues=("paper",), supervisor=RUNS)


def known_of(journal: Journal, **changes: Any) -> Known:
    """What is known once all of a journal is folded, a second after its last event."""
    replica, tallies = folded(journal)
    usual: dict[str, Any] = {
        "replica": replica, "tallies": tallies, "alerts": AlertBook(), "state": STATE, "to_mend": (), "shut": (),
        "wall": int(replica.wall) + 10**9, "zone": Zone("UTC"),
    }  # fmt: skip
    return Known(**usual | changes)
