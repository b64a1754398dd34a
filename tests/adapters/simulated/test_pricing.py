from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.simulated.pricing import band, path, protective_price, reference
from daemon.core.events import Side
from daemon.core.market import Market
from daemon.core.orders import Tolerance
from daemon.core.records import TriggerBy
from daemon.core.units import on_grid
from tests.daemon.core.build import BTC, bar, instrument, quote, ticker, trade

D = Decimal
RATIOS: dict[str, Any] = {"price_limit_ratio_x": D("0.01"), "price_limit_ratio_y": D("0.02")}
PRICES = st.integers(1, 2_000_000).map(lambda tenths: tenths / 10)


def market(*, mark: float = 0.0, index: float = 0.0, bid: float = 0.0, ask: float = 0.0, **spec: Any) -> Market:
    made = Market(BTC)
    made.instrument = instrument(**spec)
    made.mark, made.index = mark, index
    made.apply_quote(quote(bid, ask))
    return made


def test_a_trigger_is_judged_by_the_price_of_its_kind() -> None:
    known = Market(BTC)
    known.apply_trade(trade(100.0))
    known.apply_ticker(ticker(mark=101.0, index=102.0))
    assert [reference(known, by) for by in (TriggerBy.LAST, TriggerBy.MARK, TriggerBy.INDEX)] == [100.0, 101.0, 102.0]


def test_the_mark_price_follows_the_last_one_until_the_venue_gives_it_and_an_unknown_index_is_zero() -> None:
    known = Market(BTC)
    assert reference(known, TriggerBy.LAST) == 0.0
    known.apply_trade(trade(100.0))
    assert reference(known, TriggerBy.MARK) == 100.0
    assert reference(known, TriggerBy.INDEX) == 0.0


@pytest.mark.parametrize(("index", "bid", "ask", "highest", "lowest"), [
    (50_000.0, 49_999.9, 50_000.1, "50500", "49500"),  # no premium: X on either side
    (50_000.0, 50_099.9, 50_100.1, "50600", "49500"),  # a premium of 100 lifts the highest buy only
    (50_000.0, 49_899.9, 49_900.1, "50500", "49400"),  # a discount of 100 lowers the lowest sell only
    (50_800.0, 49_999.9, 50_000.1, "50800", "49500"),  # the index lies above: buys may go there
    (49_200.0, 49_999.9, 50_000.1, "50500", "49200"),  # the index lies below: sells may go there
    (53_000.0, 50_999.9, 51_000.1, "51000", "49500"),  # never beyond Y
    (47_000.0, 48_999.9, 49_000.1, "50500", "49000"),
    (0.0, 0.0, 0.0, "50500", "49500"),  # neither index nor touch known
])  # fmt: skip
def test_the_band_follows_mark_index_and_premium(
    index: float, bid: float, ask: float, highest: str, lowest: str
) -> None:
    assert band(market(mark=50_000.0, index=index, bid=bid, ask=ask, **RATIOS)) == (D(highest), D(lowest))


def test_the_band_is_rounded_inwards_to_the_tick() -> None:
    assert band(market(mark=100.07, **RATIOS)) == (D("101.0"), D("99.1"))  # 101.0707 and 99.0693


def test_without_ratios_or_a_mark_price_there_is_no_band() -> None:
    assert band(market(mark=100.0)) is None
    assert band(market(mark=100.0, price_limit_ratio_x=D("0.01"))) is None
    assert band(market(bid=99.9, ask=100.1, **RATIOS)) is None
    assert band(Market(BTC)) is None


def test_a_tolerance_is_counted_from_the_touch() -> None:
    """The example of Bybit's page "Slippage Tolerance": best ask 2100, best bid 2000, tolerance 0.1."""
    known = market(bid=2000.0, ask=2100.0, mark=2050.0)
    assert protective_price(known, Side.BUY, Tolerance(ticks=1)) == D("2100.1")
    assert protective_price(known, Side.SELL, Tolerance(ticks=1)) == D("1999.9")
    assert protective_price(known, Side.BUY, Tolerance(percent=D("0.05"))) == D("2101.0")  # 2101.05
    assert protective_price(known, Side.SELL, Tolerance(percent=D("0.05"))) == D("1999.0")
    assert protective_price(known, Side.SELL, Tolerance(percent=D("0.01"))) == D("1999.8")
    assert protective_price(known, Side.SELL, Tolerance(percent=D("0.033"))) == D("1999.4")  # 1999.34


def test_a_tolerance_never_reaches_down_to_zero() -> None:
    assert protective_price(market(bid=0.5, ask=0.6), Side.SELL, Tolerance(ticks=10_000)) == D("0.1")


def test_without_a_tolerance_or_a_touch_the_band_binds_and_without_a_band_five_percent_of_mark() -> None:
    banded = market(mark=50_000.0, bid=49_999.9, ask=50_000.1, **RATIOS)
    assert protective_price(banded, Side.BUY, None) == 50_500
    assert protective_price(banded, Side.SELL, None) == 49_500
    blind = market(mark=50_000.0, **RATIOS)
    assert protective_price(blind, Side.BUY, Tolerance(ticks=1)) == 50_500
    assert protective_price(market(mark=100.0), Side.BUY, None) == 105
    assert protective_price(market(mark=100.0), Side.SELL, Tolerance(ticks=1)) == 95


def test_a_market_order_is_bound_by_whatever_price_is_known() -> None:
    assert protective_price(market(bid=99.0, ask=100.0), Side.BUY, None) == 105
    assert protective_price(market(bid=100.0, ask=101.0), Side.SELL, None) == 95
    assert protective_price(market(), Side.BUY, None) is None
    assert protective_price(Market(BTC), Side.BUY, None) is None


@given(PRICES, PRICES, PRICES, st.integers(0, 1000), st.sampled_from(list(Side)))
def test_bounds_lie_on_the_tick_above_zero_and_within_y_of_the_mark(
    mark: float, index: float, bid: float, spread: int, side: Side
) -> None:
    known = market(mark=mark, index=index, bid=bid, ask=round(bid + spread / 10, 1), **RATIOS)
    limits = band(known)
    assert limits is not None
    highest, lowest = limits
    for price in (highest, lowest, protective_price(known, side, None)):
        assert price is not None
        assert price >= D("0.1")
        assert on_grid(price, D("0.1"))
    assert highest <= max(D("0.1"), D(repr(mark)) * D("1.02"))
    assert lowest >= D(repr(mark)) * D("0.98")


@pytest.mark.parametrize(("low", "high", "points"), [
    (98.0, 105.0, (100.0, 98.0, 105.0, 101.0)),
    (90.0, 105.0, (100.0, 105.0, 90.0, 101.0)),
    (95.0, 105.0, (100.0, 95.0, 105.0, 101.0)),  # as near: the low first
    (100.0, 105.0, (100.0, 100.0, 105.0, 101.0)),
])  # fmt: skip
def test_the_path_goes_to_the_nearer_extreme_first(
    low: float, high: float, points: tuple[float, float, float, float]
) -> None:
    assert path(bar(101.0, open_=100.0, low=low, high=high)) == points
