"""What is counted beside the books equals the books, whatever happens to a desk, and never grows without bound."""

import msgspec
import pytest

from tests.tools.core_kit import ANNA
from tests.tools.folded_desk import Journal, folded
from toolkit.domain import events as ev
from toolkit.domain.ledger import Deployment
from toolkit.domain.orders import Doubt, Side, Status, TradingState
from toolkit.domain.time import NANOSECONDS, FeedTime, WallTime
from toolkit.replica import equity, tallies, views
from toolkit.replica.hops import HOP_BOUNDS
from toolkit.replica.order_course import CANCEL_WORDS
from toolkit.replica.replica import Replica
from toolkit.replica.tallies import Tallies

SEEDS = (3, 11, 29)
ACTS = 350


@pytest.fixture(scope="module", params=SEEDS)
def journal(request: pytest.FixtureRequest) -> Journal:
    journal = Journal(request.param)
    journal.act(ACTS)
    return journal


def by_strategy(counted: Tallies, kind: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for (what, strategy, _, _), times in counted.counts.items():
        if what == kind:
            found[strategy] = found.get(strategy, 0) + times
    return found


def test_sessions_go_by_idle_until_an_order_goes_out(journal: Journal) -> None:
    _, counted = folded(journal)
    replica, looked = Replica(), Tallies()
    rolled = 0
    for batch, digest in journal.batches:
        replica.apply(batch, digest)
        looked.hear(batch, replica.ledger)
        rolled += sum(isinstance(event, ev.SessionRolled) for event in batch.events)
        sent = {event.strategy for event in batch.events if isinstance(event, ev.OrderSubmitted)}
        assert all(looked.sessions_idle[strategy] <= 1 for strategy in sent), "one may roll in the same batch"
    assert looked.sessions_idle == counted.sessions_idle
    assert max(counted.sessions_idle.values(), default=0) <= rolled


def test_who_may_not_trade_is_not_waited_for() -> None:
    replica, counted = Replica(), Tallies()
    replica.ledger.deployments["trend"] = Deployment(version=1, digest="7f3ac1", stage="PAPER")

    def roll(*sessions: str) -> int:
        for session in sessions:
            event = ev.SessionRolled(session=session, step=1, time=FeedTime(1))
            batch = ev.Batch(
                book="paper", schema=1, epoch=1, first=counted.sequence + 1, previous=b"", step=0, wall=WallTime(1),
                events=(event,),
            )  # fmt: skip
            counted.hear(batch, replica.ledger)
        return counted.sessions_idle["trend"]

    assert roll("2026-01-05", "2026-01-06", "2026-01-07") == 3
    replica.ledger.states["strategy:trend"] = {"disable": TradingState.HALTED}
    assert roll("2026-01-08") == 0
    replica.ledger.states.clear()
    assert roll("2026-01-09") == 1


def test_counts_are_those_of_the_ledger(journal: Journal) -> None:
    replica, counted = folded(journal)
    for kind in ("orders", "fills", "rejected"):
        books = {name: counts[kind] for name, counts in replica.ledger.counts.items() if counts.get(kind)}
        assert by_strategy(counted, kind) == books, kind
    refused = {
        name: total
        for name, counts in replica.ledger.counts.items()
        if (total := counts.get("denied", 0) + counts.get("refused", 0))
    }
    denied: dict[str, int] = {}
    for (strategy, _, _), times in counted.denials.items():
        denied[strategy] = denied.get(strategy, 0) + times
    assert denied == refused
    assert sum(counted.rejects.values()) == sum(by_strategy(counted, "rejected").values())
    assert sum(counted.cancels.values()) == sum(by_strategy(counted, "cancelled").values())
    assert {word for _, _, word in counted.cancels} <= set(CANCEL_WORDS) - {"other"}


def test_courses_say_what_the_books_say(journal: Journal) -> None:
    replica, counted = folded(journal)
    orders = {root: order for root, order in replica.ledger.orders.items() if order.status is not Status.DENIED}
    assert set(counted.courses) == {root for root in orders if not _adopted(journal, root)}
    for root, course in counted.courses.items():
        order = orders[root]
        if order.doubt is Doubt.NONE:
            assert (course.status, course.filled, course.cost) == (order.shown_status, order.filled, order.cost), root
        assert (course.ended > 0) is (not order.is_open), (root, order.status, course)
        known = [at for at in (course.tick, course.decided, course.journaled, course.answered) if at]
        assert known == sorted(known), course
        assert course.first_fill <= course.last_fill


def _adopted(journal: Journal, root: str) -> bool:
    return any(
        isinstance(event, ev.OrderAdopted) and event.order_id == root for batch, _ in journal.batches
        for event in batch.events
    )  # fmt: skip


def test_who_waits_has_an_open_order(journal: Journal) -> None:
    replica, counted = folded(journal)
    ledger = replica.ledger
    assert set(counted.unanswered) <= {order.chain[0] for order in ledger.open_orders()}
    for course in counted.courses.values():
        assert (course.order_id in counted.unanswered) <= (not course.answered)


def test_stored_and_read_back_they_go_on_as_if_nothing_had_been(journal: Journal) -> None:
    half = len(journal.batches) // 2
    replica, whole = folded(journal)
    again, counted = Replica(), Tallies()
    for index, (batch, digest) in enumerate(journal.batches):
        if index == half:
            stored = Tallies.from_bytes(counted.to_bytes())
            assert stored is not None
            counted = stored
        again.apply(batch, digest)
        counted.hear(batch, again.ledger)
    assert counted == whole
    assert again.ledger.digest() == replica.ledger.digest()


def test_another_version_of_the_code_counts_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    stored = Tallies().to_bytes()
    monkeypatch.setattr(tallies, "TALLIES_VERSION", tallies.TALLIES_VERSION + 1)
    assert Tallies.from_bytes(stored) is None
    assert Tallies.from_bytes(b"\xff") is None


def test_beside_books_from_elsewhere_open_orders_are_known(journal: Journal) -> None:
    half = journal.batches[: len(journal.batches) // 2]
    replica = Replica()
    for batch, digest in half:
        replica.apply(batch, digest)
    counted = Tallies.beside(replica.ledger)
    assert set(counted.courses) == {order.chain[0] for order in replica.ledger.open_orders()}
    for batch, digest in journal.batches[len(half) :]:
        replica.apply(batch, digest)
        counted.hear(batch, replica.ledger)
    assert set(counted.unanswered) <= {order.chain[0] for order in replica.ledger.open_orders()}


def test_each_order_is_in_one_bucket_of_a_hop_and_its_total_is_the_time(journal: Journal) -> None:
    _, counted = folded(journal)
    for (hop, venue), histogram in counted.hops.items():
        assert len(histogram.counts) == len(HOP_BOUNDS) + 1, (hop, venue)
    answered = sum(course.answered > 0 for course in counted.courses.values())
    sums = {hop: sum(histogram.counts) for (hop, _), histogram in counted.hops.items()}
    assert sums["decision_to_answer"] == answered == sum(counted.answers.values())
    assert sums["decision_to_journal"] == len(counted.courses)
    first = {course.order_id for course in counted.courses.values() if course.first_fill}
    assert sums.get("decision_to_fill", 0) == len(first)


def test_it_is_late_from_its_decision_on_and_stays_so_once_it_was_answered_late() -> None:
    journal = Journal(5)
    desk = journal.desk
    desk.mute = True
    desk.quote(9_999, 10_001, "AAPL", 1_000)
    desk.place(Side.BUY, 5, 9_990, strategy="trend", symbol="AAPL")
    journal.seal()
    replica, counted = folded(journal)
    (root,) = counted.unanswered
    decided = counted.courses[root].decided
    assert counted.late(decided + 5 * NANOSECONDS) == []
    assert counted.late(decided + 5 * NANOSECONDS + 1) == [counted.courses[root]]
    last, digest = journal.batches[-1]
    heard = ev.OrderAcknowledged(
        order_id=root, venue_order_id="V1", report=1, sent=WallTime(decided + 2), time=FeedTime(1),
        wall=WallTime(decided + 3),
    )  # fmt: skip
    answer = ev.Batch(
        book="paper", schema=1, epoch=1, first=last.last + 1, previous=digest, step=0,
        wall=WallTime(decided + 6 * NANOSECONDS), events=(heard,),
    )  # fmt: skip
    replica.apply(answer, b"\1" * 32)
    counted.hear(answer, replica.ledger)
    assert counted.late(decided + 600 * NANOSECONDS) == [counted.courses[root]]
    assert counted.courses[root].waited(0) == 6 * NANOSECONDS


def test_who_was_asked_after_in_doubt_and_found_working_waits_no_longer() -> None:
    journal = Journal(5)
    desk = journal.desk
    desk.mute = True
    desk.quote(9_999, 10_001, "AAPL", 1_000)
    desk.place(Side.BUY, 5, 9_990, strategy="trend", symbol="AAPL")
    journal.seal()
    replica, counted = folded(journal)
    (root,) = counted.unanswered
    decided = counted.courses[root].decided

    def hear(event: ev.Event, seconds: int) -> None:
        wall = WallTime(decided + seconds * NANOSECONDS)
        batch = ev.Batch(
            book="paper", schema=1, epoch=1, first=replica.ledger.sequence + 1, previous=replica.head.digest, step=0,
            wall=wall, events=(event,),
        )  # fmt: skip
        replica.apply(batch, seconds.to_bytes(32))
        counted.hear(batch, replica.ledger)

    at = FeedTime(1)
    hear(ev.OrderDoubted(order_id=root, doubt=Doubt.NEW, cause="timeout", time=at, wall=WallTime(decided)), 2)
    assert set(counted.unanswered) == {root}, "nobody has answered yet"
    hear(ev.DoubtResolved(order_id=root, outcome="found_working", time=at, wall=WallTime(decided)), 7)
    assert replica.ledger.orders[root].is_open
    assert not counted.unanswered
    assert counted.courses[root].waited(decided + 600 * NANOSECONDS) == 7 * NANOSECONDS
    assert counted.answers == {("paper", "accepted"): 1}


def test_old_courses_and_points_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "COURSES_KEPT", 20)
    monkeypatch.setattr(tallies, "LATE_KEPT", 2)
    monkeypatch.setattr(equity, "POINTS_KEPT", 16)
    monkeypatch.setattr(equity, "MIDDLES_KEPT", 16)
    journal = Journal(7)
    journal.act(300)
    replica, counted = folded(journal)
    orders = by_strategy(counted, "orders")
    assert sum(orders.values()) > 25, "there was nothing to forget"
    assert len(counted.courses) <= 21
    assert list(counted.courses) == [root for root in replica.ledger.orders if root in counted.courses]
    assert set(counted.unanswered) <= set(counted.courses)
    assert all(len(curve.points) <= 17 for curve in counted.equity.curves.values())
    assert all(len(times) <= 32 for times in counted.middles.times.values())


def test_a_curve_keeps_its_span_its_newest_point_and_its_length() -> None:
    curve = equity.Curve()
    for second in range(20_000):
        curve.note(equity.Point(second * NANOSECONDS, second, second, 0, 0))
    assert curve.points[0].pnl == 0
    assert curve.points[-1].pnl == 19_999
    assert len(curve.points) <= equity.POINTS_KEPT
    assert [point.wall for point in curve.points] == sorted({point.wall for point in curve.points})


def test_equity_is_what_the_table_of_strategies_shows(journal: Journal) -> None:
    replica, counted = folded(journal)
    counted.equity.stale, counted.equity.noted = True, 0
    counted.equity.note(int(journal.batches[-1][0].wall) + 10 * NANOSECONDS, replica.ledger)
    shown = {view.name: view for view in views.strategies(replica)}
    assert set(counted.equity.curves) == {"trend", "other"}
    for strategy, curve in counted.equity.curves.items():
        view, newest = shown[strategy], curve.points[-1]
        told = tuple(views.money(replica.ledger, each) for each in (newest.pnl, newest.realised, newest.fees))
        assert told == (view.pnl, view.realised, view.fees)


@pytest.mark.parametrize(
    ("told", "sent", "ahead"),
    [(150, 100, 0), (100, 100, 0), (200, 100, 0), (260, 100, 60), (90, 100, -10), (1, 0, 0), (0, 100, 0)],
)
def test_a_clock_is_wrong_only_where_what_it_tells_cannot_be(told: int, sent: int, ahead: int) -> None:
    """Between send and booking it may be right, however long that took; a venue without a clock tells nothing."""
    journal = Journal(5)
    desk = journal.desk
    desk.mute = True
    desk.quote(9_999, 10_001, "AAPL", 1_000)
    desk.place(Side.BUY, 5, 9_990, strategy="trend", symbol="AAPL")
    journal.seal()
    replica, counted = folded(journal)
    (root,) = counted.unanswered
    last, digest = journal.batches[-1]
    heard = ev.OrderAcknowledged(
        order_id=root, venue_order_id="V1", report=1, sent=WallTime(sent), time=FeedTime(1), wall=WallTime(told)
    )
    answer = ev.Batch(
        book="paper", schema=1, epoch=1, first=last.last + 1, previous=digest, step=0, wall=WallTime(200),
        events=(heard,),
    )  # fmt: skip
    replica.apply(answer, bytes(32))
    counted.hear(answer, replica.ledger)
    assert counted.ahead == {"paper": ahead}


def test_a_kill_lasts_until_the_last_cancel_that_it_led_to() -> None:
    journal = Journal(5)
    desk = journal.desk
    desk.quote(9_999, 10_001, "AAPL", 1_000)
    desk.place(Side.BUY, 5, 9_990, strategy="trend", symbol="AAPL")
    journal.seal()
    replica, counted = folded(journal)
    (root,) = [course.order_id for course in counted.courses.values() if not course.ended]
    _, digest = journal.batches[-1]
    at = {"time": FeedTime(1), "wall": WallTime(1)}

    def hear(wall: int, *events: ev.Event) -> None:
        nonlocal digest
        batch = ev.Batch(
            book="paper", schema=1, epoch=1, first=counted.sequence + 1, previous=digest, step=0, wall=WallTime(wall),
            events=events,
        )  # fmt: skip
        digest = wall.to_bytes(32, "big")
        replica.apply(batch, digest)
        counted.hear(batch, replica.ledger)

    halt = ev.TradingStateChanged(
        scope="venue", name="paper", state=TradingState.HALTED, cause="kill", who=ANNA, reason="a test"
    )
    hear(10**12, halt, ev.CancelRequested(order_id=root, cause="kill", **at))
    assert counted.kills["venue:paper"] == tallies.Kill(10**12, 10**12)
    hear(10**12 + 5, ev.OrderCanceled(order_id=root, text="", report=99, **at))
    assert counted.kills["venue:paper"] == tallies.Kill(10**12, 10**12 + 5)
    assert counted.cancels == {("trend", "paper", "kill"): 1}
    hear(10**12 + 9, msgspec.structs.replace(halt, state=TradingState.ACTIVE))
    assert counted.kills["venue:paper"].thrown == 10**12
