from __future__ import annotations

import pytest

from daemon.core.market import Market
from tests.daemon.core.build import BTC, MINUTE, bar, delta, quote, snapshot, ticker, trade


@pytest.fixture
def market() -> Market:
    return Market(BTC)


def test_the_last_trade_is_the_mark_until_the_venue_gives_one(market: Market) -> None:
    market.apply_trade(trade(100.0))
    assert (market.last, market.mark) == (100.0, 100.0)
    market.apply_ticker(ticker(mark=101.0))
    market.apply_trade(trade(102.0))
    market.apply_bar(bar(103.0))
    assert (market.last, market.mark) == (102.0, 101.0)


def test_a_bar_close_is_the_mark_only_where_no_trade_was_heard(market: Market) -> None:
    market.apply_bar(bar(100.0))
    assert (market.last, market.mark) == (100.0, 100.0)
    market.apply_trade(trade(101.0))
    market.apply_bar(bar(102.0))
    assert (market.last, market.mark) == (101.0, 101.0)


def test_a_ticker_changes_only_what_it_says(market: Market) -> None:
    market.apply_ticker(
        ticker(mark=1.0, index=2.0, last=3.0, bid=4.0, ask=5.0, funding_rate=0.1, next_funding=6, open_interest=7.0)
    )
    market.apply_ticker(ticker())
    assert (market.mark, market.index, market.last, market.bid, market.ask) == (1.0, 2.0, 3.0, 4.0, 5.0)
    assert (market.funding_rate, market.next_funding, market.open_interest) == (0.1, 6, 7.0)
    market.apply_ticker(ticker(mark=1.5, bid=4.5))
    assert (market.mark, market.index, market.bid, market.ask) == (1.5, 2.0, 4.5, 5.0)


def test_the_last_price_of_a_ticker_is_a_mark_only_without_a_better_one(market: Market) -> None:
    market.apply_ticker(ticker(last=99.0))
    assert market.mark == 99.0
    market.apply_ticker(ticker(mark=100.0))
    market.apply_ticker(ticker(last=98.0))
    assert market.mark == 100.0


def test_the_touch_follows_the_book_and_a_ticker_only_while_there_is_none(market: Market) -> None:
    market.apply_ticker(ticker(bid=90.0, ask=91.0))
    market.apply_snapshot(snapshot([(99.0, 1.0)], [(100.0, 1.0)]))
    market.apply_ticker(ticker(bid=90.0, ask=91.0))
    assert (market.bid, market.ask) == (99.0, 100.0)
    market.apply_delta(delta([(99.5, 2.0)], [(100.0, 0.0), (101.0, 1.0)]))
    assert (market.bid, market.ask) == (99.5, 101.0)
    market.drop_book()
    assert (market.bid, market.ask) == (0.0, 0.0)
    market.apply_ticker(ticker(bid=90.0))
    assert (market.bid, market.ask) == (90.0, 0.0)


def test_a_delta_that_crosses_the_book_says_so_once(market: Market) -> None:
    market.apply_snapshot(snapshot([(99.0, 1.0)], [(100.0, 1.0)]))
    assert not market.apply_delta(delta([(100.0, 1.0)], []))
    assert market.apply_delta(delta([(98.0, 1.0)], []))
    assert not market.book.valid


def test_a_delta_onto_a_lost_book_changes_nothing(market: Market) -> None:
    assert market.apply_delta(delta([(99.0, 1.0)], []))
    assert (market.bid, market.book.bids) == (0.0, {})


def test_a_quote_is_the_touch(market: Market) -> None:
    market.apply_quote(quote(99.0, 100.0))
    assert (market.bid, market.ask, market.has_quotes) == (99.0, 100.0, True)


def test_the_touch_moves_when_bid_or_ask_do_and_not_when_sizes_do(market: Market) -> None:
    market.apply_snapshot(snapshot([(99.0, 1.0)], [(100.0, 1.0)]))
    assert market.touch_moved()
    market.apply_delta(delta([(99.0, 5.0)], []))
    assert not market.touch_moved()
    market.apply_delta(delta([], [(99.5, 5.0)]))
    assert market.touch_moved()


def test_the_finest_bar_is_remembered(market: Market) -> None:
    market.apply_bar(bar(100.0, interval=5 * MINUTE))
    market.apply_bar(bar(100.0, interval=MINUTE))
    market.apply_bar(bar(100.0, interval=15 * MINUTE))
    assert market.finest_bar == MINUTE
