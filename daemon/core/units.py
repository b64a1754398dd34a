"""Numbers and time: the only module that turns market data (float64) into money (Decimal).

Market data is float64 exactly as parsed. Money, and whatever goes to a venue, is `Decimal` on the instrument's
tick and step grid, computed under the one pinned context `MONEY`: never with operators, which would obey the thread's
own context, which strategy code can change (comparisons are exact under any). Time is integer nanoseconds UTC.
"""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_DOWN, ROUND_FLOOR, ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

from daemon.core.errors import InvariantBroken

MONEY = Context(prec=34, rounding=ROUND_HALF_EVEN)
ZERO = Decimal(0)

add = MONEY.add
subtract = MONEY.subtract
multiply = MONEY.multiply
divide = MONEY.divide

# Every amount of money lies on this grid, so that sums of up to 10**16 USDT are exact in the 34 digits of MONEY.
CASH_GRID = Decimal("1E-18")

NS_PER_MS = 1_000_000
NS_PER_SECOND = 1_000_000_000
NS_PER_MINUTE = 60 * NS_PER_SECOND
NS_PER_HOUR = 60 * NS_PER_MINUTE
NS_PER_DAY = 24 * NS_PER_HOUR
NEVER = 2**63 - 1


def to_decimal(value: float) -> Decimal:
    """Convert market data to money by its shortest text, so 0.1 becomes Decimal("0.1"); subclasses of float too.

    Raises:
        InvariantBroken: the value is not finite; a decoder let it through.
    """
    if not math.isfinite(value):
        raise InvariantBroken(f"a number that is not finite reached the money boundary: {value!r}")
    return Decimal(repr(float(value)))


def to_cash(amount: Decimal) -> Decimal:
    """Round an amount of USDT half-even to the grid on which sums are exact."""
    rounded = MONEY.quantize(amount, CASH_GRID)
    return amount if amount == rounded else rounded  # what lies on the grid keeps its shorter text


def round_to_grid(value: Decimal, grid: Decimal, rounding: str) -> Decimal:
    """Return the multiple of `grid` next to `value` in the direction of a decimal rounding mode."""
    return multiply(divide(value, grid).to_integral_value(rounding=rounding), grid)


def floor_qty(qty: Decimal, step: Decimal) -> Decimal:
    """Cut a quantity down to the step grid, towards zero; the sign is kept."""
    return round_to_grid(qty, step, ROUND_DOWN)


def price_down(price: Decimal, tick: Decimal) -> Decimal:
    """Largest price on the tick grid that is not above `price`."""
    return round_to_grid(price, tick, ROUND_FLOOR)


def price_up(price: Decimal, tick: Decimal) -> Decimal:
    """Smallest price on the tick grid that is not below `price`."""
    return round_to_grid(price, tick, ROUND_CEILING)


def on_grid(value: Decimal, grid: Decimal) -> bool:
    """Whether `value` is an exact multiple of `grid`; no number of more than 34 digits in `grid` units is."""
    try:
        return MONEY.remainder(value, grid) == 0
    except InvalidOperation:
        return False


def utc_day(ts: int) -> int:
    """Days since 1970-01-01 UTC of a time in nanoseconds."""
    return ts // NS_PER_DAY
