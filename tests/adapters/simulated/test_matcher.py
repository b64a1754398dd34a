"""Who meets which data: what we took ourselves, one trade for several orders, our own orders in the way."""

from __future__ import annotations

from decimal import Decimal

from daemon.core.events import BookDown, Side
from daemon.core.orders import SelfMatch
from daemon.core.records import OrderStatus, TimeInForce
from daemon.core.venue import FillData, QueueModel
from tests.adapters.simulated.bench import Bench, fills, on_book, on_touch, reasons, with_settings
from tests.daemon.core.build import BTC, delta, quote, snapshot, trade

D = Decimal


def queued(model: QueueModel) -> Bench:
    """A bid of ours for 2 at 100.0, behind 1 that is displayed there."""
    bench = on_book(with_settings(queue=model))
    bench.buy("2", "100.0")
    return bench


def test_what_we_took_is_not_there_for_the_next_order() -> None:
    bench = on_book()
    assert fills(bench.buy("1")) == [(D("100.1"), 1)]
    assert fills(bench.buy("1")) == [(D("100.2"), 1)]


def test_a_level_that_the_venue_changed_is_there_again() -> None:
    bench = on_book()
    bench.buy("1")
    bench.tell(delta([], [(100.1, 0.4)]))
    assert fills(bench.buy("1")) == [(D("100.1"), D("0.4")), (D("100.2"), D("0.6"))]


def test_the_same_offer_does_not_fill_a_resting_order_with_every_delta() -> None:
    bench = on_book()
    bench.buy("5", "100.0")
    assert fills(bench.tell(delta([(100.0, 0.0), (99.9, 0.0)], [(99.5, 2.0)]))) == [(100, 2)]
    assert fills(bench.tell(delta([(98.0, 1.0)], []))) == []
    assert fills(bench.tell(delta([], [(99.5, 2.5)]))) == [(100, D("2.5"))]


def test_one_trade_fills_no_more_than_its_quantity_of_all_our_orders() -> None:
    bench = on_touch()
    bench.buy("2", "99.5")
    bench.buy("2", "99.4")
    reports = bench.tell(trade(99.0, 3.0, side=Side.SELL))
    assert fills(reports) == [(D("99.5"), 2), (D("99.4"), 1)]


def test_the_queue_model_decides_what_a_trade_at_our_price_fills() -> None:
    expected = {
        QueueModel.THROUGH: [],
        QueueModel.BACK: [(100, D("0.5"))],
        QueueModel.PROPORTIONAL: [(100, D("0.5"))],
        QueueModel.FRONT: [(100, D("1.5"))],
    }
    for model, filled in expected.items():
        bench = queued(model)
        assert fills(bench.tell(trade(100.0, 1.5, side=Side.SELL))) == filled, model


def test_a_taker_of_our_own_side_does_not_fill_us() -> None:
    bench = queued(QueueModel.FRONT)
    assert fills(bench.tell(trade(100.0, 1.5, side=Side.BUY))) == []


def test_cancels_before_us_count_in_proportion_only_where_the_model_says_so() -> None:
    for model, filled in ((QueueModel.BACK, "0.5"), (QueueModel.PROPORTIONAL, "0.9")):
        bench = queued(model)
        bench.tell(delta([(100.0, 2.0)], []))
        bench.tell(delta([(100.0, 1.2)], []))
        assert fills(bench.tell(trade(100.0, 1.5, side=Side.SELL))) == [(100, D(filled))], model


def test_what_changed_while_the_book_was_lost_is_not_taken_for_cancels() -> None:
    for lost, filled in ((True, "0.2"), (False, "0.7")):
        bench = queued(QueueModel.PROPORTIONAL)
        bench.tell(delta([(100.0, 3.0)], []))
        if lost:
            bench.tell(BookDown(BTC, 0, "gap"))
        bench.tell(snapshot([(100.0, 1.5)], [(100.1, 1.0)]))
        assert fills(bench.tell(trade(100.0, 1.2, side=Side.SELL))) == [(100, D(filled))]


def test_an_order_that_reaches_our_own_trades_with_it_behind_the_others_at_its_price() -> None:
    bench = on_book()
    bench.sell("2", "100.2")
    reports = bench.buy("4")
    assert fills(reports) == [(D("100.1"), 1), (D("100.2"), 2), (D("100.2"), 1), (D("100.2"), 1)]
    assert bench.ledger.position(BTC).qty == 3
    assert bench.status("o0") is OrderStatus.PARTIALLY_FILLED


def test_self_match_prevention_cancels_whom_it_says() -> None:
    expected = {
        SelfMatch.CANCEL_MAKER: (OrderStatus.CANCELLED, OrderStatus.FILLED),
        SelfMatch.CANCEL_TAKER: (OrderStatus.NEW, OrderStatus.CANCELLED),
        SelfMatch.CANCEL_BOTH: (OrderStatus.CANCELLED, OrderStatus.CANCELLED),
    }
    for policy, statuses in expected.items():
        bench = on_book()
        bench.sell("2", "100.2")
        reports = bench.buy("4", self_match=policy)
        assert (bench.status("o0"), bench.status("o1")) == statuses, policy
        assert "CancelBySmp" in reasons(reports)


def test_an_order_that_does_not_reach_our_own_leaves_it_alone() -> None:
    bench = on_book()
    bench.sell("2", "101.0")
    assert reasons(bench.buy("3", self_match=SelfMatch.CANCEL_MAKER)) == []
    assert bench.status("o0") is OrderStatus.NEW


def test_post_only_is_cancelled_by_our_own_opposite_order_too() -> None:
    bench = on_touch(with_settings(fill_data=FillData.TRADES))
    bench.sell("1", "100.5")
    bench.tell(quote(99.9, 100.9))
    assert reasons(bench.buy("1", "100.6", TimeInForce.POST_ONLY)) == ["EC_PostOnlyWillTakeLiquidity"]


def test_a_book_without_asks_fills_no_resting_buy() -> None:
    bench = on_book()
    bench.buy("1", "99.0")
    assert fills(bench.tell(delta([], [(100.1, 0.0), (100.2, 0.0), (101.0, 0.0)]))) == []


def test_after_a_trade_went_through_us_nobody_is_ahead_any_more() -> None:
    bench = queued(QueueModel.BACK)
    assert fills(bench.tell(trade(99.9, 0.5, side=Side.SELL))) == [(100, D("0.5"))]
    assert fills(bench.tell(trade(100.0, 0.5, side=Side.SELL))) == [(100, D("0.5"))]


def test_a_level_that_went_and_came_again_is_there_wholly() -> None:
    bench = on_book()
    bench.buy("1")
    bench.tell(delta([], [(100.1, 0.0)]))
    bench.tell(delta([], [(100.1, 1.0)]))
    assert fills(bench.buy("1")) == [(D("100.1"), 1)]


def test_a_touch_that_only_reaches_our_price_fills_those_who_stand_in_front() -> None:
    for model, filled in ((QueueModel.FRONT, [(D("99.5"), 1)]), (QueueModel.PROPORTIONAL, [])):
        bench = on_touch(with_settings(queue=model))
        bench.buy("1", "99.5")
        assert fills(bench.tell(quote(99.4, 99.5))) == filled, model
