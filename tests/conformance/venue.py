"""What a venue must offer to be judged by the conformance suite. The scenarios know nothing else of it.

A venue under test is one account at an exchange whose market the tests move. Requests go out and facts come back as a
client of that exchange sees them: an adapter reads its own reports, streams or queries, never the exchange's insides.
When a call returns, everything that it caused and that is due by now has been heard; `wait` lets the rest arrive.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from msgspec import Struct

from daemon.core.events import Instrument, MarketFact, Side, VenueTrouble
from daemon.core.orders import Amendment, OrderRequest, PositionIdx, TradingStop
from daemon.core.records import CreateType, ExecType, OrderStatus, OrderType, StopOrderType
from daemon.core.venue import ExchangeSettings, MarginMode


class Setup(Struct, frozen=True, kw_only=True):
    """What an account and its exchange begin with.

    balance: USDT.  leverage: a factor, on every symbol.  hedge: two positions a symbol rather than one.
    start: time of the market, nanoseconds UTC; a midnight, so that no funding is near.
    """

    settings: ExchangeSettings
    instruments: tuple[Instrument, ...]
    start: int
    balance: Decimal = Decimal(10_000)
    leverage: Decimal = Decimal(10)
    hedge: bool = False


class OrderView(Struct, frozen=True):
    """An order as it stands. price: None for a market order; trigger_price: None for one that waits for none."""

    order_id: str
    symbol: str
    side: Side
    type: OrderType
    qty: Decimal
    filled_qty: Decimal
    price: Decimal | None
    status: OrderStatus
    trigger_price: Decimal | None
    stop_order_type: StopOrderType
    create_type: CreateType
    reduce_only: bool


class StatusView(Struct, frozen=True):
    """A status that an order had, with the venue's code or text; empty where it gave none."""

    status: OrderStatus
    reason: str = ""


class FillView(Struct, frozen=True):
    """One execution. fee: USDT, above zero when paid."""

    order_id: str
    fill_id: str
    symbol: str
    side: Side
    price: Decimal
    qty: Decimal
    fee: Decimal
    maker: bool
    exec_type: ExecType


class PositionView(Struct, frozen=True):
    """A position. qty: signed base units.  entry: average price, 0 when flat."""

    qty: Decimal
    entry: Decimal


class FundingView(Struct, frozen=True):
    """Funding that was settled. fee: USDT, above zero when paid."""

    symbol: str
    boundary: int
    qty: Decimal
    rate: Decimal
    fee: Decimal


class VenueUnderTest(Protocol):
    """One account at one exchange.

    Requests return the code and text of their refusal, None when they were not refused. A refused order is also
    `Rejected` in its own history. Ids are the client's; orders that the exchange makes by itself have ids of its own.
    """

    # The world

    async def tell(self, fact: MarketFact | Instrument) -> None:
        """Let the market move, or its specification change."""
        ...

    async def wait(self, ms: int) -> None:
        """Let market time pass."""
        ...

    async def trouble(self, trouble: VenueTrouble) -> None:
        """Let something go wrong from here on."""
        ...

    # Requests

    async def place(self, request: OrderRequest) -> str | None:
        """Send an order."""
        ...

    async def amend(self, amendment: Amendment) -> str | None:
        """Change an open order."""
        ...

    async def cancel(self, order_id: str) -> str | None:
        """Cancel an open order."""
        ...

    async def cancel_all(self, symbol: str) -> None:
        """Cancel every order of a symbol, or of the account when it is empty; conditional ones too."""
        ...

    async def protect(self, stop: TradingStop) -> str | None:
        """Set the protection of a position."""
        ...

    async def set_leverage(self, symbol: str, leverage: Decimal) -> str | None:
        """Set the leverage of a symbol, a factor."""
        ...

    async def set_margin_mode(self, mode: MarginMode) -> str | None:
        """Choose isolated or cross margin for the account."""
        ...

    async def set_hedge(self, symbol: str, *, hedge: bool) -> str | None:
        """Choose two positions (hedge) or one for a symbol."""
        ...

    async def add_margin(self, symbol: str, amount: Decimal, position_idx: PositionIdx) -> str | None:
        """Add margin to an isolated position, USDT; below zero takes it back."""
        ...

    # What the account's client knows

    async def order(self, order_id: str) -> OrderView:
        """An order as it stands, open or done."""
        ...

    async def open_orders(self, symbol: str) -> list[OrderView]:
        """Orders that can still fill or be triggered, in the order they were made."""
        ...

    async def history(self, order_id: str) -> list[StatusView]:
        """Every status the order was told to have, first to last."""
        ...

    async def fills(self) -> list[FillView]:
        """Executions so far, in their order."""
        ...

    async def fundings(self) -> list[FundingView]:
        """Funding settled so far, in its order."""
        ...

    async def position(self, symbol: str, position_idx: PositionIdx) -> PositionView:
        """A position, flat when there is none."""
        ...

    async def wallet(self) -> Decimal:
        """Wallet balance, USDT: realised, without open profit."""
        ...

    async def available(self) -> Decimal:
        """What is free for a new order, USDT."""
        ...
