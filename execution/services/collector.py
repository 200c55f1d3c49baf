"""How often the garbage collector comes by in a process that orders go through; it decides nothing."""

from __future__ import annotations

import gc

SELDOM = 50_000, 50, 100
"""Objects made until it looks at the youngest, and so many looks until it goes on to the older ones.

What orders are made of holds no cycles, so there is little to find; with Python's own numbers it is a tenth of an
order's cost, and now and then a look at everything of 17 to 50 ms, for which each order that comes meanwhile waits.
"""


def collect_seldom() -> None:
    """Called once everything is loaded and recovered: what is there by then is never looked at again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*SELDOM)
