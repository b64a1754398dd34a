from __future__ import annotations

from decimal import Decimal
from math import inf
from typing import TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from adapters.simulated.consumption import Consumption
from adapters.simulated.matching import total, walk
from adapters.simulated.queue import Back, displayed, follow_book, join, make_queue
from adapters.simulated.resting import Resting
from adapters.simulated.working import Working
from daemon.core.events import BookDelta, BookDown, BookSnapshot, Side
from daemon.core.market import Market
from daemon.core.orders import OrderRequest
from daemon.core.records import OrderType, TimeInForce
from daemon.core.units import floor_qty, to_decimal
from daemon.core.venue import QueueModel
from tests.daemon.core.build import BTC, MIDNIGHT, delta, snapshot

D = Decimal
STEP = D("0.001")
MODELS = list(QueueModel)
LINES = [QueueModel.BACK, QueueModel.PROPORTIONAL]
Levels: TypeAlias = list[tuple[float, float]]


def market(bids: Levels, asks: Levels) -> Market:
    made = Market(BTC)
    made.apply_snapshot(snapshot(bids, asks))
    return made


def order(known: Market, *, side: Side = Side.BUY, limit: str = "100", qty: str = "5", name: str = "a") -> Working:
    request = OrderRequest(name, 1, "s", BTC, side, OrderType.LIMIT, TimeInForce.GTC, D(qty), D(limit))
    return Working(request, known, D(qty), 0, limit=D(limit))


def standing(model: QueueModel, size: float | None) -> Working:
    """A buy at 100 that came to rest when this much was displayed there."""
    one = order(Market(BTC))
    make_queue(model).joined(one, size)
    return one


def test_what_each_model_takes_for_granted() -> None:
    queues = [make_queue(model) for model in MODELS]
    assert [queue.touch_fills for queue in queues] == [False, False, False, True]
    assert [queue.crossed for queue in queues] == [False, True, True, True]
    assert [queue.watches for queue in queues] == [False, True, True, False]


def test_nobody_or_everybody_or_what_is_displayed_stands_before_an_order_that_comes() -> None:
    assert [standing(model, 3.0).ahead for model in MODELS] == [inf, 3.0, 3.0, 0.0]
    assert [standing(model, None).ahead for model in MODELS] == [inf, inf, inf, 0.0]


@pytest.mark.parametrize(("model", "filling"), [
    (QueueModel.THROUGH, [0.0, 0.0, 0.0]),
    (QueueModel.BACK, [0.0, 1.5, 2.0]),
    (QueueModel.PROPORTIONAL, [0.0, 1.5, 2.0]),
    (QueueModel.FRONT, [2.0, 2.5, 2.0]),
])  # fmt: skip
def test_a_trade_fills_those_before_us_first(model: QueueModel, filling: list[float]) -> None:
    queue, one = make_queue(model), standing(model, 3.0)
    assert [queue.traded(one, qty) for qty in (2.0, 2.5, 2.0)] == filling


def test_quantities_stay_decimal_to_a_billionth() -> None:
    queue, one = make_queue(QueueModel.BACK), standing(QueueModel.BACK, 0.3)
    queue.traded(one, 0.1)
    assert one.ahead == 0.2
    queue.traded(one, 0.2)
    assert queue.traded(one, 0.7) == 0.7
    assert queue.traded(standing(QueueModel.BACK, 0.1), 0.3) == 0.2


def test_whoever_cancels_stood_behind_us_as_long_as_there_is_anybody() -> None:
    queue, one = make_queue(QueueModel.BACK), standing(QueueModel.BACK, 6.0)
    queue.resized(one, 10.0)
    queue.resized(one, 7.0)
    assert one.ahead == 6.0
    queue.resized(one, 4.0)
    assert one.ahead == 4.0


def test_cancels_come_from_before_and_behind_in_proportion() -> None:
    queue, one = make_queue(QueueModel.PROPORTIONAL), standing(QueueModel.PROPORTIONAL, 6.0)
    queue.resized(one, 8.0)  # 6 before us, 2 behind
    queue.resized(one, 4.0)  # half of all cancelled
    assert one.ahead == 3.0
    queue.resized(one, 0.0)
    assert one.ahead == 0.0


def test_what_traded_since_is_no_cancel() -> None:
    queue, one = make_queue(QueueModel.PROPORTIONAL), standing(QueueModel.PROPORTIONAL, 6.0)
    queue.resized(one, 12.0)
    queue.traded(one, 2.0)  # 4 before us, 6 behind
    queue.resized(one, 10.0)
    assert (one.ahead, one.traded) == (4.0, 0.0)
    queue.traded(one, 1.0)  # 3 before us, 6 behind
    queue.resized(one, 6.0)  # 3 of 9 cancelled
    assert one.ahead == 2.0


@pytest.mark.parametrize("model", LINES)
def test_an_unknown_size_stands_before_us_until_it_is_known(model: QueueModel) -> None:
    queue, one = make_queue(model), standing(model, None)
    assert queue.traded(one, 1e6) == 0.0
    queue.resized(one, 3.0)
    assert one.ahead == 3.0
    queue.resized(one, None)
    assert one.ahead == 3.0
    queue.resized(one, 2.5)
    assert one.ahead == 2.5


@pytest.mark.parametrize("model", LINES)
def test_what_changed_while_nobody_could_see_it_is_no_cancel(model: QueueModel) -> None:
    queue, one = make_queue(model), standing(model, 3.0)
    queue.resized(one, 10.0)
    queue.resized(one, None)
    queue.resized(one, 5.0)
    assert one.ahead == 3.0


@pytest.mark.parametrize("model", LINES)
def test_an_unknown_place_is_looked_up_when_somebody_trades_there(model: QueueModel) -> None:
    known = market([(101.0, 1.0)], [(102.0, 1.0)])
    queue, one = make_queue(model), order(known)
    join(queue, one)
    assert queue.traded(one, 1.0) == 0.0
    known.apply_snapshot(snapshot([(99.0, 1.0)], [(102.0, 1.0)]))
    assert queue.traded(one, 1.0) == 1.0


@pytest.mark.parametrize("model", LINES)
def test_after_a_trade_beyond_our_price_nobody_stands_before_us(model: QueueModel) -> None:
    queue, one = make_queue(model), standing(model, 3.0)
    queue.passed(one)
    assert queue.traded(one, 1.0) == 1.0


def test_a_size_is_known_within_what_the_book_shows_and_zero_where_nobody_stands() -> None:
    book = market([(100.0, 3.0), (99.0, 1.0)], [(101.0, 2.0), (102.0, 1.0)]).book
    assert [displayed(book, Side.BUY, price) for price in (100.0, 100.5, 99.5, 98.0)] == [3.0, 0.0, 0.0, None]
    assert [displayed(book, Side.SELL, price) for price in (101.0, 100.5, 101.5, 103.0)] == [2.0, 0.0, 0.0, None]
    one_sided = market([(100.0, 3.0)], []).book
    assert displayed(one_sided, Side.SELL, 101.0) == 0.0
    one_sided.drop()
    assert displayed(one_sided, Side.BUY, 100.0) is None


def two_resting(model: QueueModel) -> tuple[Market, Resting, Working, Working]:
    """A buy at 100 with 3 before it and a sell at 102 with 1 before it."""
    known = market([(100.0, 3.0), (99.0, 1.0)], [(101.0, 2.0), (102.0, 1.0)])
    resting, bid, ask = Resting(), order(known), order(known, side=Side.SELL, limit="102", name="b")
    for one in (bid, ask):
        join(make_queue(model), one)
        resting.add(one)
    return known, resting, bid, ask


def follow(model: QueueModel, known: Market, resting: Resting, fact: BookSnapshot | BookDelta | BookDown) -> None:
    match fact:
        case BookSnapshot():
            known.apply_snapshot(fact)
        case BookDelta():
            known.apply_delta(fact)
        case _:
            known.drop_book()
    follow_book(make_queue(model), resting, known, fact)


def test_resting_orders_follow_the_levels_that_a_delta_changes() -> None:
    known, resting, bid, ask = two_resting(QueueModel.BACK)
    follow(QueueModel.BACK, known, resting, delta([(100.0, 2.0), (99.0, 9.0)], [(101.0, 9.0)]))
    assert (bid.ahead, ask.ahead) == (2.0, 1.0)
    follow(QueueModel.BACK, known, resting, delta([], [(102.0, 0.5)]))
    assert (bid.ahead, ask.ahead) == (2.0, 0.5)


def test_a_level_that_vanishes_inside_the_book_is_empty_and_at_its_end_out_of_sight() -> None:
    known, resting, bid, ask = two_resting(QueueModel.BACK)
    follow(QueueModel.BACK, known, resting, delta([(100.0, 0.0)], [(102.0, 0.0)]))
    assert (bid.ahead, bid.displayed) == (0.0, 0.0)
    assert (ask.ahead, ask.displayed) == (1.0, inf)


def test_a_snapshot_is_looked_at_for_every_order_and_a_lost_book_shows_nothing() -> None:
    known, resting, bid, ask = two_resting(QueueModel.PROPORTIONAL)
    follow(QueueModel.PROPORTIONAL, known, resting, BookDown(BTC, MIDNIGHT, "gap"))
    assert (bid.displayed, ask.displayed) == (inf, inf)
    assert (bid.ahead, ask.ahead) == (3.0, 1.0)
    follow(QueueModel.PROPORTIONAL, known, resting, snapshot([(100.0, 2.0)], [(102.0, 4.0)]))
    assert (bid.ahead, ask.ahead) == (2.0, 1.0)


def test_a_delta_that_crosses_the_book_leaves_nothing_known() -> None:
    known, resting, bid, ask = two_resting(QueueModel.BACK)
    follow(QueueModel.BACK, known, resting, delta([(101.5, 1.0), (100.0, 1.0)], []))
    assert (bid.displayed, ask.displayed) == (inf, inf)
    assert (bid.ahead, ask.ahead) == (3.0, 1.0)


class Blind(Back):
    """A model of one's own that does not look at the book."""

    watches = False


def test_a_model_that_does_not_watch_is_not_told() -> None:
    known, resting, bid, _ = two_resting(QueueModel.BACK)
    known.apply_delta(delta([(100.0, 1.0)], []))
    follow_book(Blind(), resting, known, delta([(100.0, 1.0)], []))
    assert bid.ahead == 3.0


class Driver(Struct):
    """One buy of 5 at 100 under one model, on a market it shares with nobody."""

    model: QueueModel
    known: Market
    one: Working
    consumption: Consumption

    def trade(self, ticks: int, qty: float) -> None:
        """A seller hits a bid `ticks` above our price."""
        queue = make_queue(self.model)
        if ticks < 0:
            queue.passed(self.one)
            self._fill(to_decimal(qty))
        elif ticks == 0:
            self._fill(to_decimal(queue.traded(self.one, qty)))

    def book(self, fact: BookSnapshot | BookDelta | BookDown) -> None:
        """The book changes; what it then offers within our limit meets us."""
        queue, resting, book = make_queue(self.model), Resting(), self.known.book
        resting.add(self.one)
        follow(self.model, self.known, resting, fact)
        if isinstance(fact, BookDown):
            return
        self.consumption.refresh(fact)
        for met in resting.reached(Side.BUY, book.ask or inf, inclusive=queue.crossed):
            offered = walk(
                book,
                Side.BUY,
                met.remaining,
                met.limit,
                step=STEP,
                consumption=self.consumption,
                inclusive=queue.crossed,
            )
            self.consumption.take(book, Side.BUY, offered)
            self._fill(total(offered))

    def _fill(self, qty: Decimal) -> None:
        part = min(self.one.remaining, floor_qty(qty, STEP))
        self.one.remaining -= part
        self.one.filled += part


def drivers(bids: Levels, asks: Levels) -> list[Driver]:
    """One for each model, from conservative to optimistic."""
    made = []
    for model in MODELS:
        known = market(bids, asks)
        made.append(Driver(model, known, order(known), Consumption()))
        join(make_queue(model), made[-1].one)
    return made


QTY = st.integers(1, 4000).map(lambda thousandths: thousandths / 1000)
SIZE = st.integers(0, 6000).map(lambda thousandths: thousandths / 1000)
BIDS = st.lists(st.tuples(st.sampled_from([99.8, 99.9, 100.0, 100.1]), SIZE), max_size=3)
ASKS = st.lists(st.tuples(st.sampled_from([99.9, 100.0, 100.1, 100.2]), SIZE), max_size=3)
EVENTS = (
    st.tuples(st.sampled_from([-1, 0, 0, 0, 1]), QTY)
    | st.builds(lambda size: delta([(100.0, size)], []), SIZE)
    | st.builds(delta, BIDS, ASKS)
    | st.builds(snapshot, BIDS, ASKS)
    | st.just(BookDown(BTC, MIDNIGHT, "gap"))
)


@settings(max_examples=300, deadline=None)
@given(BIDS, st.lists(EVENTS, max_size=25))
def test_what_was_filled_so_far_is_never_more_under_a_more_conservative_model(
    bids: Levels, events: list[tuple[int, float] | BookSnapshot | BookDelta | BookDown]
) -> None:
    lanes = drivers([*bids, (99.0, 1.0)], [(101.0, 1.0)])
    for event in events:
        for lane in lanes:
            if isinstance(event, tuple):
                lane.trade(*event)
            else:
                lane.book(event)
        filled = [lane.one.filled for lane in lanes]
        assert filled == sorted(filled)
        assert filled[-1] <= 5
        ahead = [lane.one.ahead for lane in lanes]
        assert ahead == sorted(ahead, reverse=True)
        assert ahead[-1] >= 0.0


def test_a_history_tells_all_four_models_apart() -> None:
    lanes = drivers([(100.0, 4.0)], [(101.0, 1.0)])
    for lane in lanes:
        lane.book(delta([(100.0, 8.0)], []))  # 4 join behind us
        lane.trade(0, 1.0)  # 3 before us
        lane.book(delta([(100.0, 5.0)], []))  # 2 of 7 cancel
        lane.trade(0, 3.0)
    assert [lane.one.filled for lane in lanes] == [D(0), D(0), D("0.857"), D(4)]
    for lane in lanes:
        lane.trade(-1, 1.0)
    assert [lane.one.filled for lane in lanes] == [D(1), D(1), D("1.857"), D(5)]


@settings(deadline=None)
@given(st.sampled_from(LINES), SIZE, st.lists(QTY, max_size=10))
def test_trades_alone_fill_what_they_exceed_the_queue_by(model: QueueModel, size: float, trades: list[float]) -> None:
    queue, one = make_queue(model), standing(model, size)
    filled = sum(queue.traded(one, qty) for qty in trades)
    assert filled == pytest.approx(max(0.0, sum(trades) - size), abs=1e-6)
