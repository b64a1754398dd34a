"""Guards: pre-trade checks. Each compares one number with one limit and says so in a verdict.

A guard without a limit in the settings does not run; a number equal to its limit is allowed. Exits (orders that bring
the strategy's position and the account's closer to zero without crossing it) pass all guards but the price collar:
nothing may keep a trader from getting out. They are sent reduce-only, so that what passed as an exit cannot become an
entry. Refused orders are `denied`; the verdict's code names the reason.

An amendment is judged as an entry when its order may open a position and gets a larger quantity or a price nearer to
the market: by its whole new quantity, by the position as if all that is added filled, and like any order of now by
halts, age of data, rate, daily loss and price. Other amendments pass as exits do. Cancels and protections only take
risk away and are not judged.

| guard         | denies an entry when                                              | code                      |
|---------------|-------------------------------------------------------------------|---------------------------|
| halted        | the lane is halted by an operator, an error or the daily loss     | LANE_HALTED               |
| stale_data    | the symbol's data is older than `stale_after_ms`, or a topic silent| MARKET_DATA_STALE         |
| order_rate    | more than `max_orders_per_min` orders, amendments too, in 60 s    | ORDER_RATE_ABOVE_LIMIT    |
| order_notional| the order is worth more than `max_order_notional_usdt`            | ORDER_NOTIONAL_ABOVE_LIMIT|
| position      | the position would be worth more than `max_position_notional_usdt`| POSITION_ABOVE_LIMIT      |
| leverage      | all positions would be worth more than `max_leverage` x equity    | LEVERAGE_ABOVE_LIMIT      |
| daily_loss    | equity fell `max_daily_loss_usdt` below its value at 00:00 UTC    | DAILY_LOSS_ABOVE_LIMIT    |
| price_collar  | the order's price is further than `price_collar` from the mark,   | PRICE_OUTSIDE_COLLAR      |
|               | or from its trigger price if it waits for one                     |                           |
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from msgspec import Meta, Struct

from daemon.core.records import Verdict
from daemon.core.units import NS_PER_MS

Positive = Annotated[float, Meta(gt=0, lt=1e15)]


class GuardSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of a lane. None switches a guard off. price_collar is a fraction of the mark, 0.02 meaning 2 %."""

    stale_after_ms: Annotated[int, Meta(ge=1)] | None = 60_000
    max_orders_per_min: Annotated[int, Meta(ge=1)] | None = 60
    max_order_notional_usdt: Positive | None = None
    max_position_notional_usdt: Positive | None = None
    max_leverage: Annotated[float, Meta(gt=0, le=125)] | None = 5.0
    max_daily_loss_usdt: Positive | None = None
    price_collar: Annotated[float, Meta(gt=0, le=0.5)] | None = 0.05


class Intent(Struct, frozen=True):
    """An order or amendment about to be sent, with what it would lead to. Values in USDT, ages in nanoseconds.

    Values are at the mark, or at the trigger price of the order where that is higher.
    price: limit price, or the touch that a market order would hit; 0.0 when that is not known.
    anchor: what the price is compared with: the mark, or the trigger price of an order that waits for one.
    position_notional_after, gross_notional_after: with the open orders of the same, or the worse, side counted as
    filled and those of the other not.
    orders_last_minute: orders and amendments of the lane in the last 60 s, this one not counted.
    data_age: since the symbol was heard of last, or since the venue stamped what was heard then, whichever is longer: a
    feed that is late is as blind as one that is silent. Assumes that both clocks agree to well within the limit.
    day_loss: fall of equity since 00:00 UTC, above zero when lost.
    """

    is_exit: bool
    price: float
    anchor: float
    order_notional: float
    position_notional_after: float
    gross_notional_after: float
    equity: float
    day_loss: float
    orders_last_minute: int
    data_age: int
    stale_topics: int
    halted: bool


def _above(guard: str, code: str, value: float, limit: float) -> Verdict:
    allow = value <= limit  # in this direction, so that a number that is none is denied
    return Verdict(guard, allow, "OK" if allow else code, value, limit)


def _halted(intent: Intent, _: GuardSettings) -> Verdict | None:
    return Verdict("halted", False, "LANE_HALTED", 1.0, 0.0) if intent.halted else None


def _stale_data(intent: Intent, settings: GuardSettings) -> Verdict | None:
    limit = settings.stale_after_ms
    if limit is None:
        return None
    age_ms = intent.data_age / NS_PER_MS
    if intent.stale_topics:
        return Verdict("stale_data", False, "MARKET_DATA_STALE", max(age_ms, float(limit)), float(limit))
    return _above("stale_data", "MARKET_DATA_STALE", age_ms, float(limit))


def _order_rate(intent: Intent, settings: GuardSettings) -> Verdict | None:
    limit = settings.max_orders_per_min
    if limit is None:
        return None
    return _above("order_rate", "ORDER_RATE_ABOVE_LIMIT", float(intent.orders_last_minute + 1), float(limit))


def _order_notional(intent: Intent, settings: GuardSettings) -> Verdict | None:
    limit = settings.max_order_notional_usdt
    if limit is None:
        return None
    return _above("order_notional", "ORDER_NOTIONAL_ABOVE_LIMIT", intent.order_notional, limit)


def _position(intent: Intent, settings: GuardSettings) -> Verdict | None:
    limit = settings.max_position_notional_usdt
    if limit is None:
        return None
    return _above("position", "POSITION_ABOVE_LIMIT", abs(intent.position_notional_after), limit)


def _leverage(intent: Intent, settings: GuardSettings) -> Verdict | None:
    limit = settings.max_leverage
    if limit is None:
        return None
    if intent.equity <= 0.0:
        return Verdict("leverage", False, "LEVERAGE_ABOVE_LIMIT", intent.gross_notional_after, 0.0)
    return _above("leverage", "LEVERAGE_ABOVE_LIMIT", intent.gross_notional_after / intent.equity, limit)


def _daily_loss(intent: Intent, settings: GuardSettings) -> Verdict | None:
    limit = settings.max_daily_loss_usdt
    if limit is None:
        return None
    return _above("daily_loss", "DAILY_LOSS_ABOVE_LIMIT", intent.day_loss, limit)


def _price_collar(intent: Intent, settings: GuardSettings) -> Verdict | None:
    limit = settings.price_collar
    if limit is None or intent.price <= 0.0:
        return None
    return _above("price_collar", "PRICE_OUTSIDE_COLLAR", abs(intent.price - intent.anchor) / intent.anchor, limit)


_Check = Callable[[Intent, GuardSettings], Verdict | None]
ENTRY_GUARDS: tuple[_Check, ...] = (
    _halted,
    _stale_data,
    _order_rate,
    _order_notional,
    _position,
    _leverage,
    _daily_loss,
    _price_collar,
)
EXIT_GUARDS: tuple[_Check, ...] = (_price_collar,)


def judge(intent: Intent, settings: GuardSettings) -> tuple[Verdict, ...]:
    """Ask every guard that applies; the order is allowed when all verdicts allow it."""
    checks = EXIT_GUARDS if intent.is_exit else ENTRY_GUARDS
    return tuple([verdict for check in checks if (verdict := check(intent, settings)) is not None])
