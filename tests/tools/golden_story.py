"""Writes a golden journal of the present schema: every kind of event once or more, in a story that can be folded.

    python -m tests.tools.golden_story > tests/golden/journal_schema_N.hex

A golden journal of a released schema is never written again; a new schema, or a new kind of event, gets a new file.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from decimal import Decimal

import msgspec

from toolkit.adapters import codec
from toolkit.domain import events as ev
from toolkit.domain.commands import LimitRow, SetLimits, Who
from toolkit.domain.instruments import Currency, describe
from toolkit.domain.orders import (
    Bracket,
    Doubt,
    HeldAt,
    OrderClass,
    OrderType,
    Side,
    Terms,
    TimeInForce,
    TradingState,
    Trigger,
)
from toolkit.domain.overrides import Override
from toolkit.domain.people import Identity, Role
from toolkit.domain.ports import Sealed
from toolkit.domain.requests import Liquidity, RejectReason, VenueOrder
from toolkit.domain.time import FeedTime, MonoTime, WallTime

USD = Currency(code="USD", quantum=Decimal("0.01"))
AAPL = describe(
    symbol="AAPL", tick=Decimal("0.01"), lot=Decimal(1), currency=USD, calendar="XNYS", venue="paper"
)  # fmt: skip
ADA = Who(identity="unix:ada", verified=False, source="cli")
SEEN = ev.Seen(step=2, quote_step=1, bid=9990, ask=10000, age=5_000_000_000)
CHECKS = (ev.Check(control=8, observed="1000.00", limit="5000"), ev.Check(control=13, observed="100", limit="500"))


def _id(number: int) -> str:
    return f"DSK00001{number:08d}"


def _times(second: int) -> dict[str, int]:
    return {"time": FeedTime(second * 10**9), "wall": WallTime((1_700_000_000 + second) * 10**9)}


def _submitted(
    number: int, side: Side, quantity: int, price: int | None, order_class: OrderClass, second: int
) -> ev.Event:
    return ev.OrderSubmitted(
        order_id=_id(number), strategy="trend", version="v1", intent_id=f"{second}.0.{number}", instrument="AAPL",
        venue="paper", side=side, order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
        time_in_force=TimeInForce.GTC, order_class=order_class, quantity=quantity, price=price, post_only=False,
        reduce_only=order_class is not OrderClass.ENTRY, reason="above its mean", seen=SEEN, checks=CHECKS,
        **_times(second),
    )  # fmt: skip


def _denied(number: int, second: int) -> ev.Event:
    return ev.OrderDenied(
        order_id=_id(number), strategy="trend", version="v1", intent_id=f"{second}.0.{number}", instrument="AAPL",
        venue="paper", side=Side.BUY, order_type=OrderType.LIMIT, time_in_force=TimeInForce.DAY,
        order_class=OrderClass.ENTRY, quantity=900, price=10_000, post_only=True, reduce_only=False, reason="more",
        seen=SEEN, checks=CHECKS, control=13, observed="1000", limit="500", source="config/limits.yaml:12",
        would_pass="400", **_times(second),
    )  # fmt: skip


def _acknowledged(number: int, report: int, second: int) -> ev.Event:
    return ev.OrderAcknowledged(
        order_id=_id(number), venue_order_id=f"V{number}", report=report, sent=WallTime(1), **_times(second)
    )


def _filled(number: int, execution: str, quantity: int, price: int, fee: int, report: int, second: int) -> ev.Event:
    return ev.OrderFilled(
        order_id=_id(number), venue_order_id=f"V{number}", execution_id=execution, strategy="trend", instrument="AAPL",
        side=Side.BUY, price=price, quantity=quantity, fee=fee, fee_asset="USD", liquidity=Liquidity.TAKER,
        report=report, sent=WallTime(1), **_times(second),
    )  # fmt: skip


def batches_of_events() -> tuple[tuple[ev.Event, ...], ...]:
    """The story: a book opens, one order is filled, busted and corrected, another lives through all it can."""
    return (
        (
            ev.BookOpened(book="paper", desk="DSK", base_currency="USD", currencies=(USD,), venues=("paper",)),
            ev.EpochBegan(epoch=1, wall=WallTime(1_700_000_000 * 10**9), host="desk", pid=77),
            ev.InstrumentDefined(instrument=AAPL),
            ev.LimitsChanged(
                rows=(
                    LimitRow(
                        scope="instrument", name="AAPL", limit="max_position", value="500", source="limits.yaml:12"
                    ),
                ),
                checksum="c0ffee", who=ADA, reason="first limits",
            ),
            ev.CapitalAllocated(strategy="trend", amount=10_000_000, who=ADA, reason="start small"),
            ev.VersionRegistered(
                strategy="trend", version=1, digest="7f3ac1", path="registry/trend/v1", instruments=("AAPL",), who=ADA
            ),
            ev.DeploymentChanged(strategy="trend", version=1, digest="7f3ac1", stage="PAPER"),
            ev.TradingStateChanged(
                scope="strategy", name="trend", state=TradingState.ACTIVE, cause="person", who=ADA, reason="go"
            ),
            ev.ThrottleChanged(scope="venue", name="paper", rate=Decimal("5.5"), who=ADA, reason="gently"),
            ev.CommandTaken(
                producer="operator", incarnation=1_700_000_000_000_000_000, number=1, command="enable_strategy",
                who=ADA, reason="go", refused="",
            ),
            ev.CashMoved(
                kind="deposit", sub_account="house", asset="USD", amount=50_000_000, reference="wire", time=FeedTime(1)
            ),
            ev.FxMarked(asset="EUR", rate=Decimal("1.0825"), step=1, time=FeedTime(1)),
            ev.SessionRolled(session="2024-01-02", step=1, time=FeedTime(1)),
            ev.RunnerStarted(strategy="trend", version="v1", digest="7f3ac1", incarnation=5),
        ),
        (
            ev.Answered(
                strategy="trend", incarnation=5, number=2, step=2, inbox=1, state=b"\x93\x01\x02\x03",
                logs=("warm",),
            ),
            ev.SignalRaised(strategy="trend", instrument="AAPL", target=100, reason="above its mean", step=2),
            _submitted(1, Side.BUY, 100, 10_000, OrderClass.ENTRY, 2),
            _denied(2, 2),
            ev.IntentRefused(
                strategy="trend", intent_id="2.0.3", instrument="AAPL", control=18, reason="9.999 is off the tick grid"
            ),
            ev.Marked(instrument="AAPL", twice=19_990, step=2, time=FeedTime(2 * 10**9)),
        ),
        (
            _acknowledged(1, 1, 3),
            _filled(1, "X1", 40, 9_990, 5, 2, 3),
            _filled(1, "X2", 60, 10_000, 6, 3, 3),
            ev.FillBusted(order_id=_id(1), execution_id="X1", price=9_990, quantity=40, fee=5, report=4, **_times(4)),
            ev.FillCorrected(
                order_id=_id(1), execution_id="X2", old_price=10_000, old_quantity=60, old_fee=6, price=9_995,
                quantity=50, fee=3, report=5, **_times(4)
            ),
        ),
        (
            _submitted(3, Side.SELL, 50, 10_100, OrderClass.EXIT, 5),
            _acknowledged(3, 6, 5),
            ev.ReplaceRequested(
                order_id=_id(3), new_id=_id(4), quantity=30, price=10_050, seen=SEEN, checks=CHECKS, **_times(6)
            ),
            ev.OrderReplaced(order_id=_id(3), new_id=_id(4), quantity=30, price=10_050, report=7, **_times(6)),
            ev.ReplaceRequested(
                order_id=_id(4), new_id=_id(5), quantity=50, price=None, seen=SEEN, checks=CHECKS, **_times(7)
            ),
            ev.ReplaceRejected(
                order_id=_id(4), new_id=_id(5), reason=RejectReason.PRICE, text="no price", report=8, **_times(7)
            ),
            ev.CancelRequested(order_id=_id(4), cause="strategy", **_times(8)),
            ev.CancelRejected(order_id=_id(4), reason=RejectReason.TOO_LATE, text="busy", report=9, **_times(8)),
            ev.OrderDoubted(order_id=_id(4), doubt=Doubt.CANCEL, cause="no answer", **_times(9)),
            ev.DoubtResolved(order_id=_id(4), outcome="found_working", **_times(10)),
            ev.CancelRequested(order_id=_id(4), cause="person", **_times(11)),
            ev.OrderCanceled(order_id=_id(4), text="", report=10, **_times(11)),
        ),
        (
            _submitted(6, Side.BUY, 10, None, OrderClass.ENTRY, 12),
            ev.OrderRejected(
                order_id=_id(6), reason=RejectReason.EXCHANGE_CLOSED, text="closed", report=11, **_times(12)
            ),
            _submitted(7, Side.BUY, 10, 9_000, OrderClass.ENTRY, 13),
            _acknowledged(7, 12, 13),
            ev.OrderExpired(order_id=_id(7), text="end of day", report=13, **_times(14)),
            _submitted(8, Side.BUY, 10, 9_000, OrderClass.ENTRY, 15),
            ev.OrderDoubted(order_id=_id(8), doubt=Doubt.NEW, cause="take-over", **_times(16)),
            ev.OrderResubmitted(order_id=_id(8), kind=Doubt.NEW, **_times(17)),
            _acknowledged(8, 14, 17),
        ),
        (
            ev.ExitQueued(
                strategy="trend", intent_id="18.0.1", instrument="AAPL", side=Side.SELL, quantity=50,
                order_type=OrderType.MARKET, price=None, time_in_force=TimeInForce.IOC, post_only=False, reason="out",
                time=FeedTime(18 * 10**9),
            ),
            ev.ExitUnqueued(strategy="trend", instrument="AAPL"),
            ev.FlattenStarted(strategy="trend", who=ADA, reason="home"),
            ev.FlattenEnded(strategy="trend"),
            ev.RunnerEnded(strategy="trend", cause="raised", detail="ValueError: x", given_up=True),
            ev.Alarmed(kind="overfill", subject=_id(1), detail="one more than asked", time=FeedTime(19 * 10**9)),
            ev.SnapshotTaken(digest="abc", fold_version=1),
        ),
        _protected(),
        _people(),
        _accounts(),
        _joined_orders(),
    )  # fmt: skip


def _protected() -> tuple[ev.Event, ...]:
    """Since schema 2: an entry with a bracket, its stop in the engine, which trails, is triggered and goes out."""
    bracket = Bracket(stop=9_900, offset=100, trigger=Trigger.BID, held_at=HeldAt.ENGINE, target=10_300)
    entry = msgspec.structs.replace(
        _submitted(9, Side.BUY, 5, None, OrderClass.ENTRY, 20), terms=Terms(bracket=bracket)
    )
    stop = msgspec.structs.replace(
        _submitted(10, Side.SELL, 5, None, OrderClass.PROTECTIVE, 20),
        order_type=OrderType.TRAILING_STOP,
        terms=Terms(stop=9_900, offset=100, trigger=Trigger.BID, held_at=HeldAt.ENGINE, group=_id(9)),
    )
    target = msgspec.structs.replace(
        _submitted(11, Side.SELL, 5, 10_300, OrderClass.EXIT, 20),
        time_in_force=TimeInForce.GTD,
        terms=Terms(expires=FeedTime(10**12), group=_id(9)),
    )
    return (
        entry,
        _acknowledged(9, 15, 20),
        _filled(9, "X3", 5, 10_000, 1, 16, 20),
        stop,
        target,
        _acknowledged(11, 17, 20),
        ev.TrailMoved(order_id=_id(10), price=10_050, stop=9_950, step=7, time=FeedTime(21 * 10**9)),
        ev.OrderTriggered(order_id=_id(10), price=9_940, step=8, report=0, **_times(22)),
        ev.CancelRequested(order_id=_id(11), cause="the stop was triggered", **_times(22)),
        ev.OrderCanceled(order_id=_id(11), text="", report=18, **_times(22)),
        ev.OrderReleased(order_id=_id(10), quantity=5, **_times(22)),
        _acknowledged(10, 19, 22),
    )


def _people() -> tuple[ev.Event, ...]:
    """Since schema 3: people are named."""
    anna = Identity(identity="unix:anna", person="anna", roles=(Role.RISK,))
    bob = Identity(identity="login:bob", person="bob", roles=(Role.QUANT, Role.OPERATOR), key="0123456789abcdef")
    wider = LimitRow(scope="book", name="", limit="max_position", value="900", source="config/limits.yaml:3")
    body = SetLimits(rows=(wider,), checksum="f00d", who=ADA, reason="more room")
    change = ev.Change(what="max_position of book", before="500", after="900", source="config/limits.yaml:3")
    proposed = [
        ev.ChangeProposed(
            proposal=f"{number:032x}", body=body, changes=(change,), who=ADA, reason="more room",
            expires=WallTime(1_700_100_000 * 10**9),
        )
        for number in range(4)
    ]  # fmt: skip
    roomy = Override(
        scope="instrument", name="AAPL", limit="max_position", value="900", before="500",
        until=WallTime(1_700_100_000 * 10**9), orders=3, who=ADA,
    )  # fmt: skip
    return (
        ev.PeopleChanged(rows=(anna, bob), four_eyes=True, who=ADA, reason="two of us", approval_hours=8),
        *proposed,
        ev.ChangeApproved(proposal=proposed[0].proposal, who=ADA, reason="seen"),
        ev.ChangeRejected(proposal=proposed[1].proposal, who=ADA, reason="too much"),
        ev.ChangeExpired(proposal=proposed[2].proposal, cause="nobody approved it in its time"),
        ev.LimitOverridden(override=roomy, who=ADA, reason="the open"),
        ev.OverrideEnded(
            scope="instrument", name="AAPL", limit="max_position", cause="its time is over", used=2, who=ADA, reason=""
        ),
        ev.BreakerMoved(
            key="venue paper (rejects)",
            breaker=ev.OpenBreaker(
                venue="paper", until=WallTime(1_700_100_000 * 10**9), mono=MonoTime(30 * 10**9), times=2
            ),
        ),
        ev.BreakerMoved(key="venue paper (rejects)", breaker=None),
        ev.RestartAsked(process="listener", who=ADA, reason="it hangs"),
    )


def _accounts() -> tuple[ev.Event, ...]:
    """Since schema 3: what moves between sub-accounts, what an issuer does, strangers at the venue, and breaks."""
    when = FeedTime(30 * 10**9)
    by = {"who": ADA, "reason": "as agreed"}
    listed = VenueOrder(
        order_id="SOMEBODY", venue_order_id="V90", instrument="AAPL", side=Side.BUY, quantity=10, filled=4,
        price=9_000, order_class=OrderClass.ENTRY,
    )  # fmt: skip
    foreign = msgspec.structs.replace(
        _filled(1, "X4", 4, 9_000, 1, 20, 30), order_id="SOMEBODY", strategy="manual", venue="paper"
    )
    past = ev.PastTrade(strategy="trend", venue="paper", instrument="AAPL", side=Side.BUY, fee_asset="USD")
    found = {"venue": "paper", "kind": "position", "subject": "AAPL"}
    return (
        foreign,
        ev.OrderAdopted(
            order_id="SOMEBODY", venue="paper", sub_account="manual", listed=listed, **by, **_times(30)
        ),
        ev.FillBusted(
            order_id="DSK0000100000000", execution_id="X0", price=9_000, quantity=2, fee=1, report=21, past=past,
            **_times(30),
        ),
        ev.BreakConfirmed(
            **found, scope="venue", name="paper", ours=57, theirs=60, detail="3 lots more at paper", **_times(31)
        ),
        ev.PositionAdjusted(
            sub_account="house", venue="paper", instrument="AAPL", lots=3, twice=19_990, worth=29_985, time=when, **by
        ),
        ev.BreakResolved(**found, outcome="adopted into house", **by, **_times(32)),
        ev.HighWaterRaised(marks=(("", 120_000), ("trend", 130_000)), time=FeedTime(33 * 10**9)),
        ev.PositionTransferred(
            source="house", target="trend", instrument="AAPL", lots=3, twice=19_990, worth=29_985, time=when, **by
        ),
        ev.CashTransferred(source="house", target="trend", asset="USD", amount=100, time=when, **by),
        ev.CashMoved(
            kind="dividend", sub_account="trend", asset="USD", amount=57, reference="0.01 a share", time=when,
            venue="paper",
        ),
        ev.OrderCanceled(order_id="SOMEBODY", text="", report=22, **_times(33)),
        ev.InstrumentSplit(
            instrument="AAPL", numerator=2, denominator=1, lots=(("manual", 8), ("trend", 112)), time=when, **by
        ),
        ev.InstrumentDefined(instrument=msgspec.structs.replace(AAPL, symbol="APPL")),
        ev.SymbolChanged(old="AAPL", new="APPL", time=when, **by),
        ev.Alarmed(
            kind="foreign_order", subject="SOMEBODY", detail="Canceled from paper", time=when, venue="paper", report=23
        ),
    )  # fmt: skip


def _joined_orders() -> tuple[ev.Event, ...]:
    """Since schema 3: two orders go to their venue as one, and one of them is taken out again."""
    trend, quoting = (
        msgspec.structs.replace(
            _submitted(number, Side.BUY, 10 * number, 5_000, OrderClass.ENTRY, 40), instrument="APPL", strategy=strategy
        )
        for number, strategy in ((30, "trend"), (31, "quoting"))
    )
    return (
        trend,
        quoting,
        ev.OrdersJoined(order_id=_id(32), venue="paper", children=(_id(30), _id(31)), **_times(41)),
        ev.CancelRequested(order_id=_id(31), cause="strategy", **_times(42)),
        ev.JoinedReduceRequested(order_id=_id(32), new_id=_id(33), quantity=300, caps=(300, 0), **_times(42)),
        ev.JoinedReduceAnswered(order_id=_id(32), new_id=_id(33), made=True, report=24, **_times(43)),
        ev.OrderCanceled(order_id=_id(31), text="its part was taken out", report=24, **_times(43)),
    )


def story() -> Iterator[Sealed]:
    """The story as a chain of sealed batches."""
    head = codec.EMPTY
    for step, events in enumerate(batches_of_events(), start=1):
        batch = codec.seal(
            ev.Batch(
                book="paper", schema=codec.SCHEMA, epoch=1, first=head.sequence + 1, previous=head.digest, step=step,
                wall=WallTime((1_700_000_000 + step) * 10**9), events=events,
            )
        )  # fmt: skip
        head = codec.follows(head, batch)
        yield batch


if __name__ == "__main__":
    sys.stdout.write("".join(f"{batch.payload.hex()}\n" for batch in story()))
