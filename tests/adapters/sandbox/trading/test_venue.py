from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from adapters.sandbox.listings import listings_of
from adapters.sandbox.refused import Refused
from adapters.sandbox.synthetic_market import demo_market
from adapters.sandbox.trading import AccountSpec, TradingVenue
from daemon.core.errors import ConfigError
from tests.adapters.sandbox.trading.bench import BTC, ETH, UID, Bench, open_bench

D = Decimal
OTHER = "1002"


@pytest.fixture
def bench() -> Bench:
    return open_bench(AccountSpec(uid=UID, name="first"), AccountSpec(uid=OTHER, name="second", balance=D(500)))


def test_two_accounts_of_one_uid_are_a_mistake() -> None:
    twice = [AccountSpec(uid=UID, name="a"), AccountSpec(uid=UID, name="b")]
    with pytest.raises(ConfigError, match="same uid"):
        TradingVenue(listings_of([BTC]), twice, push=lambda *_: None, note=lambda *_: None)


def test_unknown_routes_are_refused_and_the_known_ones_listed(bench: Bench) -> None:
    assert bench.code("GET", "order/create") == 10017
    assert bench.code("POST", "position/switch-isolated") == 10017
    assert ("POST", "/v5/order/create") in bench.venue.routes


def test_accounts_have_their_own_money_orders_and_ids_and_do_not_trade_with_each_other(bench: Bench) -> None:
    bench.book([("49000.00", "1")], [("51000.00", "1")])
    mine = bench.order("Sell", "0.01", "50000", orderLinkId="same")
    bench.pushes.clear()
    theirs = bench.order("Buy", "0.01", "50000", uid=OTHER, orderLinkId="same")
    assert mine != theirs
    assert {uid for uid, _, _ in bench.pushes} == {OTHER}
    assert bench.status(mine) == "New"
    with pytest.raises(Refused):
        bench.order("Buy", "1", uid=OTHER)
    assert bench.coin(OTHER)["walletBalance"] == "500"
    assert bench.coin()["walletBalance"] == "10000"


def test_the_same_requests_and_frames_give_the_same_ids_pushes_and_notes() -> None:
    def run() -> Bench:
        bench = open_bench()
        bench.order("Buy", "0.01", takeProfit="51000", stopLoss="49000")
        bench.now_ms += 100
        bench.quote("51010.00", "51010.20")
        return bench

    first, second = run(), run()
    assert first.pushes == second.pushes
    assert first.notes == second.notes


def test_time_that_runs_back_counts_as_the_last_one(bench: Bench) -> None:
    bench.order("Buy", "0.01")
    bench.now_ms -= 500
    bench.order("Buy", "0.01")
    times = [int(row["execTime"]) for row in bench.get("execution/list")["list"]]
    assert times[0] == times[1]


def test_a_frame_of_an_unknown_symbol_or_topic_says_nothing(bench: Bench) -> None:
    bench.play("tickers.DOGEUSDT", b'{"ts":1,"data":{"markPrice":"1"}}')
    bench.play("kline.1.BTCUSDT", b"{}")
    bench.play("allLiquidation.BTCUSDT", b"{}")
    assert bench.pushes == []


# What a fault plan does


def test_an_order_can_be_filled_although_the_market_did_not(bench: Bench) -> None:
    order_id = bench.order("Buy", "0.02", "49000", orderLinkId="a")
    bench.topics()
    assert bench.venue.force_fill(UID, BTC, order_link_id="a", qty=D("0.005"), now_ms=bench.now_ms)
    assert bench.topics() == ["execution", "order PartiallyFilled", "position", "wallet"]
    assert bench.venue.force_fill(UID, BTC, order_id=order_id, price=D("48000"), now_ms=bench.now_ms)
    assert bench.status(order_id) == "Filled"
    prices = [row["execPrice"] for row in bench.get("execution/list", orderId=order_id)["list"]]
    assert prices == ["48000.00", "49000.00"]
    assert bench.position()["size"] == "0.020"


def test_what_is_not_open_cannot_be_filled(bench: Bench) -> None:
    stop = bench.order("Buy", "0.02", triggerPrice="51000", triggerDirection=1)
    for name in (stop, "unknown", bench.order("Buy", "0.01")):
        assert not bench.venue.force_fill(UID, BTC, order_id=name, now_ms=bench.now_ms)
    resting = bench.order("Buy", "0.02", "49000")
    assert not bench.venue.force_fill(UID, ETH, order_id=resting, now_ms=bench.now_ms)


def test_a_deleveraging_closes_a_share_and_cancels_orders_first(bench: Bench) -> None:
    bench.order("Buy", "0.02")
    bench.order("Buy", "0.01", "49000")
    bench.topics()
    bench.venue.force_adl(UID, BTC, 0.5, bench.now_ms)
    assert bench.topics() == ["order Cancelled", "order New", "execution", "order Filled", "position", "wallet"]
    row = bench.get("execution/list")["list"][0]
    assert (row["execType"], row["execQty"], row["createType"]) == ("AdlTrade", "0.010", "CreateByAdl_PassThrough")
    assert bench.get("account/transaction-log", type="ADL")["list"][0]["qty"] == "0.010"
    assert bench.get("order/history", orderStatus="Cancelled")["list"][0]["cancelType"] == "CancelByPrepareAdl"


def test_funding_can_come_at_any_time_and_at_any_rate(bench: Bench) -> None:
    bench.order("Buy", "0.02")
    bench.venue.force_funding(UID, BTC, D("0.01"), bench.now_ms)
    assert bench.get("execution/list")["list"][0]["execFee"] == "10"
    bench.venue.force_funding(UID, ETH, D("0.01"), bench.now_ms)
    assert len(bench.noted("funding")) == 1


def test_money_comes_and_goes_as_far_as_it_is_there(bench: Bench) -> None:
    bench.venue.transfer(UID, D("250.5"), bench.now_ms)
    assert bench.coin()["walletBalance"] == "10250.5"
    assert bench.topics() == ["wallet"]
    with pytest.raises(Refused) as refused:
        bench.venue.transfer(UID, D("-10250.6"), bench.now_ms)
    assert refused.value.code == 131212
    bench.venue.transfer(UID, D("-10250.5"), bench.now_ms)
    assert bench.coin()["walletBalance"] == "0"


def test_a_liquidation_is_told_step_by_step(bench: Bench) -> None:
    bench.order("Buy", "0.1")
    bench.order("Buy", "0.01", "45300")
    bench.topics()
    bench.ticker(markPrice="45000.00", indexPrice="45000.00", lastPrice="45000.00")
    assert bench.topics()[-5:] == ["order New", "execution", "order Filled", "position", "wallet"]
    row = bench.get("execution/list")["list"][0]
    assert (row["execType"], row["createType"]) == ("BustTrade", "CreateByTakeOver_PassThrough")
    assert bench.get("account/transaction-log", type="LIQUIDATION")["list"]
    assert bench.get("order/history", orderStatus="Cancelled")["list"][0]["cancelType"] == "CancelByPrepareLiq"


def test_it_trades_on_the_demo_as_it_is_played() -> None:
    market = demo_market([BTC, ETH], minutes=3)
    pushes: list[str] = []
    venue = TradingVenue(
        market.listings,
        [AccountSpec(uid=UID, name="demo")],
        push=lambda _uid, topic, _items: pushes.append(topic),
        note=lambda *_: None,
    )
    topics = venue.topics_read(market.topics)
    assert topics == [
        f"{kind}.{symbol}" for symbol in (BTC, ETH) for kind in ("orderbook.50", "publicTrade", "tickers")
    ]
    for topic in topics:
        snapshot = market.snapshot(topic)
        if snapshot is not None:
            venue.on_frame(topic, snapshot, market.start_ms)
    order = {"category": "linear", "symbol": BTC, "side": "Buy", "orderType": "Market", "qty": "0.01"}
    venue.answer(UID, "POST", "/v5/order/create", order, market.start_ms)
    assert "execution" in pushes
    while (now_ms := market.next_ms) is not None:
        for topic, payload in market.advance(frozenset(topics)):
            venue.on_frame(topic, payload, now_ms)
    query = {"category": "linear", "symbol": BTC}
    rows: Any = venue.answer(UID, "GET", "/v5/position/list", query, market.end_ms).result["list"]
    assert rows[0]["markPrice"] == market.ticker(BTC)["markPrice"]
