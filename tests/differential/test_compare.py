from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from msgspec.structs import replace

from daemon.core.events import Side
from daemon.core.orders import OrderRequest
from daemon.core.records import OrderType, TimeInForce
from daemon.core.units import ZERO
from daemon.core.venue import FillData, QueueModel
from tests.differential.compare import Difference, books_of, differences, essential, turned_round, wordings
from tests.differential.random_scenarios import INSTRUMENT, START
from tests.differential.scenario import Scenario
from tests.differential.trace import Step, Trace, What
from tests.differential.view import View

D = Decimal


def request(order_id: str = "o0", side: Side = Side.BUY, qty: str = "3") -> OrderRequest:
    return OrderRequest(
        order_id, 1, "s", INSTRUMENT.symbol, side, OrderType.LIMIT, TimeInForce.GTC, D(qty), price=D("100.0")
    )


def scenario(*requests: OrderRequest) -> Scenario:
    return Scenario(
        name="made/0",
        family="made",
        data=FillData.BOOK,
        queue=QueueModel.THROUGH,
        instrument=INSTRUMENT,
        times=[START + place for place in range(len(requests))],
        happenings=requests,
    )


def fill(at: int, price: str, qty: str, *, maker: bool = False, fee: str = "0") -> Step:
    return Step(at, What.FILL, D(price), D(qty), maker, D(fee))


def end(at: int, word: str = "Cancelled CancelByUser") -> Step:
    return Step(at, What.END, word=word)


def trace(*steps: Step) -> Trace:
    return Trace({"o0": list(steps)}, [("o0", step) for step in steps if step.what is What.FILL], ZERO, ZERO)


def found(ours: Sequence[Step], theirs: Sequence[Step]) -> list[Difference]:
    made = scenario(request())
    return list(differences(made, trace(*ours), trace(*theirs), View(made)))


def test_equal_lives_do_not_differ() -> None:
    life = [Step(0, What.NEW), fill(0, "100", "1"), end(1)]
    assert not found(life, life)


def test_an_acknowledgement_more_is_no_difference() -> None:
    assert not found([Step(0, What.NEW), fill(0, "100", "3")], [fill(0, "100", "3")])


def test_fills_of_one_price_and_place_count_together() -> None:
    assert not found([fill(0, "100", "3")], [fill(0, "100.0", "1"), fill(0, "100", "2.000")])
    assert found([fill(0, "100", "3")], [fill(0, "100", "1"), fill(1, "100", "2")])


def test_a_fee_may_be_rounded_but_not_wrong() -> None:
    assert not found([fill(0, "100", "3", fee="0.123456789")], [fill(0, "100", "3", fee="0.12345679")])
    assert found([fill(0, "100", "3", fee="0.12")], [fill(0, "100", "3", fee="0.13")])


def test_only_the_first_difference_of_a_life_is_told() -> None:
    (difference,) = found([fill(0, "100", "1"), fill(2, "100", "2")], [fill(0, "100", "1"), end(1), end(3)])
    assert (difference.ours, difference.theirs) == (fill(2, "100", "2"), end(1))
    assert difference.place == 1
    assert difference.before == [fill(0, "100", "1")]


def test_with_bars_lives_that_filled_the_same_quantity_are_compared_further() -> None:
    ours, theirs = [fill(0, "100", "1"), end(2)], [fill(1, "99", "1"), end(3)]
    made = replace(scenario(request()), data=FillData.BARS)
    told = differences(made, trace(*ours), trace(*theirs), View(made))
    assert [difference.place for difference in told] == [0, 2]
    assert [difference.place for difference in found(ours, theirs)] == [0]


def test_a_buy_and_a_sell_that_a_bar_fills_in_another_order_are_told() -> None:
    made = replace(scenario(request("o0"), request("o1", Side.SELL)), data=FillData.BARS)
    fills = [("o0", fill(1, "100", "1", maker=True)), ("o1", fill(1, "101", "1", maker=True))]
    ours, theirs = (Trace({}, order, ZERO, ZERO) for order in (fills, fills[::-1]))
    assert list(turned_round(made, ours, theirs)) == [(1, "o0", "o1")]
    assert not list(turned_round(made, ours, ours))


def test_a_life_that_goes_on_in_one_engine_only_differs() -> None:
    (difference,) = found([fill(0, "100", "1")], [])
    assert difference.theirs is None


def test_a_refusal_counts_only_while_the_order_is_open() -> None:
    refused = Step(5, What.REFUSED)
    assert essential([end(1), refused], request()) == [end(1)]
    assert essential([fill(1, "100", "3"), refused], request()) == [fill(1, "100", "3")]
    assert essential([refused, end(6)], request()) == [refused, end(6)]


def test_an_amended_quantity_is_what_has_to_fill() -> None:
    amended = Step(1, What.AMENDED, D(100), D(5))
    life = [fill(0, "100", "1"), amended, fill(2, "100", "2"), fill(3, "100", "2"), end(4)]
    assert essential(life, request()) == life[:-1]


def test_words_of_an_end_that_both_share_are_told() -> None:
    made = scenario(request())
    (pair,) = wordings(made, trace(end(1)), trace(end(1, "Canceled")))
    assert (pair.ours, pair.theirs) == ("Cancelled CancelByUser", "Canceled")
    assert not list(wordings(made, trace(end(1)), trace(end(2, "Canceled"))))


def test_books_follow_from_fills_through_a_turn_of_the_position() -> None:
    made = scenario(request("o0"), request("o1", Side.SELL))
    fills = [("o0", fill(0, "100", "2", fee="0.1")), ("o1", fill(1, "103", "5", fee="0.2"))]
    assert books_of(Trace({}, fills, ZERO, ZERO), made) == (D(-3), D("5.7"))
    fills.append(("o0", fill(2, "104", "1")))
    assert books_of(Trace({}, fills, ZERO, ZERO), made) == (D(-2), D("4.7"))
