"""Control 30: whatever a venue was sent leads, by the journal alone, to version, strategy, intent, signal, the price
that was seen, and to the code or the named person that decided it."""

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from tests.tools.core_kit import Core
from toolkit.domain import commands as cm
from toolkit.domain import events as ev
from toolkit.domain.intents import PlaceOrder, Signal
from toolkit.domain.orders import Bracket, OrderType, Side, Terms
from toolkit.domain.people import PEOPLE, SUPERVISOR, Identity, Role
from toolkit.domain.requests import ReplaceOrder, SubmitOrder

OLGA = cm.Who(identity="unix:olga", verified=True, source="cli")


class Origin(NamedTuple):
    """Of one order: what was decided and seen, and by whom."""

    strategy: str
    version: str
    intent: str
    signal: str
    bid: int
    ask: int
    person: str


def origin(events: list[ev.Event], order_id: str) -> Origin:
    """The join, over events as they stand in the journal."""
    made = next(each for each in submitted(events) if each.order_id == order_id)
    root = made.intent_id.partition(".")[0]
    entry = next(each for each in submitted(events) if each.intent_id in (root, made.intent_id))
    signals = [
        each.reason
        for each in events[: events.index(entry)]
        if isinstance(each, ev.SignalRaised) and (each.strategy, each.step) == (made.strategy, entry.seen.step)
    ]
    people = [
        each.who.identity
        for each in events[: events.index(made)]
        if isinstance(each, ev.FlattenStarted) and each.strategy == made.strategy
    ]
    return Origin(
        strategy=made.strategy, version=made.version, intent=root, signal=signals[-1] if signals else "",
        bid=made.seen.bid, ask=made.seen.ask, person=people[-1] if root == "flatten" else "",
    )  # fmt: skip


def submitted(events: list[ev.Event]) -> list[ev.OrderSubmitted]:
    return [each for each in events if isinstance(each, ev.OrderSubmitted)]


class Traced(Core):
    """Says with each entry why, and protects it."""

    def enter(self, quantity: int) -> None:
        number = self.counts["entries"] = self.counts.get("entries", 0) + 1
        wanted = PlaceOrder(
            intent_id=f"e{number}", instrument="AAPL", side=Side.BUY, quantity=quantity, order_type=OrderType.MARKET,
            terms=Terms(bracket=Bracket(stop=9_000, target=12_000)), reason="it goes up",
        )  # fmt: skip
        signal = Signal(instrument="AAPL", target=quantity, reason=f"because of {number}")
        answer = cm.RunnerAnswer(
            strategy="trend", step=self.engine.view.step, inbox=0, signals=(signal,), intents=(wanted,)
        )
        self.command(answer, producer="trend")


@given(st.lists(st.one_of(st.integers(1, 5), st.sampled_from(["fall", "rise", "quote"])), max_size=8), st.booleans())
def test_every_order_at_the_venue_leads_to_who_decided_it_and_what_was_seen(
    moves: list[int | str], flatten: bool
) -> None:
    core = Traced()
    people = (Identity(identity="unix:olga", person="olga", roles=(Role.OPERATOR, Role.RISK)),)
    core.command(cm.SetPeople(rows=people, four_eyes=False, who=OLGA, reason="one"), SUPERVISOR)
    for move in moves:
        if isinstance(move, int):
            core.enter(move)
        else:
            core.quote(*{"fall": (8_990, 8_992), "rise": (12_001, 12_003), "quote": (9_999, 10_001)}[move])
    core.quote(9_999, 10_001)
    held = core.held()
    if flatten:
        core.command(cm.DisableStrategy(strategy="trend", flatten=True, who=OLGA, reason="enough"), PEOPLE)
        core.quote(9_999, 10_001)
        assert core.held() == 0
    sent = [each for each in core.received if isinstance(each, SubmitOrder | ReplaceOrder)]
    told = [origin(core.events, each.order_id) for each in sent]
    for each in told:
        assert (each.strategy, each.version) == ("trend", "v1")
        assert 0 < each.bid < each.ask
        if each.intent == "flatten":
            assert each.person == "unix:olga"
        else:
            assert each.signal == f"because of {each.intent.removeprefix('e')}"
    assert any(each.person for each in told) is bool(flatten and held)
