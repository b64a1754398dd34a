from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from adapters.simulated.exchange import SimulatedExchange
from daemon.core.events import Bar, MarketFact, Side, TroubleKind, VenueTrouble
from daemon.core.records import OrderStatus, TimeInForce
from daemon.core.units import NEVER, NS_PER_MINUTE, NS_PER_MS
from daemon.core.venue import ExchangeSettings, FillData, FillReport, RefusalReport, Report, TransferReport
from tests.adapters.simulated.bench import Bench, fills, on_bars, on_book, on_touch, reasons, with_settings
from tests.daemon.core.build import (
    BTC,
    MIDNIGHT,
    MINUTE,
    NO_FRICTION,
    bar,
    delta,
    instrument,
    quote,
    snapshot,
    ticker,
    trade,
)

D = Decimal


def refusals(reports: list[Report]) -> list[str]:
    """What was refused, with the code."""
    told = [report for report in reports if isinstance(report, RefusalReport)]
    return [f"{report.what} {report.reason.partition(':')[0]}" for report in told]


# Market orders on a book


def test_a_market_order_walks_the_levels_of_the_book() -> None:
    bench = on_book()
    reports = bench.buy("4")
    assert fills(reports) == [(D("100.1"), 1), (D("100.2"), 2), (D("101.0"), 1)]
    assert bench.status() is OrderStatus.FILLED
    assert [report.fill_id for report in reports if isinstance(report, FillReport)] == ["o0-f1", "o0-f2", "o0-f3"]


def test_what_a_thin_book_cannot_fill_of_a_market_order_is_cancelled() -> None:
    bench = on_book()
    bench.tell(delta([], [(101.0, 0.0)]))
    reports = bench.buy("4")
    assert fills(reports) == [(D("100.1"), 1), (D("100.2"), 2)]
    assert reasons(reports) == ["EC_NoImmediateQtyToFill"]
    assert bench.status() is OrderStatus.CANCELLED
    assert bench.account.available() == bench.account.ledger.cash - D("30.05")


def test_a_market_order_on_a_lost_book_waits_for_the_next_snapshot() -> None:
    bench = on_book()
    bench.market.drop_book()
    assert fills(bench.buy("1")) == []
    assert bench.tell(trade(100.0)) == []
    assert fills(bench.tell(snapshot([(99.0, 1.0)], [(99.5, 1.0)]))) == [(D("99.5"), 1)]


# Limit orders on a book


def test_a_limit_order_takes_up_to_its_price_and_rests_with_what_is_left() -> None:
    bench = on_book()
    assert fills(bench.buy("5", "100.2")) == [(D("100.1"), 1), (D("100.2"), 2)]
    assert bench.status() is OrderStatus.PARTIALLY_FILLED


@pytest.mark.parametrize(
    ("time_in_force", "price", "filled", "status", "reason"),
    [
        (TimeInForce.IOC, "100.2", 3, OrderStatus.CANCELLED, ["EC_NoImmediateQtyToFill"]),
        (TimeInForce.IOC, "101", 5, OrderStatus.FILLED, []),
        (TimeInForce.IOC, "100", 0, OrderStatus.CANCELLED, ["EC_NoImmediateQtyToFill"]),
        (TimeInForce.FOK, "100.2", 0, OrderStatus.CANCELLED, ["EC_CancelForNoFullFill"]),
        (TimeInForce.FOK, "101", 5, OrderStatus.FILLED, []),
        (TimeInForce.POST_ONLY, "100.1", 0, OrderStatus.CANCELLED, ["EC_PostOnlyWillTakeLiquidity"]),
        (TimeInForce.POST_ONLY, "100", 0, OrderStatus.NEW, []),
        (TimeInForce.GTC, "100", 0, OrderStatus.NEW, []),
    ],
)
def test_time_in_force_decides_what_becomes_of_an_order_that_does_not_fill_at_once(
    time_in_force: TimeInForce, price: str, filled: int, status: OrderStatus, reason: list[str]
) -> None:
    bench = on_book()
    reports = bench.buy("5", price, time_in_force)
    assert sum(qty for _, qty in fills(reports)) == filled
    assert bench.status() is status
    assert reasons(reports) == reason


@pytest.mark.parametrize(
    ("touching", "through"),
    [
        (trade(99.5, 2.0), trade(99.4, 2.0)),
        (delta([(100.0, 0.0), (99.9, 0.0)], [(99.5, 2.0)]), delta([(99.9, 0.0), (100.0, 0.0)], [(99.4, 2.0)])),
    ],
)
def test_a_resting_order_that_is_only_touched_is_not_filled_and_one_that_is_passed_is(
    touching: MarketFact, through: MarketFact
) -> None:
    bench = on_book()
    bench.buy("5", "99.5")
    assert fills(bench.tell(touching)) == []
    reports = bench.tell(through)
    assert fills(reports) == [(D("99.5"), 2)]
    assert [report.maker for report in reports if isinstance(report, FillReport)] == [True]
    assert bench.status() is OrderStatus.PARTIALLY_FILLED


def test_a_resting_sell_order_fills_when_the_price_goes_above_it() -> None:
    bench = on_book()
    bench.sell("1", "100.5")
    assert fills(bench.tell(trade(100.5, 9.0))) == []
    assert fills(bench.tell(trade(100.6, 9.0))) == [(D("100.5"), 1)]


def test_a_quote_beside_a_book_fills_nothing_that_rests() -> None:
    bench = on_book()
    bench.buy("1", "99.5")
    assert bench.tell(quote(98.0, 98.1)) == []


# Trades and touch


def test_a_market_order_pays_the_touch_worsened_by_the_slippage() -> None:
    bench = on_touch(with_settings(slippage_ticks=3))
    assert fills(bench.buy("1")) == [(D("100.4"), 1)]
    assert fills(bench.sell("1")) == [(D("99.6"), 1)]


def test_slippage_goes_no_further_than_the_limit() -> None:
    bench = on_touch(with_settings(slippage_ticks=3))
    assert fills(bench.buy("1", "100.2")) == [(D("100.2"), 1)]
    assert fills(bench.sell("1", "99.9")) == [(D("99.9"), 1)]


def test_without_a_touch_the_next_trade_is_the_price() -> None:
    bench = Bench(with_settings(slippage_ticks=1))
    bench.tell(trade(100.0))
    assert fills(bench.buy("1")) == []
    assert fills(bench.tell(ticker(mark=99.0))) == []
    assert fills(bench.tell(trade(101.0))) == [(D("101.1"), 1)]


def test_a_resting_order_fills_by_no_more_than_the_trade_that_went_through_it() -> None:
    bench = on_touch()
    bench.buy("3", "99.5")
    assert fills(bench.tell(trade(99.4, 1.2345))) == [(D("99.5"), D("1.234"))]
    assert fills(bench.tell(trade(99.4, 5.0))) == [(D("99.5"), D("1.766"))]
    assert bench.status() is OrderStatus.FILLED


@pytest.mark.parametrize("through", [quote(99.2, 99.4), ticker(bid=99.2, ask=99.4)])
def test_a_touch_beyond_a_resting_order_fills_it(through: MarketFact) -> None:
    bench = on_touch()
    bench.buy("3", "99.5")
    assert bench.tell(quote(99.3, 99.5)) == []
    assert fills(bench.tell(through)) == [(D("99.5"), 3)]


# Bars


def test_with_bars_a_market_order_takes_the_next_open_worsened_by_the_slippage() -> None:
    bench = on_bars(with_settings(slippage_ticks=2, entry_latency_ms=20))
    bench.buy("1")
    reports = bench.tell(bar(105.0, open_=101.0, start=MIDNIGHT + MINUTE), after=MINUTE)
    assert fills(reports) == [(D("101.2"), 1)]


def test_an_order_decided_within_a_bar_takes_its_close_for_its_open_is_the_past() -> None:
    bench = on_bars()
    bench.pass_time(MINUTE // 2)
    bench.buy("1")
    bench.buy("1", "99")
    reports = bench.tell(bar(105.0, open_=101.0, low=90.0, start=MIDNIGHT + MINUTE), after=MINUTE // 2)
    assert fills(reports) == [(D("105.0"), 1)]
    assert fills(bench.tell(bar(105.0, low=98.0, start=MIDNIGHT + 2 * MINUTE), after=MINUTE)) == [(D("99"), 1)]


def test_an_order_decided_a_moment_after_the_open_because_the_bar_was_heard_late_takes_the_open() -> None:
    bench = on_bars()
    bench.pass_time(300 * NS_PER_MS)
    bench.buy("1")
    assert fills(bench.tell(bar(105.0, open_=101.0, start=MIDNIGHT + MINUTE), after=MINUTE)) == [(D("101.0"), 1)]


def test_with_bars_a_limit_order_that_the_open_satisfies_is_a_taker_at_the_open() -> None:
    bench = on_bars(with_settings(slippage_ticks=1))
    bench.buy("1", "100")
    reports = bench.tell(bar(98.0, open_=99.0, start=MIDNIGHT + MINUTE), after=MINUTE)
    assert fills(reports) == [(D("99.1"), 1)]
    assert [report.maker for report in reports if isinstance(report, FillReport)] == [False]


@pytest.mark.parametrize(
    ("side", "limit", "touching", "through"),
    [
        (Side.BUY, "99", {"low": 99.0}, {"low": 98.9}),
        (Side.SELL, "102", {"high": 102.0}, {"high": 102.1}),
    ],
)
def test_with_bars_a_limit_order_is_judged_on_low_and_high(
    side: Side, limit: str, touching: dict[str, Any], through: dict[str, Any]
) -> None:
    bench = on_bars()
    bench.order(side, "1", limit)
    assert fills(bench.tell(bar(100.0, **touching, start=MIDNIGHT + MINUTE), after=MINUTE)) == []
    reports = bench.tell(bar(100.0, **through, start=MIDNIGHT + 2 * MINUTE), after=MINUTE)
    assert fills(reports) == [(D(limit), 1)]
    assert [report.maker for report in reports if isinstance(report, FillReport)] == [True]


def test_with_bars_a_limit_order_may_fill_within_the_first_bar_it_meets() -> None:
    bench = on_bars()
    bench.buy("1", "99")
    assert fills(bench.tell(bar(100.0, low=98.0, start=MIDNIGHT + MINUTE), after=MINUTE)) == [(D("99"), 1)]


def test_a_gap_over_a_resting_limit_fills_at_the_limit_and_not_better() -> None:
    bench = on_bars()
    bench.buy("1", "99")
    bench.tell(bar(100.0, start=MIDNIGHT + MINUTE), after=MINUTE)
    assert fills(bench.tell(bar(91.0, open_=90.0, start=MIDNIGHT + 2 * MINUTE), after=MINUTE)) == [(D("99"), 1)]


def test_with_several_bar_intervals_only_the_shortest_fills() -> None:
    bench = on_bars()
    bench.buy("1")
    assert bench.tell(bar(200.0, interval=5 * MINUTE)) == bench.tell(trade_free_bar()) == []
    assert fills(bench.tell(bar(101.0, start=MIDNIGHT + MINUTE), after=MINUTE)) == [(D("101.0"), 1)]


def trade_free_bar() -> Bar:
    return bar(300.0, interval=15 * MINUTE)


def test_post_only_on_bars_is_cancelled_when_the_open_would_fill_it() -> None:
    bench = on_bars()
    bench.buy("1", "100", TimeInForce.POST_ONLY)
    reports = bench.tell(bar(99.0, open_=99.5, start=MIDNIGHT + MINUTE), after=MINUTE)
    assert reasons(reports) == ["EC_PostOnlyWillTakeLiquidity"]


def test_reports_arrive_in_the_order_of_an_orders_life_though_bars_are_shorter_than_the_latencies() -> None:
    second = MINUTE // 60
    bench = Bench(with_settings(entry_latency_ms=20, response_latency_ms=5_000))
    bench.tell(bar(100.0, interval=second), after=second)
    bench.buy("1")
    for number in range(1, 8):
        bench.tell(bar(100.0, interval=second, start=MIDNIGHT + number * second), after=second)
    assert bench.status() is OrderStatus.FILLED


# Which data fills


def test_the_richest_data_that_a_symbol_has_had_fills() -> None:
    bench = on_bars()
    bench.buy("1")
    bench.tell(ticker(bid=99.0, ask=101.0, mark=100.0))
    assert bench.status() is OrderStatus.FILLED
    bench.tell(snapshot([(98.0, 1.0)], [(102.0, 1.0)]))
    assert fills(bench.buy("1")) == [(D("102.0"), 1)]


def test_a_symbol_with_a_touch_does_not_fall_back_to_bars_when_the_touch_is_lost() -> None:
    bench = on_bars()
    bench.tell(ticker(bid=99.0, ask=101.0, mark=100.0))
    bench.market.drop_book()
    bench.buy("1")
    assert bench.tell(bar(100.0, start=MIDNIGHT + MINUTE), after=MINUTE) == []


def test_the_settings_may_name_the_data_that_fills() -> None:
    bench = on_book(with_settings(fill_data=FillData.BARS))
    assert fills(bench.buy("1")) == []
    assert bench.tell(trade(100.0)) == []
    assert fills(bench.tell(bar(101.0, start=MIDNIGHT))) == [(D("101.0"), 1)]


# Latency


def test_an_order_meets_the_market_as_it_stood_when_it_arrived() -> None:
    bench = on_touch(with_settings(entry_latency_ms=50, account_every_min=0))
    assert bench.buy("1") == []
    assert bench.exchange.next_due == MIDNIGHT + 50 * NS_PER_MS
    bench.tell(quote(101.9, 102.1), after=49 * NS_PER_MS)
    reports = bench.tell(quote(103.9, 104.1), after=NS_PER_MS)
    assert fills(reports) == [(D("102.1"), 1)]
    assert bench.exchange.next_due > MIDNIGHT + NS_PER_MINUTE


def test_reports_are_known_after_the_response_latency_and_not_before() -> None:
    bench = on_touch(with_settings(response_latency_ms=50))
    assert bench.buy("1") == []
    assert bench.account.ledger.position(BTC).qty == 1
    assert bench.pass_time(50 * NS_PER_MS - 1) == []
    assert fills(bench.pass_time(1)) == [(D("100.1"), 1)]


def test_a_cancel_travels_like_an_order_and_may_come_too_late() -> None:
    bench = on_touch(with_settings(entry_latency_ms=50))
    bench.buy("1", "99.5")
    bench.pass_time(50 * NS_PER_MS)
    assert bench.cancel() == []
    assert fills(bench.tell(trade(99.4, 5.0), after=49 * NS_PER_MS)) == [(D("99.5"), 1)]
    assert refusals(bench.pass_time(NS_PER_MS)) == ["cancel 110001"]
    assert bench.status() is OrderStatus.FILLED


# Cancels, refusals, reduce-only


def test_a_resting_order_is_cancelled_by_its_user() -> None:
    bench = on_touch()
    bench.buy("1", "99.5")
    assert reasons(bench.cancel()) == ["CancelByUser"]
    assert bench.tell(trade(90.0)) == []
    assert refusals(bench.cancel()) == refusals(bench.cancel("nobody's")) == ["cancel 110001"]


@pytest.mark.parametrize(
    ("order", "code"),
    [
        ({"qty": "1.0005"}, "10001"),
        ({"qty": "1", "price": "99.55"}, "10001"),
        ({"qty": "0.001"}, "110094"),
        ({"qty": "490"}, "taken"),
        ({"qty": "500", "price": "1000"}, "110007"),
        ({"qty": "1", "reduce_only": True}, "110017"),
    ],
)
def test_refusals_carry_bybits_codes(order: dict[str, Any], code: str) -> None:
    bench = on_touch()
    reports = bench.buy(**order)
    assert [reason.partition(":")[0] for reason in reasons(reports)] == ([] if code == "taken" else [code])
    if code != "taken":
        assert bench.status() is OrderStatus.REJECTED
        assert bench.account.available() == 10_000


def test_a_contract_that_is_not_live_refuses_with_110074() -> None:
    bench = on_touch()
    bench.market.instrument = instrument(status="Closed")
    assert reasons(bench.buy("1")) == ["110074: this contract is not live"]


def test_the_501st_active_order_on_a_symbol_is_refused_with_110020() -> None:
    bench = on_touch()
    for _ in range(500):
        bench.buy("0.1", "50")
    assert reasons(bench.buy("0.1", "50")) == ["110020: more than 500 active orders on the symbol"]


def test_a_reduce_only_order_is_cut_to_the_position_and_the_rest_cancelled() -> None:
    bench = on_touch()
    bench.buy("2")
    reports = bench.sell("5", reduce_only=True)
    assert fills(reports) == [(D("99.9"), 2)]
    assert reasons(reports) == ["CancelByReduceOnly"]
    assert bench.status("o1") is OrderStatus.CANCELLED


def test_a_reduce_only_order_on_the_side_of_the_position_is_refused() -> None:
    bench = on_touch()
    bench.buy("2")
    assert [reason.partition(":")[0] for reason in reasons(bench.buy("1", reduce_only=True))] == ["110017"]


def test_a_resting_reduce_only_order_that_was_cut_ends_when_the_position_is_closed_by_it() -> None:
    bench = on_touch()
    bench.buy("2")
    bench.sell("5", "101", reduce_only=True)
    reports = bench.tell(trade(101.1, 9.0))
    assert fills(reports) == [(D("101"), 2)]
    assert reasons(reports) == ["CancelByReduceOnly"]
    assert bench.status("o1") is OrderStatus.CANCELLED


def test_a_resting_reduce_only_order_ends_with_the_position_that_another_order_closed() -> None:
    bench = on_touch()
    bench.buy("2")
    bench.sell("2", "101", reduce_only=True)
    assert reasons(bench.sell("2")) == ["CancelByReduceOnly"]
    assert bench.status("o1") is OrderStatus.CANCELLED
    assert bench.tell(trade(101.1, 9.0)) == []


# Money


def test_taker_fee_of_the_bybit_api_page_execution() -> None:
    bench = Bench(with_settings(taker_fee=D("0.00055")), balance="100000")
    bench.tell(ticker(mark=95_900.0))
    bench.tell(snapshot([(95_900.0, 5.0)], [(95_900.1, 5.0)]))
    (report,) = [report for report in bench.buy("0.5") if isinstance(report, FillReport)]
    assert report.fee == D("26.3725275")


def test_fees_of_the_bybit_page_trading_fee_structure() -> None:
    bench = Bench(ExchangeSettings(entry_latency_ms=0, response_latency_ms=0), balance="100000")
    bench.tell(ticker(mark=8_000.0))
    bench.tell(snapshot([(7_999.0, 50.0)], [(8_001.0, 50.0)]))
    bench.buy("10", "8000")
    as_maker = bench.tell(trade(7_999.0, 50.0))
    bench.tell(snapshot([(8_000.0, 50.0)], [(8_001.0, 50.0)]))
    as_taker = bench.sell("10")
    assert fills(as_maker) == fills(as_taker) == [(D(8000), 10)]
    assert [report.fee for report in [*as_maker, *as_taker] if isinstance(report, FillReport)] == [16, 44]


def test_margin_is_bound_by_orders_and_positions_and_free_again_when_flat() -> None:
    bench = on_touch(with_settings(taker_fee=D("0.00055")))
    account = bench.account
    bench.buy("10", "99")
    ordered = account.available()
    assert ordered == 10_000 - (D(99) + 990 * D("0.00055") + 990 * D("0.9") * D("0.00055"))
    bench.cancel()
    assert account.available() == 10_000
    bench.buy("10")
    assert account.available() < account.ledger.cash
    bench.sell("10")
    assert account.available() == account.ledger.cash == 10_000 - 10 * D("0.2") - (D(1001) + D(999)) * D("0.00055")


def test_what_is_left_of_a_partly_filled_order_binds_its_own_cost_only() -> None:
    bench = on_touch()
    bench.buy("4", "99.5")
    before = bench.account.available()
    bench.tell(trade(99.4, 3.0))
    assert bench.account.available() == before == 10_000 - D("39.8")


def test_an_order_that_reduces_needs_no_free_balance() -> None:
    bench = on_touch(balance="101")
    bench.buy("10")
    assert reasons(bench.buy("10")) == ["110007: available balance is not enough for the order"]
    assert fills(bench.sell("10")) == [(D("99.9"), 10)]


def test_the_opening_balance_is_the_first_report() -> None:
    exchange = SimulatedExchange(NO_FRICTION, balance=D(5), leverage=D(1))
    assert exchange.advance(0) == [TransferReport(D(5), "opening balance")]
    assert exchange.next_due == NEVER


def test_a_disconnect_holds_back_reports_that_are_under_way() -> None:
    bench = on_touch(with_settings(response_latency_ms=100))
    bench.buy("1")
    bench.trouble(VenueTrouble(kind=TroubleKind.DISCONNECT, delay_ms=5_000))
    assert fills(bench.pass_time(4_999 * NS_PER_MS)) == []
    assert fills(bench.pass_time(NS_PER_MS)) == [(D("100.1"), 1)]
