"""pybit's trading websocket, which live and testnet have and demo has not."""

from __future__ import annotations

from typing import Any

import pybit.unified_trading

from tests.clients.board import Checks, eventually
from tests.clients.by_pybit.connect import BTC, OF_BTC, last_of, order_of, point_sockets, text, trading
from tests.clients.by_pybit.streams import Heard
from tests.clients.stand import Stand


def order_socket(stand: Stand) -> None:
    key = stand.live.key("pybit-stream")
    with trading(stand.live, "pybit-stream") as session:
        point_sockets(stand.live)
        opened = pybit.unified_trading.WebSocketTrading(testnet=False, api_key=key.key, api_secret=key.secret)
        try:
            eventually(lambda: opened.auth, "the order socket knows us")
            wish = OF_BTC | {"side": "Buy", "orderType": "Limit", "qty": "0.01", "price": text(last_of(session) * 0.9)}
            made = _asked(opened.place_order, wish)["data"]["orderId"]
            _asked(opened.amend_order, OF_BTC | {"orderId": made, "qty": "0.02"})
            assert float(order_of(session, made)["qty"]) == 0.02
            _asked(opened.cancel_order, OF_BTC | {"orderId": made})
            assert order_of(session, made)["orderStatus"] == "Cancelled"
            told = Heard()
            opened.cancel_order(Heard(), told, **OF_BTC, orderId=made)
            assert told.next()["retCode"] == 110001
            batch = {"category": "linear", "request": [{name: wish[name] for name in wish if name != "category"}] * 2}
            rows = _asked(opened.place_batch_order, batch)["data"]["list"]
            named = [{"symbol": BTC, "orderId": row["orderId"]} for row in rows]
            _asked(opened.cancel_batch_order, {"category": "linear", "request": named})
            assert session.get_open_orders(**OF_BTC)["result"]["list"] == []
        finally:
            opened.exit()


def _asked(call: Any, wish: dict[str, Any]) -> Any:
    """The answer to a request that must be taken."""
    heard = Heard()
    call(heard, heard, **wish)
    answer = heard.next()
    assert answer["retCode"] == 0, answer
    return answer


CHECKS: Checks = {"order socket": order_socket}
