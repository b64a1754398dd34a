"""A scene: a venue under test, and short words for what the scenarios do to it and see of it."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from daemon.core.events import BookDelta, BookSnapshot, Instrument, Side, Ticker, Trade
from daemon.core.orders import Amendment, OrderRequest, PositionIdx, Protection, TradingStop
from daemon.core.records import OrderStatus, OrderType, StopOrderType, TimeInForce
from daemon.core.units import NS_PER_DAY
from daemon.core.venue import ExchangeSettings
from tests.conformance.venue import FillView, OrderView, PositionView, Setup, VenueUnderTest

D = Decimal
BTC = "BTCUSDT"
ETH = "ETHUSDT"
MIDNIGHT = 1_700_000_000_000_000_000 // NS_PER_DAY * NS_PER_DAY
ONE_WAY = PositionIdx.ONE_WAY

Levels = Sequence[tuple[float, float]]
BIDS: Levels = [(100.0, 1.0), (99.9, 2.0), (99.0, 50.0)]
ASKS: Levels = [(100.1, 1.0), (100.2, 2.0), (101.0, 50.0)]
DEEP = 1000.0


def specification(symbol: str = BTC, **changes: Any) -> Instrument:
    """A perpetual like BTCUSDT, with a price band too wide to matter and the first risk tier alone."""
    made = Instrument(
        symbol=symbol,
        tick=D("0.1"),
        step=D("0.001"),
        min_qty=D("0.001"),
        max_qty=D(1190),
        max_market_qty=D(500),
        price_limit_ratio_x=D("0.8"),
        price_limit_ratio_y=D("0.9"),
    )
    return msgspec.structs.replace(made, **changes)


def setup(
    *,
    instruments: Sequence[Instrument] = (specification(),),
    balance: str = "10000",
    leverage: str = "10",
    hedge: bool = False,
    **settings: Any,
) -> Setup:
    """No latency, so that what is asked is done at once; fees as they are."""
    chosen = ExchangeSettings(**({"entry_latency_ms": 0, "response_latency_ms": 0} | settings))
    return Setup(
        settings=chosen,
        instruments=tuple(instruments),
        start=MIDNIGHT,
        balance=D(balance),
        leverage=D(leverage),
        hedge=hedge,
    )


class Scene:
    """One account on one venue, and a market that begins at 100.

    The book is `BIDS` and `ASKS`; last, mark and index price are 100.
    """

    def __init__(self, venue: VenueUnderTest) -> None:
        self.venue = venue
        self._asked = 0

    async def begin(self, symbols: Sequence[str]) -> None:
        """Let every market show itself for the first time."""
        for symbol in symbols:
            await self.prices(mark=100.0, index=100.0, symbol=symbol)
            await self.book(BIDS, ASKS, symbol=symbol)
            await self.trade(100.0, 0.001, symbol=symbol)

    # The market

    async def book(self, bids: Levels, asks: Levels, *, symbol: str = BTC) -> None:
        await self.venue.tell(BookSnapshot(symbol, MIDNIGHT, list(bids), list(asks)))

    async def levels(self, bids: Levels = (), asks: Levels = (), *, symbol: str = BTC) -> None:
        """Levels that change; size 0 takes one away."""
        await self.venue.tell(BookDelta(symbol, MIDNIGHT, list(bids), list(asks)))

    async def trade(self, price: float, qty: float = 1.0, side: Side = Side.SELL, *, symbol: str = BTC) -> None:
        await self.venue.tell(Trade(symbol, MIDNIGHT, price, qty, side))

    async def prices(self, *, symbol: str = BTC, **fields: Any) -> None:
        """Mark, index or funding by the ticker."""
        await self.venue.tell(Ticker(symbol, MIDNIGHT, **fields))

    async def move(self, price: float, *, symbol: str = BTC) -> None:
        """The whole market goes to a price: first a deep book around it, then mark and index, then a trade."""
        await self.book([(round(price - 0.1, 1), DEEP)], [(round(price + 0.1, 1), DEEP)], symbol=symbol)
        await self.prices(mark=price, index=price, symbol=symbol)
        await self.trade(price, 0.001, symbol=symbol)

    # Requests

    async def order(
        self,
        side: Side,
        qty: str,
        price: str | None = None,
        time_in_force: TimeInForce = TimeInForce.GTC,
        **fields: Any,
    ) -> str:
        """Place an order; returns its id, also when it was refused."""
        self._asked += 1
        request = OrderRequest(
            order_id=fields.pop("order_id", f"c{self._asked}"),
            decision=self._asked,
            strategy="conformance",
            symbol=fields.pop("symbol", BTC),
            side=side,
            type=OrderType.MARKET if price is None else OrderType.LIMIT,
            time_in_force=time_in_force,
            qty=D(qty),
            price=None if price is None else D(price),
            **fields,
        )
        await self.venue.place(request)
        return request.order_id

    async def buy(self, qty: str, price: str | None = None, *rest: Any, **fields: Any) -> str:
        return await self.order(Side.BUY, qty, price, *rest, **fields)

    async def sell(self, qty: str, price: str | None = None, *rest: Any, **fields: Any) -> str:
        return await self.order(Side.SELL, qty, price, *rest, **fields)

    async def amend(self, order_id: str, **changes: str) -> str | None:
        return await self.venue.amend(Amendment(order_id, **{name: D(text) for name, text in changes.items()}))

    async def protect(
        self, protection: Protection, *, symbol: str = BTC, position_idx: PositionIdx = ONE_WAY
    ) -> str | None:
        """Set the protection of a position."""
        return await self.venue.protect(TradingStop(symbol, protection, position_idx=position_idx))

    # What became of it

    async def statuses(self, order_id: str) -> list[OrderStatus]:
        return [view.status for view in await self.venue.history(order_id)]

    async def status(self, order_id: str) -> OrderStatus:
        return (await self.venue.order(order_id)).status

    async def reason(self, order_id: str) -> str:
        """Code or text of the last status."""
        return (await self.venue.history(order_id))[-1].reason

    async def filled(self, order_id: str) -> Decimal:
        return (await self.venue.order(order_id)).filled_qty

    async def executions(self, order_id: str | None = None) -> list[FillView]:
        """Fills of an order, of all orders when none is named."""
        return [fill for fill in await self.venue.fills() if order_id in (None, fill.order_id)]

    async def paid(self, order_id: str) -> list[tuple[Decimal, Decimal]]:
        """Price and quantity of each fill of an order."""
        return [(fill.price, fill.qty) for fill in await self.executions(order_id)]

    async def held(self, symbol: str = BTC, position_idx: PositionIdx = ONE_WAY) -> Decimal:
        """Signed quantity of a position."""
        return (await self.position(symbol, position_idx)).qty

    async def position(self, symbol: str = BTC, position_idx: PositionIdx = ONE_WAY) -> PositionView:
        return await self.venue.position(symbol, position_idx)

    async def protections(self, kind: StopOrderType, symbol: str = BTC) -> list[OrderView]:
        """Open orders that the exchange made to protect, of one kind."""
        return [order for order in await self.venue.open_orders(symbol) if order.stop_order_type is kind]

    async def protection(self, kind: StopOrderType, symbol: str = BTC) -> OrderView:
        """The only open one of its kind."""
        found = await self.protections(kind, symbol)
        assert len(found) == 1, f"{len(found)} open orders of kind {kind.value}"
        return found[0]


def protects(**fields: Any) -> Protection:
    """A protection; its amounts as text."""
    amounts = {name: D(value) for name, value in fields.items() if type(value) is str}
    return Protection(**(fields | amounts))


def executed(*fills: tuple[str, str]) -> list[tuple[Decimal, Decimal]]:
    """Price and quantity of fills, as numbers."""
    return [(D(price), D(qty)) for price, qty in fills]
