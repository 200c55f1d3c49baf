"""Where the links of alerts lead."""

from pathlib import Path

from execution.wiring.alerts import served_at
from toolkit.client.desk_state import DeskState, ProcessState, write_desk_state


def test_links_lead_to_where_the_dashboards_run_and_to_no_other_desk(tmp_path: Path) -> None:
    path = tmp_path / "processes.json"
    assert served_at(path) == ""
    supervisor, address = ProcessState(name="supervisor", kind="supervisor"), "http://127.0.0.1:8603/"
    pages = ProcessState(name="dashboards", kind="dashboards", address=address)
    for processes, served in (((), ""), ((pages,), address)):
        state = DeskState(name="demo", kind="paper", book="b", venues=(), supervisor=supervisor, processes=processes)
        write_desk_state(path, state)
        assert served_at(path) == served
