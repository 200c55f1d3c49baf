"""`make bench`: measures everything, or the subjects named on the command line, and writes `results.json`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping, Sequence

from tests.benchmarks import check_chain, idle_desk, order_path, recovery, replay
from tests.benchmarks.report import Result, keep, show

SUBJECTS: Mapping[str, Callable[[], list[Result]]] = {
    "order_path": order_path.run,
    "check_chain": check_chain.run,
    "recovery": recovery.run,
    "replay": replay.run,
    "idle_desk": idle_desk.run,
}


def main(wanted: Sequence[str]) -> int:
    """Exit code 2 for a name that does not exist; a missed goal is a result, not an error."""
    unknown = [name for name in wanted if name not in SUBJECTS]
    if unknown:
        print(f"no benchmark {', '.join(unknown)}; there are {', '.join(SUBJECTS)}", file=sys.stderr)
        return 2
    results: list[Result] = []
    for name in wanted or SUBJECTS:
        began = time.perf_counter()
        found = SUBJECTS[name]()
        print(f"{name}: {time.perf_counter() - began:.0f} s", flush=True)
        keep(found)
        results += found
    show(results)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
