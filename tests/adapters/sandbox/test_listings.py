from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from adapters.sandbox.listings import LISTINGS, decimals_of, grid_of, listings_of
from daemon.core.errors import ConfigError
from daemon.core.units import on_grid


def test_every_listing_is_consistent_with_its_own_grid() -> None:
    for listing in LISTINGS.values():
        spec = listing.instrument
        assert on_grid(listing.max_price, spec.tick)
        assert all(on_grid(qty, spec.step) for qty in (spec.min_qty, spec.max_qty, spec.max_market_qty))


def test_an_item_of_instruments_info_has_every_field_that_bybit_documents() -> None:
    item = LISTINGS["BTCUSDT"].info()
    assert set(item) == {
        "symbol",
        "symbolId",
        "contractType",
        "status",
        "baseCoin",
        "quoteCoin",
        "settleCoin",
        "launchTime",
        "deliveryTime",
        "deliveryFeeRate",
        "priceScale",
        "leverageFilter",
        "priceFilter",
        "lotSizeFilter",
        "unifiedMarginTrade",
        "fundingInterval",
        "copyTrading",
        "upperFundingRate",
        "lowerFundingRate",
        "displayName",
        "isPreListing",
        "preListingInfo",
        "riskParameters",
        "symbolType",
        "forbidUplWithdrawal",
    }
    assert item["priceFilter"] == {"minPrice": "0.10", "maxPrice": "1999999.80", "tickSize": "0.10"}
    assert item["lotSizeFilter"] == {
        "minNotionalValue": "5",
        "maxOrderQty": "1190.000",
        "maxMktOrderQty": "500.000",
        "minOrderQty": "0.001",
        "qtyStep": "0.001",
        "postOnlyMaxOrderQty": "1190.000",
    }
    assert item["leverageFilter"] == {"minLeverage": "1", "maxLeverage": "100.00", "leverageStep": "0.01"}
    assert item["riskParameters"] == {"priceLimitRatioX": "0.01", "priceLimitRatioY": "0.02"}
    assert (item["upperFundingRate"], item["lowerFundingRate"]) == ("0.00375", "-0.00375")


def test_what_an_instrument_does_not_know_is_empty_text() -> None:
    listing = LISTINGS["BTCUSDT"]
    bare = replace(listing.instrument, price_limit_ratio_x=None, upper_funding_rate=None)
    item = replace(listing, instrument=bare).info()
    assert item["riskParameters"] == {"priceLimitRatioX": "", "priceLimitRatioY": "0.02"}
    assert item["upperFundingRate"] == ""


def test_an_unknown_symbol_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="BTCUSDT"):
        listings_of(["NOSUCHUSDT"])


@given(st.sampled_from(sorted(LISTINGS)), st.integers(1, 1_500_000), st.integers(0, 10_000_000))
def test_text_of_ticks_and_lots_is_exact_and_reads_back(symbol: str, ticks: int, lots: int) -> None:
    spec = LISTINGS[symbol].instrument
    grid = grid_of(spec)
    assert Decimal(grid.price(ticks)) == spec.tick * ticks
    assert Decimal(grid.kline_price(ticks)) == spec.tick * ticks
    assert Decimal(grid.size(lots)) == spec.step * lots
    assert (grid.ticks(grid.price(ticks)), grid.lots(grid.size(lots))) == (ticks, lots)


def test_the_same_price_is_printed_with_other_zeros_on_the_kline_topic() -> None:
    grid = grid_of(LISTINGS["BTCUSDT"].instrument)
    assert (grid.price(840_175), grid.kline_price(840_175)) == ("84017.50", "84017.5")


@pytest.mark.parametrize(("text", "digits"), [("0.10", 2), ("0.001", 3), ("1", 0), ("5E+1", 0)])
def test_decimals_count_the_digits_of_plain_text(text: str, digits: int) -> None:
    assert decimals_of(Decimal(text)) == digits
