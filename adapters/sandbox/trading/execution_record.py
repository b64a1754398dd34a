"""An execution as the account's private routes and its execution topic show it.

Source: Bybit v5 docs, "Execution" (websocket) and "Get Trade History".
"""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct

from adapters.sandbox.listings import Listing
from adapters.sandbox.trading.order_record import OrderRecord
from adapters.sandbox.trading.parameters import LINEAR
from adapters.sandbox.trading.spec import Result
from adapters.sandbox.trading.texts import plain, price_text, qty_text, uuid_text
from daemon.core.events import Side
from daemon.core.market import Market
from daemon.core.units import ZERO, divide, multiply, to_cash, to_decimal
from daemon.core.venue import FillReport, FundingReport

FUNDING = "Funding"


class Booked(Struct, frozen=True):
    """What an execution did: closed base units, realised PnL without fees (USDT), signed position afterwards."""

    closed: Decimal
    realised: Decimal
    size: Decimal


class ExecutionRecord(Struct, frozen=True, kw_only=True):
    """One execution, or a settlement of funding, which is shown like one.

    serial: place in the order of happening.  fee: USDT, above zero when paid.  rate: a fraction.
    closed: the part that reduced the position, base units; pnl: what that realised without fees, USDT.
    seq: shared with the position that it made.
    """

    serial: int
    exec_id: str
    order_id: str
    link_id: str
    symbol: str
    side: Side
    price: Decimal
    qty: Decimal
    fee: Decimal
    rate: Decimal
    exec_type: str
    time_ms: int
    seq: int
    maker: bool
    mark: Decimal
    index: Decimal
    closed: Decimal
    pnl: Decimal
    order_type: str
    stop_order_type: str
    create_type: str
    order_price: Decimal | None
    order_qty: Decimal
    leaves: Decimal

    @property
    def value(self) -> Decimal:
        """Executed value, USDT."""
        return multiply(self.qty, self.price)


def trade_record(
    record: OrderRecord, report: FillReport, booked: Booked, *, uid: str, serial: int, market: Market, now_ms: int
) -> ExecutionRecord:
    """An execution of an order, which has taken it in already."""
    request = record.request
    return ExecutionRecord(
        serial=serial,
        exec_id=uuid_text("execution", uid, serial),
        order_id=record.order_id,
        link_id=record.link_id,
        symbol=report.symbol,
        side=report.side,
        price=report.price,
        qty=report.qty,
        fee=report.fee,
        rate=to_cash(divide(report.fee, multiply(report.qty, report.price))),
        exec_type=report.exec_type.value,
        time_ms=now_ms,
        seq=serial,
        maker=report.maker,
        mark=to_decimal(market.mark),
        index=to_decimal(market.index),
        closed=booked.closed,
        pnl=booked.realised,
        order_type=request.type.value,
        stop_order_type=request.stop_order_type.value,
        create_type=request.create_type.value,
        order_price=record.price,
        order_qty=request.qty,
        leaves=record.leaves,
    )


def funding_record(report: FundingReport, *, uid: str, serial: int, index: float, now_ms: int) -> ExecutionRecord:
    """A settlement of funding, shown like an execution on the side of the position."""
    return ExecutionRecord(
        serial=serial,
        exec_id=uuid_text("execution", uid, serial),
        order_id=uuid_text("funding", uid, serial),
        link_id="",
        symbol=report.symbol,
        side=Side.BUY if report.qty > 0 else Side.SELL,
        price=report.mark,
        qty=report.qty.copy_abs(),
        fee=report.fee,
        rate=report.rate,
        exec_type=FUNDING,
        time_ms=now_ms,
        seq=serial,
        maker=False,
        mark=report.mark,
        index=to_decimal(index),
        closed=ZERO,
        pnl=ZERO,
        order_type="UNKNOWN",
        stop_order_type="UNKNOWN",
        create_type="",
        order_price=None,
        order_qty=ZERO,
        leaves=ZERO,
    )


def execution_item(record: ExecutionRecord, listing: Listing) -> Result:
    """The execution in the words of the execution topic."""
    funding = record.exec_type == FUNDING
    return {
        "category": LINEAR,
        "symbol": record.symbol,
        "isLeverage": "",
        "orderId": record.order_id,
        "orderLinkId": record.link_id,
        "side": record.side.value,
        "orderPrice": price_text(record.order_price, listing, "0"),
        "orderQty": qty_text(record.order_qty, listing),
        "leavesQty": qty_text(record.leaves, listing) if record.leaves else "0",
        "createType": record.create_type,
        "orderType": record.order_type,
        "stopOrderType": record.stop_order_type,
        "execFee": plain(record.fee),
        "execId": record.exec_id,
        "execPrice": price_text(record.price, listing),
        "execQty": qty_text(record.qty, listing),
        "execPnl": plain(record.pnl),
        "execType": record.exec_type,
        "execValue": plain(record.value),
        "execTime": str(record.time_ms),
        "isMaker": record.maker,
        "feeRate": plain(record.rate),
        "tradeIv": "",
        "markIv": "",
        "markPrice": price_text(record.mark, listing),
        "indexPrice": price_text(record.index, listing),
        "underlyingPrice": "",
        "blockTradeId": "",
        "closedSize": "" if funding else qty_text(record.closed, listing),
        "extraFees": "",
        "seq": record.seq,
        "feeCurrency": "" if funding else "USDT",
        "marketUnit": "",
    }
