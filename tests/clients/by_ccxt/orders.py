"""Orders that are sent by the client: their lives, and the answers about them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from math import isclose

import ccxt

from tests.clients.board import Checks, eventually, refused
from tests.clients.by_ccxt.connect import BTC, ETH, Client, connect, contracts_of, last_of, order_of, trading
from tests.clients.stand import Stand

TAKER_FEE = 0.00055


def limit_order(stand: Stand) -> None:
    with trading(stand.demo) as client:
        price = round(last_of(client) * 0.9, 1)
        name = f"limit-{client.fetch_time()}"
        made = client.create_order(BTC, "limit", "buy", 0.01, price, {"clientOrderId": name})
        assert made["clientOrderId"] == name
        order = order_of(client, made["id"])
        assert (order["status"], order["price"], order["amount"], order["filled"]) == ("open", price, 0.01, 0)
        assert [each["id"] for each in client.fetch_open_orders(BTC)] == [made["id"]]
        assert client.fetch_open_order(made["id"], BTC)["clientOrderId"] == name
        by_name = client.fetch_open_orders(BTC, None, None, {"orderLinkId": name})
        assert [each["id"] for each in by_name] == [made["id"]]
        assert client.cancel_order(made["id"], BTC)["id"] == made["id"]
        assert client.fetch_open_orders(BTC) == []
        assert order_of(client, made["id"])["status"] == "canceled"
        assert made["id"] in [each["id"] for each in client.fetch_canceled_orders(BTC)]
        refused(lambda: client.cancel_order(made["id"], BTC), ccxt.OrderNotFound)


def market_order(stand: Stand) -> None:
    with trading(stand.demo) as client:
        made = client.create_order(BTC, "market", "buy", 0.05)
        order = order_of(client, made["id"])
        assert (order["status"], order["filled"], order["remaining"]) == ("closed", 0.05, 0)
        trades = client.fetch_order_trades(made["id"], BTC)
        assert isclose(sum(trade["amount"] for trade in trades), 0.05)
        for trade in trades:
            assert (trade["takerOrMaker"], trade["side"], trade["symbol"]) == ("taker", "buy", BTC)
            assert isclose(trade["fee"]["cost"], trade["cost"] * TAKER_FEE, rel_tol=1e-6)
            assert trade["fee"]["currency"] == "USDT"
        assert isclose(order["average"], sum(trade["cost"] for trade in trades) / 0.05, rel_tol=1e-6)
        position = client.fetch_position(BTC)
        assert (position["side"], position["contracts"]) == ("long", 0.05)
        assert isclose(position["entryPrice"], order["average"], rel_tol=1e-6)
        assert position["liquidationPrice"] < position["entryPrice"]
        assert [each["symbol"] for each in client.fetch_positions()] == [BTC]
        assert made["id"] in [each["id"] for each in client.fetch_closed_orders(BTC)]


def times_in_force(stand: Stand) -> None:
    with trading(stand.demo) as client:
        last = last_of(client)
        taking, resting = round(last * 1.01, 1), round(last * 0.95, 1)
        post = client.create_order(BTC, "limit", "buy", 0.01, resting, {"postOnly": True})
        assert (order_of(client, post["id"])["status"], order_of(client, post["id"])["postOnly"]) == ("open", True)
        crossing = client.create_order(BTC, "limit", "buy", 0.01, taking, {"postOnly": True})
        order = order_of(client, crossing["id"])
        assert (order["status"], order["filled"]) == ("canceled", 0)
        assert order["info"]["rejectReason"] == "EC_PostOnlyWillTakeLiquidity"
        for kind in ("IOC", "FOK"):
            filled = client.create_order(BTC, "limit", "buy", 0.01, taking, {"timeInForce": kind})
            assert order_of(client, filled["id"])["status"] == "closed"
            missed = client.create_order(BTC, "limit", "buy", 0.01, resting, {"timeInForce": kind})
            assert order_of(client, missed["id"])["status"] == "canceled"


def amend(stand: Stand) -> None:
    with trading(stand.demo) as client:
        price = round(last_of(client) * 0.9, 1)
        made = client.create_order(BTC, "limit", "buy", 0.01, price, {"clientOrderId": f"amend-{client.fetch_time()}"})
        client.edit_order(made["id"], BTC, "limit", "buy", 0.02, round(price - 10, 1))
        order = order_of(client, made["id"])
        assert (order["price"], order["amount"]) == (round(price - 10, 1), 0.02)
        client.edit_order(None, BTC, "limit", "buy", 0.03, None, {"clientOrderId": made["clientOrderId"]})
        assert order_of(client, made["id"])["amount"] == 0.03
        client.cancel_order(made["id"], BTC)
        refused(lambda: client.edit_order(made["id"], BTC, "limit", "buy", 0.01, price), ccxt.OrderNotFound)


def cancel_all(stand: Stand) -> None:
    with trading(stand.demo) as client:
        for symbol in (BTC, BTC, ETH):
            client.create_order(symbol, "limit", "buy", 0.1, last_of(client, symbol) * 0.9)
        assert len(client.cancel_all_orders(BTC)) == 2
        assert [order["symbol"] for order in client.fetch_open_orders()] == [ETH]
        assert len(client.cancel_all_orders()) == 1
        assert client.fetch_open_orders() == []


def batches(stand: Stand) -> None:
    with trading(stand.demo) as client:
        price = round(last_of(client) * 0.9, 1)
        wish = {"symbol": BTC, "type": "limit", "side": "buy", "amount": 0.01, "price": price}
        made = client.create_orders([wish, wish, wish | {"amount": 500_000.0}])
        assert [bool(order["id"]) for order in made] == [True, True, False]
        assert made[2]["status"] == "rejected"
        ids = [order["id"] for order in made[:2]]
        client.edit_orders(
            [{"id": each, "symbol": BTC, "type": "limit", "side": "buy", "amount": 0.02} for each in ids]
        )
        assert [order["amount"] for order in client.fetch_open_orders(BTC)] == [0.02, 0.02]
        client.cancel_orders(ids, BTC)
        assert client.fetch_open_orders(BTC) == []


def conditional(stand: Stand) -> None:
    with trading(stand.demo) as client:
        last = last_of(client)
        far = client.create_order(BTC, "market", "buy", 0.01, None, _trigger(last * 1.1, "ascending"))
        order = order_of(client, far["id"])
        assert (order["status"], order["triggerPrice"]) == ("open", round(last * 1.1, 1))
        moved = client.price_to_precision(BTC, last * 1.2)  # ccxt leaves a number beside the text it makes of it
        client.edit_order(far["id"], BTC, "market", "buy", 0.01, None, {"triggerPrice": moved})
        assert order_of(client, far["id"])["triggerPrice"] == round(last * 1.2, 1)
        assert [each["id"] for each in client.fetch_open_orders(BTC, None, None, {"trigger": True})] == [far["id"]]
        client.cancel_all_orders(BTC, {"trigger": True})
        assert client.fetch_open_orders(BTC) == []
        near = [
            client.create_order(BTC, "market", "buy", 0.01, None, _trigger(last * (1 + off), direction))["id"]
            for off, direction in ((0.0005, "ascending"), (-0.0005, "descending"))
            for last in [last_of(client)]
        ]
        eventually(lambda: any(order_of(client, each)["status"] == "closed" for each in near), "one is triggered")
        assert contracts_of(client) >= 0.01


def _trigger(price: float, direction: str) -> dict[str, object]:
    return {"triggerPrice": price, "triggerDirection": direction}


def reduce_only(stand: Stand) -> None:
    with trading(stand.demo) as client:
        refused(lambda: _close(client, 0.01), ccxt.InvalidOrder)
        client.create_order(BTC, "market", "buy", 0.02)
        _close(client, 0.01)
        assert contracts_of(client) == 0.01
        _close(client, 0.05)
        assert contracts_of(client) == 0


def _close(client: Client, amount: float) -> object:
    return client.create_order(BTC, "market", "sell", amount, None, {"reduceOnly": True})


def unique_names(stand: Stand) -> None:
    with trading(stand.demo) as client:
        price = round(last_of(client) * 0.9, 1)
        name = f"twice-{client.fetch_time()}"
        made = client.create_order(BTC, "limit", "buy", 0.01, price, {"clientOrderId": name})
        again = lambda: client.create_order(BTC, "limit", "buy", 0.01, price, {"clientOrderId": name})  # noqa: E731
        assert "110072" in str(refused(again, ccxt.InvalidOrder))
        client.cancel_order(made["id"], BTC)
        refused(again, ccxt.InvalidOrder)


def races(stand: Stand) -> None:
    """Orders at the touch of a moving market, amended and cancelled at once: each ends once, and books agree."""
    with trading(stand.demo) as client, ThreadPoolExecutor(2) as pool:
        others = [connect(stand.demo, "ccxt-main") for _ in range(2)]
        made = []
        for _ in range(6):
            price = client.fetch_ticker(BTC)["bid"]
            order = client.create_order(BTC, "limit", "buy", 0.01, price)
            amended = pool.submit(_outcome, others[0].edit_order, order["id"], BTC, "limit", "buy", 0.02, price + 0.1)
            cancelled = pool.submit(_outcome, others[1].cancel_order, order["id"], BTC)
            assert {amended.result(), cancelled.result()} <= {"", "OrderNotFound", "InvalidOrder"}
            made.append(order["id"])
        ended = [order_of(client, each) for each in made]
        assert {order["status"] for order in ended} <= {"canceled", "closed"}
        assert isclose(sum(order["filled"] for order in ended), contracts_of(client), abs_tol=1e-9)


def _outcome(call: Client, *arguments: object) -> str:
    try:
        call(*arguments)
    except ccxt.BaseError as error:
        return type(error).__name__
    return ""


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
