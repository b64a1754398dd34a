"""Liquidation and deleveraging: the steps, in their order, and what is left afterwards."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from daemon.core.events import RiskTier, TroubleKind, VenueTrouble
from daemon.core.orders import Protection
from daemon.core.records import CreateType, ExecType, OrderStatus
from daemon.core.venue import FillReport, LiquidationReport, MarginMode, PlacedReport, Report, StopReport
from tests.adapters.simulated.bench import Bench, on_book, on_touch, reasons, with_settings
from tests.daemon.core.build import BTC, ETH, instrument, quote, snapshot, ticker, trade

D = Decimal
TIERS = (
    RiskTier(D(1000), D("0.01"), D("0.02"), D(50)),
    RiskTier(D(2000), D("0.02"), D("0.04"), D(25), D(10)),
    RiskTier(D(100000), D("0.05"), D("0.1"), D(10), D(70)),
)


def steps(reports: list[Report]) -> list[str]:
    return [report.step for report in reports if isinstance(report, LiquidationReport)]


def executions(reports: list[Report]) -> list[tuple[ExecType, Decimal]]:
    return [(report.exec_type, report.qty) for report in reports if isinstance(report, FillReport)]


def crash(bench: Bench, mark: float) -> list[Report]:
    return bench.tell(ticker(mark=mark))


def test_a_position_is_taken_over_at_its_bankruptcy_price_and_costs_its_margin() -> None:
    bench = on_touch(with_settings(taker_fee=D("0.00055")))
    bench.tell(ticker(mark=100.0))
    bench.buy("2")
    leg = bench.account.legs()[0]
    cash, margin = bench.ledger.cash, leg.initial_margin
    reports = crash(bench, 80.0)
    assert steps(reports) == ["takeover"]
    assert executions(reports) == [(ExecType.BUST_TRADE, D(2))]
    assert bench.ledger.cash == cash - margin
    assert bench.account.legs() == []


def test_the_mark_a_tick_above_the_liquidation_price_leaves_the_position_alone() -> None:
    bench = on_touch()
    bench.tell(ticker(mark=100.0))
    bench.buy("2")
    price = bench.account.legs()[0].liquidation_price
    assert price is not None
    assert steps(crash(bench, float(price) + 0.1)) == []
    assert steps(crash(bench, float(price) - 0.1)) == ["takeover"]


def test_orders_that_enlarge_are_cancelled_first_and_protections_end_with_the_position() -> None:
    bench = on_touch()
    bench.tell(ticker(mark=100.0))
    bench.buy("2", protection=Protection(stop_loss=D("70")))
    bench.buy("1", "95.0")
    reports = crash(bench, 80.0)
    assert reasons(reports) == ["CancelByPrepareLiq", "CancelByTpSlTsClear"]
    assert bench.account.order_margin() == 0
    assert bench.exchange.open_orders() == []


def test_a_large_position_goes_down_the_tiers_before_it_is_taken_over() -> None:
    bench = on_book(leverage="10", risk_tiers=TIERS, balance="100000")
    bench.tell(snapshot([(100.0, 500.0)], [(100.1, 500.0)]))
    bench.buy("50")
    bench.tell(snapshot([(94.0, 500.0)], [(94.1, 500.0)]))
    reports = crash(bench, 93.0)
    assert steps(reports)[0] == "reduce"
    assert executions(reports)[0][0] is ExecType.TRADE
    placed = [report.request.create_type for report in reports if isinstance(report, PlacedReport)]
    assert placed[0] is CreateType.LIQUIDATION
    left = bench.account.legs()
    assert not left or left[0].tier() is not TIERS[2]


def test_what_the_market_does_not_take_at_the_bankruptcy_price_is_taken_over() -> None:
    bench = on_book(leverage="10", risk_tiers=TIERS, balance="100000")
    bench.tell(snapshot([(100.0, 500.0)], [(100.1, 500.0)]))
    bench.buy("50")
    bench.tell(snapshot([(50.0, 500.0)], [(50.1, 500.0)]))
    reports = crash(bench, 93.0)
    assert steps(reports) == ["reduce", "takeover"]
    assert executions(reports) == [(ExecType.BUST_TRADE, D(50))]


def test_an_isolated_liquidation_leaves_the_other_positions_alone() -> None:
    bench = on_touch(symbols=(BTC, ETH))
    bench.tell(ticker(mark=100.0))
    bench.tell(ticker(mark=50.0, symbol=ETH))
    bench.tell(quote(49.9, 50.1, symbol=ETH))
    bench.buy("2")
    bench.buy("2", symbol=ETH)
    assert steps(crash(bench, 80.0)) == ["takeover"]
    assert [leg.symbol for leg in bench.account.legs()] == [ETH]


def test_a_cross_account_is_taken_over_as_a_whole_and_ends_at_zero() -> None:
    bench = on_touch(with_settings(margin_mode=MarginMode.CROSS), balance="100", symbols=(BTC, ETH))
    bench.tell(ticker(mark=100.0))
    bench.tell(ticker(mark=50.0, symbol=ETH))
    bench.tell(quote(49.9, 50.1, symbol=ETH))
    bench.buy("5")
    bench.buy("5", symbol=ETH)
    assert steps(crash(bench, 90.0)) == []
    reports = crash(bench, 79.0)
    assert set(steps(reports)) == {"takeover"}
    assert bench.account.legs() == []
    assert bench.ledger.cash == 0
    codes = [report.code for report in bench.listener.told(StopReport)]
    assert "LIQUIDATED" in codes
    assert "ACCOUNT_BLOWN" in codes


def test_a_deleveraging_closes_its_share_at_mark_and_cancels_the_orders() -> None:
    bench = on_touch()
    bench.tell(ticker(mark=100.0))
    bench.buy("2")
    bench.buy("1", "95.0")
    reports = bench.trouble(VenueTrouble(kind=TroubleKind.ADL, symbol=BTC, share=0.5))
    assert steps(reports) == ["adl"]
    assert executions(reports) == [(ExecType.ADL_TRADE, D(1))]
    assert bench.status("o1") is OrderStatus.CANCELLED
    assert [leg.qty for leg in bench.account.legs()] == [1]


def test_the_daemons_books_equal_the_exchanges_after_a_liquidation() -> None:
    bench = on_touch(with_settings(taker_fee=D("0.00055"), response_latency_ms=500))
    bench.tell(ticker(mark=100.0))
    bench.sell("3")
    crash(bench, 130.0)
    bench.pass_time(10**9)
    assert bench.ledger.cash == bench.account.ledger.cash
    assert bench.ledger.position(BTC).qty == 0


def test_a_liquidation_stops_the_lane_unless_it_should_not() -> None:
    for stop, expected in ((True, ["LIQUIDATED"]), (False, [])):
        bench: Any = on_touch(with_settings(stop_on_liquidation=stop))
        bench.tell(ticker(mark=100.0))
        bench.buy("1")
        crash(bench, 70.0)
        bench.tell(trade(70.0))
        assert [report.code for report in bench.listener.told(StopReport)] == expected


def test_reduce_only_orders_stay_while_a_position_goes_down_the_tiers() -> None:
    bench = on_book(leverage="10", risk_tiers=TIERS, balance="100000")
    bench.tell(snapshot([(100.0, 500.0)], [(100.1, 500.0)]))
    bench.buy("50")
    bench.sell("10", "103.0", reduce_only=True)
    bench.tell(snapshot([(94.0, 500.0)], [(94.1, 500.0)]))
    reports = crash(bench, 93.0)
    assert steps(reports) == ["reduce"]
    assert bench.status("o1") is OrderStatus.NEW


def test_a_cross_liquidation_cancels_the_orders_of_every_symbol() -> None:
    bench = on_touch(with_settings(margin_mode=MarginMode.CROSS), balance="100", symbols=(BTC, ETH))
    bench.tell(ticker(mark=100.0))
    bench.tell(ticker(mark=50.0, symbol=ETH))
    bench.tell(quote(49.9, 50.1, symbol=ETH))
    bench.buy("5")
    bench.buy("1", "40.0", symbol=ETH)
    assert "CancelByPrepareLiq" in reasons(crash(bench, 79.0))
    assert bench.status("o1") is OrderStatus.CANCELLED


def test_a_position_goes_down_tier_by_tier_while_the_market_takes_it() -> None:
    bench = on_book(leverage="10", risk_tiers=TIERS, balance="100000")
    bench.tell(snapshot([(100.0, 500.0)], [(100.1, 500.0)]))
    bench.buy("50")
    bench.tell(snapshot([(91.2, 500.0)], [(91.3, 500.0)]))
    assert steps(crash(bench, 91.2)) == ["reduce", "reduce"]
    assert [leg.tier() for leg in bench.account.legs()] == [TIERS[0]]


def test_a_specification_that_asks_for_more_margin_liquidates_at_the_next_fact() -> None:
    bench = on_touch()
    bench.tell(ticker(mark=100.0))
    bench.buy("2")
    harder = RiskTier(D(100000), D("0.095"), D("0.1"), D(10))
    bench.tell(ticker(mark=99.0))
    bench.tell(instrument(BTC, risk_tiers=(harder,)))
    assert steps(bench.tell(quote(99.0, 99.1))) == ["takeover"]


def test_an_isolated_liquidation_leaves_orders_alone_that_would_reduce() -> None:
    bench = on_book(leverage="10", risk_tiers=TIERS, balance="100000")
    bench.tell(snapshot([(100.0, 500.0)], [(100.1, 500.0)]))
    bench.buy("50")
    bench.sell("10", "103.0")
    bench.tell(snapshot([(94.0, 500.0)], [(94.1, 500.0)]))
    assert steps(crash(bench, 93.0)) == ["reduce"]
    assert bench.status("o1") is OrderStatus.NEW


def test_the_evidence_of_a_deleveraging_is_the_accounts_in_cross_margin_and_the_positions_in_isolated() -> None:
    for mode in MarginMode:
        bench = on_touch(with_settings(margin_mode=mode))
        bench.tell(ticker(mark=100.0))
        bench.buy("2")
        account, leg = bench.account, bench.account.legs()[0]
        whole = mode is MarginMode.CROSS
        margin = account.equity() if whole else account.margin_of(leg)
        needed = account.maintenance_margin() if whole else account.maintenance_margin_of(leg)
        bench.trouble(VenueTrouble(kind=TroubleKind.ADL, symbol=BTC))
        [line] = bench.listener.told(LiquidationReport)
        assert (line.margin_balance, line.maintenance_margin) == (margin, needed), mode
        assert (line.liquidation_price is None) is whole
        assert whole or line.bankruptcy_price == D("90.09")
        assert bench.listener.told(StopReport) == []
