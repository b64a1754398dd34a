from __future__ import annotations

from decimal import Decimal, getcontext, localcontext
from typing import Any

import msgspec
import pytest

from daemon.core.events import Side
from daemon.core.lane import Runner
from daemon.core.records import Action, DecisionLine, FillLine, HaltLine, OrderLine, OrderStatus, TransferLine
from daemon.core.strategy import Decision, Snapshot
from tests.daemon.core.build import BTC, HOLD, Run, Scripted, buy, close, lane, of_kind, quote, ready, sell, trade

D = Decimal


def test_the_opening_balance_is_a_transfer_and_the_first_record() -> None:
    run = ready(lane(balance=5000))
    (line,) = run.records
    assert isinstance(line, TransferLine)
    assert (line.seq, line.cause, line.amount, line.cash, line.reason) == (1, 1, D(5000), D(5000), "opening balance")


def test_a_hold_leaves_a_line_with_all_that_was_known() -> None:
    strategy = Scripted(Decision(Action.HOLD, "calm", "flat", {"average": 1.5}))
    run = ready(lane(strategy))
    (line,) = of_kind(run.tell(trade(100.0)), DecisionLine)
    assert (line.evaluation, line.strategy, line.symbol, line.verdicts) == (1, "scripted", BTC, ())
    assert (line.context.mark, line.context.position, line.context.entry) == (100.0, D(0), D(0))
    assert (line.context.equity, line.context.signal) == (10_000.0, "flat")
    assert line.context.indicators == {"average": 1.5}
    assert (line.context.window.size, len(line.context.window.digest)) == (1, 8)
    assert (line.decision.action, line.decision.qty, line.decision.reason) == (Action.HOLD, D(0), "calm")


def test_a_strategy_sees_the_market_and_its_position() -> None:
    strategy = Scripted(buy(2), HOLD)
    run = ready(lane(strategy))
    run.tell(trade(100.0))
    run.tell(trade(101.0), after=5)
    first, second = strategy.snapshots
    assert (first.symbol, first.ts, first.fact, first.working) == (BTC, run.now - 5, trade(100.0), 0)
    assert (first.mark, first.bid, first.ask, first.position, first.entry) == (100.0, 99.9, 100.1, 0.0, 0.0)
    assert (second.ts, second.mark, second.position, second.entry) == (run.now, 101.0, 2.0, 100.1)
    assert second.equity == pytest.approx(10_000 + 2 * 0.9)
    assert strategy.marks == [[100.0], [100.0, 101.0]]


def test_nothing_is_evaluated_before_there_is_a_price() -> None:
    strategy = Scripted()
    run = Run(lane(strategy))
    run.tell(trade(0.0))
    assert strategy.snapshots == []


def test_decision_order_and_fill_follow_one_another_and_name_the_decision() -> None:
    run = ready(lane(Scripted(buy(2))))
    decision, submitted, new, fill, filled = run.tell(trade(100.0))
    assert isinstance(decision, DecisionLine)
    assert isinstance(submitted, OrderLine)
    assert isinstance(new, OrderLine)
    assert isinstance(fill, FillLine)
    assert isinstance(filled, OrderLine)
    assert (decision.decision.action, decision.decision.qty) == (Action.BUY, D(2))
    assert [line.status for line in (submitted, new, filled)] == [
        OrderStatus.SUBMITTED,
        OrderStatus.NEW,
        OrderStatus.FILLED,
    ]
    assert {line.decision for line in (submitted, new, fill, filled)} == {decision.seq}
    assert {line.order_id for line in (submitted, new, fill, filled)} == {f"main-{decision.seq}-0"}
    assert (fill.price, fill.qty, fill.position, fill.realised_pnl) == (D("100.1"), D(2), D(2), D(0))
    assert (submitted.filled_qty, filled.filled_qty) == (D(0), D(2))


def test_warm_up_holds_with_its_reason_and_then_lets_orders_through() -> None:
    run = ready(lane(Scripted(buy(1), buy(1), buy(1), warmup=2)))
    first, second, third = (run.tell(trade(100.0)) for _ in range(3))
    assert [line.decision.reason for line in of_kind([*first, *second], DecisionLine)] == [
        "told to buy; warming up, 1 of 2",
        "told to buy; warming up, 2 of 2",
    ]
    assert of_kind([*first, *second], OrderLine) == []
    assert of_kind(third, OrderLine) != []


def test_an_unknown_instrument_holds_with_its_reason() -> None:
    run = Run(lane(Scripted(buy(1))))
    (line,) = of_kind(run.tell(trade(100.0)), DecisionLine)
    assert (line.decision.action, line.decision.qty) == (Action.HOLD, D(0))
    assert line.decision.reason == "told to buy; the instrument is not known yet"


def test_what_cannot_be_sized_is_a_hold_that_keeps_the_target() -> None:
    run = ready(lane(Scripted(Decision(Action.BUY, "little", target_notional=1.0))))
    (line,) = of_kind(run.tell(trade(100.0)), DecisionLine)
    assert (line.decision.action, line.decision.target_notional) == (Action.HOLD, 1.0)
    assert "below the minimum" in line.decision.reason


def raises(_: Snapshot) -> Decision:
    raise ValueError("with an address 0x7f00 that differs between runs")


def nothing(_: Snapshot) -> Decision:
    return None  # type: ignore[return-value]


@pytest.mark.parametrize("failing", [raises, nothing])
def test_a_strategy_that_raises_or_forgets_to_decide_halts_its_lane_only(failing: Any) -> None:
    broken = Scripted(failing, HOLD)
    beside = Scripted(buy(1), buy(1))
    first = lane(Runner("broken", BTC, broken), Runner("beside", BTC, Scripted(HOLD, buy(1))), name="first")
    run = ready(first, lane(beside, name="second"))
    records = run.tell(trade(100.0))
    (halt,) = of_kind(records, HaltLine)
    assert (halt.lane, halt.halted) == ("first", True)
    assert halt.reason.startswith("strategy broken on BTCUSDT: raised ")
    assert "0x" not in halt.reason
    assert {line.lane for line in of_kind(records, OrderLine)} == {"second"}
    later = run.tell(trade(100.0))
    assert len(broken.snapshots) == 1
    denied = [line for line in of_kind(later, DecisionLine) if line.lane == "first"]
    assert [verdict.code for verdict in denied[0].verdicts] == ["LANE_HALTED"]
    assert {line.lane for line in of_kind(later, OrderLine)} == {"second"}


def test_a_failure_leaves_the_same_record_in_every_run_though_its_text_holds_an_address() -> None:
    def fails(_: Snapshot) -> Decision:
        raise RuntimeError(f"object at {id(object()):#x}")

    first, second = (ready(lane(Scripted(fails))) for _ in range(2))
    assert first.tell(trade(100.0)) == second.tell(trade(100.0))
    assert "RuntimeError at " in first.halts()[0].reason


def test_money_from_nowhere_stops_the_lane_at_the_next_fill() -> None:
    run = ready(lane(Scripted(buy(1))))
    run.engine.lanes[0].ledger.cash += 1
    halt = run.tell(trade(100.0))[-1]
    assert isinstance(halt, HaltLine)
    assert halt.reason.startswith("breach: cash is 10001")
    assert "transfers, fees, funding and fills say 10000" in halt.reason


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "1.5"])
@pytest.mark.parametrize(
    "field", ["qty", "target_notional", "price", "trigger_price", "take_profit", "stop_loss", "trailing_stop"]
)
def test_a_number_that_is_none_halts_the_lane_and_orders_nothing(field: str, value: Any) -> None:
    decision = Decision(Action.BUY, "broken", **{"qty": 1.0, field: value})
    run = ready(lane(Scripted(decision)))
    records = run.tell(trade(100.0))
    assert [type(record) for record in records] == [HaltLine]
    assert of_kind(records, HaltLine)[0].reason.endswith(f"{field} {value!r}, which is not a finite number")


@pytest.mark.parametrize(
    ("field", "value"),
    [("action", "buy"), ("action", None), ("order_type", "Market"), ("time_in_force", 1), ("trigger_by", "Last")],
)
def test_a_word_that_is_none_halts_the_lane_rather_than_being_taken_for_another(field: str, value: Any) -> None:
    decision = msgspec.structs.replace(buy(1), **{field: value})
    run = ready(lane(Scripted(decision)))
    records = run.tell(trade(100.0))
    assert [type(record) for record in records] == [HaltLine]
    assert f"decided on {field} " in of_kind(records, HaltLine)[0].reason


def test_what_a_strategy_hands_over_instead_of_a_number_shows_no_address() -> None:
    run = ready(lane(Scripted(buy(object()))))  # type: ignore[arg-type]
    run.tell(trade(100.0))
    assert run.halts()[0].reason.endswith("decided on qty of type object, which is not a finite number")


def test_quantities_and_prices_of_absurd_size_are_refused_rather_than_raised() -> None:
    run = ready(lane(Scripted(buy(1e300), sell(1.0, price=1e300), buy(1e40, price=1e-5))))
    for _ in range(3):
        submitted, rejected = of_kind(run.tell(trade(100.0)), OrderLine)
        assert (submitted.status, rejected.status) == (OrderStatus.SUBMITTED, OrderStatus.REJECTED)
        assert rejected.reason.startswith("10001")


def test_a_rejected_order_is_forgotten_and_keeps_its_reason() -> None:
    strategy = Scripted(buy(501), HOLD)
    run = ready(lane(strategy))
    rejected = of_kind(run.tell(trade(100.0)), OrderLine)[-1]
    assert rejected.status is OrderStatus.REJECTED
    assert rejected.reason == "10001: qty 501.0 is above the maximum of 500"
    run.tell(trade(100.0))
    assert strategy.snapshots[-1].working == 0
    assert run.engine.lanes[0].orders == {}


def test_a_working_order_is_counted_until_it_is_done() -> None:
    strategy = Scripted(buy(1, price=99.0), HOLD, HOLD)
    run = ready(lane(strategy))
    for price in (100.0, 100.0, 98.0, 98.0):
        run.tell(trade(price))
    assert [snapshot.working for snapshot in strategy.snapshots] == [0, 1, 0, 0]
    assert [snapshot.position for snapshot in strategy.snapshots] == [0.0, 0.0, 1.0, 1.0]


def test_two_strategies_of_a_lane_have_their_own_positions_and_one_account() -> None:
    long, short = Scripted(buy(3), HOLD), Scripted(sell(1), HOLD)
    run = ready(lane(Runner("long", BTC, long), Runner("short", BTC, short)))
    run.tell(trade(100.0))
    run.tell(trade(100.0))
    assert (long.snapshots[-1].position, short.snapshots[-1].position) == (3.0, -1.0)
    assert run.engine.lanes[0].ledger.position(BTC).qty == 2
    assert [line.position for line in run.fills()] == [3, 2]


def test_a_strategy_may_size_on_its_share_of_the_equity() -> None:
    quarter = Scripted()
    run = ready(lane(Runner("quarter", BTC, quarter, share=0.25)))
    run.tell(trade(100.0))
    assert quarter.snapshots[0].equity == 2_500.0


def test_an_entry_of_one_strategy_is_no_exit_because_it_reduces_what_another_holds() -> None:
    run = ready(lane(Runner("long", BTC, Scripted(buy(3))), Runner("short", BTC, Scripted(HOLD, sell(1)))))
    run.tell(trade(100.0))
    submitted = of_kind(run.tell(trade(100.0)), OrderLine)[0]
    assert (submitted.side, submitted.reduce_only) == (Side.SELL, False)


def test_a_strategy_leaving_where_another_holds_the_opposite_is_judged_by_what_the_account_does() -> None:
    run = ready(lane(Runner("long", BTC, Scripted(buy(3), close())), Runner("short", BTC, Scripted(sell(2)))))
    run.tell(trade(100.0))
    submitted = of_kind(run.tell(trade(100.0)), OrderLine)[0]
    assert (submitted.side, submitted.qty, submitted.reduce_only) == (Side.SELL, D(3), False)
    assert run.engine.lanes[0].ledger.position(BTC).qty == -2


def test_closing_with_a_take_profit_resting_leaves_no_order_that_could_open() -> None:
    run = ready(lane(Scripted(buy(1), sell(1, price=110.0), close())))
    for _ in range(3):
        run.tell(trade(100.0))
    account = run.engine.lanes[0]
    assert account.ledger.position(BTC).qty == 0
    run.tell(quote(119.9, 120.1), trade(120.0))
    assert account.ledger.position(BTC).qty == 0
    last = run.orders()[-1]
    assert (last.status, last.reason) == (OrderStatus.CANCELLED, "CancelByReduceOnly")
    assert account.orders == {}


def test_a_limit_order_to_close_is_not_repeated_while_it_rests() -> None:
    run = ready(lane(Scripted(buy(1), close(price=110.0), close(price=110.0))))
    for _ in range(3):
        run.tell(trade(100.0))
    assert run.decisions()[-1].decision.reason == "told to close; already flat"


def test_dust_below_the_minimum_order_value_can_be_closed() -> None:
    run = ready(lane(Scripted(buy(0.06), sell(0.055), close())))
    for _ in range(3):
        run.tell(trade(100.0))
    assert [line.position for line in run.fills()] == [D("0.060"), D("0.005"), 0]


def test_without_a_reader_the_same_is_concluded() -> None:
    def play(run: Run) -> Run:
        for _ in range(4):
            run.tell(trade(100.0))
        return run

    script = (buy(2), HOLD, sell(1), buy(1e9))
    spoken, silent = (play(ready(lane(Scripted(*script)), silent=quiet)) for quiet in (False, True))
    assert silent.records == []
    assert silent.engine.desk.seq == spoken.engine.desk.seq == len(spoken.records)
    assert silent.engine.lanes[0].ledger.cash == spoken.engine.lanes[0].ledger.cash
    assert silent.engine.lanes[0].ledger.positions == spoken.engine.lanes[0].ledger.positions


def test_a_strategy_that_changes_the_decimal_context_changes_no_record() -> None:
    def careless(_: Snapshot) -> Decision:
        getcontext().prec = 2
        return buy(1.234)

    def play(first: Any) -> Run:
        with localcontext():
            run = ready(lane(Scripted(first, sell(0.617), sell(1.851), close())), bid=50_123.4, ask=50_123.5)
            for _ in range(4):
                run.tell(trade(50_123.4))
        return run

    assert play(careless).records == play(buy(1.234)).records
