"""The truth: what is noted for tests to judge by, as plain fields.

    accepted   an order was taken: uid symbol order_id order_link_id side type qty price trigger_price reduce_only ...
    placed     the exchange made an order by itself; the same fields
    amended    an order was changed, with the fields as they are now
    refused    a request was refused: uid, method, path, code, message, symbol, order_link_id, order_id
    status     an order moved: uid order_id order_link_id symbol status cum_qty reason
    execution  uid exec_id order_id order_link_id symbol side qty price fee exec_type; also for funding
    position   the signed size after an execution: uid symbol position_idx size exec_id
    funding    uid symbol fee rate exec_id
    transfer   uid amount reason
    wallet     the balance after a change: uid change balance cause (an exec_id, or the reason of a transfer)

Amounts are USDT and quantities base units, in plain decimal text. The sum of signed quantities of executions other than
Funding is the position; each change of the wallet is explained by the execution, funding or transfer before it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from adapters.sandbox.refused import Refused
from adapters.sandbox.trading.execution_record import ExecutionRecord
from adapters.sandbox.trading.order_record import OrderRecord
from adapters.sandbox.trading.spec import Result
from adapters.sandbox.trading.texts import plain


def order(uid: str, record: OrderRecord) -> Result:
    """Fields of accepted, placed and amended."""
    request = record.request
    return {
        "uid": uid,
        "symbol": request.symbol,
        "order_id": record.order_id,
        "order_link_id": record.link_id,
        "side": request.side.value,
        "position_idx": int(request.position_idx),
        "type": request.type.value,
        "qty": plain(request.qty),
        "price": "" if request.price is None else plain(request.price),
        "trigger_price": "" if request.trigger_price is None else plain(request.trigger_price),
        "reduce_only": request.reduce_only,
        "create_type": request.create_type.value,
    }


def status(uid: str, record: OrderRecord) -> Result:
    """Fields of status."""
    return {
        "uid": uid,
        "order_id": record.order_id,
        "order_link_id": record.link_id,
        "symbol": record.request.symbol,
        "status": record.status.value,
        "cum_qty": plain(record.cum_qty),
        "reason": record.reason,
    }


def execution(uid: str, record: ExecutionRecord) -> Result:
    """Fields of execution."""
    return {
        "uid": uid,
        "exec_id": record.exec_id,
        "order_id": record.order_id,
        "order_link_id": record.link_id,
        "symbol": record.symbol,
        "side": record.side.value,
        "qty": plain(record.qty),
        "price": plain(record.price),
        "fee": plain(record.fee),
        "exec_type": record.exec_type,
    }


def position(uid: str, record: OrderRecord, size: Decimal, exec_id: str) -> Result:
    """Fields of position. size: signed."""
    request = record.request
    return {
        "uid": uid,
        "symbol": request.symbol,
        "position_idx": int(request.position_idx),
        "size": plain(size),
        "exec_id": exec_id,
    }


def funding(uid: str, record: ExecutionRecord) -> Result:
    """Fields of funding."""
    return {
        "uid": uid,
        "symbol": record.symbol,
        "fee": plain(record.fee),
        "rate": plain(record.rate),
        "exec_id": record.exec_id,
    }


def transfer(uid: str, amount: Decimal, reason: str) -> Result:
    """Fields of transfer."""
    return {"uid": uid, "amount": plain(amount), "reason": reason}


def wallet(uid: str, change: Decimal, balance: Decimal, cause: str) -> Result:
    """Fields of wallet."""
    return {"uid": uid, "change": plain(change), "balance": plain(balance), "cause": cause}


def refusal(uid: str, method: str, path: str, query: Mapping[str, object], refused: Refused) -> Result:
    """Fields of refused."""
    return {
        "uid": uid,
        "method": method,
        "path": path,
        "code": refused.code,
        "message": refused.message,
        **{
            name: str(query.get(field) or "")
            for name, field in (("symbol", "symbol"), ("order_id", "orderId"), ("order_link_id", "orderLinkId"))
        },
    }
