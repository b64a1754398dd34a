"""Orders on bars: what the way through a bar reaches, and in which order."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from daemon.core.events import Bar
from daemon.core.orders import Protection, TriggerDirection
from daemon.core.records import OrderStatus, TriggerBy
from daemon.core.units import NS_PER_HOUR
from daemon.core.venue import FillData, FillReport, FundingReport, LiquidationReport, QueueModel
from tests.adapters.simulated.bench import Bench, fills, on_bars, reasons, with_settings
from tests.daemon.core.build import BTC, MINUTE, bar, ticker

D = Decimal


def go(bench: Bench, open_: float, high: float, low: float, close: float, *, volume: float = 10.0) -> list[Any]:
    """The next minute bar."""
    start = bench.now
    made = bar(close, open_=open_, high=high, low=low, start=start)
    with_volume = Bar(made.symbol, made.ts_exchange, made.interval, start, open_, high, low, close, volume)
    return bench.tell(with_volume, after=MINUTE)


def test_a_stop_and_a_target_are_met_in_the_order_of_the_way() -> None:
    protection = Protection(take_profit=D("104"), stop_loss=D("96"))
    for high, low, expected in ((105.0, 94.0, "104.0"), (106.0, 95.5, "96")):
        bench = on_bars()
        bench.buy("1", protection=protection)
        reports = go(bench, 100.0, high, low, 100.0)
        assert fills(reports)[0] == (100, 1)
        assert [price for price, _ in fills(reports)[1:]] == [D(expected)]


def test_a_stop_that_the_open_jumped_beyond_takes_the_open() -> None:
    bench = on_bars()
    bench.buy("1")
    go(bench, 100.0, 100.0, 100.0, 100.0)
    bench.protect(Protection(stop_loss=D("95")))
    assert fills(go(bench, 90.0, 91.0, 89.0, 90.0)) == [(90, 1)]


def test_an_entry_fills_before_its_own_stop_on_the_same_way() -> None:
    bench = on_bars()
    bench.buy("1", "98.0", protection=Protection(stop_loss=D("96")))
    go(bench, 100.0, 100.1, 99.0, 99.5)
    reports = go(bench, 99.5, 100.0, 95.0, 97.0)
    assert fills(reports) == [(98, 1), (96, 1)]


def test_a_triggered_limit_order_rests_and_fills_on_the_rest_of_the_way() -> None:
    bench = on_bars()
    bench.buy("1", "101.0", trigger_price=D("103"), trigger_direction=TriggerDirection.RISES)
    reports = go(bench, 100.0, 104.0, 99.5, 103.0)
    assert fills(reports) == []
    assert bench.status() is OrderStatus.NEW
    assert fills(go(bench, 103.0, 103.5, 100.0, 102.0)) == [(101, 1)]


def test_a_trailing_stop_follows_the_high_and_is_hit_on_the_way_down() -> None:
    bench = on_bars()
    bench.buy("1")
    go(bench, 100.0, 100.0, 100.0, 100.0)
    bench.protect(Protection(trailing_stop=D("3")))
    assert fills(go(bench, 100.0, 110.0, 100.0, 109.0)) == []
    assert fills(go(bench, 109.0, 109.5, 99.0, 100.0)) == [(107, 1)]
    assert bench.ledger.position(BTC).qty == 0


def test_bars_fill_no_more_than_their_share_of_the_volume() -> None:
    bench = on_bars(with_settings(volume_share=0.1))
    bench.buy("3", "99.0")
    assert fills(go(bench, 100.0, 100.0, 98.0, 98.5, volume=10.0)) == [(99, 1)]
    assert fills(go(bench, 98.5, 98.5, 98.0, 98.5, volume=15.0)) == [(99, D("1.5"))]
    assert bench.status() is OrderStatus.PARTIALLY_FILLED


def test_a_market_order_larger_than_the_bar_is_cut_off() -> None:
    bench = on_bars()
    bench.buy("15")
    reports = go(bench, 100.0, 100.0, 100.0, 100.0, volume=10.0)
    assert fills(reports) == [(100, 10)]
    assert reasons(reports) == ["EC_NoImmediateQtyToFill"]


def test_a_bar_without_volume_fills_nothing_and_lets_orders_wait() -> None:
    bench = on_bars()
    bench.buy("1")
    assert go(bench, 100.0, 100.0, 100.0, 100.0, volume=0.0) == []
    assert fills(go(bench, 101.0, 101.0, 101.0, 101.0)) == [(101, 1)]


def test_without_a_mark_price_a_position_is_liquidated_on_the_way() -> None:
    bench = on_bars(leverage="10")
    bench.buy("1")
    go(bench, 100.0, 100.0, 100.0, 100.0)
    reports = go(bench, 100.0, 100.5, 80.0, 100.0)
    steps = [report for report in reports if isinstance(report, LiquidationReport)]
    assert [step.step for step in steps] == ["takeover"]
    assert bench.account.legs() == []
    assert bench.market.mark == 100.0


def test_with_a_venue_mark_the_way_of_the_last_price_liquidates_nothing() -> None:
    bench = on_bars(leverage="10")
    bench.tell(ticker(mark=100.0))
    bench.buy("1")
    go(bench, 100.0, 100.0, 100.0, 100.0)
    reports = go(bench, 100.0, 100.5, 80.0, 100.0)
    assert [report for report in reports if isinstance(report, LiquidationReport)] == []
    assert fills(reports) == []


def test_mark_triggers_wait_for_the_venues_mark_when_there_is_one() -> None:
    stop: dict[str, Any] = {
        "trigger_price": D("95"),
        "trigger_by": TriggerBy.MARK,
        "trigger_direction": TriggerDirection.FALLS,
    }
    alone = on_bars()
    alone.sell("1", **stop)
    assert fills(go(alone, 100.0, 100.0, 94.0, 99.0)) == [(95, 1)]
    marked = on_bars()
    marked.tell(ticker(mark=100.0))
    marked.sell("1", **stop)
    assert fills(go(marked, 100.0, 100.0, 94.0, 99.0)) == []
    marked.tell(ticker(mark=94.0))
    assert fills(go(marked, 99.0, 99.0, 99.0, 99.0)) == [(99, 1)]


def test_a_touch_fills_at_the_front_of_the_queue_only() -> None:
    for queue, expected in ((QueueModel.FRONT, [(99, 1)]), (QueueModel.PROPORTIONAL, [])):
        bench = on_bars(with_settings(queue=queue))
        bench.buy("1", "99.0")
        go(bench, 100.0, 100.0, 99.5, 99.5)
        assert fills(go(bench, 99.5, 99.6, 99.0, 99.5)) == expected


def test_book_data_keeps_bars_from_filling() -> None:
    bench = on_bars(with_settings(fill_data=FillData.TRADES))
    bench.buy("1", "99.0")
    assert [report for report in go(bench, 100.0, 100.0, 90.0, 95.0) if isinstance(report, FillReport)] == []


def test_a_position_of_the_bar_before_the_boundary_pays_funding() -> None:
    bench = on_bars()
    bench.tell(ticker(mark=100.0, funding_rate=0.0001, next_funding=bench.now - MINUTE + 8 * NS_PER_HOUR))
    boundary = bench.market.next_funding
    bench.pass_time(boundary - MINUTE - bench.now)
    bench.buy("2")
    go(bench, 100.0, 100.0, 100.0, 100.0)
    assert bench.now == boundary
    told = [report for report in bench.pass_time(1) if isinstance(report, FundingReport)]
    assert [(report.boundary, report.qty, report.fee) for report in told] == [(boundary, D(2), D("0.0200"))]


def test_an_order_that_goes_off_in_a_bar_without_volume_takes_the_next_open() -> None:
    bench = on_bars()
    bench.sell("1", trigger_price=D("95"), trigger_direction=TriggerDirection.FALLS)
    assert fills(go(bench, 94.0, 94.0, 94.0, 94.0, volume=0.0)) == []
    assert bench.status() is OrderStatus.NEW
    assert fills(go(bench, 93.0, 94.0, 93.0, 94.0)) == [(93, 1)]


def test_orders_that_wait_for_the_same_open_share_its_volume() -> None:
    bench = on_bars()
    bench.buy("7")
    bench.buy("7")
    reports = go(bench, 100.0, 100.0, 100.0, 100.0, volume=10.0)
    assert fills(reports) == [(100, 7), (100, 3)]


def test_a_limit_order_that_the_open_jumped_over_is_filled_before_the_way_begins() -> None:
    bench = on_bars()
    bench.buy("1", "99.0", protection=Protection(take_profit=D("100"), stop_loss=D("80")))
    go(bench, 100.0, 100.1, 99.5, 100.0)
    assert fills(go(bench, 90.0, 100.0, 79.0, 95.0)) == [(99, 1), (100, 1)]


def test_a_liquidation_on_the_way_comes_before_an_order_further_on() -> None:
    alone = on_bars(leverage="10")
    alone.buy("1")
    go(alone, 100.0, 100.0, 100.0, 100.0)
    alone.sell("1", trigger_price=D("85"), trigger_direction=TriggerDirection.FALLS)
    reports = go(alone, 100.0, 100.0, 80.0, 85.0)
    steps = [type(report).__name__ for report in reports if isinstance(report, LiquidationReport | FillReport)]
    assert steps == ["LiquidationReport", "FillReport", "FillReport"]


def test_an_order_decided_at_the_boundary_is_not_charged_though_it_takes_the_open() -> None:
    bench = on_bars(with_settings(entry_latency_ms=20))
    boundary = bench.now - MINUTE + 8 * NS_PER_HOUR
    bench.tell(ticker(mark=100.0, funding_rate=0.0001, next_funding=boundary))
    bench.pass_time(boundary - bench.now)
    bench.buy("2")
    assert fills(go(bench, 100.0, 100.0, 100.0, 100.0)) == [(100, 2)]
    assert [report for report in bench.pass_time(MINUTE) if isinstance(report, FundingReport)] == []


def test_a_trade_with_our_own_order_uses_up_nothing_of_the_bar() -> None:
    bench = on_bars()
    bench.sell("6", "101.0")
    go(bench, 100.0, 100.0, 100.0, 100.0)
    bench.buy("8")
    bench.buy("9", "103.0")
    reports = go(bench, 102.0, 102.0, 102.0, 102.0, volume=10.0)
    ours = [report for report in reports if isinstance(report, FillReport) and report.order_id != "o0"]
    assert sum(report.qty for report in ours if report.price == 102) == 10
    assert all(report.qty > 0 for report in reports if isinstance(report, FillReport))


def test_a_market_order_that_finds_the_volume_used_up_is_cancelled() -> None:
    bench = on_bars()
    bench.buy("10")
    bench.buy("1")
    reports = go(bench, 100.0, 100.0, 100.0, 100.0, volume=10.0)
    assert fills(reports) == [(100, 10)]
    assert reasons(reports) == ["EC_NoImmediateQtyToFill"]


def test_a_limit_order_that_finds_the_volume_used_up_takes_the_next_open() -> None:
    bench = on_bars(with_settings(maker_fee=D("0.0002"), taker_fee=D("0.00055")))
    bench.buy("10")
    bench.buy("1", "105.0")
    assert fills(go(bench, 100.0, 100.0, 100.0, 100.0, volume=10.0)) == [(100, 10)]
    assert fills(go(bench, 101.0, 101.0, 101.0, 101.0)) == [(101, 1)]
    assert [fill.maker for fill in bench.fills] == [False, False]
