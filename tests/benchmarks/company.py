"""Who is beside the order path and not of the desk gives way to it: what people look with stands on other machines."""

import os
import sys

LOOP = "from tests.benchmarks.company import give_way; give_way()\nwhile True: pass"
"""The least that company can be: it never sleeps, and touches nothing of the desk."""


def give_way() -> None:
    """Take only the processor time that nobody else wants."""
    if sys.platform == "linux":
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    else:
        os.nice(19)
