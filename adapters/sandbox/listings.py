"""What the sandbox lists: instrument rules of the symbols it can play.

Values are plausible ones of Bybit's linear perpetuals, not today's. Where the recorded Binance prices have a finer tick
than Bybit's, the finer one stands here, so that every recorded price is on the grid. The text form of a `Decimal` here
is the text form on the wire: tick 0.10 prints prices with two decimals.
Source of the fields: Bybit v5 docs, "Get Instruments Info" and "Get Risk Limit".
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from msgspec import Struct

from adapters.sandbox.risk_tiers import tiers_of
from daemon.core.errors import ConfigError
from daemon.core.events import Instrument


class Listing(Struct, frozen=True, kw_only=True):
    """An instrument with what only an exchange says about it.

    max_price is in USDT; launch_ms is milliseconds UTC.
    """

    instrument: Instrument
    base_coin: str
    symbol_id: int
    max_price: Decimal
    launch_ms: int = 1_585_526_400_000

    @property
    def symbol(self) -> str:
        """Name of the contract, such as BTCUSDT."""
        return self.instrument.symbol

    def info(self) -> dict[str, object]:
        """Item of `/v5/market/instruments-info`, complete enough for ccxt to build its market."""
        spec = self.instrument
        return {
            "symbol": spec.symbol,
            "symbolId": self.symbol_id,
            "contractType": "LinearPerpetual",
            "status": spec.status,
            "baseCoin": self.base_coin,
            "quoteCoin": "USDT",
            "settleCoin": "USDT",
            "launchTime": str(self.launch_ms),
            "deliveryTime": "0",
            "deliveryFeeRate": "",
            "priceScale": str(decimals_of(spec.tick)),
            "leverageFilter": {
                "minLeverage": f"{spec.min_leverage}",
                "maxLeverage": f"{spec.max_leverage:.2f}",
                "leverageStep": f"{spec.leverage_step}",
            },
            "priceFilter": {"minPrice": f"{spec.tick}", "maxPrice": f"{self.max_price}", "tickSize": f"{spec.tick}"},
            "lotSizeFilter": {
                "minNotionalValue": f"{spec.min_notional}",
                "maxOrderQty": f"{spec.max_qty}",
                "maxMktOrderQty": f"{spec.max_market_qty}",
                "minOrderQty": f"{spec.min_qty}",
                "qtyStep": f"{spec.step}",
                "postOnlyMaxOrderQty": f"{spec.max_qty}",
            },
            "unifiedMarginTrade": True,
            "fundingInterval": spec.funding_interval_min,
            "copyTrading": "both",
            "upperFundingRate": text_of(spec.upper_funding_rate),
            "lowerFundingRate": text_of(spec.lower_funding_rate),
            "displayName": "",
            "isPreListing": False,
            "preListingInfo": None,
            "riskParameters": {
                "priceLimitRatioX": text_of(spec.price_limit_ratio_x),
                "priceLimitRatioY": text_of(spec.price_limit_ratio_y),
            },
            "symbolType": "",
            "forbidUplWithdrawal": False,
        }

    def risk_limits(self) -> list[dict[str, object]]:
        """Items of `/v5/market/risk-limit`, lowest first; ids are our own."""
        return [
            {
                "id": self.symbol_id * 1000 + place,
                "symbol": self.symbol,
                "riskLimitValue": f"{tier.limit}",
                "maintenanceMargin": f"{tier.maintenance_rate}",
                "initialMargin": f"{tier.initial_rate}",
                "isLowestRisk": int(place == 1),
                "maxLeverage": f"{tier.max_leverage:.2f}",
                "mmDeduction": f"{tier.deduction}" if place > 1 else "",
            }
            for place, tier in enumerate(self.instrument.risk_tiers, start=1)
        ]


class Grid(Struct, frozen=True):
    """Integers to text: prices as counts of ticks, sizes as counts of lots (steps).

    price_decimals is what books, trades and tickers print; kline_decimals drops the tick's trailing zeros, as Bybit
    prints the same price differently on different topics.
    """

    tick: float
    step: float
    price_decimals: int
    kline_decimals: int
    lot_decimals: int

    def price(self, ticks: float) -> str:
        """Text of a price given in ticks."""
        return f"{ticks * self.tick:.{self.price_decimals}f}"

    def kline_price(self, ticks: int) -> str:
        """Text of the same price on the kline topic."""
        return f"{ticks * self.tick:.{self.kline_decimals}f}"

    def size(self, lots: int) -> str:
        """Text of a size given in lots."""
        return f"{lots * self.step:.{self.lot_decimals}f}"

    def ticks(self, price: str) -> int:
        """Count of ticks next to a price's text."""
        return round(float(price) / self.tick)

    def lots(self, size: str) -> int:
        """Count of lots next to a size's text."""
        return round(float(size) / self.step)


def grid_of(spec: Instrument) -> Grid:
    """The grid of an instrument."""
    return Grid(
        tick=float(spec.tick),
        step=float(spec.step),
        price_decimals=decimals_of(spec.tick),
        kline_decimals=decimals_of(spec.tick.normalize()),
        lot_decimals=decimals_of(spec.step),
    )


def decimals_of(value: Decimal) -> int:
    """Digits behind the point in the plain text of `value`."""
    return len(f"{value:f}".partition(".")[2])


def text_of(value: Decimal | None) -> str:
    """Text of a number on the wire; empty for one that is not known."""
    return "" if value is None else f"{value:f}"


def listings_of(symbols: Iterable[str]) -> dict[str, Listing]:
    """Look up listings by symbol, in the given order.

    Raises:
        ConfigError: a symbol is not in the table.
    """
    chosen: dict[str, Listing] = {}
    for symbol in symbols:
        if symbol not in LISTINGS:
            raise ConfigError(
                f"sandbox: no instrument rules for {symbol}",
                cure=f"Choose among {', '.join(LISTINGS)}, or pass a Listing of your own.",
            )
        chosen[symbol] = LISTINGS[symbol]
    return chosen


def _listing(
    symbol_id: int, symbol: str, *, tick: str, step: str, max_qty: str, max_market_qty: str, max_price: str
) -> Listing:
    instrument = Instrument(
        symbol=symbol,
        tick=Decimal(tick),
        step=Decimal(step),
        min_qty=Decimal(step),
        max_qty=Decimal(max_qty),
        max_market_qty=Decimal(max_market_qty),
        price_limit_ratio_x=Decimal("0.01"),
        price_limit_ratio_y=Decimal("0.02"),
        upper_funding_rate=Decimal("0.00375"),
        lower_funding_rate=Decimal("-0.00375"),
        risk_tiers=tiers_of(symbol),
    )
    return Listing(
        instrument=instrument, base_coin=symbol.removesuffix("USDT"), symbol_id=symbol_id, max_price=Decimal(max_price)
    )


LISTINGS: dict[str, Listing] = {
    listing.symbol: listing
    for listing in (
        _listing(
            5, "BTCUSDT", tick="0.10", step="0.001",
            max_qty="1190.000", max_market_qty="500.000", max_price="1999999.80",
        ),
        _listing(
            7, "ETHUSDT", tick="0.01", step="0.01",
            max_qty="7240.00", max_market_qty="1500.00", max_price="199999.98",
        ),
        _listing(
            44, "SOLUSDT", tick="0.010", step="0.1",
            max_qty="79770.0", max_market_qty="15950.0", max_price="19999.980",
        ),
        _listing(
            10, "XRPUSDT", tick="0.0001", step="0.1",
            max_qty="2580000.0", max_market_qty="516000.0", max_price="1999.9998",
        ),
        _listing(
            12, "ADAUSDT", tick="0.0001", step="1",
            max_qty="3500000", max_market_qty="700000", max_price="1999.9998",
        ),
        _listing(
            22, "DOGEUSDT", tick="0.00001", step="1",
            max_qty="15900000", max_market_qty="3180000", max_price="199.99998",
        ),
        _listing(
            17, "LINKUSDT", tick="0.001", step="0.1",
            max_qty="76600.0", max_market_qty="15320.0", max_price="19999.998",
        ),
        _listing(
            26, "BNBUSDT", tick="0.010", step="0.01",
            max_qty="2700.00", max_market_qty="540.00", max_price="19999.990",
        ),
    )
}  # fmt: skip
