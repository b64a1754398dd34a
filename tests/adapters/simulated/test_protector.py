"""Protections: put up with the position, moved, gone with it."""

from __future__ import annotations

from decimal import Decimal

from daemon.core.orders import Protection, TriggerDirection
from daemon.core.records import CreateType, OrderStatus, StopOrderType, TriggerBy
from daemon.core.venue import AmendReport, PlacedReport, RefusalReport
from tests.adapters.simulated.bench import Bench, fills, on_touch, reasons
from tests.daemon.core.build import BTC, quote, ticker, trade

D = Decimal


def placed(bench: Bench) -> list[tuple[StopOrderType, Decimal | None, Decimal]]:
    requests = [report.request for report in bench.listener.told(PlacedReport)]
    return [(request.stop_order_type, request.trigger_price, request.qty) for request in requests]


def test_the_protection_of_an_order_stands_when_it_fills_and_closes_the_whole_position() -> None:
    bench = on_touch()
    bench.buy("1")
    bench.buy("2", protection=Protection(take_profit=D("105"), stop_loss=D("95")))
    assert placed(bench) == [(StopOrderType.TAKE_PROFIT, D("105"), D(3)), (StopOrderType.STOP_LOSS, D("95"), D(3))]
    bench.tell(quote(94.9, 95.1))
    reports = bench.tell(trade(95.0))
    assert fills(reports) == [(D("94.9"), 3)]
    assert reasons(reports) == ["CancelByTpSlTsClear"]
    assert bench.exchange.open_orders() == []


def test_a_protection_of_the_whole_position_has_the_quantity_held_when_it_goes_off() -> None:
    bench = on_touch()
    bench.buy("1", protection=Protection(stop_loss=D("95")))
    bench.buy("4")
    reports = bench.tell(trade(95.0))
    assert [report.request.qty for report in reports if isinstance(report, AmendReport)] == [5]
    assert bench.ledger.position(BTC).qty == 0


def test_partial_protections_come_with_each_fill_and_end_one_another() -> None:
    bench = on_touch()
    bench.buy("2", "99.0", protection=Protection(take_profit=D("105"), stop_loss=D("95"), partial=True))
    bench.tell(trade(98.0, 0.5))
    bench.tell(trade(98.0, 1.5))
    assert [qty for _, _, qty in placed(bench)] == [D("0.5"), D("0.5"), D("1.5"), D("1.5")]
    bench.tell(quote(105.0, 105.2))
    reports = bench.tell(trade(105.0))
    assert sum(qty for _, qty in fills(reports)) == 2
    assert set(reasons(reports)) == {"CancelByTpSlTsClear"}


def test_setting_again_moves_what_stands_and_zero_takes_it_away() -> None:
    bench = on_touch()
    bench.buy("1")
    bench.protect(Protection(take_profit=D("105"), stop_loss=D("95")))
    moved = bench.protect(Protection(stop_loss=D("97")))
    assert [report.request.trigger_price for report in moved if isinstance(report, AmendReport)] == [D("97")]
    assert reasons(bench.protect(Protection(take_profit=D(0)))) == ["CancelByUser"]
    assert [order.request.trigger_price for order in bench.exchange.open_orders()] == [D("97")]


def test_what_changes_nothing_or_protects_nothing_is_refused() -> None:
    bench = on_touch()
    bench.protect(Protection(stop_loss=D("95")))
    bench.buy("1")
    bench.protect(Protection(stop_loss=D("95")))
    bench.protect(Protection(stop_loss=D("95")))
    assert [report.reason[:5] for report in bench.listener.told(RefusalReport)] == ["10001", "34040"]


def test_a_trailing_stop_follows_the_last_price_and_is_shown_where_it_stood() -> None:
    bench = on_touch()
    bench.sell("1")
    bench.protect(Protection(trailing_stop=D("2")))
    for price in (98.0, 95.0, 96.5):
        assert fills(bench.tell(trade(price))) == []
    reports = bench.tell(trade(97.0))
    assert [report.request.trigger_price for report in reports if isinstance(report, AmendReport)] == [D("97.0")]
    assert fills(reports) == [(D("100.1"), 1)]
    assert bench.listener.told(PlacedReport)[0].request.create_type is CreateType.TRAILING_STOP


def test_a_trailing_stop_waits_for_its_active_price() -> None:
    bench = on_touch()
    bench.buy("1")
    bench.protect(Protection(trailing_stop=D("2"), active_price=D("105")))
    for price in (104.0, 101.0):
        assert fills(bench.tell(trade(price))) == []
    bench.tell(trade(105.0))
    assert len(fills(bench.tell(trade(103.0)))) == 1


def test_a_flip_ends_the_protections_of_the_side_before() -> None:
    bench = on_touch()
    bench.buy("1", protection=Protection(stop_loss=D("95")))
    reports = bench.sell("3")
    assert reasons(reports) == ["CancelByTpSlTsClear"]
    assert bench.ledger.position(BTC).qty == -2


def test_a_plain_conditional_order_survives_the_end_of_the_position() -> None:
    bench = on_touch()
    bench.buy("1")
    bench.sell("1", trigger_price=D("95"), trigger_direction=TriggerDirection.FALLS, reduce_only=True)
    bench.sell("1")
    assert bench.status("o1") is OrderStatus.UNTRIGGERED
    bench.tell(trade(95.0))
    assert bench.status("o1") is OrderStatus.CANCELLED


def test_a_protection_cancelled_by_the_user_is_deactivated() -> None:
    bench = on_touch()
    bench.buy("1", protection=Protection(stop_loss=D("95")))
    name = bench.exchange.open_orders()[0].id
    bench.cancel(name)
    assert bench.status(name) is OrderStatus.DEACTIVATED
    assert bench.tell(trade(94.0)) == []


def test_a_cancelled_trailing_stop_goes_off_no_more() -> None:
    bench = on_touch()
    bench.buy("1")
    bench.protect(Protection(trailing_stop=D("2")))
    bench.cancel(bench.exchange.open_orders()[0].id)
    assert bench.tell(trade(96.0)) == []


def test_an_order_that_only_reduces_puts_up_no_protection() -> None:
    bench = on_touch()
    bench.buy("3")
    bench.sell("1", protection=Protection(stop_loss=D("105")))
    assert placed(bench) == []


def test_a_protection_that_is_reached_already_when_it_is_put_up_goes_off_at_once() -> None:
    bench = on_touch()
    bench.tell(ticker(mark=99.0))
    stop = Protection(stop_loss=D("102"), stop_loss_by=TriggerBy.MARK)
    bench.buy("1", trigger_price=D("103"), trigger_direction=TriggerDirection.RISES, protection=stop)
    bench.tell(trade(103.0))
    assert bench.fills[0].order_id == "o0"
    assert len(bench.fills) == 2
    assert bench.ledger.position(BTC).qty == 0


def test_a_trailing_stop_closes_what_is_held_when_it_goes_off() -> None:
    bench = on_touch()
    bench.buy("1")
    bench.protect(Protection(trailing_stop=D("2")))
    bench.buy("4")
    assert fills(bench.tell(trade(98.0))) == [(D("99.9"), 5)]
    assert bench.ledger.position(BTC).qty == 0
