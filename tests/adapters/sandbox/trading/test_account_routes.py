from __future__ import annotations

from decimal import Decimal

import pytest

from adapters.sandbox.refused import Refused
from adapters.sandbox.trading import AccountSpec
from daemon.core.venue import MarginMode
from tests.adapters.sandbox.trading.bench import BTC, EIGHT_HOURS_MS, ETH, START_MS, UID, Bench, open_bench

D = Decimal


@pytest.fixture
def bench() -> Bench:
    return open_bench()


def cross_bench(balance: str = "10000") -> Bench:
    return open_bench(AccountSpec(uid=UID, name="cross", balance=D(balance), margin_mode=MarginMode.CROSS))


def test_what_is_free_in_isolated_margin_follows_from_the_coin(bench: Bench) -> None:
    bench.order("Buy", "0.1")
    bench.order("Buy", "0.1", "49000")
    wallet = bench.get("account/wallet-balance", accountType="UNIFIED")["list"][0]
    assert (wallet["accountIMRate"], wallet["totalAvailableBalance"]) == ("", "")
    coin = wallet["coin"][0]
    order_cost = D("4900") / 10 + D("4900") * D("0.00055") * D("1.9")
    assert D(coin["totalOrderIM"]) == order_cost
    assert D(coin["totalPositionIM"]) == D(bench.position()["positionIM"])
    assert D(coin["equity"]) == D(coin["walletBalance"]) + D(coin["unrealisedPnl"])
    free = D(coin["walletBalance"]) - D(coin["totalPositionIM"]) - D(coin["totalOrderIM"])
    assert free == bench.venue.accounts[UID].account.available()


def test_in_cross_margin_the_account_wide_numbers_are_given() -> None:
    bench = cross_bench()
    bench.order("Buy", "0.1")
    wallet = bench.get("account/wallet-balance", accountType="UNIFIED", coin="USDT")["list"][0]
    assert D(wallet["totalAvailableBalance"]) == D(wallet["totalMarginBalance"]) - D(wallet["totalInitialMargin"])
    rate = D(wallet["totalInitialMargin"]) / D(wallet["totalMarginBalance"])
    assert abs(D(wallet["accountIMRate"]) - rate) < D("1e-15")


def test_other_coins_are_not_held(bench: Bench) -> None:
    assert bench.get("account/wallet-balance", accountType="UNIFIED", coin="BTC")["list"][0]["coin"] == []
    assert bench.code("GET", "account/wallet-balance", accountType="SPOT") == 10001


def test_the_margin_mode_changes_for_the_whole_account(bench: Bench) -> None:
    assert bench.get("account/info")["marginMode"] == "ISOLATED_MARGIN"
    bench.order("Buy", "0.1")
    assert bench.post("account/set-margin-mode", setMarginMode="REGULAR_MARGIN") == {"reasons": []}
    info = bench.get("account/info")
    assert (info["marginMode"], info["unifiedMarginStatus"], info["updatedTime"]) == (
        "REGULAR_MARGIN", 5, str(bench.now_ms),
    )  # fmt: skip
    assert bench.code("POST", "account/set-margin-mode", setMarginMode="REGULAR_MARGIN") == 110026
    assert bench.code("POST", "account/set-margin-mode", setMarginMode="SOME") == 10001


def test_a_margin_mode_that_cannot_be_carried_says_why() -> None:
    bench = cross_bench("1000")
    with pytest.raises(Refused) as refused:
        bench.post("account/set-margin-mode", setMarginMode="PORTFOLIO_MARGIN")
    assert refused.value.code == 3400045
    assert set(refused.value.result["reasons"][0]) == {"reasonCode", "reasonMsg"}  # type: ignore[index]
    bench.order("Buy", "0.19")
    bench.quote("51999.90", "52000.10")
    bench.order("Buy", "0.05")
    assert bench.code("POST", "account/set-margin-mode", setMarginMode="ISOLATED_MARGIN") == 3400045


def test_after_a_change_to_cross_margin_the_account_is_liquidated_as_one(bench: Bench) -> None:
    bench.order("Buy", "1")
    bench.post("account/set-margin-mode", setMarginMode="REGULAR_MARGIN")
    bench.quote("44999.90", "45000.10")
    assert bench.position()["side"] == "Buy"  # isolated it would be gone
    bench.quote("40199.90", "40200.10")
    assert bench.position()["side"] == ""
    assert D(bench.coin()["walletBalance"]) == 0


def test_fees_are_those_of_the_account(bench: Bench) -> None:
    rows = bench.get("account/fee-rate")["list"]
    assert rows[0] == {"symbol": BTC, "takerFeeRate": "0.00055", "makerFeeRate": "0.0002"}
    assert [row["symbol"] for row in rows] == [BTC, ETH]
    assert len(bench.get("account/fee-rate", symbol=ETH)["list"]) == 1
    without = bench.venue.answer(UID, "GET", "/v5/account/fee-rate", {}, bench.now_ms).result["list"]
    assert without == rows


def test_the_transaction_log_explains_the_wallet_to_the_last_digit(bench: Bench) -> None:
    bench.order("Buy", "0.03")
    bench.quote("50500.00", "50500.20")
    bench.order("Sell", "0.01")
    bench.later(EIGHT_HOURS_MS)
    bench.venue.transfer(UID, D("-5"), bench.now_ms)
    rows = bench.get("account/transaction-log", category="", limit="50")["list"]
    assert [row["type"] for row in rows] == ["TRANSFER_OUT", "SETTLEMENT", "TRADE", "TRADE", "TRANSFER_IN"]
    assert sum(D(row["change"]) for row in rows) == D(bench.coin()["walletBalance"]) == D(rows[0]["cashBalance"])
    for row in rows:
        assert D(row["change"]) == D(row["cashFlow"]) + D(row["funding"] or 0) - D(row["fee"])
    settlement = rows[1]
    assert D(settlement["funding"]) == -D("0.02") * D("50500.1") * D("0.0001")
    assert (settlement["side"], settlement["size"], settlement["qty"]) == ("Buy", "0.020", "0.020")
    assert (rows[2]["size"], rows[3]["size"]) == ("0.020", "0.030")


def test_the_transaction_log_is_of_a_day_without_times_and_selects(bench: Bench) -> None:
    bench.order("Buy", "0.03")
    assert len(bench.get("account/transaction-log", category="")["list"]) == 2
    assert [row["type"] for row in bench.get("account/transaction-log")["list"]] == ["TRADE"]
    assert bench.get("account/transaction-log", baseCoin="ETH")["list"] == []
    assert bench.get("account/transaction-log", currency="BTC")["list"] == []
    assert len(bench.get("account/transaction-log", category="", type="TRANSFER_IN")["list"]) == 1
    bench.now_ms += 86_400_001
    assert bench.get("account/transaction-log", type="TRADE")["list"] == []


def test_funding_is_an_execution_on_its_boundary_and_moves_no_position(bench: Bench) -> None:
    bench.order("Sell", "0.1")
    bench.topics()
    bench.later(EIGHT_HOURS_MS)
    assert bench.topics() == ["execution", "position", "wallet"]
    row = bench.get("execution/list", execType="Funding")["list"][0]
    assert (row["orderType"], row["side"], row["execQty"]) == ("UNKNOWN", "Sell", "0.100")
    assert row["execTime"] == str(START_MS + EIGHT_HOURS_MS)
    assert D(row["execFee"]) == -D("0.1") * D(50_000) * D("0.0001")
    assert bench.position()["size"] == "0.100"
    assert bench.noted("funding")[0]["fee"] == "-0.5"


def test_clients_can_ask_about_usdt(bench: Bench) -> None:
    (row,) = bench.get("asset/coin/query-info")["rows"]
    assert (row["coin"], row["chains"][0]["chain"]) == ("USDT", "ETH")
    assert bench.get("asset/coin/query-info", coin="BTC")["rows"] == []
    assert bench.get("account/collateral-info")["list"][0]["currency"] == "USDT"
