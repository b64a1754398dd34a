from __future__ import annotations

from decimal import Decimal

from daemon.core.orders import Protection
from daemon.core.units import NS_PER_MS
from tests.adapters.simulated.bench import on_book, on_touch, with_settings
from tests.daemon.core.build import delta, quote, trade

D = Decimal


def test_slippage_is_what_an_execution_cost_against_the_touch_at_the_decision() -> None:
    bench = on_book()
    bench.buy("4")
    assert [fill.slippage for fill in bench.fills] == [0, D("0.2"), D("0.9")]
    short = on_book()
    short.sell("2")
    assert [fill.slippage for fill in short.fills] == [0, D("0.1")]


def test_a_market_that_moved_while_the_order_travelled_is_slippage_too() -> None:
    bench = on_touch(with_settings(entry_latency_ms=50))
    bench.buy("2")
    bench.tell(quote(100.9, 101.1), after=10 * NS_PER_MS)
    bench.pass_time(50 * NS_PER_MS)
    assert [fill.slippage for fill in bench.fills] == [2]


def test_a_maker_gains_against_the_touch() -> None:
    bench = on_touch()
    bench.buy("1", "99.0")
    bench.tell(trade(98.0))
    assert [(fill.maker, fill.slippage) for fill in bench.fills] == [(True, D("-1.1"))]


def test_fees_are_of_the_executed_value_by_maker_and_taker() -> None:
    bench = on_book(with_settings(taker_fee=D("0.00055"), maker_fee=D("-0.0001")))
    bench.buy("1")
    bench.sell("1", "101.0")
    bench.tell(delta([(101.5, 3.0)], [(101.0, 0.0), (100.1, 0.0), (100.2, 0.0), (102.0, 1.0)]))
    assert [fill.fee for fill in bench.fills] == [D("0.055055"), D("-0.0101")]


def test_the_exchange_and_its_listener_keep_the_same_books() -> None:
    bench = on_book(with_settings(taker_fee=D("0.00055")))
    bench.buy("3")
    bench.sell("1")
    assert bench.ledger.cash == bench.account.ledger.cash
    assert bench.ledger.fees == bench.account.ledger.fees > 0


def test_slippage_of_a_stop_is_counted_from_the_touch_at_its_trigger() -> None:
    bench = on_touch()
    bench.buy("2", protection=Protection(stop_loss=D("95")))
    bench.tell(quote(94.5, 94.7))
    bench.tell(trade(95.0))
    assert [fill.slippage for fill in bench.fills] == [0, 0]
    gapped = on_touch(with_settings(slippage_ticks=3))
    gapped.buy("2", protection=Protection(stop_loss=D("95")))
    gapped.tell(quote(94.5, 94.7))
    gapped.tell(trade(95.0))
    assert [fill.slippage for fill in gapped.fills] == [D("0.6"), D("0.6")]
