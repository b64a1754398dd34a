"""Private frames and answers shaped as Bybit's, for tests."""

from __future__ import annotations

from typing import Any

import msgspec

from daemon.core.account_events import Answered, Op
from tests.adapters.bybit.frames import T0_MS

ACCOUNT = "main"
SOURCE = "private.main"


def private_push(topic: str, *items: Any, **more: Any) -> bytes:
    envelope = {"id": "5923240c", "topic": topic, "creationTime": T0_MS, "data": list(items), **more}
    return msgspec.json.encode(envelope)


def order_row(**changed: Any) -> dict[str, Any]:
    return {
        "category": "linear",
        "symbol": "BTCUSDT",
        "orderId": "v-1",
        "orderLinkId": "ls-1",
        "side": "Buy",
        "orderType": "Limit",
        "orderStatus": "New",
        "qty": "0.010",
        "price": "50000.10",
        "cumExecQty": "0.000",
        "timeInForce": "GTC",
        "reduceOnly": False,
        "closeOnTrigger": False,
        "positionIdx": 0,
        "rejectReason": "EC_NoError",
        "cancelType": "UNKNOWN",
        "createType": "CreateByUser",
        "stopOrderType": "",
        "triggerPrice": "0.00",
        "triggerBy": "",
        "triggerDirection": 0,
        "avgPrice": "",
        "leavesQty": "0.010",
        "createdTime": str(T0_MS - 5),
        "updatedTime": str(T0_MS),
        **changed,
    }


def execution_row(**changed: Any) -> dict[str, Any]:
    return {
        "category": "linear",
        "symbol": "BTCUSDT",
        "orderId": "v-1",
        "orderLinkId": "ls-1",
        "side": "Buy",
        "execId": "e-1",
        "execPrice": "50000.1",
        "execQty": "0.005",
        "execFee": "0.13750028",
        "execType": "Trade",
        "execTime": str(T0_MS),
        "isMaker": False,
        "feeRate": "0.00055",
        "markPrice": "50001",
        "orderQty": "0.010",
        "orderType": "Limit",
        "stopOrderType": "UNKNOWN",
        "createType": "CreateByUser",
        "extraFees": "",
        "seq": 7,
        **changed,
    }


def position_row(**changed: Any) -> dict[str, Any]:
    return {
        "category": "linear",
        "symbol": "BTCUSDT",
        "side": "Sell",
        "size": "0.3",
        "positionIdx": 0,
        "entryPrice": "50000.1",
        "leverage": "5",
        "markPrice": "50010",
        "liqPrice": "",
        "takeProfit": "0.00",
        "stopLoss": "52000",
        "trailingStop": "0",
        "positionStatus": "Normal",
        "updatedTime": str(T0_MS),
        "seq": 8,
        **changed,
    }


def wallet_row(*coins: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {"accountType": "UNIFIED", "totalEquity": "1000", "accountIMRate": "", "coin": list(coins), **changed}


def coin_row(coin: str = "USDT", **changed: Any) -> dict[str, Any]:
    return {
        "coin": coin,
        "walletBalance": "1000.5",
        "equity": "1001.25",
        "totalOrderIM": "10",
        "totalPositionIM": "",
        "totalPositionMM": "0",
        **changed,
    }


def page(*rows: Any, cursor: str = "", category: str = "linear") -> dict[str, Any]:
    return {"category": category, "nextPageCursor": cursor, "list": list(rows)}


def answer(op: Op, result: Any, *, code: Any = 0, account: str = ACCOUNT, request: str = "r-1") -> Answered:
    envelope = {"retCode": code, "retMsg": "OK", "result": result, "retExtInfo": {}, "time": T0_MS}
    body = msgspec.json.encode(envelope).decode()
    return Answered(account=account, request=request, op=op, status=200, body=body, signed=5, window_ms=3000)
