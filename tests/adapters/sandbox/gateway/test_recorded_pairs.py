"""Recorded REST pairs: where we serve their route, our answer has the fields and JSON types of the real one.

The samples are of several years. What is newer than they, and what we have no counterpart of, is listed by name.
"""

from __future__ import annotations

import json
from collections.abc import Set
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.gateway.gateway import Gateway
from adapters.sandbox.gateway.settings import GatewaySettings
from adapters.sandbox.market_history import MarketHistory
from tests.adapters.sandbox.gateway.world import CREATE, Message, World, limit_order, market_order
from tests.adapters.sandbox.trading.test_shapes import NEWER, NEWER_IN_ANSWERED_POSITION, assert_same_fields, kind

DATA = Path(__file__).parents[3] / "data" / "bybit"
FILES = ("rest_private_bybitnet.jsonl", "rest_more_bybitnet.jsonl", "rest_market_bybitnet.jsonl")

BTC = {"category": "linear", "symbol": "BTCUSDT"}
OF_MINUTES = BTC | {"interval": "1", "limit": "3"}
ORDER = BTC | {"side": "Buy", "orderType": "Limit", "price": "90000", "qty": "0.01"}
RESTING = {"symbol": "BTCUSDT", "orderLinkId": "rests"}

# What to ask of each route, in this order, of an account that has a position and an order that rests.
ASKED: dict[str, Message] = {
    "/v5/market/kline": OF_MINUTES,
    "/v5/market/mark-price-kline": OF_MINUTES,
    "/v5/market/premium-index-price-kline": OF_MINUTES,
    "/v5/market/instruments-info": BTC,
    "/v5/market/orderbook": BTC,
    "/v5/market/risk-limit": BTC,
    "/v5/market/recent-trade": BTC,
    "/v5/market/funding/history": BTC,
    "/v5/system/status": {},
    "/v5/account/wallet-balance": {"accountType": "UNIFIED"},
    "/v5/account/info": {},
    "/v5/account/collateral-info": {"currency": "USDT"},
    "/v5/account/fee-rate": BTC,
    "/v5/account/transaction-log": {"accountType": "UNIFIED"},
    "/v5/order/realtime": BTC,
    "/v5/order/history": BTC,
    "/v5/execution/list": BTC,
    "/v5/position/list": BTC,
    "/v5/position/closed-pnl": BTC,
    "/v5/order/create": ORDER | {"orderLinkId": "made"},
    "/v5/order/amend": BTC | {"orderLinkId": "rests", "qty": "0.02"},
    "/v5/order/amend-batch": {"category": "linear", "request": [RESTING | {"qty": "0.03"}]},
    "/v5/order/create-batch": {"category": "linear", "request": [ORDER | {"orderLinkId": "batch"}]},
    "/v5/order/cancel": BTC | {"orderLinkId": "rests"},
    "/v5/order/cancel-all": BTC,
    "/v5/position/trading-stop": BTC | {"positionIdx": 0, "tpslMode": "Full", "stopLoss": "89000"},
    "/v5/position/add-margin": BTC | {"positionIdx": 0, "margin": "10"},
    "/v5/position/set-auto-add-margin": BTC | {"positionIdx": 0, "autoAddMargin": 1},
    "/v5/position/switch-mode": BTC | {"mode": 3},
    "/v5/account/set-margin-mode": {"setMarginMode": "PORTFOLIO_MARGIN"},
}
# Recorded when they were refused; ours are refused too.
REFUSED = {"/v5/account/set-margin-mode": 3400045, "/v5/position/switch-mode": 110024}
NEWER_RESULT = {
    "/v5/market/orderbook": {"cts"},
    "/v5/market/instruments-info": {"nextPageCursor"},
    "/v5/market/risk-limit": {"nextPageCursor"},
    "/v5/position/add-margin": NEWER["position"] | NEWER_IN_ANSWERED_POSITION | {"side"},
}
NEWER_ITEM = {
    "/v5/order/realtime": NEWER["order"],
    "/v5/order/history": NEWER["order"],
    "/v5/execution/list": NEWER["execution"],
    "/v5/position/list": NEWER["position"],
    "/v5/position/closed-pnl": NEWER["closed"],
    "/v5/account/transaction-log": NEWER["transaction"],
    "/v5/account/wallet-balance": NEWER["wallet"],
    "/v5/market/recent-trade": {"isRPITrade", "seq"},
    "/v5/market/risk-limit": {"mmDeduction"},
    "/v5/market/instruments-info": {"symbolId", "displayName", "isPreListing", "preListingInfo", "riskParameters",
                                    "symbolType", "forbidUplWithdrawal"},
}  # fmt: skip


def pairs() -> list[Any]:
    lines = [line for name in FILES for line in (DATA / name).read_text(encoding="utf-8").splitlines()]
    return [json.loads(line) for line in lines]


class Busy(World):
    """A live exchange with a past, and an account that has done something of everything."""

    def __init__(self) -> None:
        super().__init__(personality="live")
        history = MarketHistory(self.market)
        self.gateway = Gateway(self.market, GatewaySettings(personality="live"), history=history)
        for _ in range(40):
            self.step()
            history.look(self.now)
        self.post(CREATE, market_order("a", qty="0.03"))
        self.step()
        self.post(CREATE, market_order("b", qty="0.01", side="Sell"))
        self.post(CREATE, limit_order("rests", price="90000"))


@pytest.fixture(scope="module")
def answers() -> dict[str, Message]:
    """Our answers by path."""
    world, said = Busy(), {}
    for pair in sorted(pairs(), key=lambda pair: list(ASKED).index(pair["path"])):
        said[pair["path"]] = world.answer(pair["method"], pair["path"], ASKED[pair["path"]])
    return said


def same_rows(ours: Any, theirs: Any, newer: Set[str]) -> None:
    """Every row of ours is like the first of theirs."""
    assert ours, "there is nothing to compare"
    for row in ours:
        if isinstance(theirs[0], dict):
            assert_same_fields(row, theirs[0], newer)
        else:
            assert [kind(each) for each in row] == [kind(each) for each in theirs[0]]


@pytest.mark.parametrize("pair", pairs(), ids=lambda pair: pair["path"])
def test_our_answer_has_the_fields_and_types_of_the_recorded_one(pair: Any, answers: dict[str, Message]) -> None:
    path, theirs = pair["path"], pair["response"]
    ours = answers[path]
    assert_same_fields(ours, {"retExtInfo": {}, "time": 0} | theirs)
    assert (ours["retCode"] == 0) is (path not in REFUSED)
    if path in REFUSED:
        assert ours["retCode"] == REFUSED[path]
    assert_same_fields(ours["result"], theirs["result"], NEWER_RESULT.get(path, frozenset()))
    for name, value in theirs["result"].items():
        if isinstance(value, list) and value:
            same_rows(ours["result"][name], value, NEWER_ITEM.get(path, frozenset()))


def test_every_recorded_pair_is_asked_for_once() -> None:
    assert sorted(ASKED) == sorted({pair["path"] for pair in pairs()})
