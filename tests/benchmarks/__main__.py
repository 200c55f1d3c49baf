"""`make bench`: measures everything, or the subjects named on the command line, and writes `results.json`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence

from tests.benchmarks import (
    alert_path,
    bench_peers,
    check_chain,
    dashboards,
    idle_desk,
    kill_switch,
    order_budget,
    order_path,
    recovery,
    replay,
    replica_fold,
    soak,
    sustained,
    watched,
)
from tests.benchmarks.report import Result, keep, show
from toolkit.domain.errors import ExecutionError

SUBJECTS: Mapping[str, Callable[[], list[Result]]] = {
    "order_path": order_path.run,
    "sustained": sustained.run,
    "watched": watched.run,
    "order_budget": order_budget.run,
    "check_chain": check_chain.run,
    "recovery": recovery.run,
    "replay": replay.run,
    "replica": replica_fold.run,
    "peers": bench_peers.run,
    "kill": kill_switch.run,
    "alerts": alert_path.run,
    "idle_desk": idle_desk.run,
    "dashboards": dashboards.run,
}
ON_DEMAND: Mapping[str, Callable[[], list[Result]]] = {"soak": soak.run}
"""Too long for every time."""


def main(wanted: Sequence[str]) -> int:
    """Exit code 2 for a name that does not exist, 1 when something could not be measured.

    A missed goal is a result, not an error. What could not be measured keeps its last result in the file.
    """
    known = {**SUBJECTS, **ON_DEMAND}
    unknown = [name for name in wanted if name not in known]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
        return 2
    results: list[Result] = []
    failed: list[str] = []
    for name in wanted or SUBJECTS:
        began = time.perf_counter()
        try:
            found = known[name]()
        except (AssertionError, ExecutionError, TimeoutError) as problem:
            print(f"{name} could not be measured: {problem}", file=sys.stderr, flush=True)
            failed.append(name)
            continue
        print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
        keep(found)
        results += found
    show(results)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
