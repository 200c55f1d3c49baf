"""Control 31 for config/venues.yaml: what it says of control is in force when the journal says so, and a file loosens
none of it: neither a breaker, nor a rate, nor a dead man, nor where a strategy may send."""

from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tools.core_kit import NEVER, limits
from tests.tools.two_venues import ALPHA, BETA, TwoVenues, rule
from toolkit.domain import commands as cm
from toolkit.domain import events as ev
from toolkit.domain.market import SessionOpened
from toolkit.domain.people import PEOPLE, SUPERVISOR, Identity, Role
from toolkit.domain.ports import Lease
from toolkit.engine.engine import Engine
from toolkit.engine.risk import venue_limits
from toolkit.engine.risk.limits import loosening, problem_with, stricter
from toolkit.engine.router_settings import RouteRule

FILE = cm.Who(identity="unix:olga", verified=False, source="config/venues.yaml")
OLGA = cm.Who(identity="unix:olga", verified=True, source="cli")
RITA = cm.Who(identity="unix:rita", verified=True, source="cli")
TABLE = (
    Identity(identity="unix:olga", person="olga", roles=(Role.OPERATOR, Role.RISK)),
    Identity(identity="unix:rita", person="rita", roles=(Role.RISK,)),
)
BREAKER = {
    "breaker_rejects": "2", "breaker_venue_rejects": "5", "breaker_late_answers": "5", "breaker_within": "10",
    "breaker_late_after": "2", "breaker_open": "30",
}  # fmt: skip
BUDGET = {
    "budget_key": "main", "budget_messages": "100", "budget_window": "1", "budget_processes": "3",
    "budget_reserve": "10", "budget_share": "5", "budget_block": "10",
}  # fmt: skip
DEAD_MAN = {"dead_man_by": "venue", "dead_man_after": "10", "dead_man_cancels": "entries"}
OFF = dict.fromkeys(venue_limits.COUNTS, "*")


def rows(said: dict[str, str], *rules: RouteRule, venue: str = ALPHA, joins: str = "0") -> tuple[cm.LimitRow, ...]:
    source = "config/venues.yaml:73"
    return (
        venue_limits.row_of_routes(rules, source),
        cm.LimitRow(scope="book", name="", limit="join_within", value=joins, source=source),
        *(
            cm.LimitRow(scope="venue", name=venue, limit=name, value=value, source=source)
            for name, value in said.items()
        ),
    )


def save(core: TwoVenues, *of_venues: cm.LimitRow) -> str:
    """A person saves the file, and the desk reads it; the checksum of what waits because of that."""
    checksum = str(msgspec.json.encode(of_venues))
    core.command(cm.SetLimits(rows=(*limits(), *of_venues), checksum=checksum, who=FILE, reason="saved"), SUPERVISOR)
    return core.of(ev.CommandTaken)[-1].proposal


def propose_and_approve(core: TwoVenues, *of_venues: cm.LimitRow) -> None:
    body = cm.SetLimits(rows=(*limits(), *of_venues), checksum="new", who=OLGA, reason="so it is meant")
    core.command(body, PEOPLE)
    proposal = core.of(ev.CommandTaken)[-1].proposal
    core.command(cm.ApproveChange(proposal=proposal, who=RITA, reason="looked at it"), PEOPLE)
    assert core.of(ev.CommandTaken)[-1].refused == ""


def desk(*first: cm.LimitRow, **more: Any) -> TwoVenues:
    """A desk whose first table was taken as it is; then its people were named."""
    core = TwoVenues(rows=(*limits(), *first), without_breakers=frozenset(), **more)
    core.command(cm.SetPeople(rows=TABLE, four_eyes=True, who=FILE, reason="the people"), SUPERVISOR)
    return core


def is_shut(core: TwoVenues) -> bool:
    """Whether what is in force opens the breaker of a venue that rejects everything."""
    before = len(core.events)
    for price in range(6):
        core.buy(1, 8_000 + price)
    denied = [event.control for event in core.events[before:] if isinstance(event, ev.OrderDenied)]
    assert set(denied) <= {23}
    return bool(denied)


def restart(core: TwoVenues) -> None:
    """Another engine takes the book, started with a file that says nothing of breakers."""
    core.engine = Engine(core.ledger, core.engine._settings, core.controls)
    core.take(core.engine.begin_epoch(core.now(), Lease(epoch=2, send_by=NEVER), "here", 2))
    core.feed(SessionOpened(calendar="XNYS", session="2026-01-05"), seconds=0)
    core.quote(9_999, 10_001, seconds=0)


REJECTS = {"alpha": {"rejects_per_million": 1_000_000}}


def test_one_person_switches_a_breaker_off_in_the_file_and_nothing_is_loosened() -> None:
    core = desk(*rows(BREAKER), **REJECTS)
    proposal = save(core, *rows(OFF))
    restart(core)
    assert is_shut(core)
    assert core.denial().control == 23
    waits = core.ledger.proposals[proposal]
    assert {str(change) for change in waits.changes} >= {
        "breaker_rejects of venue alpha: 2 → * (config/venues.yaml:73)", "breaker_open of venue alpha: 30 → removed"
    }  # fmt: skip
    core.command(cm.ApproveChange(proposal=proposal, who=RITA, reason="fine"), PEOPLE)
    assert "nobody stands behind it" in core.of(ev.CommandTaken)[-1].refused


def test_what_a_second_person_approved_is_in_force_and_stays_so_over_a_restart() -> None:
    core = desk(*rows(BREAKER), **REJECTS)
    propose_and_approve(core, *rows(OFF))
    assert not is_shut(core)
    restart(core)
    assert not is_shut(core)


@pytest.mark.parametrize("off", [OFF, BREAKER | {"breaker_rejects": "1000000", "breaker_venue_rejects": "1000000"}])
def test_a_tighter_file_is_taken_at_once(off: dict[str, str]) -> None:
    core = desk(*rows(off), **REJECTS)
    assert not is_shut(core)
    assert save(core, *rows(BREAKER)) == ""
    assert is_shut(core)


def test_a_table_from_before_they_were_in_it_takes_them_as_they_stand_and_only_once() -> None:
    core = desk(**REJECTS)
    assert save(core, *rows(OFF)) == ""
    assert not is_shut(core)
    assert save(core, *rows(BREAKER)) == ""
    assert save(core, *rows(OFF)) != ""
    assert is_shut(core)


def test_a_venue_that_is_added_gets_no_entry_before_somebody_approved_its_breakers() -> None:
    core = desk(*rows(BREAKER), *rows(BREAKER, venue=BETA)[2:])
    without = rows(BREAKER)
    assert save(core, *without) != "", "a venue that is taken out of the file keeps what bounds it"
    core = desk(*rows(BREAKER, rule(BETA)))
    assert save(core, *rows(BREAKER, rule(BETA)), *rows(OFF, venue=BETA)[2:]) != ""
    core.buy(1)
    assert (core.denial().venue, core.denial().control, core.denial().limit) == (BETA, 23, "LIMIT_NOT_SET")


def test_a_route_sends_nobody_to_a_venue_to_which_none_sent_him_before() -> None:
    breakers = (*rows(BREAKER)[2:], *rows(BREAKER, venue=BETA)[2:])
    known = rule(ALPHA, BETA, instruments=frozenset({"IBM"}))
    core = desk(*rows({}, known), *breakers)
    assert save(core, *rows({}, rule(BETA, ALPHA, instruments=frozenset({"AAPL"}))), *breakers) != ""
    core.buy(1)
    assert core.went_to() == [ALPHA]
    narrower = rule(BETA, instruments=frozenset({"IBM"}), strategies=frozenset({"trend"}))
    assert save(core, *rows({}, narrower), *breakers) == ""
    assert core.engine._routes.rules == (narrower,)


LOOSER = {
    "a rate that is raised": (BUDGET, BUDGET | {"budget_messages": "101"}),
    "a rate over a shorter time": (BUDGET, BUDGET | {"budget_window": "0.5"}),
    "less kept for cancels": (BUDGET, BUDGET | {"budget_reserve": "9"}),
    "a key of its own": (BUDGET, BUDGET | {"budget_key": "other"}),
    "no rate at all": (BUDGET, {}),
    "a dead man who waits for longer": (DEAD_MAN, DEAD_MAN | {"dead_man_after": "11"}),
    "a dead man on our own machine": (DEAD_MAN, DEAD_MAN | {"dead_man_by": "watchdog"}),
    "a dead man who takes protection along": (DEAD_MAN, DEAD_MAN | {"dead_man_cancels": "all"}),
    "no dead man at all": (DEAD_MAN, {}),
}


@pytest.mark.parametrize("name", LOOSER)
def test_each_of_these_is_looser_and_the_other_way_round_is_taken_at_once(name: str) -> None:
    old, new = (rows(said) for said in LOOSER[name])
    assert loosening(old, new)
    assert stricter(old, new) == old
    back = loosening(new, old)
    assert not back or name == "a key of its own"


@pytest.mark.parametrize("name", sorted(venue_limits.MOST))
def test_numbers_that_no_file_can_say_are_refused_as_a_command_too(name: str) -> None:
    """A rate for nobody is one that no engine could divide."""
    scope, venue = ("book", "") if name == "join_within" else ("venue", ALPHA)
    row = cm.LimitRow(scope=scope, name=venue, limit=name, value="0", source="a command")
    assert bool(problem_with(row)) == (name not in ("join_within", "budget_share"))
    more = str(venue_limits.MOST[name] + 1)
    assert "give at most" in problem_with(msgspec.structs.replace(row, value=more))


@pytest.mark.parametrize("key", ["../latch", "/tmp/x", "Main", "", "a" * 41, "main\n"])
def test_a_key_is_a_name_and_no_path(key: str) -> None:
    row = cm.LimitRow(scope="venue", name=ALPHA, limit="budget_key", value=key, source="a command")
    assert problem_with(row) != ""
    assert problem_with(msgspec.structs.replace(row, value="main_2")) == ""


def test_a_rate_for_no_process_is_never_in_force() -> None:
    core = desk(*rows(BUDGET))
    save(core, *rows(BUDGET | {"budget_processes": "0"}))
    assert "budget_processes is 0; give more" in core.of(ev.CommandTaken)[-1].refused
    assert venue_limits.budgets(core.ledger.limits, {ALPHA})[ALPHA].processes == 3


def test_how_a_rate_is_divided_is_no_loosening() -> None:
    other = {"budget_processes": "2", "budget_share": "20", "budget_block": "5"}
    assert not loosening(rows(BUDGET), rows(BUDGET | other))
    assert loosening(rows({}, joins="0"), rows({}, joins="0.05")), "what joins is one larger order at its venue"


NUMBERS = st.integers(1, 60).map(str)
BUDGETS = st.fixed_dictionaries({name: st.just("main") if name == "budget_key" else NUMBERS for name in BUDGET})


@given(BUDGETS, BUDGETS)
def test_of_two_rates_the_part_that_tightens_is_a_rate_again_and_lets_no_more_out(old: Any, new: Any) -> None:
    table = stricter(rows(old), rows(new))
    plan = venue_limits.budgets(table, {ALPHA})[ALPHA]
    assert plan.pool >= 0
    assert plan.messages <= min(int(old["budget_messages"]), int(new["budget_messages"]))
    assert not loosening(rows(old), table)


NAMES = st.frozensets(st.sampled_from(["a", "b"]))
AMOUNTS = st.none() | st.integers(0, 3).map(Decimal)
RULES = st.lists(
    st.builds(
        RouteRule, venues=st.sampled_from([(ALPHA,), (BETA,), (ALPHA, BETA)]), source=st.just("x"), instruments=NAMES,
        strategies=NAMES, stages=NAMES, minimum_quantity=AMOUNTS, maximum_quantity=AMOUNTS,
    ),
    max_size=3,
)  # fmt: skip


def reaches(rules: Any, venue: str, strategy: str, stage: str, symbol: str, quantity: int) -> bool:
    return any(
        venue in each.venues
        and (not each.instruments or symbol in each.instruments)
        and (not each.strategies or strategy in each.strategies)
        and (not each.stages or stage in each.stages)
        and (each.minimum_quantity is None or quantity >= each.minimum_quantity)
        and (each.maximum_quantity is None or quantity <= each.maximum_quantity)
        for each in rules
    )


@given(RULES, RULES)
def test_rules_that_are_taken_at_once_reach_no_venue_that_was_not_reached(old: Any, new: Any) -> None:
    before, after = (venue_limits.row_of_routes(rules, "x") for rules in (old, new))
    assert problem_with(after) == ""
    assert venue_limits.routes([after]) == tuple(new)
    if venue_limits.is_looser("routes", before.value, after.value):
        return
    for venue in (ALPHA, BETA):
        for strategy, stage, symbol, quantity in [
            (x, y, z, n) for x in "abc" for y in "abc" for z in "abc" for n in (0, 2, 4)
        ]:
            reached = reaches(new, venue, strategy, stage, symbol, quantity)
            assert not reached or reaches(old, venue, strategy, stage, symbol, quantity)
