"""Every choice that a paper venue has, by what it changes; and that none of them has a hidden default."""

import msgspec
import pytest
from msgspec import Struct, structs

from tests.tools.venue_kit import PLAIN, SECOND, Desk, bar, opened, order, quote, said, settings, step, submit, trade
from toolkit.domain.errors import ConfigError
from toolkit.domain.identifiers import order_id
from toolkit.domain.orders import Side, TimeInForce
from toolkit.domain.requests import Filled, OrderFound, OrderNotFound, QueryOrder, Rejected, RejectReason, VenueReport
from toolkit.simulation.paper_settings import (
    ExecutionIds,
    FeeSchedule,
    Impact,
    LogNormal,
    OrdinaryDay,
    PaperSettings,
    QueueModel,
    Remainder,
    Uniform,
    UnknownCancel,
    decode_settings,
)

MILLION = 1_000_000


def fills(reports: tuple[VenueReport, ...]) -> list[tuple[int, int]]:
    return [(report.price, report.quantity) for report in reports if isinstance(report, Filled)]


@pytest.mark.parametrize("kind", [PaperSettings, FeeSchedule, Uniform, LogNormal, Impact, OrdinaryDay, QueueModel])
def test_no_field_has_a_default(kind: type[Struct]) -> None:
    assert [field.name for field in structs.fields(kind) if not field.required] == []


@pytest.mark.parametrize(
    "bad",
    [
        {"submit_latency": -1},
        {"cancel_latency": -1},
        {"replace_latency": -1},
        {"report_latency": -1},
        {"half_spread_ticks": -1},
        {"delay": -1},
        {"slippage_ticks": -1},
        {"participation_percent": -1},
        {"closed_orders_kept": -1},
        {"delays_per_million": MILLION + 1},
        {"rejects_per_million": -1},
        {"silences_per_million": MILLION + 1},
        {"partial_fills_per_million": -1},
    ],
)
def test_a_choice_outside_of_its_range_is_refused_by_name(bad: dict[str, int]) -> None:
    with pytest.raises(ConfigError, match=next(iter(bad))):
        PaperSettings(**(structs.asdict(PLAIN) | bad))


def test_settings_of_a_release_with_fewer_choices_mean_what_it_did() -> None:
    stored = msgspec.to_builtins(PLAIN)
    for later in ("report_latency", "half_spread_ticks", "impact", "queue", "supports"):
        del stored[later]
    del stored["fees"]["maximum_basis_points"], stored["fees"]["tiers"]
    assert decode_settings(msgspec.msgpack.encode(stored)) == structs.replace(PLAIN, supports=())
    assert decode_settings(msgspec.msgpack.encode(PLAIN)) == PLAIN
    with pytest.raises(ConfigError, match="no settings"):
        decode_settings(b"nonsense")


# ---------------------------------------------------------------- time


def test_submit_latency_lets_the_order_meet_the_quote_that_stands_when_it_arrives() -> None:
    desk = Desk(submit_latency=3 * SECOND // 2)
    desk.quote(1000, 1002)
    assert desk.buy(10) == ()
    assert desk.venue.process(QueryOrder(venue="paper", order_id=order(1))) == (), "no question overtakes a request"
    assert desk.quote(1010, 1012) == ()

    reports = desk.quote(1020, 1022)

    assert fills(reports) == [(1012, 10)], "it arrived before the third quote"
    assert reports[0].time == SECOND + 3 * SECOND // 2


def test_a_request_sent_so_long_ago_that_no_latency_is_left_takes_effect_at_once() -> None:
    desk = Desk(submit_latency=SECOND, cancel_latency=SECOND)
    desk.quote(1000, 1002)
    desk.buy(10, 990)
    desk.quote(1000, 1002)
    assert desk.cancel(1) == ()
    assert said(desk.cancel(1, time=0)) == ["canceled"]
    assert said(desk.quote(1000, 1002)) == ["cancel_refused"]


def test_cancel_latency_leaves_the_order_open_to_fills_meanwhile() -> None:
    desk = Desk(cancel_latency=3 * SECOND // 2)
    desk.quote(1000, 1002)
    desk.buy(10, 990)
    desk.cancel(1)
    assert said(desk.quote(980, 981)) == ["filled"]
    assert said(desk.quote(980, 981)) == ["cancel_refused"]


def test_replace_latency_leaves_the_old_price_in_force_meanwhile() -> None:
    desk = Desk(replace_latency=3 * SECOND // 2)
    desk.quote(1000, 1002)
    desk.buy(10, 990)
    desk.replace(1, 10, 970)
    assert fills(desk.quote(980, 981)) == [(990, 10)]
    assert said(desk.quote(980, 981)) == ["replace_refused"]


def test_some_requests_take_longer() -> None:
    desk = Desk(delay=5 * SECOND, delays_per_million=500_000)
    desk.quote(1000, 1002)
    at_once = sum(bool(desk.buy(1, 990)) for _ in range(100))
    assert 30 < at_once < 70
    late = [report for _ in range(5) for report in desk.quote(1000, 1002)]
    assert len(late) == 100 - at_once


def test_a_drawn_latency_is_each_orders_own() -> None:
    def arrivals(seed: int) -> list[int]:
        desk = Desk(submit_latency=Uniform(low=0, high=3 * SECOND), seed=seed)
        desk.quote(1000, 1002)
        for _ in range(20):
            desk.buy(1, 990)
        reports = [report for _ in range(4) for report in desk.quote(1000, 1002)]
        assert len(reports) == 20
        return [int(report.time) - SECOND for report in reports]

    assert len(set(arrivals(7))) == 20
    assert all(0 <= wait <= 3 * SECOND for wait in arrivals(7))
    assert arrivals(7) == arrivals(7) != arrivals(8)


def test_another_order_does_not_shift_an_orders_latency() -> None:
    def arrival_of_the_last(others: int) -> int:
        desk = Desk(submit_latency=LogNormal(median=SECOND, p99=2 * SECOND))
        desk.quote(1000, 1002)
        for number in range(1, others + 1):
            desk.venue.process(submit(order(number), Side.BUY, 1, 980, time=desk.time))
        desk.venue.process(submit(order(50), Side.BUY, 1, 990, time=desk.time))
        reports = [report for _ in range(9) for report in desk.quote(1000, 1002)]
        return next(int(report.time) for report in reports if report.order_id == order(50))

    assert arrival_of_the_last(0) == arrival_of_the_last(5)


def test_reports_come_back_later_and_tell_when_the_venue_did_it() -> None:
    desk = Desk(report_latency=3 * SECOND // 2)
    desk.quote(1000, 1002)
    assert desk.buy(10) == ()
    assert desk.quote(1000, 1002) == ()
    reports = desk.quote(1000, 1002)
    assert said(reports) == ["acknowledged", "filled"]
    assert {int(report.time) for report in reports} == {SECOND}


def test_no_report_overtakes_another() -> None:
    desk = Desk(report_latency=Uniform(low=0, high=9 * SECOND))
    desk.quote(1000, 1002)
    told = [report for _ in range(30) for report in (*desk.buy(1), *desk.quote(1000, 1002))]
    numbers = [report.report for report in told if not isinstance(report, OrderNotFound | OrderFound)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 20


def test_questions_and_the_venues_state_wait_for_the_reports_on_their_way() -> None:
    desk = Desk(report_latency=3 * SECOND // 2)
    desk.quote(1000, 1002)
    desk.buy(10)
    assert desk.venue.process(QueryOrder(venue="paper", order_id=order(1))) == ()
    state = desk.venue.state()
    assert (state.last_report, state.positions) == (0, ())
    assert [(listed.order_id, listed.filled) for listed in state.open_orders] == [(order(1), 0)]
    desk.quote(1000, 1002)
    desk.quote(1000, 1002)
    assert isinstance(desk.query(1), OrderFound)
    assert (desk.venue.state().last_report, desk.venue.state().positions) == (2, (("AAPL", 10),))
    assert desk.venue.state().open_orders == ()


# ---------------------------------------------------------------- failure


def test_some_orders_are_rejected_the_same_ones_in_every_run() -> None:
    def rejected() -> list[str]:
        desk = Desk(rejects_per_million=300_000)
        desk.quote(1000, 1002)
        reports = [report for _ in range(100) for report in desk.buy(1, 990)]
        return [report.order_id for report in reports if isinstance(report, Rejected)]

    assert 15 < len(rejected()) < 45
    assert rejected() == rejected()


def test_draws_hang_on_the_orders_number_not_on_desk_epoch_or_moment() -> None:
    def fate(desk_code: str, epoch: int, numbers: list[int]) -> dict[int, str]:
        desk = Desk(rejects_per_million=500_000)
        desk.quote(1000, 1002)
        return {
            number: said(desk.venue.process(submit(order_id(desk_code, epoch, number), Side.BUY, 1, 990)))[0]
            for number in numbers
        }

    assert fate("DSK", 1, list(range(50))) == fate("ABC", 9, list(range(49, -1, -1)))
    assert len(set(fate("DSK", 1, list(range(50))).values())) == 2


def test_another_seed_is_another_luck() -> None:
    def fates(seed: int) -> list[str]:
        desk = Desk(rejects_per_million=500_000, seed=seed)
        desk.quote(1000, 1002)
        return [said(desk.buy(1, 990))[0] for _ in range(64)]

    assert fates(1) != fates(2)


def test_some_requests_vanish_and_a_second_try_has_its_own_luck() -> None:
    desk = Desk(silences_per_million=500_000)
    desk.quote(1000, 1002)
    tries = 0
    while not desk.venue.process(submit(order(1), Side.BUY, 1, 990)):
        tries += 1
        assert isinstance(desk.query(1), OrderNotFound)
    answered = sum(bool(desk.buy(1, 980)) for _ in range(100))
    assert tries < 20
    assert 30 < answered < 70


def test_with_certain_silence_cancels_and_replaces_vanish_too() -> None:
    desk = Desk()
    desk.quote(1000, 1002)
    desk.buy(1, 990)
    mute = Desk(silences_per_million=MILLION)
    mute.venue = type(mute.venue).restore(mute.settings, mute.instruments, desk.venue.snapshot())
    assert (mute.cancel(1), mute.replace(1, 2, 990), mute.buy(1)) == ((), (), ())
    assert mute.venue.state().open_orders == desk.venue.state().open_orders


def test_a_cancel_of_what_is_unknown_or_over_can_get_no_answer_at_all() -> None:
    desk = Desk(unknown_cancel=UnknownCancel.SILENT)
    desk.quote(1000, 1002)
    desk.buy(1)
    assert desk.cancel(1) == ()
    assert desk.cancel(9) == ()


# ---------------------------------------------------------------- size


def test_participation_is_the_share_of_the_displayed_size_that_can_be_had() -> None:
    desk = Desk(participation_percent=10)
    desk.quote(1000, 1002, ask_size=105)
    assert fills(desk.buy(50)) == [(1002, 10)]
    desk.buy(50, 990)
    assert fills(desk.quote(980, 981, ask_size=39)) == [(990, 3)]
    assert fills(desk.feed(trade(970, size=20))) == [(990, 2)]


def test_unlimited_size_fills_everything() -> None:
    desk = Desk(unlimited_size=True, participation_percent=0)
    desk.quote(1000, 1002, ask_size=1)
    assert fills(desk.buy(5000)) == [(1002, 5000)]


def test_some_fills_are_for_a_part_only_and_the_rest_follows() -> None:
    desk = Desk(partial_fills_per_million=MILLION)
    desk.quote(1000, 1002)
    desk.buy(50, 990)
    parts = [fill for _ in range(60) for fill in fills(desk.quote(980, 981))]
    assert sum(quantity for _, quantity in parts) == 50
    assert len(parts) > 2


# ---------------------------------------------------------------- price


def test_takers_pay_slippage_up_to_their_limit_and_makers_none() -> None:
    desk = Desk(slippage_ticks=3)
    desk.quote(1000, 1002)
    assert fills(desk.buy(1)) == [(1005, 1)]
    assert fills(desk.sell(1)) == [(997, 1)]
    assert fills(desk.buy(1, 1004)) == [(1004, 1)]
    desk.buy(1, 990)
    assert fills(desk.quote(980, 981)) == [(990, 1)]


def test_no_price_slips_below_one_tick() -> None:
    desk = Desk(slippage_ticks=3)
    desk.quote(2, 4)
    assert fills(desk.sell(1)) == [(1, 1)]


@pytest.mark.parametrize(("touch", "at_limit"), [(True, [(990, 1)]), (False, [])])
def test_whether_a_touching_quote_fills(touch: bool, at_limit: list[tuple[int, int]]) -> None:
    desk = Desk(quote_touch_fills=touch)
    desk.quote(1000, 1002)
    desk.buy(1, 990)
    assert fills(desk.quote(985, 990)) == at_limit
    assert at_limit or fills(desk.quote(985, 989)) == [(990, 1)]


@pytest.mark.parametrize(("touch", "at_limit"), [(True, [(990, 1)]), (False, [])])
def test_whether_a_touching_print_or_bar_fills(touch: bool, at_limit: list[tuple[int, int]]) -> None:
    desk = Desk(trade_touch_fills=touch)
    desk.buy(1, 990)
    assert fills(desk.feed(bar(0, (1000, 1001, 990, 995)))) == at_limit
    desk = Desk(trade_touch_fills=touch)
    desk.quote(1000, 1002)
    desk.sell(1, 1010)
    assert [price - 20 for price, _ in fills(desk.feed(trade(1010)))] == [price for price, _ in at_limit]


# ---------------------------------------------------------------- habits


@pytest.mark.parametrize(("remainder", "tag"), [(Remainder.CANCELED, "canceled"), (Remainder.EXPIRED, "expired")])
def test_how_the_rest_of_an_ioc_order_is_told(remainder: Remainder, tag: str) -> None:
    desk = Desk(remainder=remainder)
    desk.quote(1000, 1002)
    assert said(desk.buy(1, 990, time_in_force=TimeInForce.IOC)) == ["acknowledged", tag]


def test_whether_a_calendar_that_never_spoke_is_closed() -> None:
    desk = Desk(closed_until_opened=True)
    desk.quote(1000, 1002)
    (refused,) = desk.buy(1)
    assert isinstance(refused, Rejected)
    assert refused.reason is RejectReason.EXCHANGE_CLOSED
    desk.feed(opened())
    assert fills(desk.buy(1)) == [(1002, 1)]


def test_a_fill_can_come_without_an_acknowledgement_before_it() -> None:
    desk = Desk(acknowledges_before_fill=False)
    desk.quote(1000, 1002)
    assert said(desk.buy(1)) == ["filled"]
    assert said(desk.buy(1, 990)) == ["acknowledged"]


def test_execution_ids_can_be_a_millisecond_clock() -> None:
    def ids(kind: ExecutionIds) -> list[str]:
        desk = Desk(execution_ids=kind)
        desk.quote(1000, 1002)
        reports = (*desk.buy(1), *desk.buy(1))
        return [report.execution_id for report in reports if isinstance(report, Filled)]

    assert len(set(ids(ExecutionIds.UNIQUE))) == 2
    assert len(set(ids(ExecutionIds.CLOCK))) == 1


def test_finished_orders_are_forgotten_beyond_a_number() -> None:
    desk = Desk(closed_orders_kept=2)
    desk.quote(1000, 1002)
    for _ in range(3):
        desk.buy(1)
    assert isinstance(desk.query(1), OrderNotFound)
    assert not isinstance(desk.query(2), OrderNotFound)


def test_a_venue_can_lose_its_book() -> None:
    desk = Desk(keeps_book_on_restart=False)
    desk.quote(1000, 1002)
    desk.buy(1)
    desk.buy(1, 990)
    desk.venue.lose_book()
    assert desk.venue.state().open_orders == ()
    assert isinstance(desk.query(2), OrderNotFound)
    assert desk.venue.advance(step(2, 2 * SECOND, quote(900, 901))) == ()
    assert desk.venue.state().positions == (("AAPL", 1),)


def test_the_venues_name_stands_in_its_reports() -> None:
    desk = Desk(name="other")
    desk.quote(1000, 1002)
    assert {report.venue for report in desk.buy(1)} == {"other"}
    assert settings(name="x").name == "x"
