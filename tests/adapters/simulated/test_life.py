"""The life of an order, as it is told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from daemon.core.events import Instrument
from daemon.core.orders import TriggerDirection
from daemon.core.records import OrderStatus
from daemon.core.venue import AmendReport, RefusalReport
from tests.adapters.simulated.bench import Bench, fills, on_book, on_touch, with_settings
from tests.daemon.core.build import BTC, instrument, trade

D = Decimal
STATUS = OrderStatus
BANDED: dict[str, Any] = {"price_limit_ratio_x": D("0.01"), "price_limit_ratio_y": D("0.02")}


def statuses(bench: Bench, order: str = "o0") -> list[OrderStatus]:
    return [status for status, _ in bench.listener.history[order]]


def last_reason(bench: Bench, order: str = "o0") -> str:
    return bench.listener.history[order][-1][1]


def refusals(bench: Bench) -> list[str]:
    return [f"{report.what} {report.reason[:6]}" for report in bench.listener.told(RefusalReport)]


def test_a_resting_order_that_fills_in_parts_goes_through_its_statuses() -> None:
    bench = on_touch()
    bench.buy("2", "99.5")
    bench.tell(trade(99.0, 0.5))
    bench.tell(trade(99.0, 5.0))
    assert statuses(bench) == [STATUS.SUBMITTED, STATUS.NEW, STATUS.PARTIALLY_FILLED, STATUS.FILLED]


def test_a_conditional_order_is_untriggered_triggered_new_and_filled() -> None:
    bench = on_touch()
    bench.buy("1", trigger_price=D("103"), trigger_direction=TriggerDirection.RISES)
    assert bench.account.order_margin() == 0
    bench.tell(trade(103.0))
    expected = [STATUS.SUBMITTED, STATUS.UNTRIGGERED, STATUS.TRIGGERED, STATUS.NEW, STATUS.FILLED]
    assert statuses(bench) == expected


def test_a_triggered_order_without_margin_is_cancelled_with_the_code() -> None:
    bench = on_touch(balance="30")
    bench.buy("1", trigger_price=D("103"), trigger_direction=TriggerDirection.RISES)
    bench.buy("2")
    bench.tell(trade(103.0))
    assert statuses(bench) == [STATUS.SUBMITTED, STATUS.UNTRIGGERED, STATUS.TRIGGERED, STATUS.CANCELLED]
    assert last_reason(bench).startswith("110007")


def test_a_price_outside_the_band_is_moved_to_it_and_told() -> None:
    bench = on_book(with_settings(), **BANDED)
    reports = bench.buy("60", "110.0")
    moved = [report for report in reports if isinstance(report, AmendReport)]
    assert [report.request.price for report in moved] == [D("101.0")]
    assert moved[0].reason == "the price was moved to the venue's limit"
    assert sum(qty for _, qty in fills(reports)) == 53


def test_a_price_outside_the_band_is_refused_where_it_is_not_moved() -> None:
    bench = on_book(with_settings(move_price_to_limit=False), **BANDED)
    bench.buy("1", "110.0")
    assert last_reason(bench).startswith("110003")


def test_an_id_can_be_used_once_for_good() -> None:
    bench = on_touch()
    bench.buy("1", "99.5")
    request = bench.orders["o0"].request
    bench.cancel("o0")
    bench.submit(request)
    assert last_reason(bench).startswith("110072")


def test_an_amendment_that_cannot_be_paid_leaves_the_order_as_it_was() -> None:
    bench = on_touch(balance="30")
    bench.buy("2", "99.5")
    bound = bench.account.order_margin()
    bench.amend(qty="4")
    assert refusals(bench) == ["amend 110007"]
    assert bench.account.order_margin() == bound
    bench.tell(trade(99.0, 50.0))
    assert statuses(bench)[-1] is STATUS.FILLED
    assert bench.ledger.position(BTC).qty == 2


def test_a_better_price_may_match_at_once_and_a_smaller_quantity_stays_where_it_is() -> None:
    bench = on_book()
    bench.buy("2", "99.0")
    assert fills(bench.amend(qty="1")) == []
    assert fills(bench.amend(price="100.1")) == [(D("100.1"), 1)]
    assert statuses(bench)[-1] is STATUS.FILLED


def test_an_untriggered_order_is_amended_and_goes_off_at_its_new_trigger() -> None:
    bench = on_touch()
    bench.buy("1", trigger_price=D("103"), trigger_direction=TriggerDirection.RISES)
    bench.amend(trigger_price="105")
    bench.tell(trade(104.0))
    assert statuses(bench)[-1] is STATUS.UNTRIGGERED
    bench.tell(trade(105.0))
    assert statuses(bench)[-1] is STATUS.FILLED


def test_what_does_not_exist_can_neither_be_amended_nor_cancelled() -> None:
    bench = on_touch()
    bench.amend("nobody", price="99")
    bench.cancel("nobody")
    assert refusals(bench) == ["amend 110001", "cancel 110001"]


def test_reduce_only_orders_share_the_room_of_the_position() -> None:
    bench = on_touch()
    bench.buy("3")
    bench.sell("2", "101", reduce_only=True)
    bench.sell("2", "102", reduce_only=True)
    bench.sell("2", "103", reduce_only=True)
    assert bench.exchange.open_orders()[1].remaining == 1
    assert last_reason(bench, "o3").startswith("110017")


def test_a_close_on_trigger_goes_before_the_other_reduce_only_orders() -> None:
    bench = on_touch()
    bench.buy("3")
    bench.sell("3", "101", reduce_only=True)
    bench.sell("3", trigger_price=D("95"), trigger_direction=TriggerDirection.FALLS, close_on_trigger=True)
    bench.tell(trade(95.0))
    assert statuses(bench, "o2")[-1] is STATUS.FILLED
    assert last_reason(bench, "o1") == "CancelByReduceOnly"


def test_a_contract_that_stops_trading_in_mid_run_refuses_from_then_on() -> None:
    bench = on_touch()
    bench.buy("1", "99.5")
    halted: Instrument = instrument(BTC, status="Closed")
    bench.tell(halted)
    bench.buy("1", "99.5")
    assert last_reason(bench, "o1").startswith("110074")
    assert bench.status("o0") is STATUS.NEW


def test_a_reduce_only_order_may_be_amended_in_the_room_it_takes_itself() -> None:
    bench = on_touch()
    bench.buy("3")
    bench.sell("3", "101", reduce_only=True)
    bench.amend("o1", price="102")
    assert refusals(bench) == []
    assert bench.orders["o1"].request.price == D("102")


def test_a_reduce_only_order_whose_room_others_took_cannot_be_amended() -> None:
    bench = on_touch()
    bench.buy("2")
    bench.sell("1", "102", reduce_only=True)
    bench.sell("1", "103", reduce_only=True)
    bench.sell("1")
    bench.amend("o2", price="104")
    assert refusals(bench) == ["amend 110017"]
    assert [order.remaining for order in bench.exchange.open_orders()] == [1, 1]
