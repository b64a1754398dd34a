from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from adapters.simulated.consumption import Consumption
from adapters.simulated.matching import Execution, is_worse, total, walk
from daemon.core.book import Book
from daemon.core.events import Side
from daemon.core.units import on_grid

D = Decimal
TICK = D("0.1")
STEP = D("0.001")
SIDES = st.sampled_from(list(Side))
SIZES = st.integers(1, 5_000_000).map(lambda micro: micro / 1e6)


def ladder(sizes: list[float]) -> Book:
    """Bids from 100 down and asks from 100.1 up, a tick apart; the levels came worst first."""
    book = Book()
    bids = [(round(100.0 - 0.1 * place, 1), size) for place, size in enumerate(sizes)]
    asks = [(round(100.1 + 0.1 * place, 1), size) for place, size in enumerate(sizes)]
    book.reset(bids[::-1], asks[::-1])
    return book


def take(
    book: Book,
    side: Side,
    qty: str,
    limit: str | None = None,
    consumption: Consumption | None = None,
    *,
    inclusive: bool = True,
) -> list[Execution]:
    bound = None if limit is None else D(limit)
    memory = Consumption() if consumption is None else consumption
    return walk(book, side, D(qty), bound, step=STEP, consumption=memory, inclusive=inclusive)


def test_a_taker_walks_the_levels_from_the_touch() -> None:
    book = ladder([1.0, 2.0, 5.0])
    assert take(book, Side.BUY, "4") == [(D("100.1"), D(1)), (D("100.2"), D(2)), (D("100.3"), D(1))]
    assert take(book, Side.SELL, "2") == [(D("100.0"), D(1)), (D("99.9"), D(1))]
    assert take(book, Side.BUY, "0.4") == [(D("100.1"), D("0.4"))]


def test_a_large_order_walks_the_book_to_its_end_whatever_order_the_levels_came_in() -> None:
    book = ladder([1.0] * 40)
    book.apply([(99.3, 2.0)], [(100.8, 2.0)])
    prices = [D("100.1") + TICK * place for place in range(40)]
    assert [price for price, _ in take(book, Side.BUY, "99")] == prices
    assert [price for price, _ in take(book, Side.SELL, "99")] == [D("100.0") - TICK * place for place in range(40)]
    assert total(take(book, Side.BUY, "99")) == 41


def test_a_walk_ends_at_the_limit_and_takes_the_level_at_it() -> None:
    book = ladder([1.0, 2.0, 5.0])
    assert take(book, Side.BUY, "9", "100.2") == [(D("100.1"), D(1)), (D("100.2"), D(2))]
    assert take(book, Side.SELL, "9", "100.0") == [(D("100.0"), D(1))]
    assert take(book, Side.BUY, "9", "100.0") == []


def test_a_resting_order_is_met_by_what_lies_strictly_beyond_its_limit_or_at_it_too() -> None:
    book = ladder([1.0, 2.0, 5.0004])
    assert take(book, Side.BUY, "9", "100.1", inclusive=False) == []
    assert total(take(book, Side.BUY, "9", "100.3", inclusive=False)) == 3
    assert total(take(book, Side.BUY, "9", "100.3")) == 8
    assert total(take(book, Side.SELL, "9", "99.9", inclusive=False)) == 1


def test_a_limit_between_two_ticks_is_compared_exactly() -> None:
    book = ladder([1.0, 2.0])
    assert take(book, Side.BUY, "9", "100.09999999999999999999999") == []
    assert take(book, Side.SELL, "9", "100.00000000000000000000001") == []
    assert total(take(book, Side.BUY, "9", "100.10000000000000000000001", inclusive=False)) == 1


def test_a_thin_an_empty_or_a_lost_book_fills_what_it_shows() -> None:
    assert total(take(ladder([1.0, 0.0005]), Side.BUY, "9")) == 1
    assert take(ladder([]), Side.BUY, "9") == []
    crossed = ladder([1.0])
    crossed.apply([(101.0, 1.0)], [])
    assert take(crossed, Side.BUY, "9") == []


def test_what_was_consumed_is_walked_past() -> None:
    book, consumption = ladder([1.0, 2.0, 5.0]), Consumption()
    consumption.take(book, Side.BUY, take(book, Side.BUY, "1.7", None, consumption))
    assert take(book, Side.BUY, "2", None, consumption) == [(D("100.2"), D("1.3")), (D("100.3"), D("0.7"))]
    assert take(book, Side.BUY, "2", "100.1", consumption) == []
    assert take(book, Side.SELL, "2", None, consumption) == [(D("100.0"), D(1)), (D("99.9"), D(1))]


@given(
    sizes=st.lists(SIZES, max_size=14),
    side=SIDES,
    qty=st.integers(1, 20_000).map(lambda steps: steps * STEP),
    limit=st.none() | st.integers(990, 1010).map(lambda ticks: ticks * TICK),
    inclusive=st.booleans(),
    before=st.integers(0, 5000).map(lambda steps: steps * STEP),
)
def test_a_walk_is_never_more_than_wanted_or_shown_never_worse_than_the_limit_and_best_first(
    *, sizes: list[float], side: Side, qty: Decimal, limit: Decimal | None, inclusive: bool, before: Decimal
) -> None:
    book, consumption = ladder(sizes), Consumption()
    earlier = walk(book, side, before, None, step=STEP, consumption=consumption) if before else []
    consumption.take(book, side, earlier)
    walked = walk(book, side, qty, limit, step=STEP, consumption=consumption, inclusive=inclusive)
    prices = [price for price, _ in walked]
    assert prices == sorted(set(prices), reverse=side is Side.SELL)
    assert total(walked) <= qty
    shown = book.asks if side is Side.BUY else book.bids
    taken = dict(earlier)
    for price, part in walked:
        assert part > 0
        assert taken.get(price, D(0)) + part <= D(repr(shown[float(price)]))
        assert on_grid(part, STEP)
        assert limit is None or not is_worse(side, price, limit)
        assert inclusive or price != limit


@given(st.lists(SIZES, max_size=14), SIDES, st.integers(1, 20_000).map(lambda steps: steps * STEP))
def test_a_walk_without_a_limit_leaves_no_whole_step_that_it_wanted(
    sizes: list[float], side: Side, qty: Decimal
) -> None:
    book = ladder(sizes)
    offered = sum((D(repr(size)) // STEP * STEP for size in sizes), D(0))
    assert total(walk(book, side, qty, None, step=STEP, consumption=Consumption())) == min(qty, offered)


def test_a_price_is_worse_on_the_far_side_of_the_limit_only() -> None:
    assert [is_worse(Side.BUY, D(price), D(100)) for price in (99, 100, 101)] == [False, False, True]
    assert [is_worse(Side.SELL, D(price), D(100)) for price in (99, 100, 101)] == [True, False, False]
