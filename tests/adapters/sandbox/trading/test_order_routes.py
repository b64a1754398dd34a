from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace

from adapters.sandbox.trading import AccountSpec
from adapters.sandbox.trading.spec import instant_settings
from tests.adapters.sandbox.trading.bench import BTC, ETH, UID, Bench, open_bench

D = Decimal


@pytest.fixture
def bench() -> Bench:
    return open_bench()


def test_a_market_order_fills_at_the_touch_and_is_pushed_in_the_order_it_happened(bench: Bench) -> None:
    order_id = bench.order("Buy", "0.01", orderLinkId="first")
    assert bench.topics() == ["order New", "execution", "order Filled", "position", "wallet"]
    found = bench.found(order_id)
    assert (found["orderStatus"], found["avgPrice"], found["cumExecQty"], found["leavesQty"]) == (
        "Filled", "50000.1", "0.010", "0",
    )  # fmt: skip
    assert (found["timeInForce"], found["orderType"], found["orderLinkId"]) == ("IOC", "Market", "first")
    assert D(found["price"]) == D("50500")  # the price limit of a market order: mark times 1.01
    (execution,) = bench.get("execution/list")["list"]
    assert (execution["execPrice"], execution["execQty"], execution["execFee"]) == ("50000.10", "0.010", "0.27500055")
    assert bench.position()["side"] == "Buy"
    assert bench.position()["size"] == "0.010"


def test_a_limit_order_rests_until_the_market_comes_through(bench: Bench) -> None:
    order_id = bench.order("Buy", "0.01", "49990")
    assert bench.topics() == ["order New", "position", "wallet"]
    bench.now_ms += 50
    bench.trade("49989.90", "1", "Sell")
    assert bench.topics() == ["execution", "order Filled", "position", "wallet"]
    (execution,) = bench.get("execution/list", orderId=order_id)["list"]
    assert (execution["isMaker"], execution["feeRate"], execution["execPrice"]) == (True, "0.0002", "49990.00")


def test_an_order_that_takes_more_than_is_shown_fills_in_parts_and_its_rest_is_cancelled(bench: Bench) -> None:
    bench.book([("49999.90", "1")], [("50000.10", "0.004"), ("50000.20", "0.003")])
    bench.topics()
    order_id = bench.order("Buy", "0.01", "50000.20", timeInForce="IOC")
    assert bench.topics() == [
        "order New", "execution", "order PartiallyFilled", "execution", "order PartiallyFilled", "order Cancelled",
        "position", "wallet",
    ]  # fmt: skip
    found = bench.found(order_id)
    assert (found["cumExecQty"], found["leavesQty"], found["rejectReason"], found["cancelType"]) == (
        "0.007", "0", "EC_NoImmediateQtyToFill", "UNKNOWN",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"price": "50001", "timeInForce": "PostOnly"}, "EC_PostOnlyWillTakeLiquidity"),
        ({"price": "50001", "timeInForce": "FOK", "qty": "11"}, "EC_CancelForNoFullFill"),
        ({"price": "49000", "timeInForce": "IOC"}, "EC_NoImmediateQtyToFill"),
    ],
)
def test_what_the_matcher_ends_was_accepted_before(fields: dict[str, str], reason: str) -> None:
    bench = open_bench(AccountSpec(uid=UID, name="rich", balance=D(1_000_000)))
    order_id = bench.order("Buy", **{"qty": "0.01", **fields})
    found = bench.found(order_id)
    assert (found["orderStatus"], found["rejectReason"]) == ("Cancelled", reason)


def test_an_order_link_id_is_used_up_for_good_but_not_by_a_refused_order(bench: Bench) -> None:
    assert bench.code("POST", "order/create", side="Buy", orderType="Market", qty="9", orderLinkId="x") == 110007
    bench.order("Buy", "0.01", "49000", orderLinkId="x")
    assert bench.code("POST", "order/create", side="Buy", orderType="Market", qty="0.01", orderLinkId="x") == 110072
    bench.post("order/cancel", orderLinkId="x")
    assert bench.code("POST", "order/create", side="Buy", orderType="Market", qty="0.01", orderLinkId="x") == 110072
    assert len(bench.noted("accepted")) == 1


def test_a_refused_order_leaves_no_trace_but_a_note(bench: Bench) -> None:
    assert bench.code("POST", "order/create", side="Buy", orderType="Market", qty="9", orderLinkId="x") == 110007
    assert bench.topics() == []
    assert bench.get("order/realtime", orderLinkId="x")["list"] == []
    assert bench.get("order/history")["list"] == []
    (note,) = bench.noted("refused")
    assert (note["code"], note["order_link_id"], note["path"]) == (110007, "x", "/v5/order/create")
    bench.post("position/set-leverage", buyLeverage="20", sellLeverage="20")
    assert bench.topics() == ["position", "wallet"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"qty": "0"}, 10001),
        ({"qty": "-1"}, 10001),
        ({"qty": "1e-3"}, 10001),
        ({"qty": 0.01}, 10001),
        ({"qty": "0.0105"}, 10001),
        ({"qty": ""}, 10001),
        ({"side": "buy"}, 10001),
        ({"symbol": "NOUSDT"}, 10001),
        ({"category": "spot"}, 10001),
        ({"category": ""}, 10001),
        ({"orderType": "Limit"}, 10001),
        ({"orderType": "Limit", "price": "50000.15"}, 10001),
        ({"orderType": "Limit", "price": "50000", "timeInForce": "RPI"}, 10001),
        ({"orderLinkId": "a" * 37}, 10001),
        ({"orderLinkId": "a b"}, 10001),
        ({"positionIdx": 1}, 10001),
        ({"positionIdx": 3}, 10001),
        ({"reduceOnly": "true"}, 10001),
        ({"reduceOnly": True}, 110017),
        ({"qty": "0.001", "orderType": "Limit", "price": "4000"}, 110094),
        ({"qty": "0", "reduceOnly": True, "closeOnTrigger": True}, 110017),
        ({"triggerPrice": "51000", "triggerDirection": 2}, 110093),
        ({"triggerPrice": "49000", "triggerDirection": 1}, 110092),
        ({"triggerPrice": "49000"}, 10001),
        ({"takeProfit": "49000"}, 10001),
        ({"stopLoss": "48000", "slOrderType": "Limit", "slLimitPrice": "47000"}, 10001),
        ({"slippageToleranceType": "TickSize", "slippageTolerance": "10001"}, 110108),
        ({"slippageToleranceType": "Percent", "slippageTolerance": "11"}, 110109),
        ({"slippageToleranceType": "TickSize", "slippageTolerance": "1.5"}, 10001),
        ({"smpType": "Nobody"}, 10001),
        ({"bboSideType": "Queue", "bboLevel": "1"}, 10001),
        ({"qty": "100"}, 110007),
    ],
)
def test_orders_that_cannot_be_meant_have_bybits_code(bench: Bench, fields: dict[str, Any], code: int) -> None:
    order = {"side": "Buy", "orderType": "Market", "qty": "0.01", **fields}
    assert bench.code("POST", "order/create", **order) == code
    assert bench.noted("refused")[0]["code"] == code


def test_unknown_fields_are_ignored_and_integers_may_be_text(bench: Bench) -> None:
    assert bench.order("Buy", "0.01", "49000", positionIdx="0", isLeverage=0, whatever={"a": 1})


def test_a_conditional_order_waits_goes_off_and_keeps_its_id(bench: Bench) -> None:
    order_id = bench.order("Buy", "0.01", triggerPrice="50100", triggerDirection=1, triggerBy="MarkPrice")
    found = bench.found(order_id)
    assert (found["orderStatus"], found["stopOrderType"], found["triggerDirection"]) == ("Untriggered", "Stop", 1)
    assert (found["triggerBy"], found["triggerPrice"], found["price"]) == ("MarkPrice", "50100.00", "0")
    bench.topics()
    bench.quote("50110.00", "50110.20")
    assert bench.topics() == [
        "order Triggered", "order New", "execution", "order Filled", "position", "wallet",
    ]  # fmt: skip
    assert bench.status(order_id) == "Filled"


def test_a_conditional_order_cancelled_before_its_trigger_is_deactivated(bench: Bench) -> None:
    order_id = bench.order("Sell", "0.01", triggerPrice="49000", triggerDirection=2)
    bench.post("order/cancel", orderId=order_id)
    found = bench.found(order_id)
    assert (found["orderStatus"], found["cancelType"], found["rejectReason"]) == (
        "Deactivated", "CancelByUser", "EC_PerCancelRequest",
    )  # fmt: skip


def test_an_amended_order_is_pushed_and_may_fill(bench: Bench) -> None:
    order_id = bench.order("Buy", "0.01", "49000", orderLinkId="a")
    bench.topics()
    assert bench.post("order/amend", orderLinkId="a", qty="0.02") == {"orderId": order_id, "orderLinkId": "a"}
    assert bench.topics() == ["order New", "position", "wallet"]
    bench.post("order/amend", orderId=order_id, price="50000.10")
    assert bench.topics()[-3:] == ["order Filled", "position", "wallet"]
    assert bench.found(order_id)["qty"] == "0.020"
    assert [note["qty"] for note in bench.noted("amended")] == ["0.02", "0.02"]


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"orderLinkId": "no", "qty": "0.02"}, 110001),
        ({"orderLinkId": "a", "symbol": ETH, "qty": "0.02"}, 110001),
        ({"qty": "0.02"}, 10001),
        ({"orderLinkId": "a"}, 10001),
        ({"orderLinkId": "a", "price": "49000"}, 10001),
        ({"orderLinkId": "a", "triggerPrice": "49000"}, 10001),
        ({"orderLinkId": "a", "tpslMode": "Partial"}, 10001),
        ({"orderLinkId": "a", "qty": "99"}, 110007),
    ],
)
def test_amendments_that_cannot_be_made_have_bybits_code(bench: Bench, fields: dict[str, str], code: int) -> None:
    bench.order("Buy", "0.01", "49000", orderLinkId="a")
    assert bench.code("POST", "order/amend", **fields) == code


def test_a_quantity_not_above_what_is_filled_cannot_be_amended(bench: Bench) -> None:
    bench.book([("49999.90", "1")], [("50000.10", "0.004")])
    order_id = bench.order("Buy", "0.01", "50000.10")
    assert bench.status(order_id) == "PartiallyFilled"
    assert bench.code("POST", "order/amend", orderId=order_id, qty="0.004") == 110064


def test_protection_of_an_order_can_be_amended_and_removed(bench: Bench) -> None:
    order_id = bench.order("Buy", "0.01", "49000", takeProfit="55000", stopLoss="45000")
    bench.post("order/amend", orderId=order_id, takeProfit="56000", stopLoss="0", tpTriggerBy="LastPrice")
    found = bench.found(order_id)
    assert (found["takeProfit"], found["stopLoss"], found["tpslMode"]) == ("56000.00", "", "Full")


def test_a_finished_order_is_unknown_to_a_cancel(bench: Bench) -> None:
    order_id = bench.order("Buy", "0.01")
    assert bench.code("POST", "order/cancel", orderId=order_id) == 110001
    assert bench.code("POST", "order/cancel", orderLinkId="never") == 110001
    assert bench.code("POST", "order/cancel") == 10001


def test_with_both_ids_the_order_id_counts(bench: Bench) -> None:
    first = bench.order("Buy", "0.01", "49000", orderLinkId="one")
    bench.order("Buy", "0.01", "48000", orderLinkId="two")
    assert bench.post("order/cancel", orderId=first, orderLinkId="two")["orderLinkId"] == "one"


def test_cancel_all_takes_what_is_selected(bench: Bench) -> None:
    plain = bench.order("Buy", "0.01", "49000")
    stop = bench.order("Buy", "0.01", triggerPrice="51000", triggerDirection=1)
    other = bench.order("Buy", "0.1", "1900", symbol=ETH)
    assert bench.code("POST", "order/cancel-all", symbol="") == 10001
    ids = [row["orderId"] for row in bench.post("order/cancel-all", symbol=BTC, orderFilter="StopOrder")["list"]]
    assert ids == [stop]
    assert bench.post("order/cancel-all", symbol="", settleCoin="USDC")["list"] == []
    answer = bench.post("order/cancel-all", symbol="", settleCoin="USDT")
    assert ([row["orderId"] for row in answer["list"]], answer["success"]) == ([plain, other], "1")
    assert bench.get("order/realtime", settleCoin="USDT")["list"] == []


def test_cancel_all_stops_leaves_protections(bench: Bench) -> None:
    bench.order("Buy", "0.01", takeProfit="55000")
    stop = bench.order("Buy", "0.01", triggerPrice="51000", triggerDirection=1)
    found = bench.post("order/cancel-all", orderFilter="StopOrder", stopOrderType="Stop")["list"]
    assert [row["orderId"] for row in found] == [stop]
    (left,) = bench.get("order/realtime", symbol=BTC)["list"]
    assert (left["stopOrderType"], left["tpslMode"]) == ("TakeProfit", "Full")


def test_a_batch_answers_each_item_by_itself(bench: Bench) -> None:
    order = {"symbol": BTC, "side": "Buy", "orderType": "Limit", "price": "49000"}
    good = {**order, "qty": "0.01", "orderLinkId": "a"}
    items = [good, {**order, "qty": "0.0001"}, good, 7]
    query = {"category": "linear", "request": items}
    answer = bench.venue.answer(UID, "POST", "/v5/order/create-batch", query, bench.now_ms)
    rows: Any = answer.result["list"]
    codes: Any = answer.ext_info["list"]
    assert [code["code"] for code in codes] == [0, 10001, 110072, 10001]
    assert [bool(row["orderId"]) for row in rows] == [True, False, False, False]
    assert [row["createAt"] for row in rows] == [str(bench.now_ms), "", "", ""]
    assert len(bench.noted("refused")) == 3
    changed = bench.ask("POST", "order/amend-batch", request=[{"symbol": BTC, "orderLinkId": "a", "qty": "0.02"}])
    assert changed["list"][0]["orderLinkId"] == "a"
    gone = bench.ask("POST", "order/cancel-batch", request=[{"symbol": BTC, "orderLinkId": "a"}])
    assert gone["list"][0]["orderId"] == rows[0]["orderId"]


@pytest.mark.parametrize("request_", [None, [], [{}] * 21, "x"])
def test_a_batch_holds_one_to_twenty_orders(bench: Bench, request_: object) -> None:
    assert bench.code("POST", "order/create-batch", request=request_) == 10001
    assert bench.code("POST", "order/create-batch", category="option", request=[{}]) == 10001


def test_a_reduce_only_quantity_of_zero_closes_the_position(bench: Bench) -> None:
    bench.order("Buy", "0.03")
    bench.order("Sell", "0", reduceOnly=True, closeOnTrigger=True)
    assert bench.position()["side"] == ""


def test_self_match_prevention_is_the_incoming_orders(bench: Bench) -> None:
    bench.book([("49000.00", "1")], [("51000.00", "1")])
    resting = bench.order("Sell", "0.01", "50000")
    incoming = bench.order("Buy", "0.01", "50000", smpType="CancelMaker")
    assert bench.found(resting)["cancelType"] == "CancelBySmp"
    assert bench.found(resting)["rejectReason"] == "EC_BySelfMatch"
    assert bench.status(incoming) == "New"


def test_a_slippage_tolerance_bounds_a_market_order(bench: Bench) -> None:
    bench.book([("49999.90", "1")], [("50000.10", "0.001"), ("50001.10", "1")])
    order_id = bench.order("Buy", "0.01", slippageToleranceType="TickSize", slippageTolerance="5")
    found = bench.found(order_id)
    assert (found["cumExecQty"], found["price"], found["slippageTolerance"]) == ("0.001", "50000.60", "5")


def test_a_price_beyond_the_limit_is_moved_to_it_and_pushed(bench: Bench) -> None:
    order_id = bench.order("Sell", "0.01", "40000")
    assert bench.found(order_id)["price"] == "49500.00"
    assert bench.found(order_id)["orderStatus"] == "Filled"


def test_with_latency_the_answer_comes_first_and_a_refusal_is_pushed() -> None:
    slow = replace(instant_settings(), entry_latency_ms=20)
    bench = open_bench(AccountSpec(uid=UID, name="slow", exchange=slow))
    order_id = bench.order("Buy", "9")
    assert bench.topics() == ["position"]
    assert bench.get("order/realtime", orderId=order_id)["list"] == []
    bench.later(20)
    assert bench.topics() == ["order Rejected", "position"]
    found = bench.found(order_id)
    assert (found["orderStatus"], found["rejectReason"]) == ("Rejected", "EC_Others")
