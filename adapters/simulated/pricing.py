"""Prices that orders are judged by: references, the price band, the bound of a market order, the path through a bar.

Assumptions:
- The mean premium in the price band is the premium of this moment; the venue averages 30 samples, one a second.
- A market order without a tolerance is bound by the price band, and by 5 % around the mark price where the ratios of
  the band are not known.
- Within a bar the price went from the open first to the extreme that lies nearer to it, then to the other one, then to
  the close; when both are as near, the low came first.

Known limits:
- A book that flickers moves the band more than the venue's average would let it.
- A bar may have reached its extremes in the other order, or several times.
"""

from __future__ import annotations

from decimal import Decimal

from daemon.core.events import Bar, Instrument, Side
from daemon.core.market import Market
from daemon.core.orders import Tolerance
from daemon.core.records import TriggerBy
from daemon.core.units import ZERO, add, divide, multiply, price_down, price_up, subtract, to_decimal

MARKET_BAND = Decimal("0.05")
ONE = Decimal(1)
TWO = Decimal(2)
HUNDRED = Decimal(100)


def reference(market: Market, by: TriggerBy) -> float:
    """Last, mark or index price of a symbol, USDT; 0.0 while it is not known.

    The mark price is the last price until the venue gives one, see `Market`; the index price has no substitute.
    """
    if by is TriggerBy.MARK:
        return market.mark
    return market.index if by is TriggerBy.INDEX else market.last


def touch(market: Market, side: Side) -> float:
    """The best price a taker of `side` meets, USDT; 0.0 when unknown."""
    return market.ask if side is Side.BUY else market.bid


def hoped_for(market: Market, side: Side) -> Decimal:
    """The price a taker of `side` hopes for, USDT: the touch, or the mark while there is none."""
    price = touch(market, side)
    return to_decimal(price if price > 0.0 else market.mark)


def band(market: Market) -> tuple[Decimal, Decimal] | None:
    """The highest price of a buy and the lowest of a sell, USDT on the tick grid, rounded into the band.

    With mark price M, index price I, the ratios X and Y of the instrument and the premium P of the middle of the touch
    over the mark price: highest buy = min(M (1 + Y), max(I, M (1 + X) + max(0, P))), lowest sell = max(M (1 - Y),
    min(I, M (1 - X) + min(0, P))). An unknown index price is left out, an unknown touch has no premium.

    Returns:
        None when the instrument has no ratios or the mark price is not known.

    Source: Bybit help centre, "Order Price Limit Rules" (in force since 2026-05-26).
    """
    instrument = market.instrument
    if instrument is None or instrument.price_limit_ratio_x is None or instrument.price_limit_ratio_y is None:
        return None
    if market.mark <= 0.0:
        return None
    x, y = instrument.price_limit_ratio_x, instrument.price_limit_ratio_y
    mark, premium = to_decimal(market.mark), _premium(market)
    highest = add(multiply(mark, add(ONE, x)), max(ZERO, premium))
    lowest = add(multiply(mark, subtract(ONE, x)), min(ZERO, premium))
    if market.index > 0.0:
        index = to_decimal(market.index)
        highest, lowest = max(index, highest), min(index, lowest)
    highest = min(multiply(mark, add(ONE, y)), highest)
    lowest = max(multiply(mark, subtract(ONE, y)), lowest)
    return _inside(Side.BUY, highest, instrument), _inside(Side.SELL, lowest, instrument)


def protective_price(market: Market, side: Side, tolerance: Tolerance | None) -> Decimal | None:
    """The price beyond which a market order is not executed, USDT on the tick grid, at least one tick.

    With a tolerance, best ask plus (buy) or best bid less (sell) so many ticks or percent of it. Without one, or while
    there is no touch, the price band; without a band `MARKET_BAND` around the mark price, or else around the last
    price, or else the touch.

    Returns:
        None when no price of the symbol is known at all, or no instrument.

    Source: Bybit v5 docs, "Place Order" (market orders become IOC limit orders); help centre, "Slippage Tolerance".
    """
    instrument = market.instrument
    if instrument is None:
        return None
    best = touch(market, side)
    if tolerance is not None and best > 0.0:
        return _tolerated(to_decimal(best), side, tolerance, instrument)
    limits = band(market)
    if limits is not None:
        return limits[0] if side is Side.BUY else limits[1]
    anchor = market.mark or market.last or best
    return _away(to_decimal(anchor), side, MARKET_BAND, instrument) if anchor > 0.0 else None


def path(bar: Bar) -> tuple[float, float, float, float]:
    """The four points the price is taken to have gone through within a bar, USDT, in order; straight in between.

    Open, the extreme nearer to the open (the low when both are as near), the other extreme, close.
    """
    if bar.open - bar.low <= bar.high - bar.open:
        return bar.open, bar.low, bar.high, bar.close
    return bar.open, bar.high, bar.low, bar.close


def _premium(market: Market) -> Decimal:
    if market.bid <= 0.0 or market.ask <= 0.0:
        return ZERO
    middle = divide(add(to_decimal(market.ask), to_decimal(market.bid)), TWO)
    return subtract(middle, to_decimal(market.mark))


def _tolerated(best: Decimal, side: Side, tolerance: Tolerance, instrument: Instrument) -> Decimal:
    if tolerance.percent is not None:
        return _away(best, side, divide(tolerance.percent, HUNDRED), instrument)
    distance = multiply(instrument.tick, Decimal(tolerance.ticks or 0))
    return _inside(side, add(best, distance) if side is Side.BUY else subtract(best, distance), instrument)


def _away(price: Decimal, side: Side, fraction: Decimal, instrument: Instrument) -> Decimal:
    factor = add(ONE, fraction) if side is Side.BUY else subtract(ONE, fraction)
    return _inside(side, multiply(price, factor), instrument)


def _inside(side: Side, bound: Decimal, instrument: Instrument) -> Decimal:
    """The bound on the tick grid, rounded to the stricter side, but never below one tick."""
    tick = instrument.tick
    return max(tick, price_down(bound, tick) if side is Side.BUY else price_up(bound, tick))
