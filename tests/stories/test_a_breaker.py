"""Control 23: a venue that rejects or dawdles gets no more entries for a while, then one to try; exits always pass."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from tests.tools.core_kit import without
from tests.tools.two_venues import ALPHA, BETA, TwoVenues, rule
from toolkit.domain import requests as rq
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import FeedMode, SessionOpened
from toolkit.domain.ports import Lease
from toolkit.domain.requests import RejectReason
from toolkit.domain.time import NANOSECONDS, FeedTime, MonoTime, WallTime
from toolkit.engine.breaker import CLOSED, LONGEST, after_bad, after_entry, after_good, lets_pass
from toolkit.engine.engine import Engine
from toolkit.engine.router_settings import BreakerSettings

SETTINGS = BreakerSettings(
    rejects=3,
    venue_rejects=5,
    late=2,
    within=10 * NANOSECONDS,
    late_after=NANOSECONDS,
    open_for=30 * NANOSECONDS,
    source="config/venues.yaml:60",
)


class Trading(TwoVenues):
    """A core whose venue alpha says what the test says, and nothing else."""

    def __init__(self, *rules: Any, **more: Any) -> None:
        super().__init__(*rules, breakers={ALPHA: SETTINGS}, **more)
        self.asked_for = 0

    def buys(self, strategy: str = "trend") -> str:
        """An entry whose request gets no answer by itself."""
        self.deaf, self.asked_for = True, self.asked_for + 1
        wanted = self.buy(1, 8_000 + self.asked_for, strategy=strategy)
        self.deaf = False
        return self.order(wanted, strategy).order_id

    def says_no(self, identifier: str, reason: RejectReason = RejectReason.OTHER) -> None:
        self.do(
            rq.Rejected(
                venue=ALPHA, report=0, order_id=identifier, reason=reason, text="no", time=FeedTime(0), wall=WallTime(0)
            )
        )

    def says_yes(self, identifier: str, at: float = 0.0) -> None:
        """Taken `at` seconds of feed time."""
        time = FeedTime(int(at * NANOSECONDS))
        self.do(
            rq.Acknowledged(venue=ALPHA, report=0, order_id=identifier, venue_order_id="V", time=time, wall=WallTime(0))
        )

    def refused(self, times: int, strategy: str = "trend") -> None:
        for _ in range(times):
            self.says_no(self.buys(strategy), RejectReason.OTHER)

    def is_denied(self, strategy: str = "trend") -> bool:
        before = len(self.lost)
        self.buys(strategy)
        return len(self.lost) == before


@pytest.mark.proves(23, "breach")
def test_so_many_rejections_open_the_breaker_of_a_route_and_the_refusal_teaches() -> None:
    core = Trading()
    core.refused(3)
    assert core.is_denied()
    denied = core.denial()
    assert (denied.control, denied.observed) == (23, "breaker of route trend → alpha open")
    assert (denied.limit, denied.source, denied.would_pass) == ("closed", "config/venues.yaml:60", "one to try in 30 s")
    assert core.alarms() == ["breaker_open"]


@pytest.mark.proves(23, "edge")
def test_one_rejection_less_or_one_out_of_the_window_does_not() -> None:
    core = Trading()
    core.refused(2)
    core.wait(10)
    core.refused(2)
    assert not core.is_denied()


@pytest.mark.proves(23, "unset")
def test_a_venue_of_which_nothing_was_said_gets_no_entry_and_the_refusal_says_what_to_write() -> None:
    core = TwoVenues(breakers={BETA: SETTINGS}, without_breakers=frozenset())
    core.buy(1)
    denied = core.denial()
    assert (denied.control, denied.limit, denied.observed) == (23, "LIMIT_NOT_SET", "no breakers of alpha")
    assert denied.would_pass == "once breakers of config/venues.yaml has lines for alpha, or off"
    assert core.orders_received() == []


def test_the_router_passes_over_a_venue_of_which_nothing_was_said() -> None:
    core = TwoVenues(rule(ALPHA, BETA), breakers={BETA: SETTINGS}, without_breakers=frozenset())
    core.buy(1)
    assert core.went_to() == [BETA]
    assert "alpha has no breakers set" in core.why()


def test_one_that_was_switched_off_on_purpose_counts_nothing() -> None:
    core = TwoVenues(alpha={"rejects_per_million": 1_000_000}, without_breakers=frozenset({ALPHA}))
    for price in range(20):
        core.buy(1, 9_000 + price)
    assert len(core.orders_received()) == 20


@pytest.mark.proves(23, "breach")
def test_one_strategys_rejections_leave_the_others_alone_until_they_are_the_venues() -> None:
    core = Trading(strategies=("trend", "quoting", "pairs"))
    core.refused(3)
    assert not core.is_denied("quoting")
    core.refused(2, "quoting")
    assert core.is_denied("pairs")
    assert core.denial().observed == "breaker of venue alpha (rejects) open"


def test_quotes_that_would_have_traded_and_what_never_left_are_no_sign_of_trouble() -> None:
    core = Trading()
    for reason in (RejectReason.POST_ONLY_WOULD_TRADE, RejectReason.NOT_SENT):
        for _ in range(5):
            core.says_no(core.buys(), reason)
    assert not core.is_denied()


def test_late_acknowledgements_open_the_venues_breaker() -> None:
    core = Trading(strategies=("trend", "quoting"), mode=FeedMode.FREE)
    for _ in range(2):
        slow = core.buys()
        core.wait(1.5)
        core.says_yes(slow)
    assert core.is_denied("quoting")
    assert core.denial().observed == "breaker of venue alpha (late answers) open"


@pytest.mark.parametrize(("took", "late"), [(0.5, False), (1.5, True)])
def test_in_lockstep_what_counts_is_when_the_venue_took_it_and_not_when_the_next_step_came(
    took: float, late: bool
) -> None:
    """A feed may make steps of half an hour: whoever sends many orders on one of them was kept out for nothing."""
    core = Trading()
    began = core.time / NANOSECONDS
    waiting = [core.buys() for _ in range(3)]
    core.wait(2)
    for identifier in waiting:
        core.says_yes(identifier, began + took)
    assert core.is_denied() is late


@pytest.mark.parametrize(("seconds", "opens"), [(0, False), (3, True)])
def test_in_lockstep_an_answer_that_is_long_on_its_way_back_is_late(seconds: int, opens: bool) -> None:
    core = TwoVenues(breakers={ALPHA: SETTINGS}, alpha={"report_latency": seconds * NANOSECONDS})
    core.buy(1, 8_001), core.buy(1, 8_002)
    for _ in range(5):
        core.feed()
    assert ("breaker_open" in core.alarms()) is opens


def test_so_does_no_answer_at_all() -> None:
    core = Trading()
    core.buys(), core.buys()
    core.wait(5)
    assert core.is_denied()


def test_exits_and_cancels_ask_no_breaker() -> None:
    core = Trading()
    core.buy(10)
    resting = core.buy(1, 9_000)
    core.refused(3)
    core.cancel(resting)
    core.sell(10)
    assert core.held() == 0
    assert core.at_venue() == []


def test_half_open_one_entry_goes_to_try_and_its_good_answer_closes_the_breaker() -> None:
    core = Trading()
    core.refused(3)
    core.wait(30)
    probe = core.buys()
    assert core.is_denied(), "the answer to the probe is not there yet"
    assert core.denial().would_pass == "once the one that tries is answered"
    core.says_yes(probe)
    assert not core.is_denied()
    assert core.alarms() == ["breaker_open", "breaker_closed"]


def test_a_probe_that_is_refused_opens_it_for_twice_as_long() -> None:
    core = Trading()
    core.refused(3)
    core.wait(30)
    core.refused(1)
    core.wait(59)
    assert core.is_denied()
    core.wait(1)
    assert not core.is_denied()


def test_a_probe_whose_answer_never_comes_does_not_keep_the_breaker_open_for_ever() -> None:
    core = Trading()
    core.refused(3)
    core.wait(30)
    core.buys()
    core.wait(5)  # in doubt: as good as refused
    assert core.is_denied()
    core.wait(60)
    assert not core.is_denied()


def restarted(core: Trading, mode: FeedMode, away: float) -> None:
    """Another engine takes the book `away` seconds later by the wall; in lockstep its own clock stands still."""
    core.engine = Engine(Ledger.from_bytes(core.ledger.to_bytes()), core.engine._settings, core.controls)
    wall = WallTime(int(core.mono + away * NANOSECONDS))
    if mode is FeedMode.FREE:
        core.mono += int(away * NANOSECONDS)
    now = replace(core.now(), wall=wall)
    core.take(core.engine.begin_epoch(now, Lease(epoch=2, send_by=MonoTime(2**62)), "here", 2))
    core.feed(SessionOpened(calendar="XNYS", session="2026-01-05"), seconds=0)
    core.quote(9_999, 10_001, seconds=0)


@pytest.mark.parametrize("mode", FeedMode)
def test_a_restart_does_not_close_it_and_what_is_left_of_its_time_is_waited_for(mode: FeedMode) -> None:
    core = Trading(mode=mode)
    core.refused(3)
    core.wait(10)
    restarted(core, mode, 5)
    left = 15 if mode is FeedMode.FREE else 20
    core.wait(left - 1)
    assert core.is_denied()
    core.wait(1)
    probe = core.buys()
    assert core.is_denied(), "half open: one goes to try"
    core.says_yes(probe)
    assert not core.is_denied()
    assert core.ledger.breakers == {}
    restarted(core, mode, 1)
    assert not core.is_denied()


def test_a_clock_that_was_set_back_keeps_nothing_shut_for_longer_than_it_would_have_been() -> None:
    core = Trading(mode=FeedMode.FREE)
    core.refused(3)
    restarted(core, FeedMode.FREE, 0)
    core.engine._router.breakers.restore(
        core.ledger.breakers, replace(core.now(), wall=WallTime(-(10**18))), FeedMode.FREE
    )
    core.wait(30)
    assert not core.is_denied()


def test_the_router_passes_over_a_venue_whose_breaker_is_open() -> None:
    core = Trading(rule(ALPHA, BETA))
    core.refused(3)
    core.buy(1)
    assert core.went_to()[-1] == BETA
    assert core.why() == "config/venues.yaml:70: alpha has its breaker of route trend → alpha open"


def test_with_the_control_switched_off_the_venue_gets_it_all() -> None:
    core = Trading(controls=without(23))
    core.refused(3)
    assert not core.is_denied()


@given(st.lists(st.tuples(st.sampled_from(["good", "bad", "entry"]), st.integers(0, 40)), max_size=60))
def test_shut_it_lets_nothing_pass_half_open_one_at_a_time_and_it_always_comes_back(moves: list[Any]) -> None:
    state, now, probes = CLOSED, MonoTime(0), 0
    for what, seconds in moves:
        now = MonoTime(now + seconds * NANOSECONDS)
        if what == "entry":
            if lets_pass(state, SETTINGS, now):
                probes += state.shut_until is not None
                state = after_entry(state, now)
        elif what == "bad":
            before, state = state, after_bad(state, SETTINGS.rejects, SETTINGS, now)
            if state.shut_until is not None and state.shut_until != before.shut_until:
                assert state.shut_until - now in [SETTINGS.open_for * 2**n for n in range(5)]
                assert not lets_pass(state, SETTINGS, MonoTime(state.shut_until - 1))
        else:
            state = after_good(state)
        assert len(state.bad) < SETTINGS.rejects
        if state.probe is not None:
            assert not lets_pass(state, SETTINGS, MonoTime(state.probe + SETTINGS.open_for - 1))
    assert lets_pass(state, SETTINGS, MonoTime(now + (LONGEST + 1) * SETTINGS.open_for))
