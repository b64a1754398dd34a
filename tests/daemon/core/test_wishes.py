"""From decisions to what the exchange is asked for, through an engine on a fake exchange; BTCUSDT stands around 100."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from daemon.core.events import Side
from daemon.core.lane import Lane, Runner
from daemon.core.orders import Amendment, OrderRequest, Protection, TradingStop, TriggerDirection
from daemon.core.records import (
    Action,
    DecisionLine,
    OrderStatus,
    OrderType,
    RefusalLine,
    StopOrderType,
    Terms,
    TriggerBy,
)
from daemon.core.strategy import Decision
from daemon.core.venue import AmendReport, RefusalReport, Report
from tests.daemon.core.build import BTC, ETH, HOLD, Run, Scripted, buy, close, of_kind, ready, sell, ticker, trade
from tests.daemon.core.fake import FakeExchange, fake_lane, fill, protection_order, status

D = Decimal
S = OrderStatus
CANCEL = Decision(Action.CANCEL, "enough")
REFUSED = RefusalReport("trading stop", "", BTC, "10001: stop-loss is above the price")
NONE_TO_AMEND = "there are 0 open limit orders, not the one to amend"


def amend(price: float | None = None, qty: float | None = None) -> Decision:
    return Decision(Action.AMEND, "better", price=price, qty=qty)


def protect(**fields: float) -> Decision:
    return Decision(Action.PROTECT, "careful", **fields)  # type: ignore[arg-type]


def begin(*script: Decision) -> tuple[Run, Lane, FakeExchange]:
    lane, exchange = fake_lane(Scripted(*script))
    run = ready(lane)
    run.tell(ticker(mark=100.0, last=100.0))
    return run, lane, exchange


def step(run: Run) -> DecisionLine:
    """One more evaluation."""
    (line,) = of_kind(run.tell(trade(100.0)), DecisionLine)
    return line


def placed(exchange: FakeExchange) -> OrderRequest:
    return [asked for asked in exchange.asked if isinstance(asked, OrderRequest)][-1]


def work(run: Run, exchange: FakeExchange) -> OrderRequest:
    """Let the script's next order be placed and rest."""
    step(run)
    request = placed(exchange)
    waits = request.is_conditional
    run.engine.desk.absorb(run.engine.lanes[0], status(request.order_id, S.UNTRIGGERED if waits else S.NEW))
    return request


def hold(run: Run, exchange: FakeExchange, price: str = "100") -> None:
    """Let the script's next order fill."""
    request = work(run, exchange)
    run.engine.desk.absorb(run.engine.lanes[0], [fill(request.order_id, request.side, str(request.qty), price)])


def assert_held_back(line: DecisionLine, exchange: FakeExchange, reason: str, asked: int = 0) -> None:
    assert (line.decision.action, line.decision.qty, line.decision.terms) == (Action.HOLD, D(0), None)
    assert line.decision.reason.endswith(f"; {reason}")
    assert len(exchange.asked) == asked


# Conditional orders


@pytest.mark.parametrize(
    ("decision", "trigger", "direction"),
    [
        (buy(1, trigger_price=110.07), "110.0", TriggerDirection.RISES),
        (buy(1, trigger_price=90.03), "90.1", TriggerDirection.FALLS),
        (sell(1, trigger_price=90.03), "90.1", TriggerDirection.FALLS),
        (sell(1, trigger_price=110.07), "110.0", TriggerDirection.RISES),
    ],
)
def test_a_trigger_goes_off_towards_its_side_of_the_price_and_is_rounded_to_where_it_does_so_earlier(
    decision: Decision, trigger: str, direction: TriggerDirection
) -> None:
    run, _, exchange = begin(decision)
    line = step(run)
    request = placed(exchange)
    assert (request.trigger_price, request.trigger_direction, request.trigger_by) == (
        D(trigger), direction, TriggerBy.LAST,
    )  # fmt: skip
    assert (request.type, request.price) == (OrderType.MARKET, None)
    assert request.stop_order_type is StopOrderType.STOP
    assert line.decision.terms == Terms(trigger_price=D(trigger), trigger_by=TriggerBy.LAST)


@pytest.mark.parametrize(
    ("by", "direction"),
    [
        (TriggerBy.LAST, TriggerDirection.RISES),
        (TriggerBy.MARK, TriggerDirection.FALLS),
        (TriggerBy.INDEX, TriggerDirection.FALLS),
    ],
)
def test_the_price_of_the_triggers_own_kind_decides_its_direction(by: TriggerBy, direction: TriggerDirection) -> None:
    run, _, exchange = begin(buy(1, trigger_price=105.0, trigger_by=by))
    run.tell(ticker(mark=110.0, index=111.0))
    step(run)
    assert (placed(exchange).trigger_by, placed(exchange).trigger_direction) == (by, direction)


@pytest.mark.parametrize(
    ("decision", "reason"),
    [
        (buy(1, trigger_price=100.0), "the LastPrice stands at the trigger price 100.0 already"),
        (buy(1, trigger_price=100.04), "the LastPrice stands at the trigger price 100.0 already"),
        (buy(1, trigger_price=110.0, trigger_by=TriggerBy.INDEX), "no IndexPrice is known yet"),
        (buy(1, trigger_price=0.0), "trigger price 0.0 is not above zero"),
        (buy(1, trigger_price=-5.0), "trigger price -5.0 is not above zero"),
        (buy(0.04, trigger_price=110.0), "order value is below the minimum of 5 USDT"),
        (buy(1, trailing_stop=5.0), "a trailing stop belongs to a position, not to an order: decide to protect"),
        (buy(1, stop_loss=-1.0), "stop-loss -1.0 is not above zero on the tick grid"),
        (buy(1, take_profit=0.04), "take-profit 0.04 is not above zero on the tick grid"),
    ],
)
def test_an_order_that_cannot_be_is_a_hold_with_its_reason(decision: Decision, reason: str) -> None:
    run, _, exchange = begin(decision)
    assert_held_back(step(run), exchange, reason)


def test_a_target_behind_a_trigger_is_sized_at_the_trigger_price() -> None:
    run, _, exchange = begin(Decision(Action.BUY, "breakout", target_notional=1000.0, trigger_price=125.0))
    step(run)
    assert placed(exchange).qty == 8


def test_a_stop_by_hand_that_leaves_is_sent_reduce_only() -> None:
    run, _, exchange = begin(buy(2), sell(2, trigger_price=90.0), close(trigger_price=95.0, price=94.0))
    hold(run, exchange)
    work(run, exchange)
    assert (placed(exchange).reduce_only, placed(exchange).qty) == (True, D(2))
    step(run)
    closing = placed(exchange)
    assert (closing.reduce_only, closing.qty, closing.price) == (True, D(2), D(94))


# Protection of an order


@pytest.mark.parametrize(
    ("decision", "take_profit", "stop_loss"),
    [
        (buy(1, take_profit=110.07, stop_loss=90.03), "110.0", "90.1"),
        (sell(1, take_profit=90.03, stop_loss=110.07), "90.1", "110.0"),
    ],
)
def test_protective_prices_are_rounded_to_where_they_trigger_earlier(
    decision: Decision, take_profit: str, stop_loss: str
) -> None:
    run, _, exchange = begin(decision)
    line = step(run)
    assert placed(exchange).protection == Protection(take_profit=D(take_profit), stop_loss=D(stop_loss))
    assert line.decision.terms == Terms(take_profit=D(take_profit), stop_loss=D(stop_loss))


def test_an_order_has_nothing_to_remove() -> None:
    run, _, exchange = begin(buy(1, take_profit=0.0, stop_loss=0.0))
    line = step(run)
    assert (placed(exchange).protection, line.decision.terms) == (None, None)


def test_an_order_that_leaves_carries_no_protection() -> None:
    run, _, exchange = begin(buy(2), close(take_profit=90.0, stop_loss=110.0, trailing_stop=1.0))
    hold(run, exchange)
    line = step(run)
    assert (placed(exchange).reduce_only, placed(exchange).protection) == (True, None)
    assert line.decision.terms is None


# Cancelling


def test_cancelling_asks_for_every_order_of_the_strategy_on_the_symbol_and_for_no_other() -> None:
    first = Scripted(buy(1, price=99.0), buy(1, trigger_price=110.0), CANCEL)
    second, third = Scripted(buy(1, price=98.0)), Scripted(buy(1, price=97.0))
    lane, exchange = fake_lane(Runner("a", BTC, first), Runner("b", BTC, second), Runner("a", ETH, third))
    run = ready(lane)
    run.tell(trade(100.0))
    run.tell(trade(100.0))
    line = of_kind(run.tell(trade(100.0)), DecisionLine)[0]
    assert line.decision.terms is not None
    ids = line.decision.terms.orders
    requests = [asked for asked in exchange.asked if isinstance(asked, OrderRequest)]
    wanted = [request.order_id for request in requests if (request.strategy, request.symbol) == ("a", BTC)]
    assert list(ids) == wanted == exchange.asked[-2:]
    assert (line.decision.action, line.decision.qty, line.verdicts) == (Action.CANCEL, D(0), ())
    assert lane.asked == {("cancel", order_id): [line.seq] for order_id in ids}


def test_protections_that_the_exchange_made_are_not_cancelled() -> None:
    run, lane, exchange = begin(buy(1), CANCEL)
    hold(run, exchange)
    run.engine.desk.absorb(lane, [protection_order("p", Side.SELL, "1", strategy="scripted")])
    assert_held_back(step(run), exchange, "no open order to cancel", asked=1)


def test_a_cancel_under_way_is_not_repeated_until_it_was_refused() -> None:
    run, lane, exchange = begin(buy(1, price=99.0), CANCEL, CANCEL, CANCEL)
    request = work(run, exchange)
    step(run)
    assert_held_back(step(run), exchange, "no open order to cancel", asked=2)
    run.engine.desk.absorb(lane, [RefusalReport("cancel", request.order_id, BTC, "10016")])
    step(run)
    assert exchange.asked[-2:] == [request.order_id] * 2


def test_a_cancel_whose_order_an_earlier_answer_ended_is_not_sent() -> None:
    run, _, exchange = begin(buy(1, price=99.0), buy(1, price=98.0), CANCEL)
    first, second = work(run, exchange), work(run, exchange)
    exchange.answers = [[*status(first.order_id, S.CANCELLED), *status(second.order_id, S.CANCELLED)]]
    step(run)
    assert exchange.asked[2:] == [first.order_id]


def test_cancelling_needs_neither_warmth_nor_an_open_lane() -> None:
    run, lane, exchange = begin(buy(1, price=99.0), CANCEL)
    request = work(run, exchange)
    lane.halts["operator"] = "lunch"
    step(run)
    assert exchange.asked[-1] == request.order_id


# Amending


def test_an_amendment_asks_for_what_differs() -> None:
    run, _, exchange = begin(buy(1, price=99.0), amend(98.97, 1.0), HOLD)
    request = work(run, exchange)
    line = step(run)
    assert exchange.asked[-1] == Amendment(request.order_id, None, D("98.9"))
    assert line.decision.terms == Terms(price=D("98.9"), orders=(request.order_id,))
    assert (line.decision.action, line.decision.qty) == (Action.AMEND, D(1))


def test_an_amendment_of_the_quantity_alone_keeps_the_price_and_is_cut_to_the_step() -> None:
    run, _, exchange = begin(buy(1, price=99.0), amend(qty=1.2345))
    request = work(run, exchange)
    line = step(run)
    assert exchange.asked[-1] == Amendment(request.order_id, D("1.234"), None)
    assert line.decision.terms == Terms(price=D(99), orders=(request.order_id,))


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ([amend(99.0)], NONE_TO_AMEND),
        ([buy(1), amend(99.0)], NONE_TO_AMEND),
        ([buy(1, price=111.0, trigger_price=110.0), amend(99.0)], NONE_TO_AMEND),
        ([buy(1, price=99.0), buy(1, price=98.0), amend(97.0)], "there are 2 open limit orders, not the one to amend"),
        ([buy(1, price=99.0), CANCEL, amend(97.0)], NONE_TO_AMEND),
        ([buy(1, price=99.0), amend(98.0), amend(97.0)], "an amendment is under way"),
        ([buy(1, price=99.0), amend(99.05, 1.0004)], "nothing to amend"),
        ([buy(1, price=99.0), amend()], "nothing to amend"),
        ([buy(1, price=99.0), amend(qty=0.0)], "quantity 0.0 is not above the 0 filled already"),
        ([buy(1, price=99.0), amend(qty=0.0009)], "quantity 0.000 is not above the 0 filled already"),
        ([buy(1, price=99.0), amend(qty=-2.0)], "quantity -2.0 is not above the 0 filled already"),
    ],
)  # fmt: skip
def test_an_amendment_that_cannot_be_is_a_hold_with_its_reason(script: list[Decision], reason: str) -> None:
    run, _, exchange = begin(*script)
    for _ in script[:-1]:
        step(run)
    assert_held_back(step(run), exchange, reason, asked=len(script) - 1)


def test_an_order_cannot_be_amended_to_less_than_what_is_filled() -> None:
    run, lane, exchange = begin(buy(2, price=99.0), amend(qty=1.0))
    request = work(run, exchange)
    run.engine.desk.absorb(lane, [fill(request.order_id, Side.BUY, "1", "99")])
    assert_held_back(step(run), exchange, "quantity 1.0 is not above the 1 filled already", asked=1)


def outcomes(request: OrderRequest) -> dict[str, list[Report]]:
    changed = OrderRequest(*[getattr(request, name) for name in request.__struct_fields__])
    return {
        "done": [AmendReport(changed)],
        "refused": [RefusalReport("amend", request.order_id, BTC, "110001")],
    }


@pytest.mark.parametrize("outcome", ["done", "refused"])
def test_an_order_can_be_amended_again_once_the_last_amendment_was_answered(outcome: str) -> None:
    run, lane, exchange = begin(buy(1, price=99.0), amend(98.0), amend(97.0))
    request = work(run, exchange)
    step(run)
    run.engine.desk.absorb(lane, outcomes(request)[outcome])
    assert lane.asked == {}
    step(run)
    assert exchange.asked[-1] == Amendment(request.order_id, None, D("97.0"))


# Protecting


@pytest.mark.parametrize(("entry", "long"), [(buy(2), True), (sell(2), False)])
def test_a_position_is_protected_on_its_side(entry: Decision, long: bool) -> None:
    up, down = 110.07, 90.03
    wish = protect(take_profit=up, stop_loss=down) if long else protect(take_profit=down, stop_loss=up)
    run, lane, exchange = begin(entry, wish)
    hold(run, exchange)
    line = step(run)
    prices = (D("110.0"), D("90.1")) if long else (D("90.1"), D("110.0"))
    assert exchange.asked[-1] == TradingStop(BTC, Protection(*prices), line.seq, "scripted")
    assert line.decision.terms == Terms(take_profit=prices[0], stop_loss=prices[1])
    assert (line.decision.action, line.decision.qty, line.verdicts) == (Action.PROTECT, D(0), ())
    assert lane.asked == {("trading stop", BTC): [line.seq]}


def test_zero_removes_a_protection_and_a_trailing_distance_is_rounded_to_the_shorter_one() -> None:
    run, _, exchange = begin(buy(2), protect(take_profit=0.0, trailing_stop=5.07))
    hold(run, exchange)
    line = step(run)
    asked = exchange.asked[-1]
    assert isinstance(asked, TradingStop)
    assert asked.protection == Protection(take_profit=D(0), trailing_stop=D("5.0"))
    assert line.decision.terms == Terms(take_profit=D(0), trailing_stop=D("5.0"))


@pytest.mark.parametrize(
    ("wish", "reason"),
    [
        (protect(), "neither take-profit, stop-loss nor trailing stop is given"),
        (protect(stop_loss=-1.0), "stop-loss -1.0 is not above zero on the tick grid"),
        (protect(trailing_stop=0.05), "trailing stop 0.05 is not above zero on the tick grid"),
    ],
)
def test_a_protection_that_would_say_nothing_or_remove_by_rounding_is_a_hold(wish: Decision, reason: str) -> None:
    run, _, exchange = begin(buy(2), wish)
    hold(run, exchange)
    assert_held_back(step(run), exchange, reason, asked=1)


def test_without_a_position_there_is_nothing_to_protect() -> None:
    run, _, exchange = begin(protect(stop_loss=90.0))
    assert_held_back(step(run), exchange, "no position to protect")


@pytest.mark.parametrize("other", [2.0, 3.0])
def test_a_strategy_does_not_protect_what_another_holds_on_the_other_side(other: float) -> None:
    lane, exchange = fake_lane(
        Runner("a", BTC, Scripted(buy(2), protect(stop_loss=90.0))), Runner("b", BTC, Scripted(sell(other)))
    )
    run = ready(lane)
    run.tell(trade(100.0))
    for request in list(exchange.asked):
        assert isinstance(request, OrderRequest)
        run.engine.desk.absorb(lane, [fill(request.order_id, request.side, str(request.qty))])
    line = of_kind(run.tell(trade(100.0)), DecisionLine)[0]
    assert_held_back(line, exchange, "the account holds nothing on the side of this strategy", asked=2)


def test_a_refused_protection_names_the_decision_that_asked() -> None:
    run, lane, exchange = begin(buy(2), protect(stop_loss=90.0))
    hold(run, exchange)
    exchange.answers = [[REFUSED]]
    records = run.tell(trade(100.0))
    asked, refused = records
    assert getattr(refused, "decision", None) == asked.seq
    assert lane.asked == {}


def test_a_protection_that_was_granted_is_not_taken_for_the_refused_one() -> None:
    run, lane, exchange = begin(buy(2), protect(stop_loss=90.0), protect(stop_loss=120.0))
    hold(run, exchange)
    granted = step(run).seq
    run.engine.desk.absorb(lane, [protection_order("sl", Side.SELL, "2", decision=granted)])
    wanted = step(run).seq
    run.engine.desk.absorb(lane, [REFUSED])
    (refusal,) = of_kind(run.records, RefusalLine)
    assert (refusal.decision, lane.asked) == (wanted, {})


def test_of_two_protections_under_way_nobody_knows_which_was_refused() -> None:
    run, lane, exchange = begin(buy(2), *[protect(stop_loss=90.0)] * 3)
    hold(run, exchange)
    for _ in range(3):
        step(run)
    assert len(lane.asked["trading stop", BTC]) == 2
    run.engine.desk.absorb(lane, [REFUSED])
    assert [line.decision for line in of_kind(run.records, RefusalLine)] == [0]


# In general


@pytest.mark.parametrize("wish", [amend(98.0), protect(stop_loss=90.0), buy(1, trigger_price=110.0)])
def test_a_cold_strategy_asks_for_nothing(wish: Decision) -> None:
    lane, exchange = fake_lane(Scripted(wish, warmup=3))
    run = ready(lane)
    assert_held_back(step(run), exchange, "warming up, 1 of 3")


@pytest.mark.parametrize(
    ("decision", "terms"),
    [(buy(1), None), (buy(1, price=99.0), Terms(price=D(99))), (close(), None)],
)
def test_a_plain_decision_says_no_more_than_it_asks(decision: Decision, terms: Any) -> None:
    run, _, exchange = begin(buy(1), decision)
    hold(run, exchange)
    assert step(run).decision.terms == terms
