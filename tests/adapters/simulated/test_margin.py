from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulated import margin
from daemon.core.events import RiskTier, Side
from daemon.core.units import ZERO
from tests.adapters.simulated.examples.build import BTC, FEE, D, instrument, one_tier, risk_tiers

F = Fraction
BUY, SELL = Side.BUY, Side.SELL
TIERS = risk_tiers(BTC)


def test_an_instrument_without_tiers_has_one_made_from_its_maximum_leverage() -> None:
    (tier,) = margin.tiers_of(instrument())
    assert (tier.initial_rate, tier.maintenance_rate) == (D("0.01"), D("0.005"))
    assert (tier.max_leverage, tier.deduction) == (D(100), ZERO)
    assert margin.tiers_of(None) == (tier,)
    assert margin.tiers_of(instrument(tiers=TIERS)) is TIERS


@pytest.mark.parametrize(
    ("value", "place"),
    [("0", 0), ("2000000", 0), ("2000000.01", 1), ("2600000", 1), ("1200000000", 34), ("9000000000", 34)],
)
def test_the_limit_of_a_tier_is_inclusive_and_the_last_tier_has_no_end(value: str, place: int) -> None:
    assert margin.tier_index(TIERS, D(value)) == place
    assert margin.tier_of(TIERS, D(value)) is TIERS[place]


def test_a_rebate_is_a_fee_below_zero() -> None:
    assert margin.trading_fee(D(2), D(100), D("-0.0001")) == D("-0.02")


def test_an_order_costs_its_initial_margin_and_the_fee_to_open() -> None:
    for side in Side:
        cost = margin.order_cost(side, D(1000), leverage=D(20), taker_fee=FEE)
        assert cost == margin.initial_margin(side, D(1000), leverage=D(20), taker_fee=FEE) + 1000 * FEE


def test_a_long_position_of_leverage_one_cannot_be_liquidated() -> None:
    where = {"leverage": D(1), "added": ZERO, "taker_fee": FEE}
    assert margin.bankruptcy_price(BUY, D(1), D(50_000), **where) == 0
    assert margin.liquidation_price(BUY, D(1), D(50_000), **where, tiers=TIERS) is None
    short = margin.liquidation_price(SELL, D(1), D(50_000), **where, tiers=TIERS)
    assert short is not None
    assert D(99_000) < short < margin.bankruptcy_price(SELL, D(1), D(50_000), **where) == 100_000


def test_a_short_position_whose_margin_is_gone_is_liquidated_at_any_price() -> None:
    lost = D(-60_000)
    price = margin.liquidation_price(SELL, D(1), D(50_000), leverage=D(10), added=lost, taker_fee=FEE, tiers=one_tier())
    assert price == 0
    assert margin.bankruptcy_value(SELL, D(50_000), leverage=D(10), added=lost, taker_fee=FEE) == 0


def needed(tiers: tuple[RiskTier, ...], value: Fraction) -> Fraction:
    """Maintenance margin as the largest of all tiers' lines, which is what continuous deductions make of it."""
    return max(value * F(tier.maintenance_rate) - F(tier.deduction) for tier in tiers)


@given(
    side=st.sampled_from(Side),
    thousandths=st.integers(1, 20_000_000),
    entry=st.integers(1_000, 2_000_000),
    leverage=st.integers(100, 10_000),
    added=st.integers(-40, 400),
)
def test_at_the_liquidation_price_the_margin_left_equals_the_maintenance_margin_whatever_tier_it_is_in(
    side: Side, thousandths: int, entry: int, leverage: int, added: int
) -> None:
    qty, factor = D(thousandths) / 1000, D(leverage) / 100
    value = qty * D(entry) / 10
    bound = margin.initial_margin(side, value, leverage=factor, taker_fee=FEE)
    more = (bound * D(added) / 100).quantize(D("0.0001"))
    broken = margin.bankruptcy_value(side, value, leverage=factor, added=more, taker_fee=FEE)
    price = margin.liquidation_price(side, qty, value, leverage=factor, added=more, taker_fee=FEE, tiers=TIERS)
    sign = 1 if side is BUY else -1

    def spare(at: Fraction) -> Fraction:
        left = F(bound) + F(more) + sign * (F(qty) * at - F(value))
        return left - needed(TIERS, F(qty) * at) - F(broken) * F(FEE)

    if price is None:
        assert spare(F(1, 10**9)) > 0
        return
    assert abs(spare(F(price))) < F(qty) * F(1, 10**15)
    assert spare(F(price) * (1 + sign * F(1, 10**6))) > 0


@given(
    side=st.sampled_from(Side),
    value=st.integers(1, 10**9),
    leverage=st.integers(2, 100),
    added=st.integers(-50, 80),
)
def test_at_the_bankruptcy_price_loss_and_fee_take_all_of_the_margin(
    side: Side, value: int, leverage: int, added: int
) -> None:
    terms = {"leverage": D(leverage), "taker_fee": FEE}
    bound = margin.initial_margin(side, D(value), **terms)
    more: Decimal = (bound * added / 100).quantize(D("0.0001"))
    broken = F(margin.bankruptcy_value(side, D(value), added=more, **terms))
    if not broken:
        return
    sign = 1 if side is BUY else -1
    assert abs(F(bound) + F(more) + sign * (broken - value) - broken * F(FEE)) < F(1, 10**17)
