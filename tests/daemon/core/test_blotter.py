"""What exchanges report, told to a lane through an engine by an exchange that says what a test wants it to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.account_events import Op
from daemon.core.blotter import Blotter
from daemon.core.errors import InvariantBroken
from daemon.core.events import Side
from daemon.core.lane import Lane, Runner
from daemon.core.orders import OrderRequest
from daemon.core.records import (
    AccountLine,
    Action,
    CreateType,
    DecisionLine,
    ExecType,
    FillLine,
    FundingLine,
    HaltLine,
    LiquidationLine,
    OrderLine,
    OrderStatus,
    Record,
    RefusalLine,
    StopOrderType,
)
from daemon.core.remote.requests import Call, Request
from daemon.core.strategy import Decision
from daemon.core.turn import Turn
from daemon.core.venue import (
    AccountReport,
    AdoptionReport,
    AmendReport,
    FundingReport,
    GateReport,
    GrantReport,
    LiquidationReport,
    MismatchReport,
    OrderReport,
    PlacedReport,
    ReconcileReport,
    RefusalReport,
    Report,
    SendReport,
    StopReport,
    TrackReport,
    TransferReport,
)
from daemon.core.venue_records import AdoptionLine, SendLine
from tests.daemon.core.build import BTC, ETH, HOLD, Run, Scripted, buy, close, instrument, of_kind, ready, sell, trade
from tests.daemon.core.fake import (
    BALANCE,
    FakeExchange,
    fake_lane,
    fill,
    liquidation_order,
    protection_order,
    status,
)

D = Decimal
S = OrderStatus
CANCEL = Decision(Action.CANCEL, "enough")


def begin(*runners: Runner | Scripted) -> tuple[Run, Lane, FakeExchange]:
    lane, exchange = fake_lane(*runners)
    return ready(lane), lane, exchange


def tell(run: Run, exchange: FakeExchange, *reports: Report) -> list[Record]:
    """Let the exchange report with the next trade, on which strategies decide afterwards."""
    exchange.news = list(reports)
    return run.tell(trade(100.0))


def placed(exchange: FakeExchange) -> OrderRequest:
    (request,) = [asked for asked in exchange.asked if isinstance(asked, OrderRequest)][-1:]
    return request


def hold(run: Run, exchange: FakeExchange, *orders: tuple[str, str]) -> None:
    """Fill the orders that strategies placed on one trade, each at its price."""
    before = len(exchange.asked)
    run.tell(trade(100.0))
    asked = [one for one in exchange.asked[before:] if isinstance(one, OrderRequest)]
    reports: list[Report] = []
    for request, (qty, price) in zip(asked, orders, strict=True):
        reports += [OrderReport(request.order_id, S.NEW), fill(request.order_id, request.side, qty, price)]
    tell(run, exchange, *reports)


# Orders of ours


def test_a_conditional_order_waits_unseen_and_works_from_its_trigger_on() -> None:
    strategy = Scripted(buy(1, trigger_price=110.0))
    run, lane, exchange = begin(strategy)
    run.tell(trade(100.0))
    (runner,) = lane.runners
    order = placed(exchange).order_id
    seen = []
    for step in (S.UNTRIGGERED, S.TRIGGERED, S.NEW):
        tell(run, exchange, OrderReport(order, step))
        seen.append((list(runner.waiting), list(runner.working), strategy.snapshots[-1].working, runner.held()))
    assert seen == [([order], [], 0, D(0)), ([], [order], 1, D(1)), ([], [order], 1, D(1))]
    tell(run, exchange, fill(order, Side.BUY, "1"))
    assert (runner.waiting, runner.working, lane.orders) == ({}, {}, {})
    assert runner.position.qty == 1


@pytest.mark.parametrize("end", [S.DEACTIVATED, S.CANCELLED])
def test_a_conditional_order_that_never_triggers_is_forgotten(end: OrderStatus) -> None:
    run, lane, exchange = begin(Scripted(buy(1, trigger_price=110.0)))
    exchange.answers = [status("main-2-0", S.UNTRIGGERED)]
    run.tell(trade(100.0))
    assert list(lane.runners[0].waiting) == ["main-2-0"]
    tell(run, exchange, OrderReport("main-2-0", end, "why"))
    assert (lane.runners[0].waiting, lane.orders) == ({}, {})
    assert (run.orders()[-1].status, run.orders()[-1].reason) == (end, "why")


def test_an_amendment_changes_the_order_and_leaves_its_status() -> None:
    run, lane, exchange = begin(Scripted(buy(1, price=99.0)))
    run.tell(trade(100.0))
    request = placed(exchange)
    tell(run, exchange, OrderReport(request.order_id, S.NEW))
    changed = msgspec.structs.replace(request, qty=D(2), price=D("98.5"))
    (line,) = of_kind(tell(run, exchange, AmendReport(changed, "price moved to the limit")), OrderLine)
    assert (line.status, line.qty, line.price, line.reason) == (S.NEW, D(2), D("98.5"), "price moved to the limit")
    assert lane.orders[request.order_id][0].request is changed
    assert lane.runners[0].held() == 2


def test_a_change_by_the_venue_does_not_answer_an_amendment_that_is_under_way() -> None:
    more = Decision(Action.AMEND, "more", qty=3.0)
    run, lane, exchange = begin(Scripted(buy(1, price=99.0), more))
    run.tell(trade(100.0))
    request = placed(exchange)
    run.tell(trade(100.0))
    cut = msgspec.structs.replace(request, qty=D("0.5"))
    tell(run, exchange, AmendReport(cut, "cut to the position"))
    order, _ = lane.orders[request.order_id]
    assert (order.asked_qty, order.exposed, len(lane.asked)) == (D(3), D(3), 1)
    moved = msgspec.structs.replace(request, qty=D(3), price=D(98))
    tell(run, exchange, AmendReport(moved, "price moved to the limit"))
    assert (order.asked_qty, order.exposed, len(lane.asked)) == (None, D(3), 0)


def test_a_refused_cancel_leaves_the_order_and_names_the_decision_that_asked() -> None:
    run, lane, exchange = begin(Scripted(buy(1, price=99.0), CANCEL))
    run.tell(trade(100.0))
    request = placed(exchange)
    (asked,) = of_kind(run.tell(trade(100.0)), DecisionLine)
    report = RefusalReport("cancel", request.order_id, BTC, "10016: server error")
    (line,) = of_kind(tell(run, exchange, report), RefusalLine)
    assert (line.decision, line.order_id, line.symbol) == (asked.seq, request.order_id, BTC)
    assert (line.what, line.reason) == ("cancel", "10016: server error")
    order, _ = lane.orders[request.order_id]
    assert (order.is_open, order.cancelling, lane.asked) == (True, False, {})


def test_a_cancel_that_comes_too_late_is_refused_after_the_order_is_done() -> None:
    run, lane, exchange = begin(Scripted(buy(1, price=99.0), CANCEL))
    run.tell(trade(100.0))
    request = placed(exchange)
    (asked,) = of_kind(run.tell(trade(100.0)), DecisionLine)
    refused = RefusalReport("cancel", request.order_id, BTC, "110001: order not exists or too late to cancel")
    (line,) = of_kind(tell(run, exchange, fill(request.order_id, Side.BUY, "1"), refused), RefusalLine)
    assert line.decision == asked.seq
    assert (lane.orders, lane.asked) == ({}, {})


def test_a_cancel_that_another_end_forestalled_is_refused_and_still_known() -> None:
    run, lane, exchange = begin(Scripted(buy(1, price=99.0), CANCEL))
    run.tell(trade(100.0))
    request = placed(exchange)
    (asked,) = of_kind(run.tell(trade(100.0)), DecisionLine)
    refused = RefusalReport("cancel", request.order_id, BTC, "110001: order not exists or too late to cancel")
    ended = OrderReport(request.order_id, S.CANCELLED, "CancelByReduceOnly")
    (line,) = of_kind(tell(run, exchange, ended, refused), RefusalLine)
    assert (line.decision, lane.asked) == (asked.seq, {})


def test_what_became_of_a_cancel_is_forgotten_when_it_was_done() -> None:
    run, lane, exchange = begin(Scripted(buy(1, price=99.0), CANCEL))
    run.tell(trade(100.0))
    run.tell(trade(100.0))
    assert len(lane.asked) == 1
    tell(run, exchange, OrderReport(placed(exchange).order_id, S.CANCELLED, "CancelByUser"))
    assert lane.asked == {}


def test_a_refusal_that_nobody_remembers_asking_for_is_still_told() -> None:
    run, _, exchange = begin(Scripted())
    (line,) = of_kind(tell(run, exchange, RefusalReport("amend", "old", BTC, "110001")), RefusalLine)
    assert (line.decision, line.order_id) == (0, "old")


# Orders that the exchange made


def test_an_order_of_the_exchange_for_a_strategy_belongs_to_it() -> None:
    run, lane, exchange = begin(Scripted(buy(2)))
    hold(run, exchange, ("2", "100"))
    made = protection_order("p1", Side.SELL, "2", strategy="scripted", decision=2)
    (line,) = of_kind(tell(run, exchange, made), OrderLine)
    assert (line.decision, line.status, line.trigger_price) == (2, S.UNTRIGGERED, D(90))
    assert (line.stop_order_type, line.create_type) == (StopOrderType.STOP_LOSS, CreateType.STOP_LOSS)
    (runner,) = lane.runners
    assert list(runner.waiting) == ["p1"]
    tell(run, exchange, *status("p1", S.TRIGGERED, S.NEW), fill("p1", Side.SELL, "2", "89"))
    assert [runner.position.qty, runner.position.realised_pnl] == [0, -22]


def test_an_order_on_the_whole_position_belongs_to_nobody() -> None:
    run, lane, exchange = begin(Scripted(buy(2)))
    hold(run, exchange, ("2", "100"))
    (line,) = of_kind(tell(run, exchange, protection_order("p1", Side.SELL, "2")), OrderLine)
    assert line.decision == 0
    (runner,) = lane.runners
    assert (runner.waiting, runner.working, list(lane.orders)) == ({}, {}, ["p1"])
    assert [runner.held(), runner.unclosed(resting=True), *lane.bounds(BTC)] == [2] * 4
    tell(run, exchange, *status("p1", S.CANCELLED))
    assert lane.orders == {}


def test_an_order_that_was_refused_as_soon_as_it_was_made_is_told_and_forgotten() -> None:
    run, lane, exchange = begin(Scripted())
    made = msgspec.structs.replace(liquidation_order("x", Side.SELL, "1"), status=S.CANCELLED, reason="no position")
    (line,) = of_kind(tell(run, exchange, made), OrderLine)
    assert (line.status, line.reason, lane.orders) == (S.CANCELLED, "no position", {})


def test_a_fill_on_the_whole_position_reduces_its_holders_by_what_they_hold() -> None:
    run, lane, exchange = begin(Runner("a", BTC, Scripted(buy(3))), Runner("b", BTC, Scripted(buy(1))))
    hold(run, exchange, ("3", "100"), ("1", "110"))
    records = tell(run, exchange, liquidation_order("liq", Side.SELL, "2"), fill("liq", Side.SELL, "2", "90"))
    (line,) = of_kind(records, FillLine)
    assert [line.position, line.realised_pnl, line.decision] == [2, -25, 0]
    first, second = (runner.position for runner in lane.runners)
    assert [first.qty, first.realised_pnl, first.entry] == [D("1.5"), -15, 100]
    assert [second.qty, second.realised_pnl, second.entry] == [D("0.5"), -10, 110]


def test_a_liquidated_account_leaves_every_strategy_flat_at_that_price_on_either_side() -> None:
    runners = [Runner("a", BTC, Scripted(buy(3))), Runner("b", BTC, Scripted(sell(1))), Runner("c", ETH, Scripted())]
    run, lane, exchange = begin(*runners)
    hold(run, exchange, ("3", "100"), ("1", "100"))
    tell(run, exchange, liquidation_order("liq", Side.SELL, "2"), fill("liq", Side.SELL, "2", "80", fee="1"))
    assert [runner.position.qty for runner in lane.runners] == [0, 0, 0]
    assert [runner.position.realised_pnl for runner in lane.runners] == [-60, 20, 0]
    assert lane.ledger.cash == BALANCE - 40 - 1


# Fills and money


def test_why_a_fill_happened_and_what_it_slipped_stand_in_its_line() -> None:
    run, _, exchange = begin(Scripted(buy(1)))
    run.tell(trade(100.0))
    done = msgspec.structs.replace(
        fill(placed(exchange).order_id, Side.BUY, "1"), exec_type=ExecType.ADL_TRADE, slippage=D("0.1")
    )
    (line,) = of_kind(tell(run, exchange, done), FillLine)
    assert (line.exec_type, line.slippage) == (ExecType.ADL_TRADE, D("0.1"))


def test_funding_is_charged_to_the_account_and_to_no_position() -> None:
    run, lane, exchange = begin(Scripted())
    report = FundingReport(BTC, 1_700_000_000, D("-0.5"), D(100), D("0.001"), D("-0.05"))
    (line,) = of_kind(tell(run, exchange, report), FundingLine)
    assert (line.qty, line.boundary, line.fee, line.cash) == (D("-0.5"), 1_700_000_000, D("-0.05"), D("10000.05"))
    assert (lane.ledger.cash, lane.ledger.funding) == (D("10000.05"), D("-0.05"))
    assert lane.equity() == 10000.05


LIQUIDATED = LiquidationReport(BTC, "takeover", Side.BUY, D(2), D(80), None, D(79), D(1), D(2))
STATE = AccountReport(9000.0, 8000.0, 900.0, 50.0, 10.0, 0.1, 9000.0, BTC, 0.2, D(1), D(2), D(3))


@pytest.mark.parametrize(("report", "kind"), [(LIQUIDATED, LiquidationLine), (STATE, AccountLine)])
def test_what_is_only_told_is_written_down_word_by_word(report: Report, kind: type[Any]) -> None:
    run, _, exchange = begin(Scripted())
    (line,) = of_kind(tell(run, exchange, report), kind)
    told = msgspec.structs.asdict(report)
    assert {name: getattr(line, name) for name in told} == told
    assert tuple(told) == line.__struct_fields__[4:]


def test_a_line_of_funding_is_its_report_and_the_cash() -> None:
    assert FundingLine.__struct_fields__[4:] == (*FundingReport.__struct_fields__, "cash")


def test_a_stop_halts_the_lane_with_its_evidence_and_exits_go_on() -> None:
    strategy = Scripted(buy(2), HOLD, buy(1), close())
    run, lane, exchange = begin(strategy)
    hold(run, exchange, ("2", "100"))
    (halt,) = of_kind(tell(run, exchange, StopReport("MARGIN_SHORT", "5 of 50 USDT free")), HaltLine)
    assert halt.reason == "account: MARGIN_SHORT: 5 of 50 USDT free"
    assert lane.halts == {"account": "MARGIN_SHORT: 5 of 50 USDT free"}
    assert len(exchange.asked) == 1
    run.tell(trade(100.0))
    assert len(exchange.asked) == 2
    assert placed(exchange).reduce_only


# What cannot be true


GHOSTS: list[Report] = [
    OrderReport("ghost", S.NEW),
    OrderReport("ghost", S.CANCELLED),
    fill("ghost", Side.BUY, "1"),
    AmendReport(liquidation_order("ghost", Side.SELL, "1").request),
]


@pytest.mark.parametrize("report", GHOSTS, ids=lambda report: type(report).__name__)
def test_a_report_on_an_order_that_nobody_knows_is_impossible(report: Report) -> None:
    lane, _ = fake_lane(Scripted())
    with pytest.raises(InvariantBroken, match="ghost, which is not open"):
        Blotter(Turn(None)).absorb(lane, [report])


IMPOSSIBLE: list[tuple[list[Report], str]] = [
    ([fill("main-2-0", Side.BUY, "2")], "fill of 2 with 1.0 left"),
    ([fill("main-2-0", Side.SELL, "1")], "fill of Sell BTCUSDT is not its own"),
    ([fill("main-2-0", Side.BUY, "1", symbol=ETH)], "fill of Buy ETHUSDT is not its own"),
    ([OrderReport("main-2-0", S.DEACTIVATED), OrderReport("main-2-0", S.NEW)], "which is not open"),
    ([OrderReport("main-2-0", S.TRIGGERED)], "cannot go from Submitted to Triggered"),
    ([liquidation_order("main-2-0", Side.SELL, "1")], "there is an open order main-2-0 already"),
    ([protection_order("p", Side.SELL, "1", strategy="stranger")], "no strategy stranger trades BTCUSDT"),
    ([liquidation_order("p", Side.SELL, "1"), fill("p", Side.SELL, "1")], "does not reduce it"),
    (
        [liquidation_order("p", Side.SELL, "1", symbol=ETH), fill("p", Side.SELL, "1", symbol=ETH)],
        "no strategy trades ETHUSDT",
    ),
]


@pytest.mark.parametrize(("reports", "evidence"), IMPOSSIBLE, ids=[evidence for _, evidence in IMPOSSIBLE])
def test_an_impossible_report_stops_the_lane_with_its_evidence(reports: list[Report], evidence: str) -> None:
    run, lane, exchange = begin(Scripted(buy(1)))
    run.tell(trade(100.0))
    halt = tell(run, exchange, *reports)[-1]
    assert isinstance(halt, HaltLine)
    assert halt.reason.startswith("breach: ")
    assert evidence in halt.reason
    assert lane.runners[0].failed


def test_strategies_that_hold_something_else_than_the_account_are_found_at_the_next_fill() -> None:
    run, lane, exchange = begin(Runner("a", BTC, Scripted(buy(3))), Runner("b", BTC, Scripted()))
    run.tell(trade(100.0))
    lane.runners[1].position.qty = D("0.5")
    halt = tell(run, exchange, fill(placed(exchange).order_id, Side.BUY, "3"))[-1]
    assert isinstance(halt, HaltLine)
    assert halt.reason == "breach: lane main: strategies hold 3.5 BTCUSDT, the account 3"


def test_every_kind_of_report_is_booked() -> None:
    request = liquidation_order("x", Side.SELL, "1").request
    lane, _ = fake_lane(Scripted())
    blotter = Blotter(Turn(None))
    seen = {type(report) for report in GHOSTS}
    quiet: list[Report] = [
        PlacedReport(request, S.NEW),
        RefusalReport("cancel", "gone", BTC, "110001"),
        FundingReport(BTC, 1, D(1), D(1), D(1), D(1)),
        LIQUIDATED,
        STATE,
        StopReport("CODE", "why"),
        msgspec.structs.replace(FakeExchange().news[0]),
        GrantReport("trading stop", BTC),
        GateReport("reconcile", True, "asking"),
        SendReport(SENT),
        TrackReport("main-1-0", "ls-x", BTC, "Acked", "v1"),
        ReconcileReport("pass", ""),
        MismatchReport("position", BTC, "", "0", "1", "adopted"),
        AdoptionReport(BTC, Side.BUY, D(1), D(100), "held at the venue"),
    ]
    lane.market(BTC).instrument = instrument()
    blotter.absorb(lane, quiet)
    assert seen | {type(report) for report in quiet} == set(get_args(Report))
    assert lane.ledger.cash == BALANCE - 1


# A venue reached over a network

SENT = Request(
    id="main-r1", account="demo", op=Op.CREATE, call=Call("POST", "/v5/order/create", '{"qty":"1"}'),
    order_id="main-1-0", link_id="ls-x", symbol=BTC, deadline=9,
)  # fmt: skip


def test_what_is_sent_stands_in_the_stream_word_for_word() -> None:
    run, lane, _ = begin(Scripted())
    run.engine.desk.absorb(lane, [SendReport(SENT)])
    line = of_kind(run.records, SendLine)[-1]
    assert (line.request, line.op, line.order_id, line.link_id) == ("main-r1", "create", "main-1-0", "ls-x")
    assert (line.method, line.path, line.text, line.deadline) == ("POST", "/v5/order/create", '{"qty":"1"}', 9)


def test_gates_halt_a_symbol_alone_or_the_lane() -> None:
    run, lane, _ = begin(Scripted())
    run.engine.desk.absorb(lane, [GateReport("position", True, "differs", BTC)])
    assert lane.is_halted(BTC)
    assert not lane.is_halted("ETHUSDT")
    assert run.halts()[-1].symbol == BTC
    run.engine.desk.absorb(lane, [GateReport("position", False, "agrees", BTC), GateReport("reconcile", True, "why")])
    assert lane.is_halted("ETHUSDT")
    assert [line.halted for line in run.halts()[-2:]] == [False, True]


def test_an_adopted_position_is_in_the_books_and_belongs_to_a_strategy() -> None:
    run, lane, _ = begin(Scripted())
    run.tell(instrument(), trade(100.0))
    run.engine.desk.absorb(lane, [AdoptionReport(BTC, Side.SELL, D(2), D(90), "held at the venue")])
    assert lane.ledger.position(BTC).qty == lane.runners[0].position.qty == -2
    [line] = of_kind(run.records, AdoptionLine)
    assert (line.side, line.position, line.price, line.cash) == (Side.SELL, D(-2), D(90), lane.ledger.cash)


def test_the_days_loss_counts_from_what_an_account_came_with() -> None:
    lane, exchange = fake_lane(Scripted())
    exchange.news = []
    run = ready(lane)
    assert lane.day_equity == 0.0
    run.engine.desk.absorb(lane, [TransferReport(BALANCE, "opening balance")])
    assert lane.day_equity == float(BALANCE)
    run.engine.desk.absorb(lane, [AdoptionReport(BTC, Side.BUY, D(2), D(90), "held at the venue")])
    assert lane.day_equity == lane.equity() != float(BALANCE)
    run.engine.desk.absorb(lane, [TransferReport(D(-100), "the venue's wallet holds less")])
    assert lane.day_equity - lane.equity() == pytest.approx(100.0)


def test_what_somebody_else_did_is_dealt_out_too() -> None:
    run, lane, _ = begin(Scripted())
    run.tell(instrument(), trade(100.0))
    request = msgspec.structs.replace(liquidation_order("v1", Side.BUY, "3").request, create_type=CreateType.USER)
    run.engine.desk.absorb(lane, [PlacedReport(request, S.NEW), fill("v1", Side.BUY, "3")])
    assert lane.runners[0].position.qty == lane.ledger.position(BTC).qty == 3
    assert not lane.halts


# Whose position it is


STEPS = st.tuples(
    st.sampled_from(["a", "b", "c", "a", "b", "c", ""]),
    st.sampled_from(list(Side)),
    st.integers(1, 400),
    st.integers(1, 3),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(STEPS, max_size=40))
def test_what_strategies_hold_always_adds_up_to_what_the_account_holds(steps: list[tuple[str, Side, int, int]]) -> None:
    strategies = {name: Scripted() for name in "abc"}
    run, lane, exchange = begin(*[Runner(name, BTC, strategy) for name, strategy in strategies.items()])
    run.tell(instrument(min_qty=D("0.001")), trade(100.0))
    for number, (name, side, size, parts) in enumerate(steps):
        account = lane.ledger.position(BTC).qty
        if name:
            strategies[name].then((buy if side is Side.BUY else sell)(size / 1000 + 1))
            run.tell(trade(100.0))
            request = placed(exchange)
            news: list[Report] = []
        elif account:
            qty = min(abs(account), D(size) / 1000)
            made = liquidation_order(f"x{number}", Side.SELL if account > 0 else Side.BUY, str(qty))
            request = made.request
            news = [made]
        else:
            continue
        left = request.qty
        for part in range(1, parts + 1):
            qty = left if part == parts else min(left, D("0.001") * part)
            if qty:
                price = str(100 + number)
                news.append(fill(request.order_id, request.side, str(qty), price, number=part))
                left -= qty
        tell(run, exchange, *news)
        assert sum(runner.position.qty for runner in lane.runners) == lane.ledger.position(BTC).qty
    assert lane.halts == {}
    flat = lane.ledger.position(BTC).qty == 0
    assert flat <= all(line.position == 0 for line in run.fills()[-1:])


def test_over_a_network_the_end_of_a_position_may_be_heard_of_before_its_beginning() -> None:
    lane, exchange = fake_lane(Scripted())
    lane.account = "demo"
    run = ready(lane)
    exchange.news = [liquidation_order("p", Side.SELL, "1"), fill("p", Side.SELL, "1")]
    run.tell(trade(100.0))
    assert run.halts() == []
    assert lane.ledger.position(BTC).qty == -1
    assert lane.runners[0].position.qty == -1
