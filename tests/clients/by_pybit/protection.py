"""What protects a position: take profit, stop loss, trailing stop."""

from __future__ import annotations

from tests.clients.board import Checks, eventually
from tests.clients.by_pybit.connect import (
    OF_BTC,
    Client,
    code_of,
    held,
    last_of,
    market,
    open_orders,
    order_of,
    position,
    text,
    trading,
)
from tests.clients.stand import Stand

NOT_MODIFIED = 34040


def of_an_order(stand: Stand) -> None:
    with trading(stand.demo) as session:
        last = last_of(session)
        market(session, "Buy", "0.02", takeProfit=text(last * 1.0004), stopLoss=text(last * 0.9996), tpslMode="Full")
        made = {order["stopOrderType"]: order["orderId"] for order in open_orders(session)}
        assert made, "the order brought no protection"
        eventually(lambda: held(session) == 0, "take profit or stop loss closes the position")
        assert open_orders(session) == []
        ended = sorted(order_of(session, each)["orderStatus"] for each in made.values())
        assert ended[-1] == "Filled"
        assert ended[0] in {"Cancelled", "Deactivated"}


def of_a_position(stand: Stand) -> None:
    with trading(stand.demo) as session:
        market(session, "Buy", "0.04")
        last = last_of(session)
        for off in (0.1, 0.2):
            part = {"takeProfit": text(last * (1 + off)), "stopLoss": text(last * (1 - off)), "tpSize": "0.02"}
            session.set_trading_stop(**OF_BTC, **part, slSize="0.02", tpslMode="Partial", positionIdx=0)
        assert _kinds(session) == ["PartialStopLoss", "PartialStopLoss", "PartialTakeProfit", "PartialTakeProfit"]
        session.cancel_all_orders(**OF_BTC)
        full = OF_BTC | {"tpslMode": "Full", "positionIdx": 0}
        session.set_trading_stop(**full, stopLoss=text(last * 0.9), slTriggerBy="MarkPrice")
        assert _kinds(session) == ["StopLoss"]
        assert float(position(session)["stopLoss"]) == float(text(last * 0.9))
        again = full | {"stopLoss": text(last * 0.9), "slTriggerBy": "MarkPrice"}
        assert code_of(lambda: session.set_trading_stop(**again)) == NOT_MODIFIED
        session.set_trading_stop(**full, stopLoss="0")
        assert _kinds(session) == []


def trailing(stand: Stand) -> None:
    with trading(stand.demo) as session:
        market(session, "Buy", "0.02")
        session.set_trading_stop(**OF_BTC, tpslMode="Full", positionIdx=0, trailingStop="20")
        assert _kinds(session) == ["TrailingStop"]
        assert float(position(session)["trailingStop"]) == 20
        eventually(lambda: held(session) == 0, "the trailing stop closes the position", 40)
        assert open_orders(session) == []


def _kinds(session: Client) -> list[str]:
    return sorted(order["stopOrderType"] for order in open_orders(session))


CHECKS: Checks = {
    "take profit and stop loss of an order": of_an_order,
    "trading stop of a position": of_a_position,
    "trailing stop": trailing,
}
