from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from daemon.core.records import OrderStatus, StopOrderType
from daemon.core.units import NS_PER_MINUTE
from daemon.index import projection
from daemon.index.projection import EQUITY_POINTS_MAX, EquityCurve, Projection
from tests.daemon.index.builders import MANIFEST, NOON, decision, fill, order


@given(st.lists(st.tuples(st.integers(0, 10 * NS_PER_MINUTE), st.floats(-1e6, 1e6)), min_size=1, max_size=200))
def test_an_equity_curve_is_short_in_order_and_ends_with_the_last_value(steps: list[tuple[int, float]]) -> None:
    curve = EquityCurve(points_max=16)
    given_points = []
    ts = NOON
    for step, equity in steps:
        ts += step
        given_points.append((ts, equity))
        curve.add(ts, equity)
    assert curve.points[-1] == given_points[-1]
    assert set(curve.points) <= set(given_points)
    assert len(curve.points) <= 16
    times = [point[0] for point in curve.points]
    assert times == sorted(set(times))


def test_a_short_curve_keeps_the_last_value_of_each_minute() -> None:
    curve = EquityCurve()
    for number in range(10):
        curve.add(NOON + number * NS_PER_MINUTE // 2, float(number))
    assert [equity for _, equity in curve.points] == [1.0, 3.0, 5.0, 7.0, 9.0]


def test_a_finished_order_leaves_with_its_last_state_and_an_open_one_at_the_end() -> None:
    run = Projection(MANIFEST)
    run.add(decision(1, action="buy"))
    run.add(order(2, "a", decision=1, status=OrderStatus.SUBMITTED))
    run.add(order(3, "b", decision=1, status=OrderStatus.SUBMITTED))
    assert run.waiting == 0
    run.add(order(4, "a", decision=1, status=OrderStatus.REJECTED, reason="too small"))
    assert run.waiting == 1
    assert [(row["order_id"], row["status"], row["reason"]) for row in run.take()["orders"]] == [
        ("a", "Rejected", "too small")
    ]
    rows = run.end()["orders"]
    assert [(row["order_id"], row["status"], row["strategy"]) for row in rows] == [("b", "Submitted", "baseline")]


def test_an_amended_order_has_its_last_quantity_and_price() -> None:
    run = Projection(MANIFEST)
    first = order(2, "a", decision=1, status=OrderStatus.NEW)
    run.add(first)
    run.add(replace(first, qty=Decimal("0.02"), price=Decimal(99), trigger_price=Decimal(98)))
    [row] = run.end()["orders"]
    assert (row["qty"], row["price"], row["trigger_price"]) == ("0.02", "99", "98")


def test_two_lanes_may_have_orders_of_one_name() -> None:
    run = Projection(MANIFEST)
    first = order(2, "BTCUSDT-0-tp1", decision=0, status=OrderStatus.UNTRIGGERED)
    run.add(first)
    run.add(replace(first, lane="other", stop_order_type=StopOrderType.TAKE_PROFIT))
    rows = run.end()["orders"]
    assert [(row["lane"], row["stop_order_type"]) for row in rows] == [("main", ""), ("other", "TakeProfit")]


@pytest.mark.parametrize(("action", "column"), [("cancel", "cancels"), ("amend", "amends"), ("protect", "protects")])
def test_every_action_is_counted(action: str, column: str) -> None:
    run = Projection(MANIFEST)
    run.add(decision(1, action=action))
    [row] = run.end()["decisions"]
    assert (row[column], row["evaluations"], row["holds"]) == (1, 1, 0)


def test_memory_does_not_grow_with_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(projection, "REMEMBERED_MAX", 100)
    run = Projection(MANIFEST)
    for number in range(5_000):
        seq = 3 * number
        run.add(decision(seq, action="buy", ts=NOON + number * NS_PER_MINUTE))
        run.add(order(seq + 1, f"order-{number}", decision=seq, status=OrderStatus.FILLED))
        run.add(fill(seq + 2, f"order-{number}", decision=seq))
        assert run.waiting == 2
        assert run.take()["fills"][0]["strategy"] == "baseline"
    assert len(run._strategy_of) == 100
    assert len(run._open_orders) == 0
    assert len(run._decisions) == 1
    assert EQUITY_POINTS_MAX / 2 <= len(run._curves["main"].points) <= EQUITY_POINTS_MAX
