"""What the engine needs of an exchange that it steps itself, and the reports that come back.

The simulated exchange implements `Exchange`: its answers are conclusions and part of the same pure step. A real
venue's answers are inputs and reach the engine as facts. Both speak in the reports below.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Protocol, TypeAlias

from msgspec import Meta, Struct

from daemon.core.events import MarketFact, Side
from daemon.core.market import Market
from daemon.core.orders import OrderRequest
from daemon.core.records import OrderStatus


class FillData(StrEnum):
    """What a simulated exchange matches against. AUTO: the richest kind that a symbol has had so far."""

    AUTO = "auto"
    BOOK = "book"
    TRADES = "trades"
    BARS = "bars"


class ExchangeSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a simulated exchange fills.

    Fees are fractions of the executed value (Bybit VIP 0: taker 0.055 %, maker 0.02 %). Latencies: decision to arrival
    at the exchange, and exchange to us. slippage_ticks worsens every taker fill that has no book to walk.
    """

    fill_data: FillData = FillData.AUTO
    taker_fee: Decimal = Decimal("0.00055")
    maker_fee: Decimal = Decimal("0.0002")
    entry_latency_ms: Annotated[int, Meta(ge=0, le=60_000)] = 20
    response_latency_ms: Annotated[int, Meta(ge=0, le=60_000)] = 20
    slippage_ticks: Annotated[int, Meta(ge=0, le=1000)] = 1

    def __post_init__(self) -> None:
        for name, fee in (("taker_fee", self.taker_fee), ("maker_fee", self.maker_fee)):
            if not (fee.is_finite() and Decimal("-0.01") <= fee <= Decimal("0.05")):
                raise ValueError(f"{name} is a fraction between -0.01 and 0.05, 0.00055 meaning 0.055 %; got {fee}")


class OrderReport(Struct, frozen=True):
    """The venue moved an order to `status`; reason is its code and text when it refused or cancelled."""

    order_id: str
    status: OrderStatus
    reason: str = ""


class FillReport(Struct, frozen=True):
    """One execution. price USDT per base unit; qty base units, above zero; fee USDT, above zero when paid."""

    order_id: str
    fill_id: str
    symbol: str
    side: Side
    price: Decimal
    qty: Decimal
    fee: Decimal
    maker: bool


class TransferReport(Struct, frozen=True):
    """Money that came into (above zero) or left the account other than by trading, USDT."""

    amount: Decimal
    reason: str


Report: TypeAlias = OrderReport | FillReport | TransferReport


class Exchange(Protocol):
    """An exchange inside the engine's step: no I/O, no clock; `now` is the `ts_recv` of the input being handled.

    Each call returns the reports that the daemon learns of at `now`, in their order.
    next_due: when `advance` has something to do next, nanoseconds UTC; `units.NEVER` when nothing is in flight. It
    starts at 0, so that the first input lets the account's opening balance arrive.
    """

    next_due: int

    def submit(self, request: OrderRequest, market: Market, now: int) -> Sequence[Report]:
        """Take an order; refusals and, without latency, fills come back at once."""
        ...

    def cancel(self, order_id: str, now: int) -> Sequence[Report]:
        """Take a cancel request; it travels like an order."""
        ...

    def on_market(self, market: Market, fact: MarketFact, now: int) -> Sequence[Report]:
        """Match what rests against a market fact that `market` has just applied."""
        ...

    def advance(self, now: int) -> Sequence[Report]:
        """Let what is in flight arrive, against the market as it stood before the input at `now`."""
        ...
