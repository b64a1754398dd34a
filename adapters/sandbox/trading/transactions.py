"""The transaction log: every change of the wallet balance, with the balance after it.

change = cashFlow (realised PnL) + funding (above zero when received) - fee (above zero when paid).
Source: Bybit v5 docs, "Get Transaction Log".
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from adapters.sandbox.listings import Listing
from adapters.sandbox.trading.parameters import LINEAR
from adapters.sandbox.trading.spec import Result
from adapters.sandbox.trading.texts import plain, qty_text
from daemon.core.units import ZERO

TRADE, SETTLEMENT, TRANSFER_IN, TRANSFER_OUT = "TRADE", "SETTLEMENT", "TRANSFER_IN", "TRANSFER_OUT"
TYPES = {"Trade": TRADE, "BustTrade": "LIQUIDATION", "AdlTrade": "ADL"}


class Transaction(Struct, kw_only=True):
    """One change of the wallet balance, USDT.

    size: signed position afterwards, base units.  funding: received, None for what is no settlement.
    symbol is empty for transfers.  serial, id and balance, the wallet balance afterwards, are set by the log.
    """

    time_ms: int
    type: str
    change: Decimal
    serial: int = 0
    id: str = ""
    balance: Decimal = ZERO
    symbol: str = ""
    side: str = "None"
    qty: Decimal = ZERO
    size: Decimal = ZERO
    price: Decimal | None = None
    funding: Decimal | None = None
    fee: Decimal = ZERO
    fee_rate: Decimal | None = None
    cash_flow: Decimal = ZERO
    trade_id: str = ""
    order_id: str = ""
    link_id: str = ""


def transaction_item(row: Transaction, listing: Listing | None) -> Result:
    """The row in the words of account/transaction-log; listing: of its symbol, None for a transfer."""
    return {
        "id": row.id,
        "symbol": row.symbol,
        "category": "" if listing is None else LINEAR,
        "side": row.side,
        "transactionTime": str(row.time_ms),
        "type": row.type,
        "transSubType": "",
        "qty": "0" if listing is None else qty_text(row.qty, listing),
        "size": "0" if listing is None else qty_text(row.size, listing),
        "currency": "USDT",
        "tradePrice": "" if row.price is None else plain(row.price),
        "funding": "" if row.funding is None else plain(row.funding),
        "fee": plain(row.fee),
        "cashFlow": plain(row.cash_flow),
        "change": plain(row.change),
        "cashBalance": plain(row.balance),
        "feeRate": "" if row.fee_rate is None else plain(row.fee_rate),
        "bonusChange": "",
        "tradeId": row.trade_id,
        "orderId": row.order_id,
        "orderLinkId": row.link_id,
        "extraFees": "",
    }
