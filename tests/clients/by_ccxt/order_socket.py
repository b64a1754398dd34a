"""ccxt.pro over the order socket, which live and testnet have and demo has not."""

from __future__ import annotations

import ccxt

from tests.clients.board import Checks
from tests.clients.by_ccxt.connect import BTC, Client
from tests.clients.by_ccxt.streams import streaming
from tests.clients.stand import Stand


def order_socket(stand: Stand) -> None:
    async def script(client: Client) -> None:
        price = round((await client.fetch_ticker(BTC))["last"] * 0.9, 1)
        made = await client.create_order_ws(BTC, "limit", "buy", 0.01, price)
        await client.edit_order_ws(made["id"], BTC, "limit", "buy", 0.02, price)
        order = await client.fetch_open_order(made["id"], BTC)
        assert (order["amount"], order["price"]) == (0.02, price)
        await client.cancel_order_ws(made["id"], BTC)
        assert await client.fetch_open_orders(BTC) == []
        try:
            await client.cancel_order_ws(made["id"], BTC)
        except ccxt.OrderNotFound:
            return
        raise AssertionError("an order was cancelled twice")

    streaming(stand.live, script)


CHECKS: Checks = {"order socket": order_socket}
