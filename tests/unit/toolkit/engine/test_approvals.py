"""Four eyes: what loosens waits for a second person, what tightens does not, an approval is of exactly one change."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.core_kit import Core, limit, limits
from tests.tools.venue_kit import stock
from toolkit.domain import commands as cm
from toolkit.domain import events as ev
from toolkit.domain.fold import apply
from toolkit.domain.ledger import Ledger
from toolkit.domain.orders import TradingState
from toolkit.domain.people import PEOPLE, SUPERVISOR, Identity, Role
from toolkit.domain.time import NANOSECONDS
from toolkit.engine.risk.limits import loosening, stricter

DAY = 24 * 3600


def who(name: str, *, verified: bool = True, source: str = "cli", kind: str = "unix") -> cm.Who:
    return cm.Who(identity=f"{kind}:{name}", verified=verified, source=source)


FILE = who("rita", verified=False, source="config/limits.yaml")


def row(person: str, *roles: Role, kind: str = "unix", key: str = "") -> Identity:
    return Identity(identity=f"{kind}:{person}", person=person, roles=roles, key=key)


TABLE = (
    row("rita", Role.RISK),
    row("rita", Role.RISK, kind="login", key="k1"),
    row("max", Role.RISK),
    row("olga", Role.OPERATOR),
    row("quinn", Role.QUANT),
)


def desk(*, four_eyes: bool = True, rows: tuple[Identity, ...] = TABLE) -> Core:
    core = Core()
    core.command(set_people(rows, four_eyes=four_eyes), SUPERVISOR)
    return core


def set_people(rows: tuple[Identity, ...], *, four_eyes: bool = True, by: cm.Who = FILE) -> cm.SetPeople:
    return cm.SetPeople(rows=rows, four_eyes=four_eyes, who=by, reason="config/people.yaml was saved")


def set_limits(by: cm.Who, **book: str) -> cm.SetLimits:
    return cm.SetLimits(rows=limits(**book), checksum=f"of {book}", who=by, reason="more room")


def give(core: Core, body: cm.Command) -> ev.CommandTaken:
    core.command(body, PEOPLE)
    return last(core)


def save(core: Core, body: cm.Command) -> ev.CommandTaken:
    core.command(body, SUPERVISOR)
    return last(core)


def last(core: Core) -> ev.CommandTaken:
    taken: ev.CommandTaken = core.of(ev.CommandTaken)[-1]
    return taken


def approve(core: Core, proposal: str, by: cm.Who) -> ev.CommandTaken:
    return give(core, cm.ApproveChange(proposal=proposal, who=by, reason="looked at it"))


def in_force(core: Core, name: str) -> str:
    return next(each.value for each in core.ledger.limits if each.limit == name)


# ---------------------------------------------------------------- limits


def test_a_saved_file_tightens_at_once_and_loosens_nothing() -> None:
    core = desk()
    taken = save(core, set_limits(FILE, max_position="200000", max_order_quantity="5"))
    assert taken.proposal
    assert not taken.refused
    assert (in_force(core, "max_position"), in_force(core, "max_order_quantity")) == ("100000", "5")
    (proposed,) = core.of(ev.ChangeProposed)
    assert list(map(str, proposed.changes)) == ["max_position of book: 100000 → 200000 (config/limits.yaml:12)"]


def test_another_person_approves_what_one_has_proposed_and_both_stand_in_the_journal() -> None:
    core = desk()
    proposal = give(core, set_limits(who("olga"), max_position="200000")).proposal
    assert approve(core, proposal, who("max")).refused == ""
    assert in_force(core, "max_position") == "200000"
    assert core.of(ev.ChangeApproved)[-1].who.identity == "unix:max"
    assert core.of(ev.LimitsChanged)[-1].who.identity == "unix:olga"
    assert core.ledger.proposals == {}


@pytest.mark.parametrize("by", [who("rita"), who("rita", kind="login")])
def test_who_proposed_it_cannot_approve_it_under_any_name(by: cm.Who) -> None:
    core = desk()
    proposal = give(core, set_limits(who("rita"), max_position="200000")).proposal
    assert "rita proposed it: four eyes take another person" in approve(core, proposal, by).refused
    assert in_force(core, "max_position") == "100000"
    assert list(core.ledger.proposals) == [proposal]


def test_what_came_with_a_file_needs_a_person_behind_it_before_another_can_approve() -> None:
    core = desk()
    proposal = save(core, set_limits(FILE, max_position="200000")).proposal
    assert "nobody stands behind it" in approve(core, proposal, who("max")).refused
    assert give(core, set_limits(who("olga"), max_position="200000")).proposal == proposal
    assert approve(core, proposal, who("max")).refused == ""
    assert in_force(core, "max_position") == "200000"


@pytest.mark.parametrize("name", ["olga", "quinn", "eve"])
def test_only_role_risk_approves(name: str) -> None:
    core = desk()
    proposal = give(core, set_limits(who("rita"), max_position="200000")).proposal
    assert "takes role risk" in approve(core, proposal, who(name)).refused


def test_an_approval_is_used_once() -> None:
    core = desk()
    proposal = give(core, set_limits(who("olga"), max_position="200000")).proposal
    approve(core, proposal, who("max"))
    save(core, set_limits(FILE, max_position="100000"))
    assert "no proposal" in approve(core, proposal, who("max")).refused
    assert in_force(core, "max_position") == "100000"


def test_a_newer_file_takes_the_place_of_what_waits() -> None:
    core = desk()
    old = give(core, set_limits(who("olga"), max_position="200000")).proposal
    new = give(core, set_limits(who("olga"), max_position="900000")).proposal
    assert list(core.ledger.proposals) == [new]
    assert "no proposal" in approve(core, old, who("max")).refused
    save(core, set_limits(FILE, max_position="100000"))
    assert core.ledger.proposals == {}, "the file asks for nothing looser any more"


@pytest.mark.parametrize("then", [1, 20])
def test_capital_that_somebody_took_back_or_asked_for_anew_cannot_be_approved_as_it_was_before(then: int) -> None:
    core = desk()
    now = core.ledger.capital["trend"] // 100

    def times(factor: int) -> cm.AllocateCapital:
        return cm.AllocateCapital(strategy="trend", amount=Decimal(now * factor), who=who("olga"), reason="more room")

    first = give(core, times(10)).proposal
    assert first
    assert not give(core, times(then)).refused
    assert first not in core.ledger.proposals
    assert "no proposal" in approve(core, first, who("max")).refused


def test_a_change_under_a_proposal_voids_it() -> None:
    core = desk()
    raised = cm.AllocateCapital(strategy="trend", amount=Decimal(300_000), who=who("olga"), reason="more")
    proposal = give(core, raised).proposal
    core.ledger.capital["trend"] //= 2  # as if it had been lowered past the command desk
    assert "has changed since" in approve(core, proposal, who("max")).refused
    assert core.ledger.proposals == {}


def test_time_ends_a_proposal_by_the_wall_clock_of_messages() -> None:
    core = desk()
    proposal = give(core, set_limits(who("olga"), max_position="200000")).proposal
    core.wait(DAY - 1)
    assert list(core.ledger.proposals) == [proposal]
    core.wait(2)
    assert core.of(ev.ChangeExpired)[-1].cause == "nobody approved it in its time"
    assert "no proposal" in approve(core, proposal, who("max")).refused


def test_an_approval_that_comes_too_late_is_refused_though_no_time_passed_in_between() -> None:
    core = desk()
    proposal = give(core, set_limits(who("olga"), max_position="200000")).proposal
    core.mono += (DAY + 1) * NANOSECONDS
    assert "its time is over" in approve(core, proposal, who("max")).refused


def test_a_proposal_can_be_rejected_by_risk_and_taken_back_by_its_own_person() -> None:
    core = desk()
    for by, refused in (("quinn", "only role risk"), ("olga", "")):
        proposal = give(core, set_limits(who("olga"), max_position="200000")).proposal
        said = give(core, cm.RejectChange(proposal=proposal, who=who(by), reason="no")).refused
        assert (refused in said) if refused else said == ""
    proposal = give(core, set_limits(who("olga"), max_position="200000")).proposal
    assert give(core, cm.RejectChange(proposal=proposal, who=who("max"), reason="no")).refused == ""
    assert core.ledger.proposals == {}


def test_proposals_survive_a_restart_and_fold_to_the_same_bytes() -> None:
    core = desk()
    give(core, set_limits(who("olga"), max_position="200000"))
    again = Ledger.from_bytes(core.ledger.to_bytes())
    assert again.proposals == core.ledger.proposals
    folded = Ledger()
    folded.step = core.ledger.step
    for event in core.events:
        apply(folded, event)
    assert folded.proposals == core.ledger.proposals


# ---------------------------------------------------------------- one person


def test_with_four_eyes_off_one_person_of_role_risk_decides_and_every_record_says_so() -> None:
    core = desk(four_eyes=False, rows=(row("rita", Role.RISK),))
    taken = give(core, set_limits(who("rita"), max_position="200000"))
    assert (taken.proposal, taken.refused) == ("", "")
    assert in_force(core, "max_position") == "200000"
    assert core.of(ev.LimitsChanged)[-1].who.alone
    assert taken.who is not None
    assert taken.who.alone


def test_with_four_eyes_off_a_saved_file_loosens_nothing_until_that_person_says_yes() -> None:
    core = desk(four_eyes=False, rows=(row("rita", Role.RISK),))
    proposal = save(core, set_limits(FILE, max_position="200000")).proposal
    assert in_force(core, "max_position") == "100000"
    assert approve(core, proposal, who("rita")).refused == ""
    assert in_force(core, "max_position") == "200000"
    assert core.of(ev.ChangeApproved)[-1].who.alone


def test_with_four_eyes_off_whoever_has_not_the_role_still_asks() -> None:
    core = desk(four_eyes=False)
    assert give(core, set_limits(who("olga"), max_position="200000")).proposal
    assert in_force(core, "max_position") == "100000"


# ---------------------------------------------------------------- capital, releases


def test_capital_goes_down_at_once_and_up_with_a_second_person() -> None:
    core = desk()
    for amount, waits in (("50000", False), ("60000", True)):
        body = cm.AllocateCapital(strategy="trend", amount=Decimal(amount), who=who("olga"), reason="a test")
        taken = give(core, body)
        assert bool(taken.proposal) is waits
    assert core.ledger.capital["trend"] == core.of(ev.CapitalAllocated)[-1].amount == 5_000_000
    approve(core, taken.proposal, who("max"))
    assert core.ledger.capital["trend"] == 6_000_000


def halt(core: Core, cause: str) -> None:
    """A halt of another cause than a person's `disable`, as controls and the kill switch set it."""
    event = ev.TradingStateChanged(
        scope="strategy", name="trend", state=TradingState.HALTED, cause=cause, who=who("engine"), reason="a test"
    )
    for ledger in (core.ledger, core.shadow):
        apply(ledger, event)


def enable(by: str) -> cm.EnableStrategy:
    return cm.EnableStrategy(strategy="trend", who=who(by), reason="mended")


def test_one_person_lifts_what_one_person_stopped() -> None:
    core = desk()
    core.command(cm.DisableStrategy(strategy="trend", flatten=False, who=who("olga"), reason="a look"), PEOPLE)
    assert give(core, enable("olga")).proposal == ""
    assert core.ledger.states == {}


@pytest.mark.parametrize("cause", ["kill", "loss", "drawdown", "repeats", "whatever comes"])
def test_what_a_kill_or_a_control_stopped_takes_two(cause: str) -> None:
    core = desk()
    halt(core, cause)
    proposal = give(core, enable("olga")).proposal
    assert proposal
    assert core.ledger.states
    assert approve(core, proposal, who("max")).refused == ""
    assert core.ledger.states == {}


def test_an_approval_of_a_release_is_void_once_it_was_stopped_again() -> None:
    core = desk()
    halt(core, "kill")
    proposal = give(core, enable("olga")).proposal
    core.command(cm.DisableStrategy(strategy="trend", flatten=False, who=who("olga"), reason="worse"), PEOPLE)
    assert "no proposal" in approve(core, proposal, who("max")).refused
    assert core.ledger.states


def test_a_proposal_to_release_is_void_when_another_cause_came_in_between() -> None:
    core = desk()
    halt(core, "kill")
    proposal = give(core, enable("olga")).proposal
    halt(core, "loss")
    assert "has changed since" in approve(core, proposal, who("max")).refused
    assert core.ledger.states


# ---------------------------------------------------------------- people


def test_whoever_leaves_is_out_at_once_and_whoever_comes_waits() -> None:
    core = desk()
    rows = (*(each for each in TABLE if each.person != "quinn"), row("eve", Role.RISK))
    proposal = save(core, set_people(rows)).proposal
    assert core.ledger.people.find("unix:quinn") is None
    assert core.ledger.people.find("unix:eve") is None
    assert "takes role" in approve(core, proposal, who("eve")).refused
    give(core, set_people(rows, by=who("rita")))
    assert approve(core, proposal, who("max")).refused == ""
    assert core.ledger.people.find("unix:eve")


GROWS: dict[str, tuple[tuple[Identity, ...], bool]] = {
    "a role more": ((*TABLE[:3], row("olga", Role.OPERATOR, Role.RISK), TABLE[4]), True),
    "another secret": ((TABLE[0], row("rita", Role.RISK, kind="login", key="k2"), *TABLE[2:]), True),
    "an identity of somebody else": (
        (*TABLE[:4], Identity(identity="unix:quinn", person="max", roles=(Role.RISK,))),
        True,
    ),
    "four eyes off": (TABLE, False),
}


@pytest.mark.parametrize("name", GROWS)
def test_a_line_of_people_that_gives_more_waits(name: str) -> None:
    core = desk()
    before = core.ledger.people
    rows, four_eyes = GROWS[name]
    assert save(core, set_people(rows, four_eyes=four_eyes)).proposal
    assert core.ledger.people == before


def test_a_file_that_would_leave_nobody_to_approve_waits_as_a_whole() -> None:
    core = desk()
    before = core.ledger.people
    proposal = save(core, set_people((row("eve", Role.RISK), row("adam", Role.RISK)))).proposal
    assert core.ledger.people == before
    give(core, set_people((row("eve", Role.RISK), row("adam", Role.RISK)), by=who("rita")))
    assert approve(core, proposal, who("max")).refused == ""
    assert {each.person for each in core.ledger.people.rows} == {"eve", "adam"}


# ---------------------------------------------------------------- properties

NUMBERS = ("max_position", "max_order_quantity", "duplicate_window", "cancel_reserve")
VALUES = st.dictionaries(st.sampled_from(NUMBERS), st.integers(1, 5).map(str), min_size=1)
WORDS = st.lists(st.sampled_from(("AAPL", "IBM", "MSFT", "*")), min_size=1, unique=True).map(",".join)


def tables() -> st.SearchStrategy[tuple[cm.LimitRow, ...]]:
    return st.builds(
        lambda numbers, words, closed: (
            *(limit(name, value) for name, value in numbers.items()),
            *(limit("permitted", words) for words in words),
            *(limit("restricted", words) for words in closed),
        ),
        VALUES, st.lists(WORDS, max_size=1), st.lists(WORDS, max_size=1),
    )  # fmt: skip


@given(tables(), tables())
def test_what_is_taken_at_once_loosens_nothing_and_leaves_only_what_loosens(
    old: tuple[cm.LimitRow, ...], new: tuple[cm.LimitRow, ...]
) -> None:
    kept = stricter(old, new)
    assert loosening(old, kept) == ()
    if not loosening(old, new):
        assert {(each.limit, each.value) for each in kept} == {(each.limit, each.value) for each in new}
    assert stricter(kept, new) == kept


@given(st.lists(st.tuples(st.sampled_from(("rita", "max", "olga")), st.integers(1, 9)), max_size=8))
def test_nobody_ever_loosens_alone(said: list[tuple[str, int]]) -> None:
    """Whoever says what in which order: every loosening has two persons, one of them of role risk."""
    core = desk()
    for name, digit in said:
        give(core, set_limits(who(name), max_position=f"{digit}00000"))
        for proposal in list(core.ledger.proposals):
            approve(core, proposal, who(name))
    proposals = {event.proposal: event for event in core.of(ev.ChangeProposed)}
    for event in core.of(ev.ChangeApproved):
        assert event.who.identity in ("unix:rita", "unix:max")
        assert event.who.identity != proposals[event.proposal].who.identity
    if len({name for name, _ in said}) < 2:
        assert in_force(core, "max_position") == "100000"


def test_the_checksum_is_of_the_command_and_of_each_change_but_not_of_who_says_so() -> None:
    def proposal(body: Any) -> str:
        return give(desk(), body).proposal

    body = set_limits(who("olga"), max_position="200000")
    assert proposal(body) == proposal(msgspec.structs.replace(body, who=who("rita"), reason="other words"))
    assert proposal(body) != proposal(set_limits(who("olga"), max_position="200001"))


@pytest.mark.parametrize(("scope", "name"), [("book", ""), ("venue", "paper")])
def test_a_kill_of_book_or_venue_takes_two_to_reopen(scope: str, name: str) -> None:
    core = desk()
    killed = cm.Kill(scope=scope, name=name, mode=cm.KillMode.HALT_ENTRIES, who=who("olga"), reason="enough")
    give(core, killed)
    reopen = cm.Reopen(scope=scope, name=name, who=who("olga"), reason="mended")
    first = give(core, reopen).proposal
    assert first
    assert core.ledger.states
    give(core, killed)
    assert "no proposal" in approve(core, first, who("max")).refused, "it was about the first kill"
    assert approve(core, give(core, reopen).proposal, who("max")).refused == ""
    assert core.ledger.states == {}


def test_who_proposed_it_cannot_take_that_name_out_of_the_table_and_approve_under_another() -> None:
    core = desk()
    waits = give(core, set_limits(who("rita"), max_position="200000")).proposal
    save(core, set_people(tuple(each for each in TABLE if each.identity != "unix:rita")))
    assert core.ledger.people.find("unix:rita") is None, "whoever leaves is out at once"
    assert "nobody stands behind it" in approve(core, waits, who("rita", kind="login")).refused
    assert not core.of(ev.ChangeApproved)


def test_what_a_start_of_the_desk_proposes_has_nobody_behind_it_where_its_user_is_nobody() -> None:
    core = desk()
    up = who("desk", source="up")
    waits = save(core, set_limits(up, max_position="200000")).proposal
    assert waits
    assert "nobody stands behind it" in approve(core, waits, who("rita")).refused
    again = give(core, set_limits(who("olga"), max_position="200000")).proposal
    assert not approve(core, again, who("rita")).refused


@pytest.mark.parametrize("hours", [0, -5, 24 * 31 + 1, 2**62])
def test_a_time_in_which_nobody_could_approve_or_that_no_clock_reaches_is_refused(hours: int) -> None:
    core = desk()
    body = msgspec.structs.replace(set_people(TABLE, by=who("quinn")), approval_hours=hours)
    assert "approval_hours is" in give(core, body).refused
    assert not core.ledger.proposals
    assert core.ledger.people.approval_hours == 24
    first = Core()
    first.command(msgspec.structs.replace(set_people(TABLE), approval_hours=hours), SUPERVISOR)
    assert "approval_hours is" in last(first).refused


# ---------------------------------------------------------------- throttles, splits, symbols


def throttle(rate: str | None, by: cm.Who) -> cm.SetThrottle:
    wanted = None if rate is None else Decimal(rate)
    return cm.SetThrottle(scope="strategy", name="trend", rate=wanted, who=by, reason="as it must be")


@pytest.mark.parametrize("looser", [None, "6"])
def test_a_throttle_is_set_by_one_and_lifted_by_two(looser: str | None) -> None:
    core, olga = desk(), who("olga")
    for slower in ("5", "5", "4"):
        assert give(core, throttle(slower, olga)).proposal == ""
    proposal = give(core, throttle(looser, olga)).proposal
    assert core.ledger.throttles == {"strategy:trend": Decimal(4)}
    assert approve(core, proposal, who("rita")).refused == ""
    assert core.ledger.throttles == ({} if looser is None else {"strategy:trend": Decimal(looser)})
    assert give(desk(four_eyes=False), throttle(looser, who("rita"))).proposal == ""


def test_a_lift_that_waits_ends_when_somebody_throttles_harder() -> None:
    core = desk()
    give(core, throttle("5", who("olga")))
    proposal = give(core, throttle(None, who("olga"))).proposal
    give(core, throttle("1", who("max")))
    assert "no proposal" in approve(core, proposal, who("rita")).refused
    assert core.ledger.throttles == {"strategy:trend": Decimal(1)}


def test_what_is_held_is_split_or_renamed_by_two_and_what_nobody_holds_by_one() -> None:
    split = cm.SplitInstrument(instrument="AAPL", numerator=2, denominator=1, who=who("olga"), reason="2 for 1")
    rename = cm.ChangeSymbol(old="AAPL", new="APPL", who=who("olga"), reason="renamed")
    core = Core(instruments=(stock(), stock("APPL")))
    core.command(set_people(TABLE), SUPERVISOR)
    assert give(core, split).proposal == ""
    core.buy(10)
    core.buy(1, 9_000)
    assert "orders in AAPL are open" in give(core, split).refused, "what is refused anyway is proposed to nobody"
    core.cancel("i2")
    for body, done in ((split, ("AAPL", 20)), (rename, ("APPL", 20))):
        proposal = give(core, body).proposal
        assert core.held(symbol=done[0]) != done[1]
        assert approve(core, proposal, who("rita")).refused == ""
        assert core.held(symbol=done[0]) == done[1]
