"""Every risk tier of BTCUSDT and ETHUSDT, long and short, isolated and cross.

The table is Bybit's ("Get Risk Limit", read on 2026-08-05). What is expected is computed from what the words mean, in
exact fractions: maintenance margin bracket by bracket without deductions, liquidation where the margin left equals it,
bankruptcy where the margin left and the closing fee are zero together.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from adapters.simulated import margin
from adapters.simulated.account import Account
from adapters.simulated.leg import Leg
from adapters.simulated.liquidation import TAKEOVER, endangered, liquidation_price, next_steps
from daemon.core.events import RiskTier, Side
from daemon.core.venue import MarginMode
from tests.adapters.simulated.examples.build import BTC, ETH, FEE, D, account, fill, market, position, risk_tiers

F = Fraction
TINY = F(1, 10**15)
TICK = F(1, 10)
ENTRY = 50_000.0
CASES = [(symbol, index) for symbol in (BTC, ETH) for index in range(35)]
PLACES = ("low", "middle", "limit")
every_tier = pytest.mark.parametrize(("symbol", "index"), CASES)
both_sides = pytest.mark.parametrize("side", [Side.BUY, Side.SELL])
everywhere = pytest.mark.parametrize("place", PLACES)


def by_brackets(tiers: tuple[RiskTier, ...], value: Fraction) -> Fraction:
    """Maintenance margin without the fee to close: each part of the value at its own bracket's rate."""
    needed, lower = F(0), F(0)
    for tier in tiers:
        upper = max(value, F(tier.limit)) if tier is tiers[-1] else F(tier.limit)
        needed += max(F(0), min(value, upper) - lower) * F(tier.maintenance_rate)
        lower = upper
    return needed


def qty_in(tiers: tuple[RiskTier, ...], index: int, place: str) -> Decimal:
    """A quantity whose value at the entry price lies in a tier."""
    lower = tiers[index - 1].limit if index else D(0)
    upper = tiers[index].limit
    value = {"low": lower + 50, "middle": (lower + upper) / 2, "limit": upper}[place]
    return value / D(int(ENTRY))


def opened(symbol: str, index: int, side: Side, place: str, mode: MarginMode) -> tuple[Account, Leg]:
    tiers = risk_tiers(symbol)
    where = market(symbol, ENTRY, tiers)
    books = account("0", leverage=str(tiers[index].max_leverage), mode=mode)
    qty = qty_in(tiers, index, place)
    fill(books, where, side, qty, D(int(ENTRY)))
    leg = position(books, where)
    books.transfer(leg.value())
    return books, leg


def signed(leg: Leg) -> int:
    return 1 if leg.side is Side.BUY else -1


def share(leg: Leg) -> Fraction:
    """Bankruptcy price over the price that margin is taken on."""
    return 1 - F(signed(leg)) / F(leg.leverage)


def profit(leg: Leg, price: Fraction) -> Fraction:
    return F(leg.position.qty) * price - F(leg.position.entry_value)


@every_tier
def test_deductions_make_the_maintenance_margin_continuous(symbol: str, index: int) -> None:
    tiers = risk_tiers(symbol)
    tier = tiers[index]
    if not index:
        assert tier.deduction == 0
        return
    below = tiers[index - 1]
    step = F(below.limit) * (F(tier.maintenance_rate) - F(below.maintenance_rate))
    assert F(tier.deduction) == F(below.deduction) + step
    assert tier.limit > below.limit
    assert tier.maintenance_rate > below.maintenance_rate
    assert tier.max_leverage < below.max_leverage


@every_tier
@both_sides
@everywhere
def test_isolated_margins(symbol: str, index: int, side: Side, place: str) -> None:
    books, leg = opened(symbol, index, side, place, MarginMode.ISOLATED)
    assert leg.tier() is leg.tiers[index]
    value = F(leg.value())
    fee = value * share(leg) * F(FEE)
    assert abs(F(leg.initial_margin) - value / F(leg.leverage) - fee) < TINY
    assert abs(F(books.maintenance_margin_of(leg)) - by_brackets(leg.tiers, value) - fee) < TINY


@every_tier
@both_sides
@everywhere
def test_isolated_liquidation_is_where_the_margin_left_equals_the_maintenance_margin(
    symbol: str, index: int, side: Side, place: str
) -> None:
    _, leg = opened(symbol, index, side, place, MarginMode.ISOLATED)
    bound, fee = F(leg.initial_margin), F(leg.value()) * share(leg) * F(FEE)

    def spare(price: Fraction) -> Fraction:
        return bound + profit(leg, price) - by_brackets(leg.tiers, F(leg.qty) * price) - fee

    price = leg.liquidation_price
    if price is None:
        assert spare(TICK) > 0
        return
    toward_mark = TICK * signed(leg)
    assert spare(F(price)) <= 0
    assert spare(F(price) + toward_mark) > 0


@every_tier
@both_sides
@everywhere
def test_isolated_bankruptcy_is_where_loss_and_closing_fee_take_the_margin(
    symbol: str, index: int, side: Side, place: str
) -> None:
    books, leg = opened(symbol, index, side, place, MarginMode.ISOLATED)
    price = F(books.bankruptcy_value_of(leg)) / F(leg.qty)
    assert abs(F(leg.initial_margin) + profit(leg, price) - F(leg.qty) * price * F(FEE)) < TINY


@every_tier
@both_sides
def test_a_takeover_in_isolated_margin_costs_exactly_the_margin(symbol: str, index: int, side: Side) -> None:
    books, leg = opened(symbol, index, side, "middle", MarginMode.ISOLATED)
    books.set_added(leg, D("123.4567"))
    before, bound = books.ledger.cash, leg.initial_margin + leg.added
    leg.market.mark = float(margin.ONE) if side is Side.BUY else 2.5 * ENTRY
    if not books.in_danger(leg):
        assert leg.leverage < 3
        return
    (step,) = next_steps(books, leg, may_reduce=False)
    assert step.kind == TAKEOVER
    assert abs(step.fee - step.qty * step.price * FEE) <= step.qty * D("0.0000001")
    books.take_over(leg, step.price, step.qty, step.fee)
    books.check_all()
    assert before - books.ledger.cash == bound
    assert books.available() == books.ledger.cash


@every_tier
@both_sides
@everywhere
def test_cross_margins(symbol: str, index: int, side: Side, place: str) -> None:
    books, leg = opened(symbol, index, side, place, MarginMode.CROSS)
    leg.market.mark = ENTRY - 0.1 if place == "middle" else ENTRY
    value = F(leg.value())
    fee = value * share(leg) * F(FEE)
    assert abs(F(books.initial_margin()) - value / F(leg.leverage) - fee) < TINY
    assert abs(F(books.maintenance_margin()) - by_brackets(leg.tiers, value) - fee) < TINY


@every_tier
@both_sides
def test_cross_liquidation_is_where_the_equity_equals_the_maintenance_margin(
    symbol: str, index: int, side: Side
) -> None:
    books, leg = opened(symbol, index, side, "middle", MarginMode.CROSS)
    books.transfer(books.initial_margin() - books.ledger.cash)

    def spare(price: Fraction) -> Fraction:
        value = F(leg.qty) * price
        return F(books.ledger.cash) + profit(leg, price) - by_brackets(leg.tiers, value) - value * share(leg) * F(FEE)

    price = liquidation_price(books, leg)
    if price is None:
        assert spare(TICK) > 0
        return
    assert spare(F(price)) <= 0
    assert spare(F(price) + TICK * signed(leg)) > 0
    leg.market.mark = float(price)
    assert books.at_risk(leg.market)
    assert endangered(books, leg.market) == [leg]


@every_tier
@both_sides
def test_a_takeover_in_cross_margin_leaves_nothing(symbol: str, index: int, side: Side) -> None:
    books, leg = opened(symbol, index, side, "middle", MarginMode.CROSS)
    books.transfer(books.maintenance_margin() - books.ledger.cash)
    (step,) = next_steps(books, leg, may_reduce=False)
    loss = F(step.qty) * (F(step.mark) - F(step.price)) * signed(leg)
    assert abs(loss + F(step.qty) * F(step.price) * F(FEE) - F(step.margin_balance)) < F(1, 10**6) * F(step.qty)
    books.take_over(leg, step.price, step.qty, step.fee)
    books.check_all()
    assert books.ledger.cash == 0
