"""Every websocket frame that ccxt.pro and pybit were recorded with, said again byte for byte at the time of then."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.gateway.accounts import Account, ApiKey
from adapters.sandbox.gateway.gateway import Gateway
from adapters.sandbox.gateway.settings import GatewaySettings
from adapters.sandbox.listings import LISTINGS
from adapters.sandbox.protocol import Session
from daemon.core.events import BookSnapshot, Ticker
from daemon.core.units import NS_PER_MS
from tests.conformance.hand_market import HandMarket

RECORDED = Path(__file__).parents[3] / "data" / "bybit" / "client_frames.jsonl"
SPOKEN_MS = {"ccxt-4.5.90": 1_795_194_002_500, "pybit-5.17.0": 1_795_193_977_080}
OFFERED = {f"{kind}.BTCUSDT" for kind in ("orderbook.1", "orderbook.50", "publicTrade", "tickers", "kline.1")}
KEY = ApiKey(key="loopback-key", secret="loopback-secret")


def frames(client: str, path: str) -> list[str]:
    """What a client said on a socket, in its order."""
    lines = [json.loads(line) for line in RECORDED.read_text(encoding="utf-8").splitlines()]
    found = [each["text"] for each in lines if (each["client"], each["path"]) == (client, path)]
    assert found
    return found


def exchange(now_ms: int) -> Gateway:
    """A live exchange at 60000, whose only account has the key that was recorded."""
    market = HandMarket([LISTINGS["BTCUSDT"].instrument], now_ms)
    account = Account(uid="1", name="main", keys=(KEY,), leverage=Decimal(3))
    gateway = Gateway(market, GatewaySettings(accounts=(account,), personality="live"))
    for fact in (
        Ticker("BTCUSDT", now_ms * NS_PER_MS, mark=60_000.0, index=60_000.0, last=60_000.0),
        BookSnapshot("BTCUSDT", now_ms * NS_PER_MS, [(59_999.9, 9.0)], [(60_000.1, 9.0)]),
    ):
        topic, payload = market.frame(fact, now_ms)
        gateway.venue.on_frame(topic, payload, now_ms)
    return gateway


def is_welcome(answer: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Whether an answer says yes, to this very request."""
    ids = [answer.get(name, "") == asked[name] for name in ("req_id", "reqId") if name in asked]
    return all(ids) and (answer.get("success") is True or answer.get("retCode") == 0 or answer.get("op") == "pong")


@pytest.mark.parametrize("client", SPOKEN_MS)
def test_the_public_socket_understands_every_recorded_frame(client: str) -> None:
    session = Session("c1", OFFERED)
    for text in frames(client, "/v5/public/linear"):
        assert is_welcome(json.loads(session.handle(text).answer), json.loads(text)), text


@pytest.mark.parametrize("client", SPOKEN_MS)
@pytest.mark.parametrize("path", ["/v5/private", "/v5/trade"])
def test_the_signed_sockets_understand_every_recorded_frame(client: str, path: str) -> None:
    now_ms = SPOKEN_MS[client]
    gateway = exchange(now_ms)
    session = gateway.open_private("c1") if path == "/v5/private" else gateway.open_trade("c1")
    for text in frames(client, path):
        (answer,) = [json.loads(each) for each in session.handle(text, now_ms)]
        assert is_welcome(answer, json.loads(text)), (text, answer)
