from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.simulated import margin
from adapters.simulated.liquidation import endangered
from adapters.simulated.working import Working
from daemon.core.errors import InvariantBroken
from daemon.core.events import Side
from daemon.core.orders import PositionIdx
from daemon.core.records import OrderStatus
from daemon.core.units import ZERO
from daemon.core.venue import MarginMode
from tests.adapters.simulated.examples.build import (
    BTC,
    ETH,
    FEE,
    ONE_WAY,
    D,
    account,
    fill,
    market,
    order,
    position,
    risk_tiers,
)
from tests.adapters.simulated.naive_account import NaiveAccount, State

F = Fraction
BUY, SELL = Side.BUY, Side.SELL
LONG, SHORT = PositionIdx.LONG, PositionIdx.SHORT
ISOLATED, CROSS = MarginMode.ISOLATED, MarginMode.CROSS


def cost(side: Side, value: str) -> Decimal:
    return margin.order_cost(side, D(value), leverage=D(10), taker_fee=FEE)


# Orders


def test_an_order_binds_its_cost_until_it_is_released() -> None:
    books, where = account(), market()
    made = order(where, BUY, "1", "50000")
    assert books.reserve(made)
    assert books.order_margin() == D("5052.25")
    assert books.available() == D(10_000) - D("5052.25")
    books.release(made)
    assert books.order_margin() == 0
    assert books.available() == 10_000
    books.release(made)
    assert books.available() == 10_000


def test_an_order_may_cost_all_that_is_available_and_not_more() -> None:
    books, where, other = account("5052.25"), market(), market(ETH, 100.0)
    assert not books.reserve(order(where, BUY, "1", "50000.1"))
    assert books.available() == D("5052.25")
    assert len(books.reservations) == 0
    assert books.reserve(order(where, BUY, "1", "50000"))
    assert books.available() == 0
    assert not books.reserve(order(other, BUY, "0.01", "100"))


@pytest.mark.parametrize("mode", MarginMode)
def test_an_order_that_is_changed_binds_anew_or_stays_as_it_was(mode: MarginMode) -> None:
    books, where = account("6000", mode=mode), market()
    made = order(where, BUY, "1", "50000")
    assert books.reserve(made)
    made.remaining = D("1.5")
    assert not books.reserve(made)
    assert books.order_margin() == D("5052.25")
    made.remaining = D("0.5")
    assert books.reserve(made)
    assert books.order_margin() == D("5052.25") / 2
    made.remaining = D(2)
    books.transfer(D(6000))
    assert books.reserve(made)
    assert books.order_margin() == D("5052.25") * 2
    books.transfer(D(-6000))
    assert books.available() < 0
    made.remaining = D("1.9")
    assert books.reserve(made)  # cheaper always fits
    books.check_all()


@pytest.mark.parametrize("reduce_only", [True, False])
def test_reduce_only_and_untriggered_orders_bind_nothing(reduce_only: bool) -> None:
    books, where = account("1"), market()
    status = OrderStatus.SUBMITTED if reduce_only else OrderStatus.UNTRIGGERED
    assert books.reserve(order(where, BUY, "1", "50000", reduce_only=reduce_only, status=status))
    assert books.order_margin() == 0
    assert books.leg(BTC, ONE_WAY, where).side_qty(BUY) == 0


def test_an_order_that_reduces_binds_nothing_and_is_taken_without_money() -> None:
    books, where = account(), market()
    fill(books, where, BUY, "1", "50000")
    books.transfer(-books.available())
    assert books.reserve(order(where, SELL, "1", "50000"))
    assert books.available() == 0
    assert not books.reserve(order(where, SELL, "0.001", "50000"))


def test_what_two_orders_reduce_together_counts_once() -> None:
    books, where = account("20000"), market()
    fill(books, where, BUY, "1", "50000")
    assert books.reserve(order(where, SELL, "1", "50000"))
    assert books.reserve(order(where, SELL, "1", "60000"))
    assert books.order_margin() == cost(SELL, "55000")  # half of both


def test_an_order_through_zero_binds_the_part_that_opens() -> None:
    books, where = account(), market()
    fill(books, where, BUY, "1", "100")
    flip = order(where, SELL, "3", "100")
    assert books.reserve(flip)
    assert books.order_margin() == cost(SELL, "200")
    books.fill(flip, D(100), D(1), ZERO)
    assert books.order_margin() == cost(SELL, "200")
    books.fill(flip, D(100), D(2), ZERO)
    assert books.order_margin() == 0
    assert books.held(BTC, ONE_WAY) == -2
    books.check_all()


def test_the_orders_of_both_sides_bind() -> None:
    books, where = account(), market()
    books.reserve(order(where, BUY, "1", "100"))
    books.reserve(order(where, SELL, "1", "110"))
    assert books.order_margin() == cost(BUY, "100") + cost(SELL, "110")


def test_in_hedge_mode_the_closing_side_binds_nothing_and_each_leg_stands_alone() -> None:
    books, where = account(hedge=True), market()
    fill(books, where, BUY, "1", "100", idx=LONG)
    assert books.reserve(order(where, SELL, "1", "100", idx=LONG))
    assert books.order_margin() == 0
    assert books.reserve(order(where, SELL, "1", "100", idx=SHORT))
    assert books.order_margin() == cost(SELL, "100")
    fill(books, where, SELL, "2", "100", idx=SHORT)
    assert [leg.key for leg in books.legs_of(BTC)] == ["BTCUSDT#1", "BTCUSDT#2"]
    assert [books.held(BTC, idx) for idx in PositionIdx] == [0, 1, -2]
    assert books.reducible(BTC, LONG, SELL) == 1
    assert books.reducible(BTC, LONG, BUY) == 0


def test_a_fill_cannot_turn_a_hedged_position_over() -> None:
    books, where = account(hedge=True), market()
    fill(books, where, BUY, "1", "100", idx=LONG)
    with pytest.raises(InvariantBroken, match=r"closes more of a hedged position than 1"):
        fill(books, where, SELL, "1.001", "100", idx=LONG)


def test_reducible_and_opening_parts_follow_the_sign_of_the_position() -> None:
    books, where = account(), market()
    leg = books.leg(BTC, ONE_WAY, where)
    assert leg.opening(BUY, D(2)) == 2
    fill(books, where, SELL, "3", "100")
    assert leg.opening(BUY, D(2)) == 0
    assert leg.opening(BUY, D(5)) == 2
    assert leg.opening(SELL, D(2)) == 2
    assert books.reducible(BTC, ONE_WAY, BUY) == 3
    assert books.reducible(BTC, ONE_WAY, SELL) == 0
    books.reserve(order(where, SELL, "1", "100"))
    assert leg.side_qty(SELL) == 4
    assert leg.side_qty(BUY) == 0


# Positions and money


@pytest.mark.parametrize("mark", [40_000.0, 60_000.0])
def test_isolated_margin_stays_at_the_entry_and_an_open_profit_or_loss_is_not_available(mark: float) -> None:
    books, where = account(), market(mark=mark)
    fill(books, where, SELL, "1", "50000", fee="27.5")
    bound = D(5_000) + D(55_000) * FEE
    assert books.initial_margin() == bound
    assert books.available() == D(10_000) - D("27.5") - bound
    assert books.margin_balance() == D(10_000) - D("27.5")
    assert books.equity() == books.margin_balance() + (50_000 - D(int(mark)))


def test_in_cross_margin_an_open_profit_is_available_and_an_open_loss_is_not() -> None:
    books, where = account(mode=CROSS), market(mark=51_000.0)
    fill(books, where, BUY, "1", "50000")
    assert books.margin_balance() == books.equity() == 11_000
    assert books.available() == 11_000 - margin.initial_margin(BUY, D(51_000), leverage=D(10), taker_fee=FEE)
    where.mark = 40_000.0
    assert books.available() == 0 - margin.initial_margin(BUY, D(40_000), leverage=D(10), taker_fee=FEE)


def test_margin_added_by_hand_leaves_in_proportion_and_ends_with_the_position() -> None:
    books, where = account(), market()
    fill(books, where, BUY, "1", "50000")
    leg = position(books, where)
    books.set_added(leg, D(1000))
    price = leg.liquidation_price
    fill(books, where, SELL, "0.25", "50000")
    assert leg.added == 750
    assert leg.liquidation_price == price
    fill(books, where, SELL, "1", "50000")
    assert leg.added == 0
    assert books.held(BTC, ONE_WAY) == D("-0.25")
    books.check_all()


def test_funding_is_taken_from_what_is_available_and_then_from_the_position() -> None:
    books, where = account("5030"), market()
    fill(books, where, BUY, "1", "50000")
    leg = position(books, where)
    before = leg.liquidation_price
    free = books.available()
    books.settle(leg, free)
    assert [books.available(), leg.added] == [0, 0]
    books.settle(leg, D(100))
    assert [books.available(), leg.added] == [0, -100]
    assert before is not None
    assert leg.liquidation_price is not None
    assert leg.liquidation_price > before
    books.settle(leg, D(-40))  # received: it does not flow back into the position
    assert [books.available(), leg.added] == [40, -100]
    books.check_all()
    assert books.ledger.funding == free + 60


def test_funding_in_cross_margin_leaves_the_wallet_alone() -> None:
    books, where = account("100", mode=CROSS), market()
    fill(books, where, BUY, "0.01", "50000")
    books.settle(position(books, where), D(30))
    assert books.ledger.cash == 70
    assert position(books, where).added == 0


# What can make the available balance negative (each is told by the stop conditions, see test_stops)


def test_a_fill_at_a_worse_price_than_was_reserved_can_overdraw() -> None:
    books, where = account("5052.25"), market()
    made = order(where, BUY, "1", "50000")
    assert books.reserve(made)
    books.fill(made, D(50_010), D(1), margin.trading_fee(D(1), D(50_010), FEE))
    assert books.available() < 0
    books.check_all()


def test_a_fill_at_the_reserved_price_never_overdraws() -> None:
    books, where = account("5052.25"), market()
    made = order(where, BUY, "1", "50000")
    assert books.reserve(made)
    books.fill(made, D(50_000), D(1), margin.trading_fee(D(1), D(50_000), FEE))
    assert books.available() == 0


def test_a_short_opened_at_a_better_price_can_overdraw() -> None:
    books, where = account("5057.75"), market()
    made = order(where, SELL, "1", "50000")
    assert books.reserve(made)
    books.fill(made, D(50_100), D(1), margin.trading_fee(D(1), D(50_100), FEE))
    assert books.available() < 0


def test_orders_that_counted_on_a_position_overdraw_when_another_one_closed_it() -> None:
    books, where = account("5000"), market()
    fill(books, where, BUY, "0.5", "50000")
    assert books.reserve(order(where, SELL, "0.9", "50000"))
    fill(books, where, SELL, "0.5", "48000")
    assert books.available() < 0


# The books


def test_money_that_does_not_come_through_the_account_is_found() -> None:
    books, where = account(), market()
    fill(books, where, BUY, "1", "100", fee="0.05")
    books.check()
    books.ledger.fill(BTC, SELL, D(110), D(1), ZERO)
    with pytest.raises(InvariantBroken, match="cash is"):
        books.check()


@given(pieces=st.lists(st.integers(1, 400), min_size=1, max_size=12), held=st.integers(-2000, 2000))
@settings(max_examples=60)
def test_splitting_a_fill_changes_nothing_but_the_rounding_of_released_entries(pieces: list[int], held: int) -> None:
    where, whole, split = market(), account("100000"), account("100000")
    for books in (whole, split):
        if held:
            fill(books, where, BUY if held > 0 else SELL, abs(D(held)) / 1000, "49999.9")
            fill(books, where, BUY if held > 0 else SELL, "0.007", "50123.4")
            books.set_added(position(books, where), D("77.7777"))
    for piece in pieces:
        fill(split, where, SELL, D(piece) / 1000, "50050.1")
    fill(whole, where, SELL, D(sum(pieces)) / 1000, "50050.1")
    for books in (whole, split):
        books.check_all()
    rounding = D("1e-18") * 2 * len(pieces)
    assert whole.held(BTC, ONE_WAY) == split.held(BTC, ONE_WAY)
    assert abs(whole.ledger.cash - split.ledger.cash) <= rounding
    assert abs(whole.available() - split.available()) <= 2 * rounding
    assert abs(position(whole, where).added - position(split, where).added) <= rounding


# Random accounts against the naive one

MARKS = st.integers(400, 600)
OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(
            ["order", "order", "fill", "fill", "loose", "loose", "release", "mark", "mark", "funding", "add"]
        ),
        st.booleans(),
        st.booleans(),
        st.booleans(),
        st.integers(1, 3000),
        MARKS,
    ),
    max_size=22,
)
Operation = tuple[str, bool, bool, bool, int, int]


class Twins:
    """An account and the naive one, put through the same."""

    def __init__(self, mode: MarginMode, hedge: bool) -> None:
        self.books = account("2500", mode=mode, hedge=hedge)
        self.naive = NaiveAccount(F(10), F(FEE), mode is ISOLATED, hedge)
        self.naive.note("transfer", F(2500))
        self.markets = [market(BTC, 500.0, risk_tiers(BTC)), market(ETH, 50.0, risk_tiers(ETH))]
        self.open: list[Working] = []

    def apply(self, operation: Operation) -> None:
        kind, second, buys, other, qty, price = operation
        where = self.markets[second]
        side = BUY if buys else SELL
        idx = ONE_WAY if not self.books.hedge else LONG if other else SHORT
        quantity, at = D(qty) / 1000, D(price) / (10 if second else 1)
        match kind:
            case "order":
                self.reserve(order(where, side, quantity, at, idx=idx))
            case "fill" if self.open:
                self.fill(self.open[qty % len(self.open)], quantity, at)
            case "loose":
                self.fill(order(where, side, quantity, at, idx=idx), quantity, at)
            case "release" if self.open:
                gone = self.open.pop(qty % len(self.open))
                self.books.release(gone)
                self.naive.note("release", self.key(gone), gone.id)
            case "mark":
                where.mark = float(at)
                self.books.at_risk(where)
            case "funding" | "add":
                self.move(kind, where.symbol, D(qty - 1000) / 10)

    def key(self, made: Working) -> str:
        return self.books.leg(made.request.symbol, made.leg, made.market).key

    def reserve(self, made: Working) -> None:
        state = self.state()
        free, before = state.available(self.marks()), state.order_margin()
        sign, key = 1 if made.side is BUY else -1, self.key(made)
        self.naive.note("order", key, made.id, sign, F(made.remaining), F(made.price))
        more = self.state().order_margin() - before
        taken = self.books.reserve(made)
        if abs(free - more) > F(1, 10**12):
            assert taken == (more <= 0 or more <= free)
        if taken:
            self.open.append(made)
        else:
            self.naive.events.pop()

    def fill(self, made: Working, qty: Decimal, price: Decimal) -> None:
        qty = min(qty, made.remaining)
        leg = self.books.leg(made.request.symbol, made.leg, made.market)
        if leg.closes(made.side):
            qty = min(qty, leg.qty)
        if not qty:
            return
        fee = margin.trading_fee(qty, price, FEE)
        made.remaining -= qty
        self.books.fill(made, price, qty, fee)
        sign = 1 if made.side is BUY else -1
        self.naive.note("fill", leg.key, made.id, sign, F(qty), F(price), F(fee))
        if not made.remaining and made in self.open:
            self.open.remove(made)
            self.books.release(made)
            self.naive.note("release", leg.key, made.id)

    def move(self, kind: str, symbol: str, amount: Decimal) -> None:
        for leg in list(self.books.legs_of(symbol)):
            if kind == "funding":
                self.books.settle(leg, amount)
                self.naive.note("funding", leg.key, F(amount))
            elif self.books.isolated:
                self.books.set_added(leg, leg.added + amount)
                self.naive.note("added", leg.key, F(amount))

    def marks(self) -> dict[str, F]:
        return {where.symbol: F(str(where.mark)) for where in self.markets}

    def state(self) -> State:
        return self.naive.state()


def near(found: Decimal, expected: F) -> bool:
    return abs(F(found) - expected) < F(1, 10**12)


@pytest.mark.parametrize("hedge", [False, True])
@pytest.mark.parametrize("mode", MarginMode)
@given(operations=OPERATIONS)
@settings(max_examples=150, deadline=None)
def test_an_account_equals_a_naive_one_that_works_everything_out_from_the_beginning(
    mode: MarginMode, hedge: bool, operations: list[Operation]
) -> None:
    twins = Twins(mode, hedge)
    for operation in operations:
        twins.apply(operation)
        twins.books.check_all()
    books, state, marks = twins.books, twins.state(), twins.marks()
    assert near(books.ledger.cash, state.cash)
    assert near(books.order_margin(), state.order_margin())
    assert near(books.initial_margin(), state.initial_margin(marks))
    assert near(books.equity(), state.cash + state.unrealised(marks))
    assert near(books.available(), state.available(marks))
    held = {leg.key: F(leg.position.qty) for leg in books.legs()}
    assert held == {key: place.qty for key, place in state.places.items() if place.qty}


@pytest.mark.parametrize("mode", MarginMode)
@given(operations=OPERATIONS)
@settings(max_examples=150, deadline=None)
def test_estimates_are_within_their_slack_and_no_danger_is_missed(
    mode: MarginMode, operations: list[Operation]
) -> None:
    twins = Twins(mode, hedge=False)
    for operation in operations:
        twins.apply(operation)
        books = twins.books
        for where in twins.markets:
            risky = books.at_risk(where)
            assert risky or not endangered(books, where)
        assert abs(books.equity_estimate() - float(books.equity())) <= books.slack()
        assert abs(books.available_estimate() - float(books.available())) <= books.slack()


@given(operations=OPERATIONS)
@settings(max_examples=30, deadline=None)
def test_releasing_every_order_restores_what_was_available(operations: list[Operation]) -> None:
    twins = Twins(ISOLATED, hedge=False)
    for operation in operations:
        twins.apply(operation)
    books = twins.books
    expected = books.available() + books.order_margin()
    for made in twins.open:
        books.release(made)
    books.check_all()
    assert books.order_margin() == 0
    assert books.available() == expected


# Cost


class Untouchable:
    """A market that must not be looked at."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"another symbol's {name} was read")


@pytest.mark.parametrize("mode", MarginMode)
def test_an_event_an_order_and_a_fill_look_at_no_other_position(mode: MarginMode) -> None:
    books = account("100000000", mode=mode)
    places = [market(f"C{number:03}USDT", 100.0) for number in range(30)]
    for where in places:
        fill(books, where, BUY, "1", "100")
    mine = places[7]
    for leg in books.legs():
        if leg.symbol != mine.symbol:
            leg.market = Untouchable()  # type: ignore[assignment]
    mine.mark = 101.0
    assert not books.at_risk(mine)
    made = order(mine, BUY, "1", "101")
    assert books.reserve(made)
    books.fill(made, D(101), D("0.4"), D("0.02"))
    books.check()
    books.release(made)
    assert books.available_estimate() > 0
