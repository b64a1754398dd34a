from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.account_events import Executed
from daemon.core.events import Side
from daemon.core.records import ExecType
from daemon.core.remote.fills import KEPT
from daemon.core.remote.states import State
from daemon.core.units import NS_PER_DAY, NS_PER_MS
from daemon.core.venue import AmendReport, FillReport, FundingReport, PlacedReport
from tests.daemon.core.account_facts import D, executed
from tests.daemon.core.build import BTC, ETH, MIDNIGHT
from tests.daemon.core.remote.bench import Bench, of, seen, state_of


@pytest.fixture
def bench() -> Bench:
    return Bench().make_ready()


def test_an_execution_is_told_as_it_was(bench: Bench) -> None:
    order = bench.order()
    row = executed(order.link_id, "e1", "0.4", price=D("100.2"), fee=D("-0.01"), maker=True, ts=bench.now)
    [fill] = of(bench.hear(row), FillReport)
    assert fill == FillReport(
        order.id, "e1", BTC, Side.BUY, D("100.2"), D("0.4"), D("-0.01"), True, ExecType.TRADE, D("0.04")
    )
    assert bench.context.position(BTC) == D("0.4")


def test_slippage_is_the_cost_against_the_touch_at_the_decision(bench: Bench) -> None:
    bench.hear(executed(bench.order().link_id, "e0", ts=bench.now))
    sold = bench.order(side=Side.SELL, reduce_only=True)
    [fill] = of(bench.hear(executed(sold.link_id, side="Sell", price=D(100), fee=D(0), ts=bench.now)), FillReport)
    assert fill.slippage == D("-0.1")  # sold at 100 with a bid of 99.9


def test_the_same_execution_is_applied_once_whoever_tells_of_it(bench: Bench) -> None:
    order = bench.order()
    row = executed(order.link_id, qty="0.4", ts=bench.now)
    bench.hear(row, row)
    bench.venue.executions = [row]
    bench.pass_time(70_000)
    assert bench.statuses(order.id) == ["0.4"]


def test_the_same_id_on_another_symbol_is_another_execution() -> None:
    bench = Bench(BTC, ETH).make_ready()
    bench.hear(executed("a", "e1", ts=bench.now), executed("b", "e1", symbol=ETH, ts=bench.now))
    assert (bench.context.position(BTC), bench.context.position(ETH)) == (D(1), D(1))


@pytest.mark.parametrize(
    "change",
    [
        {"qty": D("0.5")},
        {"price": D(101)},
        {"fee": D(1)},
        {"side": "Sell"},
        {"exec_type": "AdlTrade"},
        {"venue_id": "z"},
    ],
)
def test_the_same_execution_with_other_content_halts_its_symbol(bench: Bench, change: dict[str, object]) -> None:
    order = bench.order()
    bench.hear(executed(order.link_id, qty="0.4", ts=bench.now))
    bench.hear(executed(order.link_id, **{"qty": D("0.4"), "ts": bench.now} | change))  # type: ignore[arg-type]
    assert bench.gates() == {"execution BTCUSDT"}
    assert bench.mismatches() == [("execution", "halted the symbol")]
    assert bench.context.position(BTC) == D("0.4")


@pytest.mark.parametrize("kind", ExecType)
def test_every_type_that_moves_a_position_is_booked_under_its_name(bench: Bench, kind: ExecType) -> None:
    order = bench.order()
    [fill] = of(bench.hear(executed(order.link_id, exec_type=kind.value, ts=bench.now)), FillReport)
    assert fill.exec_type is kind
    assert bench.context.position(BTC) == D(1)


def test_funding_moves_cash_only(bench: Bench) -> None:
    bench.hear(executed(bench.order().link_id, fee=D(0), ts=bench.now))
    before = bench.context.held.cash
    row = executed("", "f1", exec_type="Funding", fee=D("0.25"), fee_rate=D("0.0001"), ts=bench.now, side="Sell")
    [report] = of(bench.hear(row), FundingReport)
    assert report == FundingReport(BTC, bench.now, D(-1), D(100), D("0.0001"), D("0.25"))
    assert bench.context.held.cash == before - D("0.25")
    assert bench.context.position(BTC) == D(1)


@pytest.mark.parametrize("kind", ["CorporateAction", "Teleport", ""])
def test_a_type_that_nobody_knows_is_not_booked_and_halts_its_symbol(bench: Bench, kind: str) -> None:
    bench.hear(executed(bench.order().link_id, exec_type=kind, ts=bench.now))
    assert bench.gates() == {"execution BTCUSDT"}
    assert bench.context.position(BTC) == D(0)


def test_what_was_executed_before_we_came_is_not_ours_to_book(bench: Bench) -> None:
    bench.hear(executed("x", ts=bench.context.began - 1))
    assert bench.of(FillReport) == []
    bench.hear(executed("x", ts=bench.context.began))
    assert len(bench.of(FillReport)) == 1


def test_other_symbols_are_none_of_ours(bench: Bench) -> None:
    bench.hear(executed("x", symbol=ETH, ts=bench.now))
    assert bench.of(FillReport) == []


def test_an_execution_of_an_order_that_nobody_told_of_makes_it_known(bench: Bench) -> None:
    bench.hear(executed("by-hand", qty="0.4", order_qty=D(1), ts=bench.now))
    [placed] = bench.of(PlacedReport)
    assert placed.request.qty == D(1)
    assert bench.gates() == {"foreign BTCUSDT"}
    bench.hear(executed("by-hand", "e2", "0.6", order_qty=D(1), ts=bench.now))
    assert bench.statuses("v-by-hand") == ["0.4", "0.6"]


def test_an_execution_of_more_than_was_left_halts_the_symbol_and_is_not_booked(bench: Bench) -> None:
    order = bench.order()
    bench.hear(executed(order.link_id, "e1", "0.7", ts=bench.now), executed(order.link_id, "e2", "0.4", ts=bench.now))
    assert bench.gates() == {"execution BTCUSDT"}
    assert order.applied == D("0.7")


def test_an_execution_may_say_that_the_order_is_larger_by_now(bench: Bench) -> None:
    order = bench.order()
    bench.hear(executed(order.link_id, "e1", "1.5", order_qty=D(2), ts=bench.now))
    [report] = bench.of(AmendReport)
    assert report.request.qty == D(2)
    assert (order.applied, order.state) == (D("1.5"), State.WORKING)


def test_an_order_does_not_become_as_large_as_to_fit_any_execution(bench: Bench) -> None:
    order = bench.order()
    bench.hear(executed(order.link_id, "e1", "2.5", order_qty=D(2), ts=bench.now))
    assert bench.gates() == {"execution BTCUSDT"}
    assert bench.of(FillReport) == []


def test_an_execution_after_an_order_was_cancelled_is_booked_as_a_strangers(bench: Bench) -> None:
    order = bench.order()
    bench.hear(seen(order, "Cancelled"))
    assert state_of(order) is State.CANCELLED
    bench.hear(executed(order.link_id, ts=bench.now))
    assert bench.context.position(BTC) == D(1)
    assert "foreign BTCUSDT" in bench.gates()


def test_an_execution_on_an_order_that_was_filled_is_too_much(bench: Bench) -> None:
    order = bench.order()
    bench.hear(executed(order.link_id, ts=bench.now), executed(order.link_id, "e2", "0.1", ts=bench.now))
    assert bench.gates() == {"execution BTCUSDT"}
    assert bench.context.position(BTC) == D(1)


def test_executions_are_remembered_for_eight_days(bench: Bench) -> None:
    assert KEPT == 8 * NS_PER_DAY
    fills = bench.exchange._fills
    for name, ts in (("a", bench.now), ("b", bench.now + KEPT), ("c", bench.now + KEPT + NS_PER_MS)):
        bench.hear(executed("x", name, "0.1", ts=ts))
    assert [name for _, name in fills._seen] == ["b", "c"]


def test_a_batch_told_late_is_not_forgotten_for_a_newer_one(bench: Bench) -> None:
    bench.hear(executed("x", "new", "0.1", ts=bench.now + NS_PER_DAY))
    for number in range(5):
        bench.hear(executed("x", f"old{number}", "0.1", ts=bench.now))
    bench.hear(executed("x", "old0", "0.1", ts=bench.now))
    assert bench.context.position(BTC) == D("0.6")


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_each_execution_is_applied_once_whatever_the_order_and_however_often_it_is_told(data: st.DataObject) -> None:
    bench = Bench().make_ready()
    orders = [bench.order(), bench.order(side=Side.SELL)]
    rows: list[Executed] = []
    for order in orders:
        parts = data.draw(st.sampled_from([["1"], ["0.3", "0.7"], ["0.1", "0.2", "0.3"]]), label="parts")
        for number, qty in enumerate(parts):
            price = D(100 + number)
            name = f"{order.id}-{number}"
            rows.append(executed(order.link_id, name, qty, side=order.request.side, price=price, ts=MIDNIGHT + number))
    bench.context.began = MIDNIGHT
    told = data.draw(st.permutations([*rows, *data.draw(st.lists(st.sampled_from(rows), max_size=8))]))
    for row in told:
        bench.hear(row)
    fills = bench.of(FillReport)
    assert sorted(fill.fill_id for fill in fills) == sorted(row.exec_id for row in rows)
    signed = sum((row.qty if row.side == "Buy" else -row.qty for row in rows), D(0))
    assert bench.context.position(BTC) == signed
    held = bench.context.held
    basis = held.cash - sum((position.entry_value for position in held.positions.values()), D(0))
    spent = sum(((row.qty if row.side == "Buy" else -row.qty) * row.price + row.fee for row in rows), D(0))
    assert basis == D(10_000) - spent
    assert bench.gates() == set()
