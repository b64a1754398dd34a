"""No way round a guard: what conditional orders and amendments are judged by. BTCUSDT stands at 100."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from daemon.core.events import Side
from daemon.core.lane import Lane
from daemon.core.orders import Amendment, OrderRequest
from daemon.core.records import Action, DecisionLine, OrderStatus
from daemon.core.strategy import Decision
from daemon.core.venue import AmendReport
from tests.daemon.core.build import HOLD, NO_GUARDS, Run, Scripted, buy, of_kind, ready, sell, ticker, trade
from tests.daemon.core.fake import FakeExchange, fake_lane, fill, protection_order, status

D = Decimal
S = OrderStatus


def amend(price: float | None = None, qty: float | None = None) -> Decision:
    return Decision(Action.AMEND, "better", price=price, qty=qty)


def begin(*script: Decision, **limits: Any) -> tuple[Run, Lane, FakeExchange]:
    lane, exchange = fake_lane(Scripted(*script), guards=msgspec.structs.replace(NO_GUARDS, **limits))
    run = ready(lane)
    run.tell(ticker(mark=100.0, last=100.0))
    return run, lane, exchange


def step(run: Run) -> DecisionLine:
    (line,) = of_kind(run.tell(trade(100.0)), DecisionLine)
    return line


def denials(line: DecisionLine) -> list[str]:
    return [verdict.code for verdict in line.verdicts if not verdict.allow]


def values(line: DecisionLine) -> dict[str, float]:
    return {verdict.guard: verdict.value for verdict in line.verdicts}


def rest(run: Run, exchange: FakeExchange) -> OrderRequest:
    step(run)
    request = [asked for asked in exchange.asked if isinstance(asked, OrderRequest)][-1]
    waits = request.is_conditional
    run.engine.desk.absorb(run.engine.lanes[0], status(request.order_id, S.UNTRIGGERED if waits else S.NEW))
    return request


# Conditional orders


@pytest.mark.parametrize(
    ("decision", "codes"),
    [
        (buy(1, trigger_price=150.0), []),
        (buy(1, trigger_price=150.0, price=157.5), []),
        (buy(1, trigger_price=150.0, price=157.6), ["PRICE_OUTSIDE_COLLAR"]),
        (buy(1, trigger_price=150.0, price=100.0), ["PRICE_OUTSIDE_COLLAR"]),
    ],
)
def test_a_conditional_order_is_collared_around_its_trigger(decision: Decision, codes: list[str]) -> None:
    run, _, _ = begin(decision, price_collar=0.05)
    assert denials(step(run)) == codes


def test_a_conditional_market_order_is_not_held_against_the_touch_of_now() -> None:
    run, _, _ = begin(buy(1, trigger_price=150.0), price_collar=0.05)
    assert step(run).verdicts == ()


@pytest.mark.parametrize(("trigger", "worth"), [(150.0, 150.0), (80.0, 100.0)])
def test_a_conditional_order_is_worth_what_it_will_be_and_never_less_than_now(trigger: float, worth: float) -> None:
    run, _, _ = begin(buy(2, trigger_price=trigger), max_order_notional_usdt=1e6, max_position_notional_usdt=1e6)
    assert values(step(run)) == {"order_notional": 2 * worth, "position": 2 * worth}


def test_entries_that_wait_for_a_trigger_count_so_that_many_cannot_slip_through_one_by_one() -> None:
    waiting = buy(3, trigger_price=110.0)
    run, lane, exchange = begin(waiting, waiting, buy(3), sell(4), max_position_notional_usdt=500.0)
    rest(run, exchange)
    assert denials(step(run)) == ["POSITION_ABOVE_LIMIT"]
    assert denials(step(run)) == ["POSITION_ABOVE_LIMIT"]
    assert denials(step(run)) == []
    assert [str(qty) for qty in lane.bounds("BTCUSDT")] == ["-4.0", "3.0"]


def test_a_protection_that_waits_takes_no_room() -> None:
    run, lane, exchange = begin(buy(3), HOLD, max_position_notional_usdt=500.0)
    request = rest(run, exchange)
    made = [protection_order(name, Side.SELL, "3") for name in ("tp", "sl")]
    run.engine.desk.absorb(lane, [fill(request.order_id, Side.BUY, "3"), *made])
    assert list(lane.bounds("BTCUSDT")) == [3, 3]


# Amendments


def amended(script: list[Decision], **limits: Any) -> tuple[DecisionLine, FakeExchange, Lane]:
    """The first of the script rests, the second is decided on a halted lane."""
    run, lane, exchange = begin(*script, **limits)
    rest(run, exchange)
    lane.halts["operator"] = "lunch"
    return step(run), exchange, lane


@pytest.mark.parametrize(
    "script",
    [
        [buy(1, price=90.0), amend(90.1)],
        [buy(1, price=90.0), amend(qty=1.001)],
        [buy(1, price=90.0), amend(89.0, 1.001)],
        [buy(1, price=90.0), amend(100.0, 0.5)],
        [sell(1, price=110.0), amend(109.9)],
        [sell(1, price=110.0), amend(qty=2.0)],
    ],
)
def test_an_amendment_that_may_open_more_or_sooner_is_an_entry(script: list[Decision]) -> None:
    line, exchange, _ = amended(script)
    assert denials(line) == ["LANE_HALTED"]
    assert line.decision.action is Action.AMEND
    assert len(exchange.asked) == 1


@pytest.mark.parametrize(
    "script",
    [
        [buy(1, price=90.0), amend(89.0)],
        [buy(1, price=90.0), amend(qty=0.5)],
        [sell(1, price=110.0), amend(111.0, 0.5)],
    ],
)
def test_an_amendment_that_only_takes_away_passes(script: list[Decision]) -> None:
    line, exchange, _ = amended(script, price_collar=0.2)
    assert denials(line) == []
    assert isinstance(exchange.asked[-1], Amendment)


def test_an_amendment_of_an_exit_passes_like_an_exit() -> None:
    run, lane, exchange = begin(buy(2), sell(1, price=110.0), amend(105.0, 2.0), HOLD)
    request = rest(run, exchange)
    run.engine.desk.absorb(lane, [fill(request.order_id, Side.BUY, "2")])
    assert rest(run, exchange).reduce_only
    lane.halts["operator"] = "lunch"
    assert denials(step(run)) == []


@pytest.mark.parametrize("price", [94.9, 106.0])
def test_an_amended_price_is_collared_wherever_it_goes(price: float) -> None:
    run, _, exchange = begin(buy(1, price=98.0), amend(price), price_collar=0.05)
    rest(run, exchange)
    assert denials(step(run)) == ["PRICE_OUTSIDE_COLLAR"]


def test_an_order_cannot_grow_beyond_the_largest_order_by_small_amendments() -> None:
    run, lane, exchange = begin(buy(4, price=99.0), amend(qty=5.0), amend(qty=5.001), max_order_notional_usdt=500.0)
    request = rest(run, exchange)
    assert values(step(run)) == {"order_notional": 500.0}
    grown = msgspec.structs.replace(request, qty=D(5))
    run.engine.desk.absorb(lane, [AmendReport(grown), fill(request.order_id, Side.BUY, "4", "99")])
    assert denials(step(run)) == ["ORDER_NOTIONAL_ABOVE_LIMIT"]


def test_of_an_amendment_only_what_it_adds_is_added_to_the_position() -> None:
    run, _, exchange = begin(buy(4, price=99.0), amend(99.5, 5.0), max_position_notional_usdt=500.0)
    rest(run, exchange)
    assert values(step(run)) == {"position": 500.0}


def test_an_amendment_under_way_counts_until_it_is_answered() -> None:
    run, lane, exchange = begin(buy(1, price=99.0), amend(qty=5.0), buy(1), buy(1), max_position_notional_usdt=500.0)
    request = rest(run, exchange)
    assert denials(step(run)) == []
    assert denials(step(run)) == ["POSITION_ABOVE_LIMIT"]
    run.engine.desk.absorb(lane, [AmendReport(msgspec.structs.replace(request, qty=D(4)))])
    assert denials(step(run)) == []


def test_amendments_count_for_the_order_rate_and_entries_after_them_wait() -> None:
    run, lane, exchange = begin(buy(1, price=99.0), amend(99.1), buy(1), max_orders_per_min=2)
    rest(run, exchange)
    assert values(step(run)) == {"order_rate": 2.0}
    assert denials(step(run)) == ["ORDER_RATE_ABOVE_LIMIT"]
    assert lane.orders_last_minute(run.now) == 2
