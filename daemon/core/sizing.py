"""From what a strategy wants to an order on the instrument's grid."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from daemon.core.events import Instrument, Side
from daemon.core.records import Action
from daemon.core.strategy import Decision
from daemon.core.units import ZERO, divide, floor_qty, multiply, price_down, price_up, subtract, to_decimal


class Sized(Struct, frozen=True):
    """An order's side, quantity (above zero, on the step grid) and limit price (on the tick grid, None for market)."""

    side: Side
    qty: Decimal
    price: Decimal | None


def size(decision: Decision, *, instrument: Instrument, worth: Decimal, held: Decimal) -> Sized | str:
    """Size a decision, or say in words why there is nothing to order.

    Args:
        decision: what the strategy wants; buys, sells or closes.
        instrument: grid and minima.
        worth: what a base unit is valued at, USDT, above zero: the mark, or the trigger price of a conditional order.
        held: signed quantity that the strategy holds, base units; for what is under way see `Runner.held`, `unclosed`.
    """
    wanted = _signed_qty(decision, worth=worth, held=held, step=instrument.step)
    if isinstance(wanted, str):
        return wanted
    qty = wanted.copy_abs()
    exits = decision.action is Action.CLOSE or decision.reduce_only
    if qty < instrument.min_qty:
        return f"quantity {qty} is below the minimum of {instrument.min_qty}"
    if not exits and multiply(qty, worth) < instrument.min_notional:
        return f"order value is below the minimum of {instrument.min_notional} USDT"
    side = Side.BUY if wanted > 0 else Side.SELL
    return Sized(side, qty, limit_price(decision.price, side, instrument.tick))


def _signed_qty(decision: Decision, *, worth: Decimal, held: Decimal, step: Decimal) -> Decimal | str:
    if decision.action is Action.CLOSE:
        return held.copy_negate() if held else "already flat"
    buys = decision.action is Action.BUY
    if decision.target_notional is None:
        if decision.qty is None or decision.qty <= 0.0:
            return f"quantity {decision.qty} is not above zero"
        qty = floor_qty(to_decimal(decision.qty), step)
        return qty if buys else qty.copy_negate()
    target = floor_qty(divide(to_decimal(decision.target_notional), worth), step)
    change = subtract(target, held)
    if change == ZERO or (change > 0) != buys:
        return "already at the target"
    return change


def limit_price(price: float | None, side: Side, tick: Decimal) -> Decimal | None:
    """A limit price on the tick grid, moved to the side that is not worse for us; None for none."""
    if price is None:
        return None
    exact = to_decimal(price)
    return price_down(exact, tick) if side is Side.BUY else price_up(exact, tick)
