"""What runs is what was promoted: after a promotion nobody listens to the old version any more."""

from decimal import Decimal

from toolkit.domain.commands import Envelope, RegisterVersion, RunnerAnswer, RunnerHello, Who
from toolkit.domain.events import Answered
from toolkit.domain.instruments import Currency
from toolkit.domain.intents import Signal
from toolkit.domain.ledger import Ledger
from toolkit.domain.market import FeedMode
from toolkit.domain.time import FeedTime, MonoTime, Now, WallTime
from toolkit.engine.engine import Engine
from toolkit.engine.messages import EngineSettings

NOW = Now(FeedTime(0), WallTime(0), MonoTime(0))
ANNA = Who(identity="unix:anna", verified=False, source="cli")


def desk_running(digest: str) -> Engine:
    engine = Engine(Ledger(), EngineSettings(feed_mode=FeedMode.FREE))
    usd = Currency(code="USD", quantum=Decimal("0.01"))
    engine.open_book(NOW, book="b", desk="DSK", base="USD", currencies=(usd,), venues=("paper",), first_step=0)
    register(engine, 1, digest)
    hello = RunnerHello(strategy="trend", version="v1", digest=digest)
    engine.process(NOW, Envelope(producer="trend", incarnation=1, number=1, body=hello))
    return engine


def register(engine: Engine, version: int, digest: str) -> None:
    command = RegisterVersion(
        strategy="trend", version=version, digest=digest, path="", instruments=("IBM",), who=ANNA, reason="promote"
    )
    engine.process(NOW, Envelope(producer="operator", incarnation=1, number=version, body=command))


def answer(engine: Engine) -> list[object]:
    said = RunnerAnswer(strategy="trend", step=1, inbox=0, signals=(Signal(instrument="IBM", target=5),))
    return list(engine.process(NOW, Envelope(producer="trend", incarnation=1, number=2, body=said)).events)


def test_the_runner_of_the_deployed_version_is_heard() -> None:
    assert any(isinstance(event, Answered) for event in answer(desk_running("aa")))


def test_after_a_promotion_the_old_version_says_nothing_that_counts() -> None:
    engine = desk_running("aa")
    register(engine, 2, "bb")
    assert answer(engine) == []
