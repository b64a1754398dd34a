"""Orders that are sent by the client: their lives, and the answers about them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from math import isclose
from typing import Any

from pybit.exceptions import InvalidRequestError

from tests.clients.board import Checks, eventually
from tests.clients.by_pybit.connect import (
    BTC,
    ETH,
    LINEAR,
    OF_BTC,
    Client,
    code_of,
    connect,
    held,
    last_of,
    limit,
    market,
    open_orders,
    order_of,
    text,
    trading,
)
from tests.clients.stand import Stand

TAKER_FEE = 0.00055
ORDER_UNKNOWN = 110001


def limit_order(stand: Stand) -> None:
    with trading(stand.demo) as session:
        price = last_of(session) * 0.9
        name = f"limit-{session.get_server_time()['time']}"
        made = limit(session, "Buy", "0.01", price, orderLinkId=name)
        order = order_of(session, made)
        assert (order["orderStatus"], order["cumExecQty"]) == ("New", "0.000")
        assert (float(order["price"]), float(order["qty"])) == (float(text(price)), 0.01)
        assert [each["orderLinkId"] for each in open_orders(session)] == [name]
        (by_name,) = session.get_open_orders(**LINEAR, settleCoin="USDT", orderLinkId=name)["result"]["list"]
        assert by_name["orderId"] == made
        session.cancel_order(**OF_BTC, orderLinkId=name)
        assert open_orders(session) == []
        assert order_of(session, made)["orderStatus"] == "Cancelled"
        history = session.get_order_history(**OF_BTC, orderId=made)["result"]["list"]
        assert [(each["orderStatus"], each["cancelType"]) for each in history] == [("Cancelled", "CancelByUser")]
        assert code_of(lambda: session.cancel_order(**OF_BTC, orderId=made)) == ORDER_UNKNOWN


def market_order(stand: Stand) -> None:
    with trading(stand.demo) as session:
        made = market(session, "Buy", "0.05")
        order = order_of(session, made)
        assert (order["orderStatus"], float(order["cumExecQty"]), float(order["leavesQty"])) == ("Filled", 0.05, 0)
        rows = session.get_executions(**LINEAR, orderId=made)["result"]["list"]
        assert isclose(sum(float(row["execQty"]) for row in rows), 0.05)
        for row in rows:
            assert (row["execType"], row["isMaker"], row["side"]) == ("Trade", False, "Buy")
            assert isclose(float(row["execFee"]), float(row["execValue"]) * TAKER_FEE, rel_tol=1e-6)
        (position,) = session.get_positions(**OF_BTC)["result"]["list"]
        assert (position["side"], float(position["size"])) == ("Buy", 0.05)
        assert isclose(float(position["avgPrice"]), float(order["avgPrice"]), rel_tol=1e-6)


def times_in_force(stand: Stand) -> None:
    with trading(stand.demo) as session:
        last = last_of(session)
        crossing = order_of(session, limit(session, "Buy", "0.01", last * 1.01, timeInForce="PostOnly"))
        assert (crossing["orderStatus"], crossing["rejectReason"]) == ("Cancelled", "EC_PostOnlyWillTakeLiquidity")
        assert order_of(session, limit(session, "Buy", "0.01", last * 0.95, timeInForce="PostOnly"))[
            "orderStatus"
        ] == "New"  # fmt: skip
        for kind in ("IOC", "FOK"):
            filled = limit(session, "Buy", "0.01", last * 1.01, timeInForce=kind)
            missed = limit(session, "Buy", "0.01", last * 0.95, timeInForce=kind)
            assert [order_of(session, each)["orderStatus"] for each in (filled, missed)] == ["Filled", "Cancelled"]


def amend(stand: Stand) -> None:
    with trading(stand.demo) as session:
        price = last_of(session) * 0.9
        made = limit(session, "Buy", "0.01", price)
        session.amend_order(**OF_BTC, orderId=made, qty=0.02, price=text(price - 10))
        order = order_of(session, made)
        assert (float(order["qty"]), float(order["price"])) == (0.02, float(text(price - 10)))
        session.cancel_order(**OF_BTC, orderId=made)
        assert code_of(lambda: session.amend_order(**OF_BTC, orderId=made, qty="0.03")) == ORDER_UNKNOWN


def cancel_all(stand: Stand) -> None:
    with trading(stand.demo) as session:
        price = last_of(session) * 0.9
        made = [limit(session, "Buy", "0.01", price) for _ in range(2)]
        eth = text(last_of(session, ETH) * 0.9)
        session.place_order(**LINEAR, symbol=ETH, side="Buy", orderType="Limit", qty="0.1", price=eth)
        done = session.cancel_all_orders(**OF_BTC)["result"]
        assert sorted(row["orderId"] for row in done["list"]) == sorted(made)
        assert done["success"] == "1"
        rest = session.cancel_all_orders(**LINEAR, settleCoin="USDT")["result"]["list"]
        assert len(rest) == 1
        assert session.cancel_all_orders(**OF_BTC)["result"]["list"] == []


def batches(stand: Stand) -> None:
    with trading(stand.demo) as session:
        price = text(last_of(session) * 0.9)
        wish = {"symbol": BTC, "side": "Buy", "orderType": "Limit", "qty": "0.01", "price": price}
        made = session.place_batch_order(**LINEAR, request=[wish, wish, wish | {"qty": "500000"}])
        assert [row["code"] for row in made["retExtInfo"]["list"]][:2] == [0, 0]
        assert made["retExtInfo"]["list"][2]["code"] != 0
        ids = [row["orderId"] for row in made["result"]["list"]][:2]
        session.amend_batch_order(**LINEAR, request=[{"symbol": BTC, "orderId": each, "qty": "0.02"} for each in ids])
        assert [float(order["qty"]) for order in open_orders(session)] == [0.02, 0.02]
        session.cancel_batch_order(**LINEAR, request=[{"symbol": BTC, "orderId": each} for each in ids])
        assert open_orders(session) == []


def conditional(stand: Stand) -> None:
    with trading(stand.demo) as session:
        last = last_of(session)
        far = market(session, "Buy", "0.01", triggerPrice=text(last * 1.1), triggerDirection=1)
        order = order_of(session, far)
        assert (order["orderStatus"], order["stopOrderType"], order["triggerDirection"]) == ("Untriggered", "Stop", 1)
        session.amend_order(**OF_BTC, orderId=far, triggerPrice=text(last * 1.2))
        assert float(order_of(session, far)["triggerPrice"]) == float(text(last * 1.2))
        assert len(session.cancel_all_orders(**OF_BTC, orderFilter="StopOrder")["result"]["list"]) == 1
        assert order_of(session, far)["orderStatus"] in {"Deactivated", "Cancelled"}
        near = [
            market(session, "Buy", "0.01", triggerPrice=text(last_of(session) * off), triggerDirection=direction)
            for off, direction in ((1.0005, 1), (0.9995, 2))
        ]
        eventually(lambda: any(order_of(session, each)["orderStatus"] == "Filled" for each in near), "one is triggered")
        assert held(session) >= 0.01


def reduce_only(stand: Stand) -> None:
    with trading(stand.demo) as session:
        assert code_of(lambda: market(session, "Sell", "0.01", reduceOnly=True)) == 110017
        market(session, "Buy", "0.02")
        market(session, "Sell", "0.01", reduceOnly=True)
        assert held(session) == 0.01
        market(session, "Sell", "0", reduceOnly=True, closeOnTrigger=True)
        assert held(session) == 0


def unique_names(stand: Stand) -> None:
    with trading(stand.demo) as session:
        price = last_of(session) * 0.9
        name = f"twice-{session.get_server_time()['time']}"
        made = limit(session, "Buy", "0.01", price, orderLinkId=name)
        assert code_of(lambda: limit(session, "Buy", "0.01", price, orderLinkId=name)) == 110072
        session.cancel_order(**OF_BTC, orderId=made)
        assert code_of(lambda: limit(session, "Buy", "0.01", price, orderLinkId=name)) == 110072


def races(stand: Stand) -> None:
    """Orders at the touch of a moving market, amended and cancelled at once: each ends once, and books agree."""
    with trading(stand.demo) as session, ThreadPoolExecutor(2) as pool:
        others = [connect(stand.demo, "pybit-main") for _ in range(2)]
        made = []
        for _ in range(6):
            bid = float(session.get_tickers(**OF_BTC)["result"]["list"][0]["bid1Price"])
            order = OF_BTC | {"orderId": limit(session, "Buy", "0.01", bid)}
            amended = pool.submit(_outcome, others[0].amend_order, order | {"qty": "0.02", "price": text(bid + 0.1)})
            cancelled = pool.submit(_outcome, others[1].cancel_order, order)
            assert {amended.result(), cancelled.result()} <= {0, ORDER_UNKNOWN}
            made.append(order["orderId"])
        ended = [order_of(session, each) for each in made]
        assert {order["orderStatus"] for order in ended} <= {"Cancelled", "Filled"}
        assert isclose(sum(float(order["cumExecQty"]) for order in ended), held(session), abs_tol=1e-9)


def _outcome(call: Client, order: dict[str, Any]) -> int:
    try:
        call(**order)
    except InvalidRequestError as error:
        return int(error.status_code)
    return 0


CHECKS: Checks = {
    "limit order: create, find, cancel": limit_order,
    "market order: fill, fee, position": market_order,
    "post-only, IOC, FOK": times_in_force,
    "amend": amend,
    "cancel all": cancel_all,
    "batches": batches,
    "conditional orders": conditional,
    "reduce-only": reduce_only,
    "client order ids are unique": unique_names,
    "races of amend, cancel and fill": races,
}
