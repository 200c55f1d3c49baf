"""A core that trades at two paper venues, `alpha` and `beta`, on one feed; each can be cut off or made to refuse."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from tests.tools.core_kit import Core
from tests.tools.venue_kit import settings, stock
from toolkit.domain.events import OrderDenied, OrderSubmitted
from toolkit.domain.market import FeedMode, Step
from toolkit.domain.requests import VenueReport, VenueRequest, VenueState
from toolkit.engine.messages import EngineSettings
from toolkit.engine.router_settings import ALL_VENUES, BreakerSettings, RouterSettings, RouteRule, VenueFees
from toolkit.simulation.matching import PaperVenue

ALPHA, BETA = "alpha", "beta"


class TwoPapers:
    """Two paper venues behind the words of one; what is sent finds its own by its `venue`."""

    def __init__(self, venues: Sequence[PaperVenue]) -> None:
        self.venues = {venue.settings.name: venue for venue in venues}
        self.settings = venues[0].settings

    def advance(self, step: Step) -> list[VenueReport]:
        return [report for venue in self.venues.values() for report in venue.advance(step)]

    def process(self, request: VenueRequest) -> Sequence[VenueReport]:
        return self.venues[request.venue].process(request)

    def state(self, name: str = ALPHA) -> VenueState:
        return self.venues[name].state()


class TwoVenues(Core):
    """`Core` with rules. AAPL's own venue is alpha; `alpha` and `beta` change the one or the other."""

    def __init__(
        self,
        *rules: RouteRule,
        alpha: Mapping[str, Any] | None = None,
        beta: Mapping[str, Any] | None = None,
        fees: Mapping[str, VenueFees] | None = None,
        breakers: Mapping[str, BreakerSettings] | None = None,
        without_breakers: frozenset[str] = frozenset({ALL_VENUES}),
        **core: Any,
    ) -> None:
        self.without_breakers = without_breakers
        self.rules, self.fees, self.breakers = rules, fees or {}, breakers or {}
        self.changes = {ALPHA: alpha or {}, BETA: beta or {}}
        super().__init__(instruments=(stock(venue=ALPHA),), **core)

    def make_venue(self, **venue: Any) -> TwoPapers:
        return TwoPapers([
            PaperVenue(settings(name=name, **{**venue, **changes}), self.instruments)
            for name, changes in self.changes.items()
        ])  # fmt: skip

    def make_settings(self, mode: FeedMode) -> EngineSettings:
        abilities = {name: frozenset(venue.settings.supports) for name, venue in self.venue.venues.items()}
        router = RouterSettings(
            rules=self.rules, fees=self.fees, breakers=self.breakers, without_breakers=self.without_breakers
        )
        return EngineSettings(feed_mode=mode, abilities=abilities, router=router)

    def went_to(self) -> list[str]:
        return [request.venue for request in self.orders_received()]

    def why(self) -> str:
        """Why the last order goes where it goes."""
        made = [event for event in self.events if isinstance(event, OrderSubmitted | OrderDenied)]
        return made[-1].route


def rule(*venues: str, line: int = 70, **what: Any) -> RouteRule:
    return RouteRule(venues=venues, source=f"config/venues.yaml:{line}", **what)


def cheap(points: str) -> VenueFees:
    return VenueFees(taker_basis_points=Decimal(points), maker_basis_points=Decimal(points))
