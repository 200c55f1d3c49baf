"""How many ended orders the books remember decides nothing: what still hangs on one of them keeps it."""

from random import Random

import pytest

from tests.tools.core_kit import Core
from toolkit.domain import events as ev
from toolkit.domain import ledger as books
from toolkit.domain.orders import Ability, Bracket

VENUES = ((), (Ability.OCO,), (Ability.STOP, Ability.TRAILING_STOP), (Ability.OCO, Ability.STOP))


def lived(seed: int, supports: tuple[Ability, ...]) -> Core:
    """Brackets, stops, exits and cancels of one strategy, and another one that trades much beside it."""
    core, random, middle = Core(strategies=("trend", "rogue"), supports=supports), Random(seed), 10_000
    asked: list[str] = []
    for _ in range(200):
        held, what = core.held(), random.randrange(8)
        middle = min(max(middle + random.randint(-60, 60), 9_000), 11_000)
        if what < 2:
            core.quote(middle - 1, middle + 1)
        elif what == 2:
            around = Bracket(stop=middle - random.randint(20, 150), target=middle + random.randint(20, 150))
            asked.append(core.buy(random.randint(1, 20), bracket=around))
        elif what == 3 and held > 0:
            asked.append(core.sell(held, stop=middle - random.randint(20, 100)))
        elif what == 4 and held > 0:
            asked.append(core.sell(random.randint(1, held), middle + random.randint(-20, 50)))
        elif what == 5 and asked:
            core.cancel(random.choice(asked[-6:]) + random.choice(("", ".stop", ".target")))
        else:
            for side in (core.buy, core.sell):
                side(1, strategy="rogue")
    return core


@pytest.mark.parametrize("supports", VENUES)
@pytest.mark.parametrize("seed", range(4))
def test_who_remembers_three_orders_decides_as_who_remembers_all(
    seed: int, supports: tuple[Ability, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    long = lived(seed, supports)
    monkeypatch.setattr(books, "CLOSED_ORDERS_KEPT", 3)
    short = lived(seed, supports)
    assert decided(short) == decided(long)
    assert len(short.ledger.orders) < 40 < len(long.ledger.orders)
    assert short.shadow.digest() == short.ledger.digest()


def decided(core: Core) -> list[ev.Event]:
    """All but the words in which a cancel of an order that has ended is refused."""
    return [event for event in core.events if not isinstance(event, ev.IntentRefused)]
