from __future__ import annotations

from urllib.parse import quote

import pytest

from adapters.sandbox.trading.order_store import CLOSED_KEPT
from adapters.sandbox.trading.paging import DAY_MS, WEEK_MS
from tests.adapters.sandbox.trading.bench import BTC, ETH, Bench, open_bench


@pytest.fixture
def bench() -> Bench:
    return open_bench()


def ids(rows: list[dict[str, str]]) -> list[str]:
    return [row["orderId"] for row in rows]


def test_open_orders_come_newest_first_and_closed_ones_when_asked_for(bench: Bench) -> None:
    first, second = bench.order("Buy", "0.01", "49000"), bench.order("Buy", "0.01", "48000")
    filled = bench.order("Buy", "0.01")
    assert ids(bench.get("order/realtime", symbol=BTC)["list"]) == [second, first]
    assert ids(bench.get("order/realtime", symbol=BTC, openOnly="0")["list"]) == [second, first]
    assert ids(bench.get("order/realtime", symbol=BTC, openOnly="1")["list"]) == [filled]
    assert ids(bench.get("order/realtime", baseCoin="BTC")["list"]) == [second, first]
    assert ids(bench.get("order/realtime", baseCoin="ETH")["list"]) == []


def test_open_orders_have_to_be_selected_by_something(bench: Bench) -> None:
    assert bench.code("GET", "order/realtime") == 10001
    assert bench.code("GET", "order/realtime", symbol="NOUSDT") == 10001
    assert bench.get("order/realtime", category="spot")["list"] == []


def test_the_closed_part_is_of_five_hundred_orders_and_can_be_lost(bench: Bench) -> None:
    made = []
    for _ in range(CLOSED_KEPT + 1):
        made.append(bench.order("Buy", "0.01", "49000"))
        bench.post("order/cancel", orderId=made[-1])
    assert bench.get("order/realtime", orderId=made[0])["list"] == []
    assert ids(bench.get("order/realtime", orderId=made[1])["list"]) == [made[1]]
    waiting = bench.order("Buy", "0.01", "49000")
    bench.venue.forget_closed_orders("1001")
    assert bench.get("order/realtime", orderId=made[-1])["list"] == []
    assert ids(bench.get("order/realtime", orderId=waiting)["list"]) == [waiting]
    assert ids(bench.get("order/history", orderId=made[-1])["list"]) == [made[-1]]


def test_pages_follow_each_other_without_gap_or_repeat_while_orders_come_in(bench: Bench) -> None:
    made = [bench.order("Buy", "0.01", "49000") for _ in range(7)]
    seen, cursor = [], ""
    while True:
        page = bench.get("order/realtime", symbol=BTC, limit="3", cursor=cursor)
        seen += ids(page["list"])
        cursor = page["nextPageCursor"]
        if not cursor:
            break
        assert quote(quote(cursor)) == cursor
        bench.order("Buy", "0.01", "48000")
    assert seen == made[::-1]
    assert bench.code("GET", "order/realtime", symbol=BTC, cursor="page_token%3D1") == 10001
    assert bench.code("GET", "order/realtime", symbol=BTC, limit="51") == 10001


def test_order_filters_tell_active_waiting_and_protecting_orders_apart(bench: Bench) -> None:
    bench.order("Buy", "0.01", stopLoss="45000")
    active = bench.order("Buy", "0.01", "49000")
    stop = bench.order("Buy", "0.01", triggerPrice="51000", triggerDirection=1)
    assert ids(bench.get("order/realtime", symbol=BTC, orderFilter="Order")["list"]) == [active]
    waiting = bench.get("order/realtime", symbol=BTC, orderFilter="StopOrder")["list"]
    assert [row["stopOrderType"] for row in waiting] == ["Stop", "StopLoss"]
    (protection,) = bench.get("order/realtime", symbol=BTC, orderFilter="tpslOrder")["list"]
    assert protection["stopOrderType"] == "StopLoss"
    assert waiting[0]["orderId"] == stop
    assert bench.code("GET", "order/realtime", symbol=BTC, orderFilter="what") == 10001


def test_history_forgets_orders_without_fills_after_a_day_and_keeps_the_others(bench: Bench) -> None:
    cancelled, filled = bench.order("Buy", "0.01", "49000"), bench.order("Buy", "0.01")
    bench.post("order/cancel", orderId=cancelled)
    start = bench.now_ms - 1000
    assert ids(bench.get("order/history")["list"]) == [filled, cancelled]
    assert ids(bench.get("order/history", orderStatus="Cancelled")["list"]) == [cancelled]
    bench.now_ms += DAY_MS + 1
    assert ids(bench.get("order/history", symbol=BTC)["list"]) == [filled]
    bench.now_ms += 30 * DAY_MS
    assert ids(bench.get("order/history")["list"]) == []
    assert ids(bench.get("order/history", startTime=str(start))["list"]) == [filled]


def test_open_orders_are_not_history(bench: Bench) -> None:
    bench.order("Buy", "0.01", "49000")
    assert bench.get("order/history")["list"] == []


@pytest.mark.parametrize("path", ["order/history", "execution/list", "position/closed-pnl", "account/transaction-log"])
def test_a_window_is_of_seven_days_at_most(bench: Bench, path: str) -> None:
    now = bench.now_ms
    assert bench.get(path, startTime=str(now - WEEK_MS), endTime=str(now))
    assert bench.code("GET", path, startTime=str(now - WEEK_MS - 1), endTime=str(now)) == 10001
    assert bench.code("GET", path, startTime=str(now), endTime=str(now - 1)) == 10001


def test_one_bound_of_a_window_gives_seven_days_from_or_up_to_it(bench: Bench) -> None:
    bench.order("Buy", "0.01")
    at = bench.now_ms
    bench.now_ms += 20 * DAY_MS

    def found(**bounds: int) -> int:
        return len(bench.get("execution/list", execType="Trade", **bounds)["list"])

    assert found() == 0
    assert (found(startTime=at - WEEK_MS), found(startTime=at - WEEK_MS - 1)) == (1, 0)
    assert (found(endTime=at + WEEK_MS), found(endTime=at + WEEK_MS + 1)) == (1, 0)


def test_executions_are_selected_and_with_an_id_everything_else_is_ignored(bench: Bench) -> None:
    btc = bench.order("Buy", "0.01", orderLinkId="mine")
    bench.order("Buy", "0.1", symbol=ETH)
    assert [row["symbol"] for row in bench.get("execution/list")["list"]] == [ETH, BTC]
    assert [row["symbol"] for row in bench.get("execution/list", symbol=ETH)["list"]] == [ETH]
    assert [row["symbol"] for row in bench.get("execution/list", baseCoin="BTC")["list"]] == [BTC]
    assert bench.get("execution/list", settleCoin="USDC")["list"] == []
    assert bench.get("execution/list", execType="Funding")["list"] == []
    bench.now_ms += 300 * DAY_MS
    for named in ({"orderId": btc}, {"orderLinkId": "mine"}):
        (row,) = bench.get("execution/list", symbol=ETH, execType="Funding", **named)["list"]
        assert row["orderId"] == btc


def test_executions_come_in_pages_of_up_to_a_hundred(bench: Bench) -> None:
    for _ in range(60):
        bench.order("Buy", "0.001")
    page = bench.get("execution/list")
    assert len(page["list"]) == 50
    assert len(bench.get("execution/list", cursor=page["nextPageCursor"])["list"]) == 10
    assert bench.get("execution/list", limit="100")["nextPageCursor"] == ""
    assert bench.code("GET", "execution/list", limit="101") == 10001
    assert bench.code("GET", "execution/list", limit="ten") == 10001


def test_other_products_list_nothing_and_unknown_ones_are_refused(bench: Bench) -> None:
    bench.order("Buy", "0.01")
    for path in ("order/history", "execution/list", "position/list", "position/closed-pnl", "account/fee-rate"):
        assert bench.get(path, category="inverse", symbol="BTCUSD")["list"] == []
        assert bench.code("GET", path, category="bonds", symbol=BTC) == 10001
