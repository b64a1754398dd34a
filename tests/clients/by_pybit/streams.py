"""pybit's websockets: market and account."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from typing import Any

import pybit.unified_trading

from tests.clients.board import Checks, eventually, rising
from tests.clients.by_pybit.connect import (
    BTC,
    ETH,
    OF_BTC,
    Client,
    Row,
    last_of,
    limit,
    market,
    point_sockets,
    trading,
)
from tests.clients.stand import CUTTING, Sandbox, Stand

PATIENCE_S = 20.0
SETTLE_S = 0.5
"""pybit does not tell when a subscription stands."""


class Heard:
    """Messages in the order in which pybit handed them over, from its own thread."""

    def __init__(self) -> None:
        self._messages: SimpleQueue[Any] = SimpleQueue()

    def __call__(self, message: Any) -> None:
        self._messages.put(message)

    def next(self) -> Any:
        """The next one.

        Raises:
            AssertionError: none comes.
        """
        try:
            return self._messages.get(timeout=PATIENCE_S)
        except Empty:
            raise AssertionError(f"nothing was heard for {PATIENCE_S:.0f} s") from None

    def until(self, good: Callable[[Row], bool]) -> list[Row]:
        """Items of the messages up to the first that is good."""
        seen: list[Row] = []
        while not (seen and good(seen[-1])):
            seen += self.next()["data"]
        return seen


@contextmanager
def socket(sandbox: Sandbox, channel: str, account: str = "", **config: Any) -> Iterator[Client]:
    """A websocket of pybit."""
    point_sockets(sandbox)
    keys: dict[str, Any] = {}
    if account:
        key = sandbox.key(account)
        keys = {"api_key": key.key, "api_secret": key.secret}
    opened = pybit.unified_trading.WebSocket(channel_type=channel, testnet=False, **(keys | config))
    try:
        yield opened
    finally:
        opened.exit()


def order_book(stand: Stand) -> None:
    heard = Heard()
    with socket(stand.demo, "linear") as opened:
        opened.orderbook_stream(50, BTC, heard)
        for _ in range(30):
            book = heard.next()["data"]
            bids, asks = ([float(price) for price, _ in book[side]] for side in "ba")
            assert max(bids) < min(asks)
            assert len(bids) == len(asks) == 50


def trades(stand: Stand) -> None:
    heard = Heard()
    with socket(stand.demo, "linear") as opened:
        opened.trade_stream([BTC, ETH], heard)
        seen = [row for _ in range(10) for row in heard.next()["data"]]
    assert {row["s"] for row in seen} <= {BTC, ETH}
    assert all(float(row["p"]) > 0 and row["S"] in {"Buy", "Sell"} for row in seen)


def tickers(stand: Stand) -> None:
    heard = Heard()
    with socket(stand.demo, "linear") as opened:
        opened.ticker_stream(BTC, heard)
        for _ in range(20):
            row = heard.next()["data"]
            assert float(row["bid1Price"]) < float(row["ask1Price"])
            assert row["fundingRate"]
            assert row["markPrice"]
            assert row["nextFundingTime"]


def klines(stand: Stand) -> None:
    heard = Heard()
    with socket(stand.demo, "linear") as opened:
        opened.kline_stream(1, BTC, heard)
        opened.all_liquidation_stream(BTC, Heard())
        closed: list[Row] = []
        while len(closed) < 3:
            closed += [row for row in heard.next()["data"] if row["confirm"]]
    assert [row["start"] - closed[0]["start"] for row in closed] == [0, 60_000, 120_000]
    assert rising(row["end"] for row in closed)


def orders(stand: Stand) -> None:
    heard = Heard()
    with trading(stand.demo, "pybit-stream") as session, socket(stand.demo, "private", "pybit-stream") as opened:
        opened.order_stream(heard)
        time.sleep(SETTLE_S)
        price = last_of(session) * 0.9
        resting = limit(session, "Buy", "0.01", price)
        session.amend_order(**OF_BTC, orderId=resting, qty="0.02")
        session.cancel_order(**OF_BTC, orderId=resting)
        filled = market(session, "Buy", "0.01")
        seen = heard.until(lambda row: row["orderId"] == filled and row["orderStatus"] == "Filled")
    lives = {each: [row["orderStatus"] for row in seen if row["orderId"] == each] for each in (resting, filled)}
    assert lives == {resting: ["New", "New", "Cancelled"], filled: ["New", "Filled"]}


def executions(stand: Stand) -> None:
    heard, fast = Heard(), Heard()
    with trading(stand.live, "pybit-stream") as session, socket(stand.live, "private", "pybit-stream") as opened:
        opened.execution_stream(heard)
        opened.fast_execution_stream(fast)
        time.sleep(SETTLE_S)
        made = market(session, "Buy", "0.01")
        seen = heard.until(lambda row: row["orderId"] == made and row["leavesQty"] in {"0", "0.000"})
        queried = session.get_executions(category="linear", orderId=made)["result"]["list"]
        assert sorted(row["execId"] for row in seen) == sorted(row["execId"] for row in queried)
        assert fast.next()["data"][0]["execId"] == seen[0]["execId"]


def positions(stand: Stand) -> None:
    heard = Heard()
    with trading(stand.demo, "pybit-stream") as session, socket(stand.demo, "private", "pybit-stream") as opened:
        opened.position_stream(heard)
        time.sleep(SETTLE_S)
        market(session, "Buy", "0.03")
        seen = heard.until(lambda row: row["symbol"] == BTC and float(row["size"]) == 0.03)
    assert (seen[-1]["side"], seen[-1]["positionIdx"]) == ("Buy", 0)
    assert float(seen[-1]["entryPrice"]) > 0


def wallet(stand: Stand) -> None:
    heard = Heard()
    with trading(stand.demo, "pybit-stream") as session, socket(stand.demo, "private", "pybit-stream") as opened:
        opened.wallet_stream(heard)
        time.sleep(SETTLE_S)
        market(session, "Buy", "0.03")
        row = heard.until(lambda row: float(row["coin"][0]["totalPositionIM"]) > 0)[-1]
    assert row["accountType"] == "UNIFIED"


def wrong_key(stand: Stand) -> None:
    """pybit raises in its own thread when it is refused, and hangs up."""
    with socket(stand.demo, "private", "pybit-stream", api_secret="wrong") as opened:
        eventually(lambda: not opened.is_connected(), "pybit gives up")
        assert not getattr(opened, "auth", False)


def reconnect(stand: Stand) -> None:
    """The connection is cut under the client: it connects and subscribes anew, and hears what comes then."""
    heard = Heard()
    with trading(stand.demo, "pybit-stream") as session, socket(stand.demo, "private", "pybit-stream") as opened:
        opened.order_stream(heard)
        time.sleep(SETTLE_S)
        first = market(session, "Buy", "0.01")
        heard.until(lambda row: row["orderId"] == first and row["orderStatus"] == "Filled")
        before = opened.ws
        wish = {"category": "linear", "symbol": CUTTING, "side": "Buy", "orderType": "Limit", "qty": "1"}
        session.place_order(**wish, price=f"{last_of(session, CUTTING) * 0.9:.2f}")
        eventually(lambda: opened.ws is not before and opened.is_connected(), "pybit is back")
        time.sleep(SETTLE_S)
        second = market(session, "Buy", "0.01")
        heard.until(lambda row: row["orderId"] == second and row["orderStatus"] == "Filled")


CHECKS: Checks = {
    "stream: order book": order_book,
    "stream: trades": trades,
    "stream: tickers": tickers,
    "stream: klines": klines,
    "stream: orders": orders,
    "stream: executions": executions,
    "stream: positions": positions,
    "stream: wallet": wallet,
    "stream: wrong key": wrong_key,
    "stream: reconnect": reconnect,
}
