from __future__ import annotations

from decimal import Decimal

import pytest

from adapters.simulated.account_settings import set_leverage, set_margin_mode
from daemon.core.orders import PositionIdx, Protection
from daemon.core.records import OrderStatus
from daemon.core.venue import FillReport, FundingReport, LiquidationReport, MarginMode, TransferReport
from tests.adapters.simulated.bench import Bench, on_book
from tests.daemon.core.build import BTC, ticker

D = Decimal


def heard(bench: Bench) -> list[object]:
    return list(bench.book(bench.exchange.advance(bench.now)))


def test_a_transfer_is_booked_and_told() -> None:
    bench = on_book()
    bench.exchange.interventions.transfer(D(5), "gift", bench.now)
    assert heard(bench) == [TransferReport(D(5), "gift")]
    assert bench.account.ledger.cash == bench.ledger.cash == 10_005


def test_an_active_order_is_filled_by_force_at_any_price_and_no_further_than_it_goes() -> None:
    bench = on_book()
    bench.buy("4", "90")
    acts = bench.exchange.interventions
    assert acts.force_fill("o0", D(1), D(80), bench.now)
    assert acts.force_fill("o0", D(99), D(90), bench.now)
    told = [report for report in heard(bench) if isinstance(report, FillReport)]
    assert [(report.price, report.qty, report.maker) for report in told] == [(D(80), D(1), True), (D(90), D(3), True)]
    assert bench.status() is OrderStatus.FILLED
    assert not acts.force_fill("o0", None, D(90), bench.now)
    bench.account.check_all()


def test_funding_is_settled_by_force_on_what_is_held() -> None:
    bench = on_book()
    bench.buy("2", "101")
    bench.exchange.interventions.settle_funding(BTC, D("0.01"), bench.now)
    (report,) = (report for report in heard(bench) if isinstance(report, FundingReport))
    assert (report.qty, report.rate, report.fee) == (D(2), D("0.01"), D(2))
    bench.exchange.interventions.settle_funding("ETHUSDT", D("0.01"), bench.now)
    assert heard(bench) == []


@pytest.mark.parametrize("mode", [MarginMode.ISOLATED, MarginMode.CROSS])
def test_a_position_is_liquidated_by_its_new_leverage_or_margin_mode(mode: MarginMode) -> None:
    """What was worked out to be calm before a setting changed must not hide a liquidation after it."""
    bench = on_book(balance="60")
    bench.buy("4", "101")
    bench.tell(ticker(mark=100.0))
    if mode is MarginMode.CROSS:
        assert set_margin_mode(bench.account, mode) is None
    else:
        assert set_leverage(bench.account, bench.market, D(50)) is None
    bench.exchange.interventions.settings_changed(bench.now)
    price = 98.0 if mode is MarginMode.ISOLATED else 85.0
    assert any(isinstance(report, LiquidationReport) for report in bench.tell(ticker(mark=price)))


def test_it_says_what_protects_a_position() -> None:
    bench = on_book()
    acts = bench.exchange.interventions
    assert acts.protection(BTC, PositionIdx.ONE_WAY) == Protection()
    bench.buy("1", "101")
    bench.tell(ticker(mark=100.0, last=100.0))
    bench.protect(Protection(take_profit=D(120), trailing_stop=D(5)))
    found = acts.protection(BTC, PositionIdx.ONE_WAY)
    assert (found.take_profit, found.stop_loss, found.trailing_stop) == (D(120), None, D(5))
    assert acts.protection("ETHUSDT", PositionIdx.ONE_WAY) == Protection()
