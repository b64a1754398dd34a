"""Protection constraints: whether take-profit, stop-loss and trailing stop can be set as they are asked for.

Its one job: refusals of protections, of an order's own and of trading stops, with Bybit's codes. Source: Bybit v5 docs,
"Set Trading Stop", "Place Order", "Error Codes".

Assumptions:
- For a long the take-profit lies above and the stop-loss below the price they are measured against, for a short the
  other way round; equal is wrong. On the wrong side it is 10001, in Bybit's words. On a position that price is the one
  that lets it go off; while it is not known, nothing is refused for it.
- A trading stop without a position is 10001 as well, in Bybit's words; 110033 is for adding margin without one.
- Limit prices and quantities are for partial protections, a trailing stop is of the whole position.
- The active price of a trailing stop lies beyond the last price, in the position's favour.

Known limits: a stop-loss beyond the liquidation price is taken, the liquidation comes first.
"""

from __future__ import annotations

from decimal import Decimal

from adapters.simulated.pricing import reference
from daemon.core.events import Instrument
from daemon.core.market import Market
from daemon.core.orders import Protection
from daemon.core.records import TriggerBy
from daemon.core.units import ZERO, on_grid, subtract, to_decimal

MAX_PARTIAL_PROTECTIONS = 20

NOT_LIVE = "110074: this contract is not live"
NOTHING_SET = "34040: not modified: nothing is given that is not set already"
NO_POSITION = "10001: can not set tp/sl/ts for zero position"


def protection_refusal(
    protection: Protection, market: Market, *, held: Decimal, partial: int = 0, current: Protection | None = None
) -> str | None:
    """Bybit's code and words for a trading stop that is refused, None for one that is set.

    held: the position, signed base units.  partial: partial protections that wait on it.  current: what protects the
    whole position now, so that asking for the same again is refused too; None compares nothing.
    """
    refused = _emptiness(protection) or shape_refusal(protection)
    instrument = market.instrument
    if refused is not None or instrument is None or instrument.status != "Trading":
        return refused or NOT_LIVE
    if not held:
        return NO_POSITION
    if current is not None and not protection.partial and _is_set(protection, current):
        return NOTHING_SET
    base = {kind: known_price(reference(market, kind)) for kind in TriggerBy}
    return (
        off_ticks(protection, instrument)
        or _trailing(protection, base[TriggerBy.LAST], instrument, long=held > 0)
        or wrong_sides(
            protection,
            take_profit_base=base[protection.take_profit_by],
            stop_loss_base=base[protection.stop_loss_by],
            long=held > 0,
        )
        or _partial_qty(protection, held, instrument)
        or too_many(protection, partial)
    )


def shape_refusal(protection: Protection) -> str | None:
    """What is wrong with a protection, whatever the market and the position are."""
    limits = (
        (protection.take_profit, protection.take_profit_limit),
        (protection.stop_loss, protection.stop_loss_limit),
    )
    if any(limit is not None and not price for price, limit in limits):
        return "10001: a limit price needs the take-profit or stop-loss that it is for"
    if protection.active_price is not None and not protection.trailing_stop:
        return "10001: an active price needs a trailing stop"
    if protection.partial:
        return _partial_shape(protection)
    if protection.qty is not None or any(limit is not None for _, limit in limits):
        return "10001: a limit price and a quantity are for partial mode"
    return None


def off_ticks(protection: Protection, instrument: Instrument) -> str | None:
    """Which of its prices is not on the tick grid; a zero, which removes, is."""
    return (
        off_tick("takeProfit", protection.take_profit or None, instrument)
        or off_tick("stopLoss", protection.stop_loss or None, instrument)
        or off_tick("tpLimitPrice", protection.take_profit_limit, instrument)
        or off_tick("slLimitPrice", protection.stop_loss_limit, instrument)
        or off_tick("trailingStop", protection.trailing_stop or None, instrument)
        or off_tick("activePrice", protection.active_price, instrument)
    )


def off_tick(name: str, price: Decimal | None, instrument: Instrument) -> str | None:
    """Why a price cannot be one of the instrument's; None when it can, or is not given."""
    if price is None or (price > 0 and on_grid(price, instrument.tick)):
        return None
    return f"10001: {name} {price} is not a positive multiple of {instrument.tick}"


def wrong_sides(
    protection: Protection, *, take_profit_base: Decimal | None, stop_loss_base: Decimal | None, long: bool
) -> str | None:
    """Which of take-profit and stop-loss lies on the wrong side of the price it is measured against; None unknown."""
    return _wrong_side("TakeProfit", protection.take_profit, take_profit_base, long=long, above=long) or _wrong_side(
        "StopLoss", protection.stop_loss, stop_loss_base, long=long, above=not long
    )


def too_many(protection: Protection, waiting: int) -> str | None:
    """Whether a partial protection would be one too many beside those that wait already."""
    asked = bool(protection.take_profit) + bool(protection.stop_loss)
    if not protection.partial or waiting + asked <= MAX_PARTIAL_PROTECTIONS:
        return None
    return f"110061: more than {MAX_PARTIAL_PROTECTIONS} partial take-profits and stop-losses: {waiting} and {asked}"


def known_price(price: float) -> Decimal | None:
    """A market price as money, USDT; None for the 0.0 of one that was not heard yet."""
    return to_decimal(price) if price > 0.0 else None


def _emptiness(protection: Protection) -> str | None:
    asked = (protection.take_profit, protection.stop_loss, protection.trailing_stop, protection.active_price)
    return NOTHING_SET if all(price is None for price in asked) else None


def _partial_shape(protection: Protection) -> str | None:
    if protection.trailing_stop is not None:
        return "10001: a trailing stop is of the whole position, not partial"
    if ZERO in (protection.take_profit, protection.stop_loss):
        return "10001: partial take-profit and stop-loss are cancelled by their orders, not set to zero"
    return None


def _wrong_side(name: str, price: Decimal | None, base: Decimal | None, *, long: bool, above: bool) -> str | None:
    if not price or base is None or (price > base if above else price < base):
        return None
    position, should = "Buy" if long else "Sell", "higher" if above else "lower"
    return f"10001: {name} {price} set for {position} position should be {should} than base price {base}"


def _trailing(protection: Protection, last: Decimal | None, instrument: Instrument, *, long: bool) -> str | None:
    distance, active = protection.trailing_stop, protection.active_price
    if not distance:
        return None
    if active is None and last is None:
        return "10001: there is no last price yet that a stop could trail"
    if active is not None and last is not None and (active <= last if long else active >= last):
        should = "higher" if long else "lower"
        return f"10001: activePrice {active} should be {should} than the last price {last}"
    base = last if active is None else active
    if long and base is not None and distance >= subtract(base, instrument.tick):
        return f"10001: trailingStop {distance} leaves no price for a stop below {base}"
    return None


def _partial_qty(protection: Protection, held: Decimal, instrument: Instrument) -> str | None:
    qty = protection.qty
    if qty is None:
        return None
    if qty < instrument.min_qty or not on_grid(qty, instrument.step):
        return f"10001: qty {qty} is not a multiple of {instrument.step} from {instrument.min_qty} on"
    if qty > held.copy_abs():
        return f"110058: qty {qty} is more than the position of {held.copy_abs()}"
    return None


def _is_set(protection: Protection, current: Protection) -> bool:
    """Whether all that is asked for on a whole position stands already."""
    asked = (protection.take_profit, protection.take_profit_by), (protection.stop_loss, protection.stop_loss_by)
    there = (current.take_profit, current.take_profit_by), (current.stop_loss, current.stop_loss_by)
    for (price, by), (now, now_by) in zip(asked, there, strict=True):
        if price is not None and (price != (now or ZERO) or (price and by is not now_by)):
            return False
    if protection.trailing_stop is None:
        return True
    same = protection.trailing_stop == (current.trailing_stop or ZERO)
    return same and (not protection.trailing_stop or protection.active_price == current.active_price)
