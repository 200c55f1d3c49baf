"""The ledger: what is true after every event so far; only `fold` changes it, and it decides nothing.

Folding from empty or from a snapshot gives the same ledger, bit for bit; `digest` is what snapshots compare.
"""

from __future__ import annotations

import hashlib
from decimal import Decimal
from itertools import islice

import msgspec

from toolkit.domain import events as ev
from toolkit.domain.bursts import Burst
from toolkit.domain.commands import LimitRow
from toolkit.domain.errors import JournalError
from toolkit.domain.exposure import Exposure, expose, largest_exits
from toolkit.domain.forgetting import forget
from toolkit.domain.inbox import INBOX_ITEMS
from toolkit.domain.instruments import Currency, Instrument, InstrumentMaster
from toolkit.domain.joined_orders import Joined
from toolkit.domain.money import divide_half_even, whole
from toolkit.domain.orders import (
    BUY,
    ENTRY,
    FINAL,
    IN_ENGINE,
    NO_DOUBT,
    Change,
    Order,
    Side,
    Status,
    Terms,
    TradingState,
)
from toolkit.domain.people import People
from toolkit.domain.positions import FLAT, Interval, Mark, Position, after_trade, note_elsewhere
from toolkit.domain.recent import Recent
from toolkit.domain.standing import Standing
from toolkit.domain.sub_accounts import strategy_of
from toolkit.domain.time import FeedTime, WallTime

FOLD_VERSION = 13
CLOSED_ORDERS_KEPT = 10_000
STRANGERS_KEPT = 1_000
DENIED_ORDERS_KEPT = 1_000
HOUSE, MANUAL = "house", "manual"
NOTHING_WORKS = Exposure()
NOWHERE: dict[str, Position] = {}
UNEXPOSED: dict[str, Exposure] = {}
NOTHING: dict[str, dict[str, None]] = {}
ONE, ACTIVE, DENIED = Decimal(1), TradingState.ACTIVE, Status.DENIED


class Fill(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A trade as booked, kept with its order so that it counts once and can be taken back; `owner` is whose it is where
    that is not its order's: it came before that was adopted."""

    execution_id: str
    price: int
    quantity: int
    fee: int
    fee_asset: str
    owner: str = ""


class Producer(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """How far a producer's commands have taken effect."""

    incarnation: int
    number: int


class Runner(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What survives of a strategy's process."""

    incarnation: int = 0
    version: str = ""
    digest: str = ""
    running: bool = False
    step: int = 0
    inbox: int = 0
    state: bytes | None = None
    detail: str = ""
    given_up: bool = False


class Deployment(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """Which version of a strategy runs at which stage."""

    version: int
    digest: str
    stage: str


class Ledger(msgspec.Struct, kw_only=True):
    """Orders, positions, cash, limits and states of one book. Amounts are quanta, quantities lots, prices ticks.

    Orders are keyed by the first id of their replace chain; `aliases` leads there from every later id. Final orders
    stay until at least CLOSED_ORDERS_KEPT newer ones are final, so that late facts find theirs; denied ones, of which
    no venue knows, have places of their own. `duplicate_window` is the longest in force (nanoseconds). `held` counts
    the sub-accounts that are not flat in an instrument, `moved` the cash that people moved in or out,
    `booked_cash` what they booked of venues' accounts that no trade of ours moved.
    `rate_times` says as of when each of `rates` was so, `standing` where everybody stands and began from.
    `strangers` are the newest orders that are not in the books and filled all the same: their `fills` are booked here.
    `doubted` is since when an order is doubtful, `breaks` what differs from a venue (by venue, kind and subject).
    `in_engine` are the open orders that the engine holds, `timed` those with an end in time, `brackets` the exits that
    protect what an entry filled, `yielded` those that made way for another exit and come back for what that leaves.
    `elsewhere` are the lots by strategy, instrument and venue that lie at another than the instrument's own venue.
    `executed` counts the entries of a strategy that filled since a person last armed it, `entering` those that work and
    have not filled yet. `bursts` are what was sent within `burst_window` (nanoseconds), by scope and name.
    `changes` are what orders are to become once their cancel is confirmed; `overrides` loosen limits for a while;
    `breakers` are those of control 23 that are open, by what they guard; `in_vain` counts what each strategy was
    refused while HALTED, since a trading state last changed.
    """

    fold_version: int = FOLD_VERSION
    book: str = ""
    desk: str = ""
    base_currency: str = ""
    currencies: dict[str, Currency] = {}
    venues: tuple[str, ...] = ()
    epoch: int = 0
    sequence: int = 0
    batch_digest: bytes = b""
    step: int = 0
    session: str = ""
    order_count: int = 0
    instruments: InstrumentMaster = msgspec.field(default_factory=InstrumentMaster)
    limits: tuple[LimitRow, ...] = ()
    limits_checksum: str = ""
    duplicate_window: int = 0
    orders: dict[str, Order] = {}
    closed: dict[str, None] = {}
    denied: dict[str, None] = {}
    aliases: dict[str, str] = {}
    intents: dict[str, dict[str, str]] = {}
    fills: dict[str, list[Fill]] = {}
    working: dict[str, dict[str, dict[str, None]]] = {}
    exposure: dict[str, dict[str, Exposure]] = {}
    account_exposure: dict[str, Exposure] = {}
    doubtful: dict[str, None] = {}
    in_engine: dict[str, None] = {}
    timed: dict[str, None] = {}
    brackets: dict[str, list[str]] = {}
    yielded: dict[str, None] = {}
    open_count: int = 0
    open_by_strategy: dict[str, int] = {}
    open_by_instrument: dict[str, int] = {}
    waiting_exits: dict[str, dict[str, ev.ExitQueued]] = {}
    flattening: dict[str, bool | None] = {}
    recent: dict[str, Recent] = {}
    positions: dict[str, dict[str, Position]] = {}
    held: dict[str, int] = {}
    venue_positions: dict[str, dict[str, int]] = {}
    elsewhere: dict[str, dict[str, dict[str, int]]] = {}
    joined: Joined = msgspec.field(default_factory=Joined)
    cash: dict[str, dict[str, int]] = {}
    moved: dict[str, dict[str, int]] = {}
    fees: dict[str, dict[str, int]] = {}
    opening_equity: dict[str, int] = {}
    marks: dict[str, Mark] = {}
    rates: dict[str, Decimal] = {}
    states: dict[str, dict[str, TradingState]] = {}
    throttles: dict[str, Decimal] = {}
    capital: dict[str, int] = {}
    deployments: dict[str, Deployment] = {}
    producers: dict[str, Producer] = {}
    runners: dict[str, Runner] = {}
    inbox_numbers: dict[str, int] = {}
    venue_reports: dict[str, int] = {}
    counts: dict[str, dict[str, int]] = {}
    open_by_venue: dict[str, int] = {}
    people: People = People()
    proposals: dict[str, ev.ChangeProposed] = {}
    rate_times: dict[str, FeedTime] = {}
    standing: Standing = msgspec.field(default_factory=Standing)
    venue_cash: dict[str, dict[str, int]] = {}
    booked_cash: dict[str, dict[str, int]] = {}
    strangers: dict[str, ev.PastTrade] = {}
    doubted: dict[str, WallTime] = {}
    breaks: dict[str, ev.BreakConfirmed] = {}
    executed: dict[str, int] = {}
    entering: dict[str, int] = {}
    bursts: dict[str, dict[str, Burst]] = {}
    burst_window: int = 0
    changes: dict[str, Change] = {}
    overrides: dict[str, ev.Override] = {}
    breakers: dict[str, ev.OpenBreaker] = {}
    in_vain: dict[str, int] = {}

    # ---- reading

    def order(self, identifier: str) -> Order | None:
        """The order that any id of its chain names."""
        return self.orders.get(identifier) or self.orders.get(self.aliases.get(identifier, ""))

    def order_of_intent(self, strategy: str, intent_id: str) -> Order | None:
        root = self.intents.get(strategy, {}).get(intent_id)
        return None if root is None else self.orders.get(root)

    def open_orders(self, strategy: str | None = None, instrument: str | None = None) -> list[Order]:
        """Orders that can still trade, doubtful ones included, in the order of their birth."""
        names = self.working if strategy is None else (strategy,)
        found = [
            self.orders[root]
            for name in names
            for symbol, roots in self.working.get(name, {}).items()
            if instrument is None or symbol == instrument
            for root in roots
        ]
        return sorted(found, key=lambda order: order.chain[0][-8:])

    def position(self, strategy: str, instrument: str) -> Position:
        return self.positions.get(strategy, {}).get(instrument, FLAT)

    def interval(self, strategy: str, instrument: str, without: str = "", *, entries_only: bool = False) -> Interval:
        """[L, H] over all outcomes; exits and protective orders of the position count once, by the largest.

        `without` leaves one of these orders out (the one that a replace would change), `entries_only` all exits.
        """
        lots = self.positions.get(strategy, {}).get(instrument, FLAT).lots
        exposure = self.exposure.get(strategy, {}).get(instrument, NOTHING_WORKS)
        return self._interval(lots, exposure, without, entries_only)

    def account_interval(self, instrument: str, without: str = "") -> Interval:
        """[L, H] of the venue account: the sum over its sub-accounts."""
        lots = 0
        for account in self.venue_positions.values():
            lots += account.get(instrument, 0)
        return self._interval(lots, self.account_exposure.get(instrument, NOTHING_WORKS), without)

    def worst_case(self, strategy: str, instrument: str, side: Side, adds: int, without: str = "") -> int:
        """The furthest end on one side with so many lots more: `Interval.worst_after` without making an interval."""
        lots = self.positions.get(strategy, NOWHERE).get(instrument, FLAT).lots
        exposure = self.exposure.get(strategy, UNEXPOSED).get(instrument, NOTHING_WORKS)
        if without or exposure.exits:
            return self._interval(lots, exposure, without).worst_after(side, adds)
        return adds + (lots + exposure.buys if side is BUY else exposure.sells - lots)

    def worst_case_of_account(self, instrument: str, side: Side, adds: int, without: str = "") -> int:
        """The same over all sub-accounts."""
        lots = 0
        for account in self.venue_positions.values():
            lots += account.get(instrument, 0)
        exposure = self.account_exposure.get(instrument, NOTHING_WORKS)
        if without or exposure.exits:
            return self._interval(lots, exposure, without).worst_after(side, adds)
        return adds + (lots + exposure.buys if side is BUY else exposure.sells - lots)

    def _interval(self, lots: int, exposure: Exposure, without: str, entries_only: bool = False) -> Interval:
        buys, sells = exposure.buys, exposure.sells
        if not without and (entries_only or not exposure.exits):
            return Interval(low=lots - sells, high=lots + buys)
        if without:
            buys, sells = exposure.entries_without(self.orders[without])
        if exposure.exits and not entries_only:
            closing_buys, closing_sells = largest_exits(self.orders[root] for root in exposure.exits if root != without)
            buys, sells = buys + closing_buys, sells + closing_sells
        return Interval(low=lots - sells, high=lots + buys)

    def trading_state(self, strategy: str, venue: str) -> tuple[TradingState, str]:
        """The strictest state over book, venue and strategy, and the scope and cause that set it."""
        strictest, cause = ACTIVE, ""
        if not self.states:
            return strictest, cause
        for scope in ("book:", f"venue:{venue}", *_scopes_of(strategy)):
            for name, state in self.states.get(scope, {}).items():
                if state > strictest:
                    strictest, cause = state, f"{scope.rstrip(':')} by {name}"
        return strictest, cause

    def equity(self, strategy: str) -> int | None:
        """Cash flows, positions at their last marks and fees of one sub-account, in quanta of the base currency.

        None when a mark or a rate that is needed is missing.
        """
        total = self._worth(self.cash.get(strategy, {}))
        if total is None:
            return None
        for symbol, position in self.positions.get(strategy, {}).items():
            if not position.lots:
                continue
            instrument, mark = self.instruments.require(symbol), self.marks.get(symbol)
            rate = self.rate(instrument.currency)
            if mark is None or rate is None:
                return None
            worth = divide_half_even(mark.twice * position.lots * instrument.tick_value, 2)
            total += worth if rate is ONE else worth * rate
        return whole(total)

    def pnl(self, strategy: str) -> int | None:
        """Equity less the cash that people moved in or out, at the rates of now; None like `equity`."""
        equity, moved = self.equity(strategy), self._worth(self.moved.get(strategy, {}))
        if equity is None or moved is None:
            return None
        return equity - whole(moved)

    def digest(self) -> str:
        """SHA-256 over the whole state."""
        return hashlib.sha256(self.to_bytes()).hexdigest()

    def to_bytes(self) -> bytes:
        return msgspec.msgpack.encode(self)

    @classmethod
    def from_bytes(cls, data: bytes) -> Ledger:
        """The ledger of a snapshot. Raises JournalError when it was made by another fold."""
        ledger = msgspec.msgpack.decode(data, type=cls)
        if ledger.fold_version != FOLD_VERSION:
            raise JournalError(f"snapshot of fold {ledger.fold_version}, this is fold {FOLD_VERSION}: fold again")
        return ledger

    def _worth(self, amounts: dict[str, int]) -> int | Decimal | None:
        """Base quanta of amounts by asset; None when the rate of one that is not 0 is missing."""
        total: int | Decimal = 0
        for asset, amount in amounts.items():
            if asset == self.base_currency:
                total += amount
            elif amount:
                rate = self.rate(asset)
                if rate is None:
                    return None
                total += amount * rate
        return total

    def rate(self, asset: str) -> Decimal | None:
        """Base quanta per quantum of `asset`."""
        if asset == self.base_currency:
            return ONE
        rate = self.rates.get(asset)
        if rate is None or asset not in self.currencies:
            return None
        return rate * self.currencies[asset].quantum / self.currencies[self.base_currency].quantum

    # ---- changing, for the fold alone

    def put(self, order: Order) -> None:
        root = order.chain[0]
        before = self.orders.get(root)
        self.orders[root] = order
        in_doubt = order.doubt is not NO_DOUBT
        is_open = in_doubt or order.status not in FINAL
        if before is None:
            was_in_doubt, was_open = False, None
        else:
            was_in_doubt = before.doubt is not NO_DOUBT
            was_open = was_in_doubt or before.status not in FINAL
        if was_open is not is_open:
            self._open(root, order) if is_open else self._close(root, order)
        remaining = order.remaining if is_open else 0
        if by := remaining - (before.remaining if was_open and before is not None else 0):
            self._expose(order, remaining, by)
        if in_doubt:
            self.doubtful[root] = None
        elif was_in_doubt:
            del self.doubtful[root]
            self.doubted.pop(root, None)
        if order.terms is not None:
            self._note_terms(root, order, order.terms, is_open, before is None)

    def _note_terms(self, root: str, order: Order, terms: Terms, is_open: bool, is_new: bool) -> None:
        if is_open and terms.held_at is IN_ENGINE:
            self.in_engine[root] = None
        else:
            self.in_engine.pop(root, None)
        if is_open and terms.expires is not None:
            self.timed[root] = None
        else:
            self.timed.pop(root, None)
        if is_new and terms.group and order.status is not Status.DENIED:
            self.brackets.setdefault(terms.group, []).append(root)

    def _open(self, root: str, order: Order) -> None:
        try:
            self.working[order.strategy][order.instrument][root] = None
        except KeyError:
            self.working.setdefault(order.strategy, {})[order.instrument] = {root: None}
        self._count_open(order, 1)
        if order.order_class is ENTRY and not order.filled:
            self.entering[order.strategy] = self.entering.get(order.strategy, 0) + 1
        self.closed.pop(root, None)

    def _close(self, root: str, order: Order) -> None:
        roots = self.working.get(order.strategy, NOTHING).get(order.instrument)
        if roots and root in roots:
            del roots[root]
            self._count_open(order, -1)
            if order.order_class is ENTRY and not order.filled:
                self.entering[order.strategy] -= 1
        if order.status is DENIED:
            self.denied[root] = None
            self.forget_ended(self.denied, DENIED_ORDERS_KEPT)
        else:
            self.closed[root] = None
            self.forget_ended(self.closed, CLOSED_ORDERS_KEPT)

    def _expose(self, order: Order, remaining: int, by: int) -> None:
        strategy, instrument = order.strategy, order.instrument
        try:
            own = self.exposure[strategy][instrument]
        except KeyError:
            own = self.exposure.setdefault(strategy, {})[instrument] = Exposure()
            self.account_exposure.setdefault(instrument, Exposure())
        expose(own, self.account_exposure[instrument], order, remaining, by)

    def _count_open(self, order: Order, by: int) -> None:
        strategy, instrument, venue = order.strategy, order.instrument, order.venue
        self.open_count += by
        self.open_by_strategy[strategy] = self.open_by_strategy.get(strategy, 0) + by
        self.open_by_instrument[instrument] = self.open_by_instrument.get(instrument, 0) + by
        self.open_by_venue[venue] = self.open_by_venue.get(venue, 0) + by

    def forget_ended(self, ended: dict[str, None], kept: int) -> None:
        """The oldest, some at a time: finding the first of a dict whose first ones went is slow."""
        if len(ended) <= kept + kept // 20:
            return
        oldest = list(islice(ended, len(ended) - kept))
        for root in oldest:
            del ended[root]
        forget(self, oldest, ended)

    def count_execution(self, order: Order) -> None:
        """An entry traded for the first time."""
        self.executed[order.strategy] = self.executed.get(order.strategy, 0) + 1
        if order.is_open:
            self.entering[order.strategy] -= 1

    def count(self, strategy: str, what: str, by: int = 1) -> None:
        try:
            self.counts[strategy][what] += by
        except KeyError:
            self.counts.setdefault(strategy, {}).setdefault(what, by)

    def number_inbox(self, strategy: str, event_type: type, times: int = 1) -> None:
        items = INBOX_ITEMS[event_type] if times == 1 else INBOX_ITEMS[event_type] * times
        try:
            self.inbox_numbers[strategy] += items
        except KeyError:
            self.inbox_numbers[strategy] = items

    def number_position(self, sub_account: str) -> None:
        """Who runs a strategy is told of a position that changed without a trade; `house` and `manual` have nobody."""
        if sub_account in self.deployments:
            self.inbox_numbers[sub_account] = self.inbox_numbers.get(sub_account, 0) + 1

    def note_report(self, venue: str, number: int) -> None:
        if number > self.venue_reports.get(venue, 0):
            self.venue_reports[venue] = number

    def book_trade(
        self, strategy: str, venue: str, instrument: Instrument, side: Side, quantity: int, price: int
    ) -> None:
        held, symbol, signed = self.positions.setdefault(strategy, {}), instrument.symbol, side * quantity
        before = held.get(symbol, FLAT)
        if symbol not in self.held:
            self.standing.begin(symbol, price)
        self.hold(strategy, symbol, before, after_trade(before, side, quantity, price, instrument))
        self.move_cash(strategy, instrument.currency, -instrument.value(price, signed), venue)
        self.move_lots(venue, symbol, signed)
        if venue != instrument.venue:
            note_elsewhere(self.elsewhere, strategy, symbol, venue, signed)

    def hold(self, sub_account: str, symbol: str, before: Position, after: Position) -> None:
        self.positions[sub_account][symbol] = after
        if (not before.lots) is not (not after.lots):
            self._count_holder(symbol, 1 if after.lots else -1)

    def move_lots(self, venue: str, symbol: str, lots: int) -> None:
        account = self.venue_positions.setdefault(venue, {})
        account[symbol] = account.get(symbol, 0) + lots

    def _count_holder(self, symbol: str, by: int) -> None:
        holders = self.held.get(symbol, 0) + by
        if holders:
            self.held[symbol] = holders
        else:
            del self.held[symbol]

    def move_cash(self, sub_account: str, asset: str, amount: int, venue: str) -> None:
        """`venue` is whose account it moved; "" where it stays in the account that it is in."""
        balances = self.cash.setdefault(sub_account, {})
        balances[asset] = balances.get(asset, 0) + amount
        if venue:
            balances = self.venue_cash.setdefault(venue, {})
            balances[asset] = balances.get(asset, 0) + amount

    def charge(self, sub_account: str, asset: str, fee: int, venue: str) -> None:
        if fee:
            self.move_cash(sub_account, asset, -fee, venue)
            fees = self.fees.setdefault(sub_account, {})
            fees[asset] = fees.get(asset, 0) + fee


def _scopes_of(strategy: str) -> tuple[str, ...]:
    """Its own, and that of the strategy beside whose champion it runs."""
    own, whole = f"strategy:{strategy}", f"strategy:{strategy_of(strategy)}"
    return (own,) if own == whole else (own, whole)
