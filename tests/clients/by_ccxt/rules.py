"""What the exchange refuses, and the class of error that ccxt makes of it."""

from __future__ import annotations

import time
from typing import Any

import ccxt

from tests.clients.board import Checks, refused
from tests.clients.by_ccxt.connect import BTC, connect, last_of, point, trading
from tests.clients.stand import Stand


def rate_limits(stand: Stand) -> None:
    with trading(stand.demo) as client:
        eager = connect(stand.demo, "ccxt-main", enableRateLimit=False)
        cancel = lambda: eager.cancel_order("none", BTC)  # noqa: E731
        headers = []
        for _ in range(10):
            refused(cancel, ccxt.OrderNotFound)
            headers.append(eager.last_response_headers)
        assert [each["X-Bapi-Limit"] for each in headers] == ["10"] * 10
        assert [each["X-Bapi-Limit-Status"] for each in headers] == [str(left) for left in range(9, -1, -1)]
        error = refused(cancel, ccxt.RateLimitExceeded)
        assert "10006" in str(error)
        assert int(eager.last_response_headers["X-Bapi-Limit-Reset-Timestamp"]) > client.fetch_time()
        time.sleep(1.0)
        refused(cancel, ccxt.OrderNotFound)


def recv_window(stand: Stand) -> None:
    client = connect(stand.demo, "ccxt-main")
    for off_ms in (60_000, -60_000):
        client.options["timeDifference"] = off_ms
        assert "10002" in str(refused(client.fetch_balance, ccxt.InvalidNonce))
    client.options["timeDifference"] = 3_000
    client.fetch_balance()
    client.options["recvWindow"] = 1_000
    refused(client.fetch_balance, ccxt.InvalidNonce)


def keys(stand: Stand) -> None:
    wrong: list[tuple[dict[str, Any], str]] = [({"apiKey": "nobody"}, "10003"), ({"secret": "wrong"}, "10004")]
    for change, code in wrong:
        client = connect(stand.demo, "ccxt-main", **change)
        assert code in str(refused(client.fetch_balance, ccxt.AuthenticationError))
    reads = connect(stand.demo, "ccxt-main", reads=True)
    reads.fetch_balance()
    assert "10005" in str(refused(lambda: reads.create_order(BTC, "market", "buy", 0.01), ccxt.PermissionDenied))
    refused(point(ccxt.bybit(), stand.demo).fetch_balance, ccxt.AuthenticationError)


def refusals(stand: Stand) -> None:
    with trading(stand.demo) as client:
        last = last_of(client)
        poor = refused(lambda: client.create_order(BTC, "market", "buy", 100), ccxt.InsufficientFunds)
        assert "110007" in str(poor)
        refused(lambda: client.create_order(BTC, "limit", "buy", 2000, last * 0.9), ccxt.BadRequest)
        refused(lambda: client.fetch_open_order("nothing", BTC), ccxt.OrderNotFound)
        wrong = {"category": "linear", "symbol": "NOSUCHUSDT", "side": "Buy", "orderType": "Market", "qty": "1"}
        refused(lambda: client.private_post_v5_order_create(wrong), ccxt.BadRequest)
        refused(
            lambda: client.create_order(BTC, "limit", "buy", 0.01, last, {"orderLinkId": "x" * 37}), ccxt.BadRequest
        )
        refused(lambda: client.private_get_v5_order_realtime({"category": "linear"}), ccxt.BadRequest)


def another_day(stand: Stand) -> None:
    """The day that is played is not today: a client may sign by its own clock or by the exchange's."""
    own, theirs = connect(stand.demo, "ccxt-main"), connect(stand.demo, "ccxt-main")
    theirs.load_time_difference()
    assert abs(theirs.options["timeDifference"]) > 86_400_000
    for client in (own, theirs):
        assert client.fetch_balance()["USDT"]["total"] > 0


CHECKS: Checks = {
    "rate limits": rate_limits,
    "recv_window": recv_window,
    "keys and permissions": keys,
    "refusals by class": refusals,
    "clock of another day": another_day,
}
