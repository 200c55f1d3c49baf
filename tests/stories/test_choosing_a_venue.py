"""Which venue an order goes to: people's rules in their order, what is there to take it, the reason in the journal."""

from decimal import Decimal

from tests.tools.core_kit import ANNA, Core, limit, limits
from tests.tools.two_venues import ALPHA, BETA, TwoVenues, cheap, rule
from toolkit.domain import events as ev
from toolkit.domain.commands import Kill, KillMode, Who
from toolkit.domain.fold import apply
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import TradingHalted
from toolkit.domain.orders import Ability, TimeInForce, TradingState
from toolkit.domain.time import WallTime
from toolkit.engine.messages import LineBack, LineLost, Output
from toolkit.engine.router_settings import Preference, VenueFees
from toolkit.replica.story import story

GUARDIAN = Who(identity="guardian", verified=True, source="guardian")


def happens(core: Core, event: ev.Event) -> None:
    apply(core.ledger, event)
    core.take(Output((event,), (), {}))


def halted(venue: str) -> ev.TradingStateChanged:
    return ev.TradingStateChanged(
        scope="venue", name=venue, state=TradingState.HALTED, cause="kill", who=GUARDIAN, reason="drill"
    )


def test_without_rules_an_order_goes_to_its_instruments_own_venue_and_there_is_nothing_to_explain() -> None:
    core = TwoVenues()
    core.buy(1)
    assert (core.went_to(), core.why()) == ([ALPHA], "")


def test_the_first_rule_that_matches_decides_and_its_line_is_the_reason() -> None:
    core = TwoVenues(
        rule(BETA, line=71, strategies=frozenset({"quoting"})),
        rule(BETA, line=72, instruments=frozenset({"AAPL"}), minimum_quantity=Decimal(100)),
        rule(ALPHA, line=73, minimum_quantity=Decimal(100)),
        strategies=("trend", "quoting"),
    )
    core.buy(99, 9_000)
    assert core.why() == "no rule matches: the instrument's own venue"
    core.buy(100, 9_001)
    assert core.why() == "config/venues.yaml:72"
    core.buy(1, 9_002, strategy="quoting")
    assert core.why() == "config/venues.yaml:71"
    assert core.went_to() == [ALPHA, BETA, BETA]


def test_a_rule_can_be_for_a_stage_and_for_sizes_up_to_a_number() -> None:
    core = TwoVenues(rule(BETA, stages=frozenset({"LIVE_10"}), maximum_quantity=Decimal(5)))
    core.buy(1, 9_000)
    happens(core, ev.DeploymentChanged(strategy="trend", version=1, digest="d1", stage="LIVE_10"))
    core.buy(5, 9_001)
    core.buy(6, 9_002)
    assert core.went_to() == [ALPHA, BETA, ALPHA]


def test_a_venue_without_a_line_is_passed_over_until_its_line_is_back() -> None:
    core = TwoVenues(rule(BETA, ALPHA))
    core.do(LineLost(venue=BETA))
    core.buy(1, 9_000)
    assert core.why() == "config/venues.yaml:70: beta has no line"
    core.do(LineBack(venue=BETA))
    core.buy(1, 9_001)
    assert core.went_to() == [ALPHA, BETA]


def test_a_venue_that_is_stopped_is_passed_over() -> None:
    core = TwoVenues(rule(BETA, ALPHA))
    happens(core, halted(BETA))
    core.buy(1)
    assert (core.went_to(), core.why()) == ([ALPHA], "config/venues.yaml:70: beta is HALTED")


def test_where_no_venue_is_available_the_first_one_is_taken_and_denies() -> None:
    core = TwoVenues(rule(BETA, ALPHA))
    core.feed(TradingHalted(instrument="AAPL", halted=True))
    core.buy(1)
    denied = core.denial()
    assert (denied.control, denied.venue) == (17, BETA)
    assert denied.route == ("config/venues.yaml:70: none is available, beta is not in session; alpha is not in session")


def test_a_fill_or_kill_order_goes_where_there_are_such() -> None:
    core = TwoVenues(rule(BETA, ALPHA), beta={"supports": ()}, alpha={"supports": (Ability.FOK,)})
    core.buy(1, 10_001, time_in_force=TimeInForce.FOK)
    assert (core.went_to(), core.held()) == ([ALPHA], 1)


def test_by_fees_the_cheapest_venue_is_taken_and_each_fee_is_told() -> None:
    fees = {ALPHA: cheap("2"), BETA: VenueFees(maker_per_unit=Decimal("0.001"), taker_per_unit=Decimal("0.03"))}
    core = TwoVenues(rule(ALPHA, BETA, prefer=Preference.FEES), fees=fees)
    core.buy(10)
    assert core.why() == "config/venues.yaml:70: cheapest of alpha 0.20, beta 0.30"
    core.buy(10, 9_000)
    assert core.why() == "config/venues.yaml:70: cheapest of beta 0.01, alpha 0.18"
    assert core.went_to() == [ALPHA, BETA]


def test_a_minimum_fee_and_a_maximum_count_in_the_comparison() -> None:
    least = VenueFees(minimum=Decimal(1), maximum_basis_points=Decimal(100))
    assert least.estimate(Decimal(1_000), Decimal(1), maker=True) == 1
    assert least.estimate(Decimal(10), Decimal(1), maker=True) == Decimal("0.1")


def test_exits_go_where_the_lots_lie_whatever_the_rules_say() -> None:
    core = TwoVenues(rule(BETA, maximum_quantity=Decimal(10)))
    core.buy(10)
    core.sell(4, 10_050)
    core.sell(6)
    assert core.went_to() == [BETA, BETA, BETA]
    assert core.why() == "10 of the lots that it closes lie there"
    assert {name: dict(lots) for name, lots in core.ledger.venue_positions.items()} == {BETA: {"AAPL": 4}}


def test_an_exit_of_lots_at_two_venues_becomes_an_order_for_each() -> None:
    core = TwoVenues(rule(BETA, minimum_quantity=Decimal(6)))
    core.buy(6)
    core.buy(4)
    core.target(0)
    assert core.went_to() == [BETA, ALPHA, BETA, ALPHA]
    assert [order.quantity for order in core.orders_received()] == [6, 4, 6, 4]
    assert core.ledger.venue_positions == {BETA: {"AAPL": 0}, ALPHA: {"AAPL": 0}}


def test_a_persons_flatten_reaches_every_venue_where_lots_lie() -> None:
    core = TwoVenues(rule(BETA, minimum_quantity=Decimal(6)))
    core.buy(6)
    core.buy(4)
    core.disable(flatten=True)
    core.quote(9_999, 10_001)
    assert core.ledger.venue_positions == {BETA: {"AAPL": 0}, ALPHA: {"AAPL": 0}}
    assert core.ledger.elsewhere == {"trend": {"AAPL": {}}}


def test_protection_stands_where_the_position_lies() -> None:
    core = TwoVenues(rule(BETA, maximum_quantity=Decimal(10)), beta={"supports": (Ability.STOP,)})
    core.buy(10)
    core.sell(10, stop=9_900)
    assert core.went_to() == [BETA, BETA]
    assert core.orders_received()[-1].order_class.value == "protective"


def test_limits_of_the_chosen_venue_apply() -> None:
    core = TwoVenues(rule(BETA), rows=limits(limit("max_order_quantity", "5", "venue", BETA)))
    core.buy(6)
    assert (core.denial().control, core.denial().venue) == (3, BETA)


def test_why_tells_the_venue_and_the_reason() -> None:
    core = TwoVenues(rule(BETA))
    core.buy(1)
    batch = ev.Batch(
        book="main", schema=1, epoch=1, first=1, previous=b"", step=1, wall=WallTime(0), events=tuple(core.events)
    )
    told = story([batch], core.orders_received()[0].order_id, core.ledger)
    assert told is not None
    assert [line.detail for line in told.lines if line.what == "route"] == ["beta, config/venues.yaml:70"]


def test_the_fold_knows_where_every_lot_lies() -> None:
    core = TwoVenues(rule(BETA, minimum_quantity=Decimal(6)))
    core.buy(6)
    core.buy(4)
    core.sell(3)
    assert core.shadow.digest() == core.ledger.digest()
    again = Ledger.from_bytes(core.ledger.to_bytes())
    assert again.elsewhere == {"trend": {"AAPL": {BETA: 3}}}


def test_a_kill_of_a_venue_flattens_what_lies_there_wherever_its_instrument_is_at_home() -> None:
    core = TwoVenues(rule(BETA))
    core.buy(6)
    core.ledger.venues = core.shadow.venues = (ALPHA, BETA)
    core.command(Kill(scope="venue", name=BETA, mode=KillMode.FLATTEN, who=ANNA, reason="it is in trouble"))
    core.quote(9_999, 10_001)
    assert core.ledger.venue_positions[BETA] == {"AAPL": 0}
    assert core.went_to() == [BETA, BETA]


def test_a_kill_of_a_venue_does_not_flatten_what_lies_at_another() -> None:
    core = TwoVenues(rule(BETA, minimum_quantity=Decimal(6)))
    core.buy(6)
    core.buy(4)
    core.ledger.venues = core.shadow.venues = (ALPHA, BETA)
    core.command(Kill(scope="venue", name=ALPHA, mode=KillMode.FLATTEN, who=ANNA, reason="it is in trouble"))
    assert "trend also holds AAPL elsewhere" in core.of(ev.CommandTaken)[-1].refused
