"""Our answers and pushes against real messages: every field that both have is of the same JSON type.

What the samples lack (they are older than the API as it is now) and what we lack is listed by name.
"""

from __future__ import annotations

from collections.abc import Set
from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.sandbox.refused import Refused
from tests.adapters.sandbox.trading.bench import BTC, Bench, open_bench

DATA = Path(__file__).parents[3] / "data" / "bybit"

# Fields of the API as it is now that the samples are too old to have, by what they belong to.
NEWER = {
    "order": {
        "category", "parentOrderLinkId", "brokerOrderPrice", "createType", "cumFeeDetail", "closedPnl", "feeCurrency",
        "ocoTriggerBy", "marketUnit", "slippageToleranceType", "slippageTolerance", "rpiTakerAccess", "rpiMatchedQty",
    },
    "execution": {
        "category", "isLeverage", "createType", "execPnl", "extraFees", "marketUnit",
    },
    "position": {
        "breakEvenPrice", "positionIMByMp", "positionMMByMp", "mmrSysUpdatedTime", "openTime",
    },
    "wallet": {"accountIMRateByMp", "accountMMRateByMp", "totalInitialMarginByMp", "totalMaintenanceMarginByMp"},
    "coin": {"colRes", "spotBorrow", "free"},
    "transaction": {"transSubType", "extraFees"},
    "closed": {"openFee", "closeFee"},
}  # fmt: skip

NEWER_IN_ANSWERED_POSITION = {
    "tradeMode", "adlRankIndicator", "positionBalance", "tpslMode", "curRealisedPnl", "sessionAvgPrice", "seq",
    "isReduceOnly", "mmrSysUpdateTime", "leverageSysUpdatedTime",
}  # fmt: skip
NEWER_IN_PUSHES = {
    "order": {"isLeverage"},
    "execution": {"feeCurrency"},
    "position": NEWER_IN_ANSWERED_POSITION | {"autoAddMargin"},
    "wallet": set[str](),
}


def samples() -> dict[str, Any]:
    files = ("rest_private_bybitnet.jsonl", "rest_more_bybitnet.jsonl")
    lines = [line for name in files for line in (DATA / name).read_bytes().splitlines()]
    return {each["path"]: each["response"]["result"] for each in map(msgspec.json.decode, lines)}


def kind(value: object) -> str:
    """The JSON type; true and false are one."""
    return {bool: "boolean", int: "number", str: "text", list: "list", dict: "object"}[type(value)]


def assert_same_fields(ours: dict[str, Any], theirs: dict[str, Any], newer: Set[str] = frozenset()) -> None:
    assert set(theirs) - set(ours) == set(), "fields of theirs that we lack"
    assert set(ours) - set(theirs) <= newer, "fields of ours that nobody knows"
    assert {name: kind(ours[name]) for name in theirs} == {name: kind(theirs[name]) for name in theirs}


def refusal(bench: Bench, path: str, **fields: object) -> Refused:
    with pytest.raises(Refused) as refused:
        bench.post(path, **fields)
    return refused.value


@pytest.fixture
def busy() -> Bench:
    """A bench with everything: open and closed orders, a position, executions, closed PnL."""
    bench = open_bench()
    bench.order("Buy", "0.02", takeProfit="55000", stopLoss="45000", orderLinkId="parent")
    bench.order("Sell", "0.01")
    bench.order("Buy", "0.01", "49000")
    return bench


def test_orders_have_the_fields_and_types_of_real_ones(busy: Bench) -> None:
    real = samples()
    for path in ("realtime", "history"):
        theirs = real[f"/v5/order/{path}"]
        ours = busy.get(f"order/{path}", symbol=BTC)
        assert_same_fields(ours, theirs)
        for item in ours["list"]:
            assert_same_fields(item, theirs["list"][0], NEWER["order"])


def test_executions_have_the_fields_and_types_of_real_ones(busy: Bench) -> None:
    theirs = samples()["/v5/execution/list"]
    busy.later(28_800_000)
    ours = busy.get("execution/list")
    assert_same_fields(ours, theirs)
    assert {item["execType"] for item in ours["list"]} == {"Trade", "Funding"}
    for item in ours["list"]:
        assert_same_fields(item, theirs["list"][0], NEWER["execution"])


def test_positions_have_the_fields_and_types_of_real_ones(busy: Bench) -> None:
    theirs = samples()["/v5/position/list"]
    ours = busy.get("position/list", symbol=BTC)
    assert_same_fields(ours, theirs)
    for symbol in (BTC, "ETHUSDT"):
        assert_same_fields(busy.position(symbol), theirs["list"][0], NEWER["position"])


def test_the_wallet_has_the_fields_and_types_of_a_real_one(busy: Bench) -> None:
    theirs = samples()["/v5/account/wallet-balance"]["list"][0]
    ours = busy.get("account/wallet-balance", accountType="UNIFIED")["list"][0]
    assert_same_fields(ours, theirs, NEWER["wallet"])
    assert_same_fields(ours["coin"][0], theirs["coin"][0], NEWER["coin"])


def test_account_info_has_the_fields_and_types_of_a_real_one(busy: Bench) -> None:
    assert_same_fields(busy.get("account/info"), samples()["/v5/account/info"])


def test_requests_about_orders_are_answered_with_ids(busy: Bench) -> None:
    real = samples()
    created = busy.post("order/create", side="Buy", orderType="Limit", price="48000", qty="0.01", orderLinkId="a")
    assert_same_fields(created, real["/v5/order/create"])
    assert_same_fields(busy.post("order/amend", orderLinkId="a", qty="0.02"), real["/v5/order/amend"])
    assert_same_fields(busy.post("order/cancel", orderLinkId="a"), real["/v5/order/cancel"])
    assert_same_fields(busy.post("order/cancel-all"), real["/v5/order/cancel-all"])


def test_closed_pnl_and_transactions_have_the_fields_and_types_of_real_ones(busy: Bench) -> None:
    real = samples()
    closed, log = busy.get("position/closed-pnl"), busy.get("account/transaction-log", category="")
    assert_same_fields(closed, real["/v5/position/closed-pnl"])
    assert_same_fields(closed["list"][0], real["/v5/position/closed-pnl"]["list"][0], NEWER["closed"])
    assert_same_fields(log, real["/v5/account/transaction-log"])
    assert {row["type"] for row in log["list"]} == {"TRADE", "TRANSFER_IN"}
    for row in log["list"]:
        assert_same_fields(row, real["/v5/account/transaction-log"]["list"][0], NEWER["transaction"])


def test_settings_are_answered_like_the_real_ones(busy: Bench) -> None:
    real = samples()
    fees, coins = busy.get("account/fee-rate"), busy.get("account/collateral-info")
    assert_same_fields(fees["list"][0], real["/v5/account/fee-rate"]["list"][0])
    assert_same_fields(coins["list"][0], real["/v5/account/collateral-info"]["list"][0])
    position = busy.post("position/add-margin", margin="10")
    assert_same_fields(
        position, real["/v5/position/add-margin"], NEWER["position"] | NEWER_IN_ANSWERED_POSITION | {"side"}
    )
    assert busy.post("position/set-auto-add-margin", autoAddMargin=1) == real["/v5/position/set-auto-add-margin"]
    refused = refusal(busy, "account/set-margin-mode", setMarginMode="PORTFOLIO_MARGIN")
    theirs = real["/v5/account/set-margin-mode"]
    assert_same_fields(refused.result, theirs)
    assert_same_fields(refused.result["reasons"][0], theirs["reasons"][0])  # type: ignore[index]


def test_batches_are_answered_like_the_real_ones(busy: Bench) -> None:
    real = samples()
    order = {"symbol": BTC, "side": "Buy", "orderType": "Limit", "price": "48000", "qty": "0.01", "orderLinkId": "a"}
    created = busy.post("order/create-batch", request=[order])
    assert_same_fields(created["list"][0], real["/v5/order/create-batch"]["list"][0])
    amended = busy.post("order/amend-batch", request=[{"symbol": BTC, "orderLinkId": "a", "qty": "0.02"}])
    assert_same_fields(amended["list"][0], real["/v5/order/amend-batch"]["list"][0])


@pytest.mark.parametrize("topic", ["order", "execution", "position", "wallet"])
def test_pushes_have_the_fields_and_types_of_real_ones(busy: Bench, topic: str) -> None:
    ours = next(items[0] for _, name, items in reversed(busy.pushes) if name == topic)
    lines = (DATA / "ws_private_gct.jsonl").read_bytes().splitlines()
    theirs = [each["data"][0] for each in map(msgspec.json.decode, lines) if each["topic"] == topic]
    assert theirs
    for item in theirs:
        if len(item) > 1:  # one of them is a wallet of nothing but coins
            assert_same_fields(ours, item, NEWER[topic] | NEWER_IN_PUSHES[topic])
