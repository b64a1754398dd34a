"""Lists that are longer than a page."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from typing import Any

from tests.clients.board import Checks
from tests.clients.by_pybit.connect import OF_BTC, Row, last_of, limit, market, trading
from tests.clients.stand import Stand

PAGE = 4
ORDERS = 11
PACE_S = 0.11


def orders(stand: Stand) -> None:
    with trading(stand.demo, "pybit-other") as session:
        price = last_of(session) * 0.9
        made = [_paced(limit, session, "Buy", "0.01", price) for _ in range(ORDERS)]
        assert _ids(_pages(session.get_open_orders, **OF_BTC)) == made[::-1]
        session.cancel_all_orders(**OF_BTC)
        seen = _ids(_pages(session.get_order_history, **OF_BTC))
        assert [each for each in seen if each in made] == made[::-1]
        assert len(set(seen)) == len(seen)


def executions(stand: Stand) -> None:
    with trading(stand.demo, "pybit-other") as session:
        made = [_paced(market, session, "Buy", "0.01") for _ in range(ORDERS)]
        rows = _pages(session.get_executions, **OF_BTC, execType="Trade")
        assert len({row["execId"] for row in rows}) == len(rows)
        assert [each for each in _ids(rows) if each in made] == made[::-1]


def transactions(stand: Stand) -> None:
    with trading(stand.demo, "pybit-other") as session:
        for side in ("Buy", "Sell") * 3:
            _paced(market, session, side, "0.01")
        rows = _pages(session.get_transaction_log, accountType="UNIFIED", category="linear", currency="USDT")
        assert len({row["id"] for row in rows}) == len(rows) > PAGE
        for row, before in itertools.pairwise(rows):
            assert abs(float(row["cashBalance"]) - float(before["cashBalance"]) - float(row["change"])) < 1e-6, row


def _paced(call: Callable[..., str], *arguments: Any) -> str:
    """Send, and no more than nine a second: pybit has no pace of its own."""
    made = call(*arguments)
    time.sleep(PACE_S)
    return made


def _pages(call: Callable[..., Any], **query: Any) -> list[Row]:
    """All rows of a route, page by page."""
    rows: list[Row] = []
    cursor: str | None = ""
    while cursor is not None:
        result = call(**query, limit=PAGE, **({"cursor": cursor} if cursor else {}))["result"]
        assert len(result["list"]) <= PAGE
        rows += result["list"]
        cursor = result["nextPageCursor"] or None
    assert len(rows) > PAGE
    return rows


def _ids(rows: list[Row]) -> list[str]:
    return [row["orderId"] for row in rows]


CHECKS: Checks = {
    "orders, page by page": orders,
    "executions, page by page": executions,
    "transaction log, page by page": transactions,
}
