"""pybit pointed at a sandbox. Only addresses are replaced; everything else is as pybit ships it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pybit._websocket_trading
import pybit.unified_trading
from pybit.exceptions import InvalidRequestError

from tests.clients.board import refused
from tests.clients.stand import Sandbox

BTC, ETH = "BTCUSDT", "ETHUSDT"
LINEAR = {"category": "linear"}
OF_BTC = LINEAR | {"symbol": BTC}
Client = Any
"""pybit's classes have no types that a checker could use here."""
Row = dict[str, Any]


def connect(sandbox: Sandbox, account: str = "", *, reads: bool = False, **config: Any) -> Client:
    """An HTTP session, with the key of an account if one is named."""
    keys: dict[str, Any] = {}
    if account:
        key = sandbox.key(account, reads=reads)
        keys = {"api_key": key.key, "api_secret": key.secret}
    session = pybit.unified_trading.HTTP(testnet=False, demo=sandbox.personality == "demo", **(keys | config))
    session.endpoint = sandbox.rest_url
    return session


@contextmanager
def trading(sandbox: Sandbox, account: str = "pybit-main", **config: Any) -> Iterator[Client]:
    """A session whose account is left without orders and positions."""
    session = connect(sandbox, account, **config)
    try:
        yield session
    finally:
        tidy(session)


def tidy(session: Client) -> None:
    """Cancel every order and close every position."""
    session.cancel_all_orders(category="linear", settleCoin="USDT")
    for held in session.get_positions(category="linear", settleCoin="USDT")["result"]["list"]:
        side = "Sell" if held["side"] == "Buy" else "Buy"
        session.place_order(
            **LINEAR,
            symbol=held["symbol"],
            side=side,
            orderType="Market",
            qty=held["size"],
            reduceOnly=True,
            positionIdx=held["positionIdx"],
        )


def last_of(session: Client, symbol: str = BTC) -> float:
    """The last price."""
    return float(session.get_tickers(category="linear", symbol=symbol)["result"]["list"][0]["lastPrice"])


def text(price: float) -> str:
    """A price on the tick grid."""
    return f"{price:.1f}"


def market(session: Client, side: str, qty: str, **more: Any) -> str:
    """Send a market order; returns its id."""
    wish = OF_BTC | {"side": side, "orderType": "Market", "qty": qty} | more
    made: str = session.place_order(**wish)["result"]["orderId"]
    return made


def limit(session: Client, side: str, qty: str, price: float, **more: Any) -> str:
    """Send a limit order; returns its id."""
    wish = OF_BTC | {"side": side, "orderType": "Limit", "qty": qty, "price": text(price)} | more
    made: str = session.place_order(**wish)["result"]["orderId"]
    return made


def order_of(session: Client, order_id: str) -> Row:
    """An order as it stands."""
    row: Row
    (row,) = session.get_open_orders(**OF_BTC, orderId=order_id)["result"]["list"]
    return row


def open_orders(session: Client) -> list[Row]:
    """Open orders of BTCUSDT."""
    rows: list[Row] = session.get_open_orders(**OF_BTC)["result"]["list"]
    return rows


def position(session: Client, idx: int = 0) -> Row:
    """A position of BTCUSDT."""
    rows: list[Row] = session.get_positions(**OF_BTC)["result"]["list"]
    return next(row for row in rows if row["positionIdx"] == idx)


def held(session: Client) -> float:
    """What is held of BTCUSDT, unsigned."""
    return float(position(session)["size"])


def code_of(call: Callable[[], object]) -> int:
    """The retCode of a request that is refused."""
    error = refused(call, InvalidRequestError)
    assert isinstance(error, InvalidRequestError)
    return int(error.status_code)


def point_sockets(sandbox: Sandbox) -> None:
    """Let the websockets that are opened next go to a sandbox; pybit takes no address."""
    base = sandbox.public_url.rpartition("/")[0]
    pybit.unified_trading.PUBLIC_WSS = base + "/{CHANNEL_TYPE}"
    pybit.unified_trading.PRIVATE_WSS = sandbox.private_url
    pybit._websocket_trading.TRADE_WSS = sandbox.trade_url
