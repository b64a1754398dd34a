from __future__ import annotations

from adapters.simulated.totals import SUM_ANEW_EVERY
from daemon.core.events import Side
from daemon.core.venue import MarginMode
from tests.adapters.simulated.examples.build import D, account, fill, market


def test_the_totals_stay_within_their_slack_through_many_moves_of_many_marks() -> None:
    books = account("1000000", mode=MarginMode.CROSS)
    places = [market(f"C{number:02}USDT", 1_000.0 + 7.3 * number) for number in range(12)]
    for number, where in enumerate(places):
        fill(books, where, Side.BUY if number % 3 else Side.SELL, D(number + 1) / 3, D(str(where.mark)))
    for step in range(SUM_ANEW_EVERY + 500):
        where = places[step * 5 % 12]
        where.mark *= 1.0003 if step * 7 % 11 % 2 else 0.9996
        books.at_risk(where)
    assert abs(books.equity_estimate() - float(books.equity())) < books.slack() < 1e-2
    assert abs(books.available_estimate() - float(books.available())) < books.slack()


def test_what_rounding_adds_up_to_is_swept_out_in_time() -> None:
    where, books = market(mark=100.0), account(mode=MarginMode.CROSS)
    fill(books, where, Side.BUY, "1", "100")
    books._totals.pnl += 0.5
    assert books.equity_estimate() == 10_000.5
    for step in range(SUM_ANEW_EVERY):
        where.mark = 100.0 + step % 2
        books.at_risk(where)
    assert abs(books.equity_estimate() - float(books.equity())) < 1e-9


def test_nothing_is_left_when_the_last_position_is_closed() -> None:
    books = account("1000", mode=MarginMode.CROSS)
    places = [market(f"C{number}USDT", 0.1 + 0.7 * number) for number in range(3)]
    for where in places:
        fill(books, where, Side.BUY, "0.3", "0.7")
        where.mark *= 1.1
        books.at_risk(where)
    for where in places:
        fill(books, where, Side.SELL, "0.3", "0.7")
    assert books.equity_estimate() == books.available_estimate() == 1000.0
