"""Closed profit and loss: one row for each order that reduced a position.

closedPnl = realised PnL - the closed part's share of the fees paid to open - the fees of closing. Source: Bybit v5
docs, "Get Closed PnL"; help centre, "P&L calculations (USDT Contract)". Funding is not part of it.

Known limits: Bybit stamps createdTime in other units in old samples; here it is milliseconds.
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from adapters.sandbox.listings import Listing
from adapters.sandbox.trading.spec import Result
from adapters.sandbox.trading.texts import plain, price_text, qty_text
from daemon.core.events import Side
from daemon.core.units import ZERO, add, divide, subtract, to_cash


class ClosedPnl(Struct, kw_only=True):
    """What an order closed.

    serial: place in the order of coming.  side: the order's.  qty: closed, base units.  entry_value, exit_value,
    open_fee, close_fee, realised: of the closed part, USDT, without sign but for realised and rebates.
    """

    serial: int
    symbol: str
    order_id: str
    side: Side
    order_qty: Decimal
    order_price: Decimal | None
    order_type: str
    exec_type: str
    leverage: Decimal
    created_ms: int
    updated_ms: int
    qty: Decimal = ZERO
    entry_value: Decimal = ZERO
    exit_value: Decimal = ZERO
    open_fee: Decimal = ZERO
    close_fee: Decimal = ZERO
    realised: Decimal = ZERO
    fills: int = 0

    @property
    def pnl(self) -> Decimal:
        """Realised PnL less the fees of both ways, USDT."""
        return subtract(self.realised, add(self.open_fee, self.close_fee))


def closed_pnl_item(row: ClosedPnl, listing: Listing) -> Result:
    """The row in the words of position/closed-pnl."""
    return {
        "symbol": row.symbol,
        "orderId": row.order_id,
        "side": row.side.value,
        "qty": qty_text(row.order_qty, listing),
        "orderPrice": price_text(row.order_price, listing, "0"),
        "orderType": row.order_type,
        "execType": row.exec_type,
        "closedSize": qty_text(row.qty, listing),
        "cumEntryValue": plain(row.entry_value),
        "avgEntryPrice": plain(to_cash(divide(row.entry_value, row.qty))),
        "cumExitValue": plain(row.exit_value),
        "avgExitPrice": plain(to_cash(divide(row.exit_value, row.qty))),
        "closedPnl": plain(row.pnl),
        "fillCount": str(row.fills),
        "leverage": plain(row.leverage),
        "openFee": plain(row.open_fee),
        "closeFee": plain(row.close_fee),
        "createdTime": str(row.created_ms),
        "updatedTime": str(row.updated_ms),
    }
