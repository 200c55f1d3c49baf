"""A core that joins equal entries for one second of its feed, with what must hold of them after every message."""

from collections.abc import Sequence
from typing import Any

from tests.tools.core_kit import Core
from tests.tools.venue_kit import SECOND
from toolkit.domain.market import FeedMode
from toolkit.domain.requests import VenueReport, VenueRequest
from toolkit.engine.messages import EngineSettings, Message, Output
from toolkit.engine.router_settings import RouterSettings

STRATEGIES = ("trend", "quoting", "pairs")


class Joining(Core):
    """`Core` with three strategies and a window of one second."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**{"strategies": STRATEGIES, **more})

    def make_settings(self, mode: FeedMode) -> EngineSettings:
        router = RouterSettings(join_within=SECOND)
        return EngineSettings(feed_mode=mode, abilities=self.venue.settings.abilities, router=router)

    def together(self, *quantities: int, price: int | None = 9_000, **more: Any) -> list[str]:
        """An entry of each strategy in turn, all equal but for their size, on their way as one; their intents."""
        intents = [
            self.buy(quantity, price, strategy=strategy, **more)
            for strategy, quantity in zip(STRATEGIES, quantities, strict=False)
        ]
        self.wait(1)
        return intents

    def hear(self, *reports: VenueReport) -> None:
        for report in reports:
            self.do(report)

    def parts(self, intents: Sequence[str]) -> list[tuple[int, str]]:
        """Of each strategy's order what has filled and how it stands."""
        orders = [self.order(intent, strategy) for intent, strategy in zip(intents, STRATEGIES, strict=False)]
        return [(order.filled, order.shown_status) for order in orders]

    def do(self, message: Message) -> Output:
        output = super().do(message)
        self.agree()
        return output

    def agree(self) -> None:
        """The ledger is exact: sub-accounts sum to the venue, and a second fold is the same to the bit."""
        held = sum(self.held(strategy) for strategy in (*STRATEGIES, "house", "manual"))
        assert self.ledger.venue_positions.get("paper", {}).get("AAPL", 0) == held
        assert self.ledger.digest() == self.shadow.digest()


def only(requests: Sequence[VenueRequest], kind: type[Any]) -> list[Any]:
    return [request for request in requests if isinstance(request, kind)]
