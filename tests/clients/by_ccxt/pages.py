"""Lists that are longer than a page."""

from __future__ import annotations

from typing import Any

from tests.clients.board import Checks
from tests.clients.by_ccxt.connect import BTC, Client, last_of, trading
from tests.clients.stand import Stand

PAGE = 4
ORDERS = 11
PACE_MS = 45
"""ccxt's own pace, 20 ms, is that of a higher level: it would be refused with 10006 here as at Bybit."""


def orders(stand: Stand) -> None:
    with trading(stand.demo, "ccxt-other", rateLimit=PACE_MS) as client:
        price = round(last_of(client) * 0.9, 1)
        made = [client.create_order(BTC, "limit", "buy", 0.01, price)["id"] for _ in range(ORDERS)]
        assert _ids(_pages(client, "private_get_v5_order_realtime", symbol="BTCUSDT")) == made[::-1]
        client.cancel_all_orders(BTC)
        seen = _ids(_pages(client, "private_get_v5_order_history", symbol="BTCUSDT"))
        assert [each for each in seen if each in made] == made[::-1]
        assert len(set(seen)) == len(seen)


def executions(stand: Stand) -> None:
    with trading(stand.demo, "ccxt-other", rateLimit=PACE_MS) as client:
        made = [client.create_order(BTC, "market", "buy", 0.01)["id"] for _ in range(ORDERS)]
        seen = _pages(client, "private_get_v5_execution_list", symbol="BTCUSDT", execType="Trade")
        assert len({row["execId"] for row in seen}) == len(seen)
        assert [row["orderId"] for row in seen if row["orderId"] in made] == made[::-1]
        unified = client.fetch_my_trades(BTC, None, 100)
        assert [trade["order"] for trade in unified if trade["order"] in made] == made


def transactions(stand: Stand) -> None:
    with trading(stand.demo, "ccxt-other", rateLimit=PACE_MS) as client:
        for side in ("buy", "sell") * 3:
            client.create_order(BTC, "market", side, 0.01)
        rows = _pages(client, "private_get_v5_account_transaction_log", accountType="UNIFIED", currency="USDT")
        assert len({row["id"] for row in rows}) == len(rows) > PAGE
        newest = rows[:-1]
        for row, before in zip(newest, rows[1:], strict=True):
            assert abs(float(row["cashBalance"]) - float(before["cashBalance"]) - float(row["change"])) < 1e-6, row
        ledger = client.fetch_ledger("USDT", None, 50)
        assert {"trade"} <= {row["type"] for row in ledger}


def _pages(client: Client, route: str, **query: str) -> list[dict[str, Any]]:
    """All rows of a route, page by page."""
    rows: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        more = {"cursor": cursor} if cursor else {}
        result = getattr(client, route)({"category": "linear", "limit": PAGE} | query | more)["result"]
        assert len(result["list"]) <= PAGE
        rows += result["list"]
        cursor = result["nextPageCursor"] or None
    assert len(rows) > PAGE
    return rows


def _ids(rows: list[dict[str, Any]]) -> list[str]:
    return [row["orderId"] for row in rows]


CHECKS: Checks = {
    "orders, page by page": orders,
    "executions, page by page": executions,
    "transaction log, page by page": transactions,
}
