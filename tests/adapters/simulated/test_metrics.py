from __future__ import annotations

import pytest

from adapters.simulated.metrics import HIGHEST_RATIO, Metrics
from daemon.core.events import Side
from daemon.core.venue import MarginMode
from tests.adapters.simulated.examples.build import BTC, ETH, D, account, fill, market, order, position

BUY, SELL = Side.BUY, Side.SELL
CROSS = MarginMode.CROSS


def test_an_account_without_positions() -> None:
    report = Metrics().account_report(account())
    assert (report.equity, report.available, report.exposure, report.margin_ratio) == (10_000.0, 10_000.0, 0.0, 0.0)
    assert (report.liquidation_symbol, report.liquidation_distance) == ("", None)
    assert [report.fees, report.funding, report.slippage] == [0, 0, 0]


def test_an_isolated_account_with_two_positions_and_an_order() -> None:
    bitcoin, ether, books, metrics = market(mark=49_000.0), market(ETH, 2_100.0), account("20000"), Metrics()
    fill(books, bitcoin, BUY, "1", "50000", fee="27.5")
    fill(books, ether, SELL, "5", "2000", fee="5.5")
    books.reserve(order(bitcoin, BUY, "0.1", "48000"))
    books.settle(position(books, ether), D("-1.25"))
    metrics.note_slippage(D("3.5"))
    metrics.note_slippage(D("-1"))
    report = metrics.account_report(books)
    assert report.equity == 20_000 - 33 + 1.25 - 1000 - 500
    assert report.exposure == 49_000 + 10_500
    assert report.initial_margin == float(books.initial_margin()) == pytest.approx(5_024.75 + 1_006.05)
    assert report.order_margin == float(books.order_margin())
    assert report.available == pytest.approx(20_000 - 33 + 1.25 - 6_030.8 - report.order_margin)
    assert report.maintenance_margin == pytest.approx(245 + 24.75 + 52.5 + 6.05)
    assert report.margin_ratio == pytest.approx(max(269.75 / 4_024.75, 58.55 / 506.05))
    assert report.liquidation_symbol == ETH
    leg = position(books, ether)
    assert leg.liquidation_price is not None
    assert report.liquidation_distance == pytest.approx(float(leg.liquidation_price) / 2_100 - 1)
    assert [report.fees, report.funding, report.slippage] == [33, D("-1.25"), D("2.5")]


def test_the_margin_ratio_of_a_cross_account_is_one_at_liquidation() -> None:
    where, books, metrics = market(), account("6000", mode=CROSS), Metrics()
    fill(books, where, BUY, "1", "50000")
    report = metrics.account_report(books)
    assert report.liquidation_symbol == BTC
    assert report.liquidation_distance is not None
    where.mark = round(50_000 * (1 - report.liquidation_distance), 1)
    assert metrics.account_report(books).margin_ratio == pytest.approx(1.0, abs=1e-3)
    assert metrics.account_report(books).margin_ratio >= 1
    assert metrics.account_report(books).liquidation_distance == pytest.approx(0.0, abs=1e-5)


def test_a_ratio_without_margin_left_is_held_at_its_highest() -> None:
    for mode in MarginMode:
        where, books = market(), account("6000", mode=mode)
        fill(books, where, BUY, "1", "50000")
        where.mark = 40_000.0
        report = Metrics().account_report(books)
        assert (report.margin_ratio, report.exposure) == (float(HIGHEST_RATIO), 40_000.0)
