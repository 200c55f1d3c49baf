"""How far market data reaches: while a check hides the future, everything that holds data ends there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from itertools import takewhile
from typing import Final

from toolkit.domain.market import Step
from toolkit.domain.time import FeedTime

_END: Final[ContextVar[FeedTime | None]] = ContextVar("end", default=None)


@contextmanager
def nothing_after(end: FeedTime) -> Iterator[None]:
    """Within it every FeedData ends at this feed time, whoever holds it: so `tk.check` takes the future away."""
    before = _END.set(end)
    try:
        yield
    finally:
        _END.reset(before)


def visible(steps: Iterator[Step]) -> Iterator[Step]:
    """Steps up to the horizon; all of them, and at no cost, where there is none."""
    end = _END.get()
    return steps if end is None else takewhile(lambda step: step.time <= end, steps)


def is_hidden() -> bool:
    """Whether something is hidden at present."""
    return _END.get() is not None
