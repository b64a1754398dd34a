"""What the trading venue is told and what it tells: accounts, answers, pushes, notes of the truth."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TypeAlias

from msgspec import Struct

from daemon.core.venue import ExchangeSettings, MarginMode

Result: TypeAlias = dict[str, object]
"""A JSON object."""

Push: TypeAlias = Callable[[str, str, list[Result]], None]
"""Called with (uid, topic, items) for each message of the private topics order, execution, position and wallet."""

Note: TypeAlias = Callable[[str, Result], None]
"""Called with (what, fields) for everything that tests judge by, see `adapters.sandbox.trading.venue`."""


def instant_settings() -> ExchangeSettings:
    """Settings of an exchange that answers and fills without delay, and writes no reports of its own."""
    return ExchangeSettings(
        entry_latency_ms=0, response_latency_ms=0, feed_latency_ms=0, slippage_ticks=0, account_every_min=0
    )


class AccountSpec(Struct, frozen=True, kw_only=True):
    """An account of the sandbox.

    uid: user id, digits.  name: for people.  balance: opening balance, USDT.  leverage: set on every symbol at start, a
    factor.  margin_mode, hedge: margin and position mode at start.
    exchange: fees, latencies and fill models; its margin mode is replaced by that of the account. With latencies above
    zero an order is answered before it is judged, and refusals come as pushes of status Rejected.
    """

    uid: str
    name: str
    balance: Decimal = Decimal(10_000)
    leverage: Decimal = Decimal(10)
    margin_mode: MarginMode = MarginMode.ISOLATED
    hedge: bool = False
    exchange: ExchangeSettings = instant_settings()


class Answer(Struct, frozen=True):
    """What a route answers. result, ext_info: the objects `result` and `retExtInfo`.  message: retMsg."""

    result: Result
    ext_info: Result = {}
    message: str = "OK"
