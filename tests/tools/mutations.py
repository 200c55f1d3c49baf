"""A control switched off from the inside while its proofs run: they have to fail then, or they prove nothing."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.tools import core_kit
from toolkit.domain import ledger
from toolkit.domain.exposure import Exposure, expose
from toolkit.domain.orders import Order, Status
from toolkit.engine.risk.controls import CONTROLS
from toolkit.engine.risk.limits import LimitTable


def _no_reserve(patch: pytest.MonkeyPatch) -> None:
    """6: whatever is written, nothing is kept free for cancels."""
    patch.setattr(LimitTable, "cancel_reserve", lambda *_: 0)


def _counts_late(patch: pytest.MonkeyPatch) -> None:
    """9: what was sent counts only once its venue has answered, and what is in doubt not at all."""

    def late(own: Exposure, account: Exposure, order: Order, remaining: int, by: int) -> None:
        if order.status is not Status.PENDING_NEW:
            expose(own, account, order, remaining, by)

    patch.setattr(ledger, "expose", late)


INSIDE: dict[int, Callable[[pytest.MonkeyPatch], Any]] = {6: _no_reserve, 9: _counts_late}
"""Controls that are no check of a single order, and what takes them away."""

NUMBERS = tuple(sorted({control.number for control in CONTROLS} | set(INSIDE)))
NAMES = {control.number: control.name for control in CONTROLS} | {
    6: "reserve of cancels",
    9: "sent counts at once, doubt in the worst case",
}


@contextmanager
def switched_off(number: int) -> Iterator[None]:
    """Every engine that a test builds meanwhile lacks this control."""
    with pytest.MonkeyPatch.context() as patch:
        if number in INSIDE:
            INSIDE[number](patch)
        else:
            patch.setattr(core_kit, "SWITCHED_OFF", frozenset({number}))
        yield
