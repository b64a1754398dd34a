"""Every signed request that ccxt and pybit were recorded with, sent again: its own path and body, signed anew."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.gateway.accounts import Account, ApiKey, Personality
from adapters.sandbox.gateway.gateway import Gateway
from adapters.sandbox.gateway.limits import LimitSettings
from adapters.sandbox.gateway.messages import HttpAnswer, HttpRequest
from adapters.sandbox.gateway.settings import GatewaySettings
from adapters.sandbox.listings import LISTINGS
from daemon.core.events import BookSnapshot, Ticker, Trade
from daemon.core.events import Side as TakerSide
from daemon.core.units import NS_PER_MS
from tests.adapters.sandbox.gateway.world import KEY, SECRET, UID, signed_headers
from tests.conformance.hand_market import HandMarket

RECORDED = Path(__file__).parents[3] / "data" / "bybit" / "signed_requests.jsonl"
NOW_MS = 1_700_000_000_000
MIDDLE = 60_000.0

# What is refused, by a part of its body, and why Bybit would refuse it too.
REFUSED = {
    "/v5/order/create": {
        '"positionIdx":1': 10001,  # the account is in one-way mode
    },
    "/v5/account/set-margin-mode": {"ISOLATED_MARGIN": 110026},  # it is isolated already
    "/v5/position/switch-mode": {'"mode":0': 110025},  # it is one-way already
    "/v5/order/disconnected-cancel-all": {"DERIVATIVES": 10017},  # for institutions, and not offered here
    "/v5/account/demo-apply-money": {"{}": 10017},  # of demo only
}
DEMO_LACKS = {"/v5/account/fee-rate", "/v5/asset/coin/query-info"}


class Exchange:
    """A gateway whose market stands at 60000, between the prices that were recorded; its account is at three times."""

    def __init__(self, personality: Personality) -> None:
        account = Account(uid=UID, name="main", keys=(ApiKey(key=KEY, secret=SECRET),), leverage=Decimal(3))
        settings = GatewaySettings(accounts=(account,), personality=personality, limits=LimitSettings(enabled=False))
        market = HandMarket([LISTINGS["BTCUSDT"].instrument, LISTINGS["ETHUSDT"].instrument], NOW_MS)
        self.gateway = Gateway(market, settings)
        self.answer("GET", "/v5/account/info", "")
        ts = NOW_MS * NS_PER_MS
        for fact in (
            Ticker("BTCUSDT", ts, mark=MIDDLE, index=MIDDLE, last=MIDDLE),
            BookSnapshot("BTCUSDT", ts, [(MIDDLE - 0.1, 10.0)], [(MIDDLE + 0.1, 10.0)]),
            Trade("BTCUSDT", ts, MIDDLE, 1.0, TakerSide.BUY),
        ):
            self.gateway.on_frame(*market.frame(fact, NOW_MS), NOW_MS)

    def answer(self, method: str, path: str, text: str) -> dict[str, Any]:
        query, body = (text, "") if method == "GET" else ("", text)
        headers = signed_headers(text, NOW_MS)
        request = HttpRequest(method=method, path=path, raw_query=query, headers=headers, body=body.encode())
        answered = self.gateway.handle(request, NOW_MS)
        assert isinstance(answered, HttpAnswer)
        decoded: dict[str, Any] = json.loads(answered.body)
        return decoded

    def rest(self, about: str) -> str:
        """Place an order that rests, under the name by which a recorded body speaks of it; returns its id."""
        named = json.loads(about).get("orderLinkId", "")
        wish = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Limit", "qty": "0.001"}
        made = self.answer("POST", "/v5/order/create", json.dumps(wish | {"price": "50000", "orderLinkId": named}))
        return str(made["result"]["orderId"])

    def hold(self) -> None:
        """Hold something, for requests that are about a position."""
        wish = {"category": "linear", "symbol": "BTCUSDT", "side": "Buy", "orderType": "Market", "qty": "0.002"}
        assert self.answer("POST", "/v5/order/create", json.dumps(wish))["retCode"] == 0


def recordings() -> list[Any]:
    lines = [json.loads(line) for line in RECORDED.read_text(encoding="utf-8").splitlines()]
    requests = [each for each in lines if "frame" not in each]
    return [pytest.param(each, id=f"{place}-{each['client']}-{each['path']}") for place, each in enumerate(requests)]


def expected(path: str, text: str, personality: Personality) -> int:
    if personality == "demo" and path in DEMO_LACKS:
        return 10017
    if personality == "demo" and path == "/v5/account/demo-apply-money":
        return 0
    return next((code for part, code in REFUSED.get(path, {}).items() if part in text), 0)


@pytest.mark.parametrize("personality", ["live", "demo"])
@pytest.mark.parametrize("sent", recordings())
def test_a_recorded_request_is_understood(sent: dict[str, Any], personality: Personality) -> None:
    exchange = Exchange(personality)
    exchange.hold()
    text = sent["query"] if sent["method"] == "GET" else sent["body"]
    if sent["path"] in {"/v5/order/amend", "/v5/order/cancel"}:
        text = text.replace('"o1"', f'"{exchange.rest(text)}"')  # an id of the server that was recorded
    answered = exchange.answer(sent["method"], sent["path"], text)
    assert answered["retCode"] == expected(sent["path"], text, personality), answered
