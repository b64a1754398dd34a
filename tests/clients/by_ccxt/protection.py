"""What protects a position: take profit, stop loss, trailing stop."""

from __future__ import annotations

from tests.clients.board import Checks, eventually
from tests.clients.by_ccxt.connect import BTC, Client, contracts_of, last_of, trading
from tests.clients.stand import Stand


def of_an_order(stand: Stand) -> None:
    with trading(stand.demo) as client:
        last = last_of(client)
        attached = {"takeProfit": {"triggerPrice": last * 1.0004}, "stopLoss": {"triggerPrice": last * 0.9996}}
        client.create_order(BTC, "market", "buy", 0.02, None, attached)
        made = {order["info"]["stopOrderType"]: order["id"] for order in client.fetch_open_orders(BTC)}
        assert made, "the order brought no protection"
        eventually(lambda: contracts_of(client) == 0, "take profit or stop loss closes the position")
        assert client.fetch_open_orders(BTC) == []
        ended = {each["id"]: each["status"] for each in client.fetch_canceled_and_closed_orders(BTC)}
        assert sorted(ended[each] for each in made.values()) == ["canceled", "closed"]


def of_a_position(stand: Stand) -> None:
    with trading(stand.demo) as client:
        client.create_order(BTC, "market", "buy", 0.04)
        last = last_of(client)
        for off in (0.1, 0.2):
            both = {"stopLossPrice": last * (1 - off), "takeProfitPrice": last * (1 + off)}
            client.create_order(BTC, "market", "sell", 0.02, None, both)
        assert _kinds(client) == ["PartialStopLoss", "PartialStopLoss", "PartialTakeProfit", "PartialTakeProfit"]
        client.cancel_all_orders(BTC)
        client.private_post_v5_position_trading_stop(
            {
                "category": "linear",
                "symbol": "BTCUSDT",
                "tpslMode": "Full",
                "positionIdx": 0,
                "stopLoss": _text(last * 0.9),
            }
        )
        assert _kinds(client) == ["StopLoss"]
        assert abs(client.fetch_position(BTC)["stopLossPrice"] - last * 0.9) < 0.1
        stop = client.create_order(BTC, "market", "sell", 0.04, None, {"stopLossPrice": last * 0.8})
        assert stop["id"] in [order["id"] for order in client.fetch_open_orders(BTC)]


def trailing(stand: Stand) -> None:
    with trading(stand.demo) as client:
        client.create_order(BTC, "market", "buy", 0.02)
        client.create_order(BTC, "market", "sell", 0.02, None, {"trailingAmount": 20})
        assert _kinds(client) == ["TrailingStop"]
        assert float(client.fetch_position(BTC)["info"]["trailingStop"]) == 20
        eventually(lambda: contracts_of(client) == 0, "the trailing stop closes the position", 40)
        assert client.fetch_open_orders(BTC) == []


def _kinds(client: Client) -> list[str]:
    return sorted(order["info"]["stopOrderType"] for order in client.fetch_open_orders(BTC))


def _text(price: float) -> str:
    return f"{price:.1f}"


CHECKS: Checks = {
    "take profit and stop loss of an order": of_an_order,
    "trading stop of a position": of_a_position,
    "trailing stop": trailing,
}
