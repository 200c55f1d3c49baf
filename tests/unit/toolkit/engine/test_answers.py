"""An answer is never trusted: what it says too long or too often is refused briefly; the way out stays open."""

from typing import Any

import msgspec
import pytest

from tests.tools.core_kit import Core, limits
from toolkit.domain import commands as cm
from toolkit.domain import events as ev
from toolkit.domain.intents import (
    LONGEST_TEXT,
    CancelIntent,
    Intent,
    MalformedIntent,
    ModifyIntent,
    PlaceOrder,
    Signal,
    TargetPosition,
    shortened,
)
from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import OrderType, Side, Terms
from toolkit.engine import answers as module
from toolkit.engine.answers import TOLD_ONE_BY_ONE
from toolkit.engine.engine import QUIET_ANSWERS
from toolkit.engine.strategy_state import MOST_STATE

LONG = "x" * (LONGEST_TEXT + 1)
PLACE = PlaceOrder(
    intent_id="a", instrument="AAPL", side=Side.BUY, quantity=1, order_type=OrderType.LIMIT, price=9_000, reason="r"
)


def answer(core: Core, **said: Any) -> list[ev.Event]:
    """The events of one answer of a runner that need not be an honest one."""
    before = len(core.events)
    core.command(cm.RunnerAnswer(strategy="trend", step=core.engine.view.step, inbox=0, **said), producer="trend")
    return core.events[before:]


def whole(core: Core) -> bool:
    """Whether a snapshot and a second fold are the ledger, bit for bit."""
    digest = core.ledger.digest()
    return digest == core.shadow.digest() == Ledger.from_bytes(core.ledger.to_bytes()).digest()


def test_a_text_is_cut_with_a_mark() -> None:
    assert shortened("x" * LONGEST_TEXT) == "x" * LONGEST_TEXT
    assert (len(shortened(LONG)), shortened(LONG)[-1]) == (LONGEST_TEXT, "…")


@pytest.mark.parametrize(
    "intent",
    [
        msgspec.structs.replace(PLACE, reason=LONG),
        msgspec.structs.replace(PLACE, intent_id=LONG),
        msgspec.structs.replace(PLACE, instrument=LONG),
        msgspec.structs.replace(PLACE, terms=Terms(group=LONG)),
        CancelIntent(intent_id="a", target=LONG),
        ModifyIntent(intent_id="a", target=LONG, price=1),
        TargetPosition(intent_id="a", instrument="AAPL", quantity=1, reason=LONG),
        MalformedIntent(intent_id="a", instrument="AAPL", problem=LONG),
    ],
    ids=lambda intent: type(intent).__name__,
)
def test_a_text_that_is_too_long_is_refused_and_not_kept(intent: Intent) -> None:
    core = Core()
    answered, refused = answer(core, intents=(intent,))
    assert isinstance(answered, ev.Answered)
    assert isinstance(refused, ev.IntentRefused)
    assert f"has {LONGEST_TEXT + 1} characters of {LONGEST_TEXT}" in refused.reason
    assert max(map(len, (refused.intent_id, refused.instrument, refused.reason))) <= LONGEST_TEXT
    assert core.orders_received() == []


def test_signals_state_and_logs_have_the_same_bounds() -> None:
    core = Core()
    signals = (Signal(instrument="AAPL", target=1, reason=LONG), Signal(instrument="AAPL", target=2, reason="r"))
    answer(core, signals=signals, state=bytes(MOST_STATE + 1), logs=(LONG,) * 1_000)
    assert [signal.target for signal in core.of(ev.SignalRaised)] == [2]
    assert [refused.reason for refused in core.of(ev.IntentRefused)] == [
        f"its state is not kept: it has more than {MOST_STATE} bytes",
        f"reason has {LONGEST_TEXT + 1} characters of {LONGEST_TEXT}",
    ]
    told = core.of(ev.Answered)[-1]
    assert (told.state, len(told.logs), max(map(len, told.logs))) == (None, module.MOST_LINES, LONGEST_TEXT)


def test_more_requests_than_an_answer_carries_are_refused_in_one_event(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_REQUESTS", 3)
    core = Core()
    intents = tuple(msgspec.structs.replace(PLACE, intent_id=f"a{count}", price=9_000 + count) for count in range(20))
    answer(core, intents=intents, signals=(Signal(instrument="AAPL", target=1),) * 5)
    assert len(core.orders_received()) == len(core.of(ev.SignalRaised)) == 3
    (refused,) = core.of(ev.IntentRefused)
    assert (refused.intent_id, refused.instrument) == ("a3", "AAPL")
    assert refused.reason == "19 more requests in one answer, of which 3 are taken"
    assert whole(core)


def test_beyond_the_cap_what_works_can_still_be_cancelled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_REQUESTS", 2)
    core = Core()
    working = [core.buy(1, 9_000 + count) for count in range(5)]
    cancels = [CancelIntent(intent_id=f"c{target}", target=target) for target in (*working, *working, "unknown")]
    answer(core, intents=tuple(cancels))
    assert core.at_venue() == []
    assert [refused.reason for refused in core.of(ev.IntentRefused)] == [
        "6 more requests in one answer, of which 2 are taken"
    ]


def test_a_halted_strategy_that_goes_on_asking_is_refused_an_answer_at_a_time() -> None:
    core = Core()
    core.disable()
    for _ in range(TOLD_ONE_BY_ONE):
        core.buy(1, 9_000)
    assert len(core.of(ev.OrderDenied)) == TOLD_ONE_BY_ONE
    intents = tuple(msgspec.structs.replace(PLACE, intent_id=f"a{count}") for count in range(50))
    told = answer(core, intents=(*intents, TargetPosition(intent_id="t", instrument="AAPL", quantity=0)))
    assert [type(event) for event in told] == [ev.Answered, ev.IntentRefused], "a target that is reached asks nothing"
    assert core.of(ev.IntentRefused)[0].reason == "50 orders asked for while HALTED, as were 100 before"
    assert all(core.told(intent.intent_id) == ["DENIED"] for intent in intents), "each of them gets its answer"
    assert core.ledger.counts["trend"]["refused"] == 50
    assert whole(core)
    core.enable()
    core.buy(1, 9_000)
    core.disable()
    core.buy(1, 9_000)
    assert len(core.of(ev.OrderDenied)) == TOLD_ONE_BY_ONE + 1, "halted anew it is told one by one again"


def test_whichever_control_denies_a_halted_strategy_it_is_not_told_one_by_one_for_ever() -> None:
    core = Core(rows=limits(max_executions="1"))
    core.buy(1)
    core.disable()
    for _ in range(TOLD_ONE_BY_ONE + 3):
        core.buy(1, 9_000)
    assert {denied.control for denied in core.of(ev.OrderDenied)} == {7}
    assert (len(core.of(ev.OrderDenied)), len(core.of(ev.IntentRefused))) == (TOLD_ONE_BY_ONE, 3)
    assert whole(core)


def test_a_halted_strategy_can_always_cancel() -> None:
    core = Core()
    core.buy(10)
    stop = core.sell(10, stop=9_000)
    core.disable()
    for _ in range(TOLD_ONE_BY_ONE + 1):
        core.buy(1, 9_000)
    core.cancel(stop)
    assert core.at_venue() == []


def test_the_cursor_of_a_runner_that_says_nothing_is_told_now_and_then() -> None:
    """Its stream lets go of what is taken for good: without this it would fill, and the runner would wait for ever."""
    core = Core()
    first = core.counts["trend"]
    for _ in range(2 * QUIET_ANSWERS):
        core.intend()
    told = [event.number for event in core.of(ev.Answered)]
    assert told == [first + QUIET_ANSWERS, first + 2 * QUIET_ANSWERS]
    assert core.ledger.producers["trend"].number == told[-1]
