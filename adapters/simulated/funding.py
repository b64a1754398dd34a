"""Funding: when it is settled, at which rate, and what a position pays. Pure.

    fee = signed quantity * mark price * rate        above zero when paid: longs pay shorts when the rate is above zero

Source: Bybit help centre, "Introduction to Funding Rate"; v5 docs, "Get Instruments Info" (interval and caps).

Assumptions:
- The venue's own word for the next time counts while it lies ahead, by no more than a day, on a full minute. Otherwise
  the boundaries are the multiples of the instrument's interval since midnight UTC.
- The rate is the last one told, held within the instrument's caps.

Known limits: the rate is not computed from the premium index; without one told it is zero.
"""

from __future__ import annotations

from decimal import Decimal

from daemon.core.market import Market
from daemon.core.units import NS_PER_DAY, NS_PER_MINUTE, multiply, to_cash, to_decimal

DEFAULT_INTERVAL_MIN = 480


def next_boundary(market: Market, after: int) -> int:
    """The first time of settlement after `after`, nanoseconds UTC."""
    told = market.next_funding
    if after < told <= after + NS_PER_DAY and told % NS_PER_MINUTE == 0:
        return told
    minutes = DEFAULT_INTERVAL_MIN if market.instrument is None else market.instrument.funding_interval_min
    interval = max(1, minutes) * NS_PER_MINUTE
    midnight = after // NS_PER_DAY * NS_PER_DAY
    following = midnight + ((after - midnight) // interval + 1) * interval
    return min(following, midnight + NS_PER_DAY)


def funding_rate(market: Market) -> Decimal:
    """The rate told last, a fraction, held within the instrument's caps."""
    rate, instrument = to_decimal(market.funding_rate), market.instrument
    if instrument is None:
        return rate
    if instrument.upper_funding_rate is not None:
        rate = min(rate, instrument.upper_funding_rate)
    if instrument.lower_funding_rate is not None:
        rate = max(rate, instrument.lower_funding_rate)
    return rate


def funding_fee(qty: Decimal, mark: Decimal, rate: Decimal) -> Decimal:
    """Fee of a position, USDT, above zero when paid. qty: signed base units; mark: USDT; rate: a fraction."""
    return to_cash(multiply(multiply(qty, mark), rate))
