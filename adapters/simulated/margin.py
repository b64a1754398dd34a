"""Margin: the formulas of USDT linear perpetuals. Pure: Decimal in, Decimal out.

Its one job: what a position or an order binds, needs and breaks at. Symbols below: q quantity, E average entry, M mark,
L leverage, c taker fee rate, s = +1 long or -1 short, A margin added by hand (below zero when funding took from it),
m and D rate and deduction of the risk tier. `value` is q * E (isolated margin keeps the entry) or q * M (cross margin
follows the mark); `side` is the position's: BUY for a long one.

    fee to close       F  = value (1 - s/L) c
    initial margin     IM = value / L + F
    order cost            = value / L + value c + F                        value at the order's price
    maintenance margin MM = q M m - D + F
    bankruptcy price   B  = E (1 - s/L) - s A / (q (1 - s c))
    liquidation price  LP = (B q - s D) / (q (1 - s m))

At B the loss and the fee of closing there take exactly IM + A; at LP the margin left equals MM. With margin added, F is
taken at the bankruptcy price as it then is: that is where the factor 1 - s c comes from, and F cancels in LP.
Sources: Bybit help centre, "The New Margin Calculation: Adjustments and Implications", "Trading Rules: Liquidation
Process (UTA)", "Bankruptcy Price (USDT Contract)", "Order Cost (USDT Contract)", "Maintenance Margin (USDT Contract)".

Assumptions:
- Amounts are rounded once, half-even, to the cash grid (1e-18 USDT); prices to the same digits.
- The tier is that of the position's value at mark. The deductions make MM continuous and convex in the value, so a
  position is liquidated where its margin meets the MM of the tier *of that price*. This is what `liquidation_price`
  gives; Bybit shows the price by the tier of the present mark, which moves here as the mark does.
- Without risk tiers there is one: initial rate 1 / maximum leverage, maintenance rate half of it.

Known limits: the higher of mark and order price that Bybit may take for an order's cost is not modelled; the order's
own price counts.
"""

from __future__ import annotations

from bisect import bisect_left
from decimal import Decimal
from operator import attrgetter

from daemon.core.events import Instrument, RiskTier, Side
from daemon.core.units import ZERO, add, divide, multiply, subtract, to_cash

ONE = Decimal(1)
MINUS_ONE = Decimal(-1)
TWO = Decimal(2)
BUY = Side.BUY
UNBOUNDED = Decimal("1E+15")
DEFAULT_MAX_LEVERAGE = Decimal(100)

_limit = attrgetter("limit")


def sign(side: Side) -> Decimal:
    """+1 for a long position (BUY), -1 for a short one."""
    return ONE if side is BUY else MINUS_ONE


def tiers_of(instrument: Instrument | None) -> tuple[RiskTier, ...]:
    """Risk tiers of an instrument, lowest first; a single one made from its maximum leverage when it has none."""
    if instrument is not None and instrument.risk_tiers:
        return instrument.risk_tiers
    leverage = DEFAULT_MAX_LEVERAGE if instrument is None else instrument.max_leverage
    initial = divide(ONE, leverage)
    return (RiskTier(UNBOUNDED, divide(initial, TWO), initial, leverage),)


def tier_index(tiers: tuple[RiskTier, ...], value: Decimal) -> int:
    """Place of the tier of a position value, USDT; limits are inclusive, the last tier has no end."""
    return bisect_left(tiers, value, 0, len(tiers) - 1, key=_limit)


def tier_of(tiers: tuple[RiskTier, ...], value: Decimal) -> RiskTier:
    """The tier of a position value, USDT."""
    return tiers[tier_index(tiers, value)]


def trading_fee(qty: Decimal, price: Decimal, rate: Decimal) -> Decimal:
    """Fee of an execution, USDT; below zero for a rebate. Source: Bybit help centre, "Trading Fee Structure"."""
    return to_cash(multiply(multiply(qty, price), rate))


def fee_to_close(side: Side, value: Decimal, *, leverage: Decimal, taker_fee: Decimal) -> Decimal:
    """Fee of closing at the bankruptcy price without added margin, USDT."""
    rate = multiply(subtract(leverage, sign(side)), taker_fee)
    return to_cash(divide(multiply(value, rate), leverage))


def initial_margin(side: Side, value: Decimal, *, leverage: Decimal, taker_fee: Decimal) -> Decimal:
    """What a position binds, USDT: its share of the value and the fee to close."""
    rate = add(ONE, multiply(subtract(leverage, sign(side)), taker_fee))
    return to_cash(divide(multiply(value, rate), leverage))


def order_cost(side: Side, value: Decimal, *, leverage: Decimal, taker_fee: Decimal) -> Decimal:
    """What an order that opens a position of `side` binds, USDT: initial margin and the fee to open."""
    rate = add(ONE, multiply(subtract(multiply(TWO, leverage), sign(side)), taker_fee))
    return to_cash(divide(multiply(value, rate), leverage))


def maintenance_margin(value: Decimal, tier: RiskTier, fee: Decimal) -> Decimal:
    """What a position of `value` USDT at mark must have left; `fee` is its fee to close."""
    return to_cash(add(subtract(multiply(value, tier.maintenance_rate), tier.deduction), fee))


def bankruptcy_value(side: Side, value: Decimal, *, leverage: Decimal, added: Decimal, taker_fee: Decimal) -> Decimal:
    """Value of the position at its bankruptcy price, USDT, never below zero; `value` is that at entry."""
    signed = sign(side)
    at_zero = subtract(value, divide(multiply(value, signed), leverage))
    if not added:
        return max(ZERO, to_cash(at_zero))
    shift = divide(multiply(signed, added), subtract(ONE, multiply(signed, taker_fee)))
    return max(ZERO, to_cash(subtract(at_zero, shift)))


def bankruptcy_price(
    side: Side, qty: Decimal, value: Decimal, *, leverage: Decimal, added: Decimal, taker_fee: Decimal
) -> Decimal:
    """Price at which loss and closing fee take all of a position's margin, USDT; 0 when no price does.

    qty: base units, above zero.  value: at entry.  added: margin added by hand, below zero when taken by funding.
    """
    return to_cash(divide(bankruptcy_value(side, value, leverage=leverage, added=added, taker_fee=taker_fee), qty))


def liquidation_price(
    side: Side,
    qty: Decimal,
    value: Decimal,
    *,
    leverage: Decimal,
    added: Decimal,
    taker_fee: Decimal,
    tiers: tuple[RiskTier, ...],
) -> Decimal | None:
    """Mark price at which a position in isolated margin is liquidated, USDT; None when no price above zero does it.

    A short position that every price liquidates, its margin eaten up by funding, has the price 0. Arguments as in
    `bankruptcy_price`. What is left above MM is concave in the price, so going from the root of one tier's line to the
    tier of that root (Newton's method) ends at the only one after at most each tier once.
    """
    broken = bankruptcy_value(side, value, leverage=leverage, added=added, taker_fee=taker_fee)
    signed = sign(side)
    index, root = tier_index(tiers, value), value
    for _ in range(len(tiers) + 1):
        tier = tiers[index]
        remains = subtract(ONE, multiply(signed, tier.maintenance_rate))
        root = divide(subtract(broken, multiply(signed, tier.deduction)), remains)
        moved = tier_index(tiers, root)
        if moved == index:
            break
        index = moved
    if root <= 0:
        return None if side is BUY else ZERO
    return to_cash(divide(root, qty))
