from __future__ import annotations

from math import inf

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from adapters.simulated.leg import leg_key
from daemon.core.events import Side
from daemon.core.orders import PositionIdx
from daemon.core.venue import MarginMode
from tests.adapters.simulated.examples.build import BTC, D, account, fill, market, one_tier, position, risk_tiers

BUY, SELL = Side.BUY, Side.SELL


def test_a_position_is_named_by_its_symbol_and_in_hedge_mode_by_its_side() -> None:
    assert [leg_key(BTC, idx) for idx in PositionIdx] == ["BTCUSDT", "BTCUSDT#1", "BTCUSDT#2"]


def test_a_position_without_a_mark_price_is_worth_its_entry() -> None:
    where = market(mark=0.0)
    books = account(mode=MarginMode.CROSS)
    fill(books, where, BUY, "2", "100")
    leg = position(books, where)
    assert leg.value() == 200
    assert leg.unrealised() == 0
    assert not books.at_risk(where)
    assert books.equity_estimate() == 10_000.0
    where.mark = 110.0
    assert not books.at_risk(where)
    assert leg.unrealised() == 20
    assert books.equity_estimate() == 10_020.0


def test_the_liquidation_price_is_the_first_on_the_tick_grid_that_liquidates() -> None:
    for side, expected in ((BUY, "39396.9"), (SELL, "40597.1")):  # 39396.98... and 40597.01...
        where, books = market(mark=40_000.0), account(leverage="50")
        fill(books, where, side, "1", "40000")
        leg = position(books, where)
        assert leg.liquidation_price == D(expected)
        where.mark = float(expected)
        assert books.in_danger(leg)
        assert books.at_risk(where)
        where.mark += 0.1 if side is BUY else -0.1
        assert not books.in_danger(leg)


def test_a_flat_position_and_one_in_cross_margin_have_no_liquidation_price() -> None:
    where, books = market(), account(mode=MarginMode.CROSS)
    assert position(books, where).liquidation_price is None
    fill(books, where, BUY, "1", "50000")
    assert position(books, where).liquidation_price is None


def test_new_risk_tiers_count_from_the_moment_they_are_known() -> None:
    where, books = market(mark=46_000.0, tiers=one_tier("0.005")), account()
    fill(books, where, BUY, "1", "50000")
    leg = position(books, where)
    assert not books.at_risk(where)
    assert where.instrument is not None
    where.instrument = replace(where.instrument, risk_tiers=one_tier("0.03"))
    assert books.at_risk(where)
    assert leg.liquidation_price is not None
    assert leg.liquidation_price > 46_000
    assert leg.tier().maintenance_rate == D("0.03")


@given(side=st.sampled_from(Side), mark=st.integers(1, 4_000_000))
def test_the_fast_test_never_misses_what_the_exact_one_finds(side: Side, mark: int) -> None:
    where, books = market(tiers=risk_tiers(BTC)), account("1000000", leverage="5")
    fill(books, where, side, "60.007", "50000.1")
    leg = position(books, where)
    where.mark = mark / 10
    assert leg.endangered(where.mark) or not books.in_danger(leg)
    assert leg.low < leg.high
    assert (leg.high if side is BUY else leg.low) in {inf, -inf}


@given(side=st.sampled_from(Side), mark=st.integers(1, 60_000_000), qty=st.integers(1, 90_000))
def test_the_float_numbers_are_those_of_the_exact_formulas_in_every_tier(side: Side, mark: int, qty: int) -> None:
    where, books = market(mark=40_000.0, tiers=risk_tiers(BTC)), account(mode=MarginMode.CROSS)
    fill(books, where, side, D(qty) / 1000, "40000")
    leg = position(books, where)
    where.mark = mark / 10
    seen = leg.look(where.mark)
    slack = 1e-11 * (seen.value + 1.0)
    assert abs(seen.value - float(leg.value())) <= slack
    assert abs(seen.need - float(books.maintenance_margin_of(leg))) <= slack
    assert abs(seen.bound - float(books.initial_margin_of(leg))) <= slack
    assert abs(seen.pnl - float(leg.unrealised())) <= slack + 1e-11 * qty * 40
