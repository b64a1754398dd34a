"""The price band of a symbol, made of its current ticker.

Source: Bybit v5 docs, "Get Order Price Limit"; the formula is that of `adapters.simulated.pricing`, which the orders of
a simulated account are judged by too.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from adapters.sandbox.listings import Listing
from adapters.simulated.pricing import band
from daemon.core.events import Ticker
from daemon.core.market import Market


def price_limits(listing: Listing, ticker: Mapping[str, str]) -> tuple[Decimal, Decimal] | None:
    """(highest buy, lowest sell), USDT on the tick grid; None while there is no mark price.

    Args:
        listing: its instrument says tick and ratios.
        ticker: fields of the `tickers` topic as text.
    """
    market = Market(listing.symbol)
    market.instrument = listing.instrument
    market.apply_ticker(
        Ticker(
            listing.symbol,
            0,
            mark=_number(ticker, "markPrice"),
            index=_number(ticker, "indexPrice"),
            last=_number(ticker, "lastPrice"),
            bid=_number(ticker, "bid1Price"),
            ask=_number(ticker, "ask1Price"),
        )
    )
    return band(market)


def _number(ticker: Mapping[str, str], name: str) -> float | None:
    text = ticker.get(name, "")
    return float(text) if text else None
