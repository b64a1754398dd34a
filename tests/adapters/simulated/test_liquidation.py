from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.simulated.account import Account
from adapters.simulated.leg import Leg
from adapters.simulated.liquidation import REDUCE, TAKEOVER, Step, endangered, liquidation_price, next_steps
from daemon.core.events import Side
from daemon.core.market import Market
from daemon.core.orders import PositionIdx
from daemon.core.units import on_grid
from daemon.core.venue import MarginMode
from tests.adapters.simulated.examples.build import (
    BTC,
    ETH,
    FEE,
    D,
    account,
    fill,
    market,
    one_tier,
    position,
    risk_tiers,
)

BUY, SELL = Side.BUY, Side.SELL
CROSS = MarginMode.CROSS


def carry_out(books: Account, steps: list[Step]) -> None:
    for step in steps:
        fee = step.fee if step.kind == TAKEOVER else step.qty * step.mark * FEE
        books.take_over(step.leg, step.price if step.kind == TAKEOVER else step.mark, step.qty, fee)
        books.check_all()


def test_nothing_is_in_danger_in_a_calm_market() -> None:
    where, books = market(), account()
    assert endangered(books, where) == []
    fill(books, where, BUY, "1", "50000")
    assert endangered(books, where) == []
    assert next_steps(books, position(books, where)) == []


def test_an_isolated_position_falls_alone() -> None:
    where, other, books = market(mark=45_000.0), market(ETH, 2000.0), account("20000")
    fill(books, where, BUY, "1", "50000")
    fill(books, other, BUY, "1", "2000")
    leg, eth = position(books, where), position(books, other)
    assert books.at_risk(where)
    assert endangered(books, where) == [leg]
    assert endangered(books, other) == []
    free = books.available()
    carry_out(books, next_steps(books, leg))
    assert books.available() == free
    assert books.legs() == [eth]


@pytest.mark.parametrize("added", ["0", "250.5", "-33.3333"])
@pytest.mark.parametrize("side", [BUY, SELL])
@pytest.mark.parametrize("gap", [1, 3])
def test_an_isolated_takeover_costs_exactly_the_margin_even_over_a_gap(side: Side, added: str, gap: int) -> None:
    where, books = market(mark=3333.3), account("5000", leverage="7")
    fill(books, where, side, "1.234", "3333.3", fee="2.2")
    fill(books, where, side, "0.766", "3456.7", fee="1.5")
    leg = position(books, where)
    books.set_added(leg, D(added))
    price = leg.liquidation_price
    assert price is not None
    where.mark = float(price) * (1 - 0.1 * (gap - 1) * (1 if side is BUY else -1))
    bound, before, free = leg.initial_margin + leg.added, books.ledger.cash, books.available()
    (step,) = next_steps(books, leg)
    assert (step.kind, step.side, step.qty) == (TAKEOVER, side, D(2))
    assert step.liquidation_price == price
    assert step.margin_balance <= step.maintenance_margin
    carry_out(books, [step])
    assert before - books.ledger.cash == bound  # to the last digit
    assert books.available() == free
    assert abs(step.fee - step.qty * step.price * FEE) < D("0.000001")


def test_a_large_isolated_position_is_first_reduced_to_the_tier_below() -> None:
    where, books = market(tiers=risk_tiers(BTC)), account("400000", leverage="25")
    fill(books, where, BUY, "60", "50000")
    leg = position(books, where)
    assert leg.liquidation_price is not None
    where.mark = float(leg.liquidation_price)
    assert leg.value() > 2_600_000
    (step,) = next_steps(books, leg)
    assert (step.kind, step.side) == (REDUCE, BUY)
    kept = (leg.qty - step.qty) * leg.mark()
    assert kept <= 2_600_000 < kept + D("0.001") * leg.mark()
    assert on_grid(step.qty, D("0.001"))
    assert on_grid(step.price, D("0.1"))
    assert step.bankruptcy_price <= step.price < leg.mark()
    carry_out(books, [step])
    assert books.maintenance_margin_of(leg) < step.maintenance_margin
    assert next_steps(books, leg) == []


@pytest.mark.parametrize("side", [BUY, SELL])
def test_a_reduction_may_not_fill_beyond_the_bankruptcy_price(side: Side) -> None:
    where, books = market(tiers=risk_tiers(BTC)), account("900000", leverage="7")
    fill(books, where, side, "60", "50000")
    leg = position(books, where)
    where.mark = float(leg.liquidation_price or 0)
    (step,) = next_steps(books, leg)
    assert step.kind == REDUCE
    inside = step.price - step.bankruptcy_price if side is BUY else step.bankruptcy_price - step.price
    assert 0 < inside < D("0.1")


def test_a_reduction_that_found_nobody_is_followed_by_the_takeover() -> None:
    where, books = market(tiers=risk_tiers(BTC)), account("400000", leverage="25")
    fill(books, where, SELL, "60", "50000")
    leg = position(books, where)
    where.mark = float(leg.liquidation_price or 0)
    assert next_steps(books, leg)[0].kind == REDUCE
    (step,) = next_steps(books, leg, may_reduce=False)
    assert (step.kind, step.qty) == (TAKEOVER, D(60))


def test_the_tier_is_that_of_the_value_at_mark_so_a_short_moves_up_on_its_way() -> None:
    where, books = market(tiers=risk_tiers(BTC)), account("400000", leverage="10")
    fill(books, where, SELL, "39", "50000")
    leg = position(books, where)
    assert leg.tier() is leg.tiers[0]
    price = leg.liquidation_price
    assert price is not None
    assert 39 * price > 2_000_000
    where.mark = float(price)
    assert leg.tier() is leg.tiers[1]
    assert endangered(books, where) == [leg]
    where.mark = float(price) - 0.1
    assert endangered(books, where) == []


def test_each_leg_of_hedge_mode_falls_alone_in_isolated_margin() -> None:
    where, books = market(mark=45_000.0), account("20000", hedge=True)
    fill(books, where, BUY, "1", "50000", idx=PositionIdx.LONG)
    fill(books, where, SELL, "1", "50000", idx=PositionIdx.SHORT)
    long = position(books, where, PositionIdx.LONG)
    assert endangered(books, where) == [long]
    (step,) = next_steps(books, long)
    carry_out(books, [step])
    assert [leg.key for leg in books.legs()] == ["BTCUSDT#2"]


# Cross margin


def crossed(balance: str = "10000", **tiers: str) -> tuple[Account, Market, Market]:
    books = account(balance, mode=CROSS)
    bitcoin = market(BTC, 50_000.0, one_tier(tiers.get("btc", "0.005")))
    ether = market(ETH, 2_000.0, one_tier(tiers.get("eth", "0.01")))
    fill(books, bitcoin, BUY, "1", "50000")
    fill(books, ether, SELL, "10", "2000")
    return books, bitcoin, ether


def test_profit_of_one_position_carries_the_loss_of_another_in_cross_margin() -> None:
    books, bitcoin, ether = crossed()
    ether.mark = 1_000.0
    assert not books.at_risk(ether)
    bitcoin.mark = 38_000.0
    assert not books.at_risk(bitcoin)
    assert endangered(books, bitcoin) == []
    ether.mark = 2_000.0
    assert books.at_risk(ether)
    assert len(endangered(books, ether)) == 2


def test_a_cross_account_falls_as_a_whole_and_ends_at_zero() -> None:
    books, bitcoin, ether = crossed()
    bitcoin.mark = 44_000.0
    assert not books.at_risk(bitcoin)
    ether.mark = 2_370.0
    assert books.at_risk(ether)
    legs = endangered(books, ether)
    assert books.maintenance_margin_of(legs[0]) >= books.maintenance_margin_of(legs[1])
    steps = next_steps(books, legs[0])
    assert [step.kind for step in steps] == [TAKEOVER, TAKEOVER]
    for step in steps:
        away = step.mark - step.price if step.side is BUY else step.price - step.mark
        assert away * step.qty + step.price * step.qty * FEE == pytest.approx(
            step.margin_balance * shares(books)[step.leg] / step.maintenance_margin, abs=D("0.001")
        )
    carry_out(books, steps)
    assert books.ledger.cash == 0
    assert books.legs() == []
    assert next_steps(books, legs[0]) == []


def shares(books: Account) -> dict[Leg, Decimal]:
    return {leg: books.maintenance_margin_of(leg) for leg in books.legs()}


def test_a_gap_through_zero_is_not_the_accounts_to_pay_in_cross_margin() -> None:
    books, bitcoin, _ = crossed()
    bitcoin.mark = 30_000.0
    assert books.equity() == -10_000
    carry_out(books, next_steps(books, books.legs()[0]))
    assert books.ledger.cash == 0


def test_cross_margin_reduces_the_largest_leg_above_its_lowest_tier_first() -> None:
    books = account("250000", mode=CROSS)
    bitcoin, ether = market(BTC, 50_000.0, risk_tiers(BTC)), market(ETH, 2_000.0, risk_tiers(ETH))
    solana = market("SOLUSDT", 100.0, risk_tiers(ETH))
    fill(books, solana, BUY, "9100", "100")
    fill(books, bitcoin, BUY, "39", "50000")
    fill(books, ether, BUY, "1000", "2000")
    bitcoin.mark = 44_100.0
    legs = endangered(books, bitcoin)
    assert [leg.symbol for leg in legs] == [ETH, BTC, "SOLUSDT"]
    (step,) = next_steps(books, legs[-1])
    assert (step.kind, step.leg.symbol) == (REDUCE, ETH)
    assert (step.leg.qty - step.qty) * 2000 == 1_800_000
    assert step.liquidation_price is None


def test_the_estimate_of_a_cross_liquidation_price_is_where_the_danger_begins() -> None:
    books, bitcoin, ether = crossed()
    for where, leg in zip((bitcoin, ether), books.legs(), strict=True):
        price = liquidation_price(books, leg)
        assert price is not None
        before, where.mark = where.mark, float(price)
        assert endangered(books, where) != []
        where.mark += 0.1 if leg.side is BUY else -0.1
        assert endangered(books, where) == []
        where.mark = before
        books.at_risk(where)


def test_a_hedged_pair_of_equal_legs_is_only_liquidated_far_above() -> None:
    where, books = market(), account(mode=CROSS, hedge=True)
    fill(books, where, BUY, "1", "50000", idx=PositionIdx.LONG)
    fill(books, where, SELL, "1", "50000", idx=PositionIdx.SHORT)
    price = liquidation_price(books, books.legs()[0])
    assert price is not None
    assert price > 500_000
    where.mark = float(price)
    assert len(endangered(books, where)) == 2


@given(
    mode=st.sampled_from(MarginMode),
    trades=st.lists(
        st.tuples(st.booleans(), st.sampled_from(Side), st.integers(1, 90_000), st.integers(9_000, 11_000)),
        min_size=1,
        max_size=6,
    ),
    marks=st.tuples(st.integers(2_000, 30_000), st.integers(2_000, 30_000)),
)
@settings(max_examples=120, deadline=None)
def test_liquidation_always_ends_without_danger_and_never_costs_more_than_the_account(
    mode: MarginMode, trades: list[tuple[bool, Side, int, int]], marks: tuple[int, int]
) -> None:
    places = [market(symbol, 10_000.0, risk_tiers(symbol)) for symbol in (BTC, ETH)]
    books = account("0", mode=mode)
    for second, side, qty, price in trades:
        fill(books, places[second], side, D(qty) / 100, D(price))
    books.transfer(books.initial_margin() - books.available() * (mode is CROSS) - books.ledger.cash)
    for where, mark in zip(places, marks, strict=True):
        where.mark = float(mark)
        risky = books.at_risk(where)
        legs = endangered(books, where) if books.legs_of(where.symbol) else []
        assert risky or not legs
        for leg in legs:
            for _ in range(100):
                steps = next_steps(books, leg, may_reduce=mode is CROSS and books.equity() > 0)
                if not steps:
                    break
                carry_out(books, steps)
        assert not legs or endangered(books, where) == []
    if mode is MarginMode.ISOLATED:
        assert books.available() >= 0
    else:
        assert books.equity() >= 0
