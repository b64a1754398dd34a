from __future__ import annotations

from decimal import Decimal

import pytest

from adapters.sandbox.trading import AccountSpec
from daemon.core.venue import MarginMode
from tests.adapters.sandbox.trading.bench import BTC, ETH, UID, Bench, open_bench

D = Decimal


@pytest.fixture
def bench() -> Bench:
    return open_bench()


def hedge_bench() -> Bench:
    return open_bench(AccountSpec(uid=UID, name="hedge", hedge=True))


def test_with_a_symbol_there_is_a_row_even_when_flat_and_with_a_coin_only_what_is_held(bench: Bench) -> None:
    (flat,) = bench.get("position/list", symbol=BTC)["list"]
    assert (flat["side"], flat["size"], flat["avgPrice"], flat["liqPrice"], flat["positionIdx"]) == (
        "",
        "0",
        "0",
        "",
        0,
    )
    assert (flat["seq"], flat["leverage"]) == (-1, "10")
    assert bench.get("position/list", settleCoin="USDT")["list"] == []
    bench.order("Buy", "0.1", symbol=ETH)
    assert [row["symbol"] for row in bench.get("position/list", settleCoin="USDT")["list"]] == [ETH]
    assert bench.get("position/list", settleCoin="USDC")["list"] == []
    assert bench.code("GET", "position/list") == 10001


def test_positions_come_in_pages(bench: Bench) -> None:
    bench.order("Buy", "0.01")
    bench.order("Buy", "0.1", symbol=ETH)
    page = bench.get("position/list", settleCoin="USDT", limit="1")
    following = bench.get("position/list", settleCoin="USDT", limit="1", cursor=page["nextPageCursor"])
    assert [row["symbol"] for row in page["list"] + following["list"]] == [BTC, ETH]
    assert following["nextPageCursor"] == ""


def test_an_isolated_position_shows_the_margin_of_the_formulas(bench: Bench) -> None:
    bench.order("Buy", "0.1")
    row = bench.position()
    closing = D("0.1") * D("50000.1") * D("0.9") * D("0.00055")
    assert D(row["positionIM"]) == D("500.001") + closing
    assert D(row["positionMM"]) == D("0.1") * D("50000") * D("0.005") + closing
    # LP = (E q - E q/L) / (q (1 - m)), down to the tick
    assert D(row["liqPrice"]) == D("45226.20")
    assert D(row["positionValue"]) == D("5000.01")
    assert D(row["unrealisedPnl"]) == D("-0.01")
    assert D(row["curRealisedPnl"]) == -D("5000.01") * D("0.00055")
    fee = D("5000.01") * D("0.00055")
    assert abs(D(row["breakEvenPrice"]) - (D("5000.01") + fee) / (D("0.1") * (1 - D("0.00055")))) < D("1e-9")


def test_leverage_is_set_pushed_and_refused_in_bybits_words(bench: Bench) -> None:
    bench.order("Buy", "0.1")
    bench.topics()
    assert bench.post("position/set-leverage", buyLeverage="20", sellLeverage="20") == {}
    assert bench.topics() == ["position", "wallet"]
    assert bench.position()["leverage"] == "20"
    for buy, sell, code in (
        ("20", "20", 110043), ("5", "10", 10001), ("101", "101", 10001), ("0", "0", 10001), ("2.005", "2.005", 10001),
        ("x", "x", 10001),
    ):  # fmt: skip
        assert bench.code("POST", "position/set-leverage", buyLeverage=buy, sellLeverage=sell) == code


def test_a_leverage_too_low_for_the_balance_is_refused_and_one_too_high_for_the_size(bench: Bench) -> None:
    bench.order("Buy", "1")
    assert bench.code("POST", "position/set-leverage", buyLeverage="2", sellLeverage="2") == 110044
    rich = open_bench(AccountSpec(uid=UID, name="rich", balance=D(10_000_000)))
    rich.book([("49999.90", "100")], [("50000.10", "100")])
    rich.order("Buy", "45")
    assert rich.code("POST", "position/set-leverage", buyLeverage="100", sellLeverage="100") == 110013


def test_a_position_is_liquidated_at_the_price_of_its_new_leverage(bench: Bench) -> None:
    bench.order("Buy", "0.1")
    bench.quote("49990.00", "49990.20")
    bench.post("position/set-leverage", buyLeverage="50", sellLeverage="50")
    assert bench.position()["liqPrice"] == "49246.30"
    bench.quote("49240.00", "49240.20")
    assert bench.position()["side"] == ""
    assert bench.get("execution/list")["list"][0]["execType"] == "BustTrade"


def test_the_position_mode_changes_only_while_nothing_is_held_or_open(bench: Bench) -> None:
    def code(mode: int) -> int:
        return bench.code("POST", "position/switch-mode", mode=mode)

    assert code(0) == 110025
    assert code(1) == 10001
    stop = bench.order("Buy", "0.01", triggerPrice="51000", triggerDirection=1)
    assert code(3) == 110028
    bench.post("order/cancel", orderId=stop)
    bench.order("Buy", "0.01")
    assert code(3) == 110024
    bench.order("Sell", "0.01")
    assert code(3) == 0
    assert bench.code("POST", "order/create", side="Buy", orderType="Market", qty="0.01") == 10001
    assert [row["positionIdx"] for row in bench.get("position/list", symbol=BTC)["list"]] == [1, 2]
    assert bench.code("POST", "position/switch-mode", symbol="", mode=0) == 10001
    assert bench.code("POST", "position/switch-mode", symbol="", coin="USDT", mode=0) == 0


def test_in_hedge_mode_both_positions_stand_beside_each_other() -> None:
    bench = hedge_bench()
    bench.order("Buy", "0.02", positionIdx=1)
    bench.order("Sell", "0.01", positionIdx=2)
    assert (bench.position(idx=1)["size"], bench.position(idx=2)["size"]) == ("0.020", "0.010")
    assert (bench.position(idx=1)["side"], bench.position(idx=2)["side"]) == ("Buy", "Sell")
    bench.order("Sell", "0.02", positionIdx=1)
    assert bench.position(idx=1)["side"] == ""
    assert bench.code("POST", "position/trading-stop", takeProfit="60000", tpslMode="Full", positionIdx=0) == 10001


def test_a_full_trading_stop_replaces_removes_and_closes_the_whole_position(bench: Bench) -> None:
    bench.order("Buy", "0.02")
    bench.topics()
    bench.post("position/trading-stop", takeProfit="51000", stopLoss="49000", tpslMode="Full", positionIdx=0)
    assert bench.topics() == ["order Untriggered", "order Untriggered", "position"]
    assert (bench.position()["takeProfit"], bench.position()["stopLoss"]) == ("51000.00", "49000.00")
    same = {"takeProfit": "51000", "stopLoss": "49000", "tpslMode": "Full", "positionIdx": 0}
    assert bench.code("POST", "position/trading-stop", **same) == 34040
    bench.post("position/trading-stop", takeProfit="0", tpslMode="Full", positionIdx=0)
    assert bench.position()["takeProfit"] == "0"
    bench.quote("48990.00", "48990.20")
    assert bench.position()["side"] == ""
    execution = bench.get("execution/list")["list"][0]
    assert (execution["createType"], execution["stopOrderType"]) == ("CreateByStopLoss", "StopLoss")


def test_partial_stops_are_added_and_their_pair_ends_together(bench: Bench) -> None:
    bench.order("Buy", "0.02")
    bench.post(
        "position/trading-stop", takeProfit="51000", stopLoss="49000", tpslMode="Partial", positionIdx=0,
        tpSize="0.01", slSize="0.01", tpOrderType="Limit", tpLimitPrice="50900",
    )  # fmt: skip
    orders = bench.get("order/realtime", symbol=BTC)["list"]
    assert {row["stopOrderType"] for row in orders} == {"PartialTakeProfit", "PartialStopLoss"}
    assert {row["qty"] for row in orders} == {"0.010"}
    bench.quote("48990.00", "48990.20")
    assert bench.position()["size"] == "0.010"
    ended = bench.get("order/history", orderStatus="Deactivated")["list"]
    assert [row["cancelType"] for row in ended] == ["CancelByTpSlTsClear"]


def test_a_trailing_stop_as_ccxt_sends_it_follows_and_closes(bench: Bench) -> None:
    bench.order("Buy", "0.02")
    bench.post("position/trading-stop", trailingStop="100")
    assert bench.position()["trailingStop"] == "100.00"
    bench.quote("50500.00", "50500.20")
    bench.quote("50450.00", "50450.20")
    assert bench.position()["side"] == "Buy"
    bench.quote("50390.00", "50390.20")
    assert bench.position()["side"] == ""
    assert bench.get("order/history")["list"][0]["triggerPrice"] == "50400.10"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"takeProfit": "49000"}, 10001),
        ({"tpslMode": "Partial", "takeProfit": "51000", "tpSize": "0.01", "slSize": "0.02"}, 10001),
        ({"tpslMode": "Some", "takeProfit": "51000"}, 10001),
        ({"positionIdx": 1, "takeProfit": "51000"}, 10001),
        ({"takeProfit": "51000.55"}, 10001),
        ({}, 34040),
    ],
)
def test_trading_stops_that_cannot_be_set_have_bybits_code(bench: Bench, fields: dict[str, object], code: int) -> None:
    bench.order("Buy", "0.02")
    assert bench.code("POST", "position/trading-stop", **fields) == code


def test_a_flat_position_has_no_trading_stop(bench: Bench) -> None:
    assert bench.code("POST", "position/trading-stop", takeProfit="51000") == 10001


def test_the_protection_of_an_order_becomes_that_of_the_position_and_points_back(bench: Bench) -> None:
    bench.order("Buy", "0.02", orderLinkId="parent", stopLoss="49000", tpslMode="Partial")
    (child,) = bench.get("order/realtime", symbol=BTC)["list"]
    assert (child["parentOrderLinkId"], child["createType"]) == ("parent", "CreateByPartialStopLoss")


def test_margin_is_added_and_taken_back(bench: Bench) -> None:
    bench.order("Buy", "0.1")
    before = bench.position()
    bench.topics()
    answered = bench.post("position/add-margin", margin="100")
    assert D(answered["positionIM"]) == D(before["positionIM"]) + 100
    assert D(answered["liqPrice"]) < D(before["liqPrice"])
    assert bench.topics() == ["position", "wallet"]
    bench.post("position/add-margin", margin="-40")
    assert D(bench.position()["positionIM"]) == D(before["positionIM"]) + 60
    assert bench.code("POST", "position/add-margin", margin="-61") == 110078
    assert bench.code("POST", "position/add-margin", margin="0.00001") == 10001
    assert bench.code("POST", "position/add-margin", margin="99999") == 110012
    assert bench.code("POST", "position/add-margin", symbol=ETH, margin="1") == 110033


def test_auto_add_margin_is_remembered_in_isolated_margin_only(bench: Bench) -> None:
    bench.post("position/set-auto-add-margin", autoAddMargin=1)
    assert bench.position()["autoAddMargin"] == 1
    bench.post("position/set-auto-add-margin", autoAddMargin=0)
    assert bench.position()["autoAddMargin"] == 0
    assert bench.code("POST", "position/set-auto-add-margin") == 10001
    cross = open_bench(AccountSpec(uid=UID, name="cross", margin_mode=MarginMode.CROSS))
    assert cross.code("POST", "position/set-auto-add-margin", autoAddMargin=1) == 110076
    cross.order("Buy", "0.1")
    assert cross.code("POST", "position/add-margin", margin="1") == 110015


def test_closed_pnl_is_one_row_for_each_closing_order_with_the_fees_of_both_ways(bench: Bench) -> None:
    bench.order("Buy", "0.03")
    bench.quote("50500.00", "50500.20")
    first = bench.order("Sell", "0.01")
    bench.book([("50500.00", "0.005"), ("50499.90", "1")], [("50500.20", "1")])
    second = bench.order("Sell", "0.03")
    rows = bench.get("position/closed-pnl", symbol=BTC)["list"]
    assert [row["orderId"] for row in rows] == [second, first]
    assert (rows[0]["fillCount"], rows[0]["closedSize"], rows[0]["qty"]) == ("2", "0.020", "0.030")
    entry, leave = D("0.01") * D("50000.1"), D("0.01") * D("50500")
    assert D(rows[1]["closedPnl"]) == leave - entry - (leave + entry) * D("0.00055")
    assert bench.position()["side"] == "Sell"
    total = sum(D(row["closedPnl"]) for row in rows)
    spent = D(bench.coin()["walletBalance"]) - 10_000
    opened = D(bench.position()["curRealisedPnl"])
    assert total + opened == spent
    assert bench.get("position/closed-pnl", symbol=ETH)["list"] == []
