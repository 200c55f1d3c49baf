"""What `status` tells a person to mend, on the screen and as JSON."""

from execution.commands.status import _to_mend
from toolkit.client.desk_state import DeskState, Problem, ProcessState


def test_a_runner_that_was_given_up_is_a_problem_with_its_mend() -> None:
    runner = ProcessState(name="runner-trend", kind="runner", state="given up", since=5, detail="raised: boom")
    file = Problem(subject="config/limits.yaml", detail="broken", since=3)
    state = DeskState(
        name="demo", kind="paper", book="paper", venues=("paper",), processes=(runner,), problems=(file,),
        supervisor=ProcessState(name="supervisor", kind="supervisor", state="running"),
    )  # fmt: skip
    first, given_up, journal = _to_mend(state, "no journal")
    assert first == file
    assert (given_up.subject, given_up.since) == ("runner-trend", 5)
    assert "`execution restart runner-trend --reason …`" in given_up.detail
    assert "`execution disable trend --flatten --reason WHY`" in given_up.detail
    assert journal.detail == "the books cannot be read: no journal"
