"""Which lines an explanation shows; the whole of it is tested through the command."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from daemon.app.explain import _answers, _find
from daemon.core.account_events import Answered, Op
from daemon.core.errors import JournalError
from daemon.core.events import Side
from daemon.core.records import (
    Action,
    Choice,
    Context,
    DecisionLine,
    OrderLine,
    OrderStatus,
    OrderType,
    Record,
    RefusalLine,
    Terms,
    TimeInForce,
    Window,
)
from daemon.core.venue_records import SendLine, TrackLine
from daemon.journal import Code, Journal, JournalSettings, Manifest

D = Decimal
START = 1_746_532_800 * 10**9


def decision(seq: int, action: Action, terms: Terms | None = None) -> DecisionLine:
    context = Context(100.0, D(0), D(0), 1e4, "", {}, Window(0, ""))
    return DecisionLine(seq, 1, START, "main", "s", "BTCUSDT", seq, context, Choice(action, D(0), None, "why", terms))


def order(seq: int, order_id: str, asked: int, status: OrderStatus, lane: str = "main") -> OrderLine:
    kind = (OrderType.LIMIT, TimeInForce.GTC)
    return OrderLine(seq, 1, START, lane, order_id, asked, "BTCUSDT", Side.BUY, *kind, D(1), D(99), False, status, D(0))


RECORDS: list[Record] = [
    decision(1, Action.BUY),
    order(2, "main-1-0", 1, OrderStatus.SUBMITTED),
    order(3, "main-1-0", 1, OrderStatus.NEW),
    decision(4, Action.CANCEL, Terms(orders=("main-1-0",))),
    order(5, "main-1-0", 0, OrderStatus.NEW, lane="other"),
    RefusalLine(6, 1, START, "main", 4, "BTCUSDT", "main-1-0", "cancel", "10016: server error"),
    order(7, "main-1-0", 1, OrderStatus.FILLED),
]


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    folder = tmp_path / "run"
    manifest = Manifest(run_id="run", lineage="0" * 20, mode="shadow", created="", code=Code(version="0"))
    journal = Journal.create(folder, manifest, JournalSettings(fsync="none"))
    journal.append_frame(START, "public-1", b"{}")
    for record in RECORDS:
        journal.append_decision(record)
    journal.close(ended="", reason="test")
    return folder


def test_the_consequences_of_an_order_are_the_lines_that_name_its_decision(run_dir: Path) -> None:
    found, consequences = _find(run_dir, 1)
    assert found == RECORDS[0]
    assert [line.seq for line in consequences] == [2, 3, 7]


def test_the_consequences_of_a_cancel_are_what_became_of_its_orders(run_dir: Path) -> None:
    _, consequences = _find(run_dir, 4)
    assert [line.seq for line in consequences] == [6, 7]


def test_an_order_at_a_venue_is_followed_from_its_request_to_its_end(tmp_path: Path) -> None:
    request = ("main-r1", "create", "main-1-0", "ls-1", "BTCUSDT", "POST", "/v5/order/create", "{}", 0)
    lines: list[Record] = [
        decision(1, Action.BUY),
        order(2, "main-1-0", 1, OrderStatus.SUBMITTED),
        SendLine(3, 1, START, "main", *request),
        SendLine(4, 1, START, "main", "main-r2", "create", "main-9-0", *request[3:]),
        TrackLine(5, 3, START, "main", "main-1-0", "ls-1", "BTCUSDT", "Acked", "v-1"),
        TrackLine(6, 3, START, "other", "main-1-0", "ls-1", "BTCUSDT", "Acked", "v-1"),
    ]
    answers = [
        Answered(account="demo", request=name, op=Op.CREATE, status=200, body=name) for name in ("main-r2", "main-r1")
    ]
    journal = Journal.create(
        tmp_path / "run",
        Manifest(run_id="run", lineage="0" * 20, mode="trade", created="", code=Code(version="0")),
        JournalSettings(fsync="none"),
    )
    journal.append_frame(START, "public-1", b"{}")
    for answer in answers:
        journal.append_fact(START, "rest.demo", answer)
    for line in lines:
        journal.append_decision(line)
    journal.close(ended="", reason="test")
    _, consequences = _find(tmp_path / "run", 1)
    assert [line.seq for line in consequences] == [2, 3, 5]
    (found,) = _answers(tmp_path / "run", 1, consequences)
    assert (found["seq"], found["request"], found["body"]) == (3, "main-r1", "main-r1")


def test_a_line_that_is_no_decision_names_the_decision_behind_it(run_dir: Path) -> None:
    with pytest.raises(JournalError, match="of kind refusal, not a decision") as raised:
        _find(run_dir, 6)
    assert raised.value.cure == "the nearest decision is 4"
