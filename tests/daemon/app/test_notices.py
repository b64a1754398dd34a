"""What reaches the operator's log of what is concluded: trouble and its end, and nothing of the daily business."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from structlog.testing import capture_logs

from daemon.app.notices import Notices
from daemon.core.events import Side
from daemon.core.records import (
    HaltLine,
    LiquidationLine,
    OrderLine,
    OrderStatus,
    OrderType,
    Record,
    RefusalLine,
    TimeInForce,
)
from daemon.core.remote.states import State
from daemon.core.venue_records import AdoptionLine, MismatchLine, ReconcileLine, SendLine, TrackLine

D = Decimal
AT = (7, 3, 1_746_532_800 * 10**9, "main")


def order(status: OrderStatus, reason: str = "") -> OrderLine:
    kind = (OrderType.MARKET, TimeInForce.IOC)
    return OrderLine(*AT, "main-1-0", 1, "BTCUSDT", Side.BUY, *kind, D(1), None, False, status, D(0), reason)


def track(state: State, reason: str = "") -> TrackLine:
    return TrackLine(*AT, "main-1-0", "ls-1", "BTCUSDT", state, reason)


def told(*records: Record) -> list[dict[str, Any]]:
    """What is logged, after every record was handed on."""
    written: list[Record] = []
    take = Notices(written.append)
    with capture_logs() as logged:
        for record in records:
            take(record)
    assert written == list(records)
    return [dict(event) for event in logged]


@pytest.mark.parametrize(
    ("record", "level", "event", "detail"),
    [
        (HaltLine(*AT, True, "reconcile: starting"), "warning", "halt", ("reason", "reconcile: starting")),
        (HaltLine(*AT, False, "reconcile lifted: they agree"), "info", "halt", ("halted", False)),
        (ReconcileLine(*AT, "pass", "position BTCUSDT: ours 0"), "warning", "books_differ", ("given_up", False)),
        (ReconcileLine(*AT, "failed", "position BTCUSDT: ours 0"), "warning", "books_differ", ("given_up", True)),
        (order(OrderStatus.REJECTED, "110007: no money"), "warning", "order_rejected", ("reason", "110007: no money")),
        (RefusalLine(*AT, 1, "BTCUSDT", "", "protect", "10001: no"), "warning", "request_refused", ("what", "protect")),
        (MismatchLine(*AT, "position", "BTCUSDT", "", "0", "1", "halted"), "error", "mismatch", ("venue", "1")),
        (
            AdoptionLine(*AT, "BTCUSDT", Side.BUY, D(1), D(9), "carried over", D(1), D(9)),
            "warning",
            "adopted",
            ("change", "Buy 1 at 9"),
        ),
        (
            LiquidationLine(*AT, "BTCUSDT", "adl", Side.SELL, D(1), D(9), None, D(8), D(1), D(1)),
            "error",
            "liquidation",
            ("step", "adl"),
        ),
    ],
)
def test_trouble_is_told(record: Record, level: str, event: str, detail: tuple[str, object]) -> None:
    (found,) = told(record)
    assert (found["log_level"], found["event"], found["lane"], found["seq"]) == (level, event, "main", 7)
    assert found[detail[0]] == detail[1]


def test_an_unknown_outcome_is_told_once_with_what_became_of_it() -> None:
    states = (State.UNKNOWN, State.WORKING, State.FILLED)
    assert [(each["event"], each.get("state")) for each in told(*map(track, states))] == [
        ("outcome_unknown", None),
        ("outcome_settled", State.WORKING),
    ]


def test_the_daily_business_is_left_to_the_stream() -> None:
    sent = SendLine(*AT, "main-r1", "create", "main-1-0", "ls-1", "BTCUSDT", "POST", "/v5/order/create", "{}", 0)
    passed = ReconcileLine(*AT, "pass", "")
    assert told(sent, track(State.ACKED), order(OrderStatus.NEW), passed, track(State.FILLED)) == []
