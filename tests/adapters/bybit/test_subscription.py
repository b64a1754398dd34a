from __future__ import annotations

from adapters.bybit.settings import NEVER, Silence
from adapters.bybit.subscription import Phase, Subscription
from adapters.bybit.topics import parse_topic
from tests.adapters.bybit.frames import book, trade, trades


def subscription(name: str) -> Subscription:
    return Subscription(parse_topic(name), Silence())


def test_nothing_is_due_before_it_is_asked_for() -> None:
    assert subscription("tickers.BTCUSDT").deadline() == NEVER


def test_a_book_settles_with_ack_and_snapshot_in_either_order() -> None:
    for ack_first in (True, False):
        one = subscription("orderbook.50.BTCUSDT")
        one.ask(100, due=200)
        if ack_first:
            one.acknowledge()
        assert one.hear(book(10, kind="snapshot"))
        assert one.due == (NEVER if ack_first else 200)
        one.acknowledge()
        assert one.due == NEVER


def test_leftover_deltas_are_not_the_snapshot_waited_for() -> None:
    one = subscription("orderbook.50.BTCUSDT")
    one.ask(100, due=200)
    one.acknowledge()
    assert not one.hear(book(10))
    assert one.waiting
    assert one.deadline() == 200


def test_trades_settle_with_the_ack_alone() -> None:
    one = subscription("publicTrade.BTCUSDT")
    one.ask(100, due=200)
    one.acknowledge()
    assert one.due == NEVER
    assert one.hear(trades(trade("a")))


def test_a_lost_connection_forgets_everything_but_that_it_is_stale() -> None:
    one = subscription("tickers.BTCUSDT")
    one.ask(100, due=200)
    one.stale = True
    one.replacements = 2
    one.reset()
    assert (one.phase, one.waiting, one.stale, one.replacements) == (Phase.OFF, True, True, 2)
    assert one.deadline() == NEVER


def test_excuses_move_what_is_due() -> None:
    one = subscription("tickers.BTCUSDT")
    one.ask(100, due=200)
    one.excuse(50)
    assert (one.heard, one.due) == (150, 250)
