import os
import subprocess
import sys

from toolkit.adapters.process_identity import ProcessIdentity, end, identify, is_running, lineage, this_process


def sleeper(code: str = "") -> subprocess.Popen[bytes]:
    child = subprocess.Popen(
        [sys.executable, "-c", f"import sys, time\n{code}\nprint(flush=True)\ntime.sleep(60)"], stdout=subprocess.PIPE
    )
    assert child.stdout is not None
    child.stdout.readline()
    child.stdout.close()
    return child


def test_we_run() -> None:
    assert this_process().pid == os.getpid()
    assert is_running(this_process())


def test_a_pid_that_was_given_to_another_process_is_not_it() -> None:
    reused = ProcessIdentity(pid=os.getpid(), started="long ago")
    assert not is_running(reused)
    assert not end(reused)


def test_an_ended_process_does_not_run_also_before_it_is_reaped() -> None:
    child = sleeper()
    identity = identify(child.pid)
    assert identity is not None
    assert end(identity)
    assert not is_running(identity)
    assert not end(identity)
    child.wait()
    assert identify(child.pid) is None


def test_a_process_that_ignores_its_end_is_killed() -> None:
    child = sleeper("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)")
    identity = identify(child.pid)
    assert identity is not None
    assert end(identity, patience_seconds=0.05)
    assert child.wait() == -9


def test_a_process_descends_from_its_parents_and_nobody_from_none() -> None:
    found = lineage(os.getpid())
    assert found[:2] == (os.getpid(), os.getppid())
    assert lineage(2**22 + 7) == (2**22 + 7,)
