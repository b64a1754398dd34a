"""ccxt pointed at a sandbox. Only addresses are replaced; everything else is as ccxt ships it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import ccxt

from tests.clients.stand import Sandbox

BTC = "BTC/USDT:USDT"
ETH = "ETH/USDT:USDT"
Client = Any
"""ccxt's classes say nothing about types that a checker could use here."""


def point(client: Client, sandbox: Sandbox) -> Client:
    """Let a client of ccxt or ccxt.pro talk to a sandbox."""
    for name in ("api", "test", "demotrading"):
        client.urls[name] = _replaced(client.urls[name], sandbox)
    if sandbox.personality == "demo":
        client.enable_demo_trading(True)
    return client


def connect(sandbox: Sandbox, account: str = "", *, reads: bool = False, **config: Any) -> Client:
    """A synchronous client, with the key of an account if one is named, and its linear markets loaded."""
    client = point(ccxt.bybit(signed(sandbox, account, reads=reads) | config), sandbox)
    client.options["fetchMarkets"] = {"types": ["linear"]}
    client.load_markets()
    return client


def signed(sandbox: Sandbox, account: str, *, reads: bool = False) -> dict[str, Any]:
    """What ccxt wants to know to sign."""
    if not account:
        return {}
    key = sandbox.key(account, reads=reads)
    return {"apiKey": key.key, "secret": key.secret}


@contextmanager
def trading(sandbox: Sandbox, account: str = "ccxt-main", **config: Any) -> Iterator[Client]:
    """A client whose account is left without orders and positions."""
    client = connect(sandbox, account, **config)
    try:
        yield client
    finally:
        tidy(client)


def tidy(client: Client) -> None:
    """Cancel every order and close every position."""
    client.cancel_all_orders(None, {"settleCoin": "USDT"})
    for position in client.fetch_positions():
        side = "sell" if position["side"] == "long" else "buy"
        idx = position["info"]["positionIdx"]
        hedge = {"positionIdx": int(idx)} if int(idx) else {}
        client.create_order(
            position["symbol"], "market", side, position["contracts"], None, {"reduceOnly": True} | hedge
        )


def last_of(client: Client, symbol: str = BTC) -> float:
    """The last price."""
    price: float = client.fetch_ticker(symbol)["last"]
    return price


def order_of(client: Client, order_id: str, symbol: str = BTC) -> dict[str, Any]:
    """An order as it stands."""
    order: dict[str, Any] = client.fetch_order(order_id, symbol, {"acknowledged": True})
    return order


def contracts_of(client: Client, symbol: str = BTC) -> float:
    """What is held of a symbol, unsigned."""
    return client.fetch_position(symbol)["contracts"] or 0.0


def _replaced(urls: Any, sandbox: Sandbox) -> Any:
    if isinstance(urls, dict):
        return {name: _replaced(each, sandbox) for name, each in urls.items()}
    scheme, _, path = str(urls).partition("://")
    rest = urlsplit(sandbox.rest_url).netloc
    _, _, tail = path.partition("/")
    return f"{'ws' if scheme.startswith('ws') else 'http'}://{rest}" + (f"/{tail}" if tail else "")
