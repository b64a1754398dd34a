from __future__ import annotations

from decimal import Decimal
from typing import get_args

import msgspec

from daemon.core.events import Side
from daemon.core.records import (
    AccountLine,
    Action,
    Choice,
    Context,
    DecisionLine,
    FillLine,
    FundingLine,
    HaltLine,
    LiquidationLine,
    OrderLine,
    OrderStatus,
    OrderType,
    Record,
    RefusalLine,
    Terms,
    TimeInForce,
    TransferLine,
    TriggerBy,
    Verdict,
    Window,
    record_encoder,
)
from daemon.core.venue_records import AdoptionLine, MismatchLine, QueryDone, ReconcileLine, SendLine, TrackLine

D = Decimal
CONTEXT = Context(100.0, D("0.5"), D("99.5"), 1e4, "long", {"fast": 1.5, "slow": None}, Window(2, "00ff00ff"))
ONE_OF_EACH: list[Record] = [
    DecisionLine(1, 2, 3, "main", "s", "BTCUSDT", 1, CONTEXT, Choice(Action.BUY, D("0.001"), None, "why"), ()),
    OrderLine(
        2, 2, 3, "main", "main-1-0", 1, "BTCUSDT", Side.BUY, OrderType.MARKET, TimeInForce.GTC, D("0.001"), None,
        False, OrderStatus.NEW, D(0),
    ),
    FillLine(3, 2, 3, "main", "main-1-0", 1, "f", "BTCUSDT", Side.BUY, D(1), D(1), D(0), False, D(0), D(1), D(1)),
    TransferLine(4, 2, 3, "main", D(100), D(100), "opening balance"),
    HaltLine(5, 2, 3, "main", halted=True, reason="operator: lunch"),
    RefusalLine(6, 2, 3, "main", 5, "BTCUSDT", "main-1-0", "cancel", "110001: order not exists or too late to cancel"),
    FundingLine(7, 2, 3, "main", "BTCUSDT", 1, D("-0.5"), D(100), D("0.0001"), D("-0.005"), D("100.005")),
    LiquidationLine(8, 2, 3, "main", "BTCUSDT", "takeover", Side.BUY, D(1), D(90), None, D(89), D(1), D(2)),
    AccountLine(9, 2, 3, "main", 1e4, 9e3, 1e3, 50.0, 0.0, 0.005, 1e4, "BTCUSDT", 0.09, D(1), D(2), D(3)),
    SendLine(10, 2, 3, "main", "main-r1", "create", "main-1-0", "ls-x", "BTCUSDT", "POST", "/v5/order/create", "{}", 9),
    TrackLine(11, 2, 3, "main", "main-1-0", "ls-x", "BTCUSDT", "Unknown", "no answer"),
    ReconcileLine(12, 2, 3, "main", "pass", "", (QueryDone("executions", 3, 1, 2),)),
    MismatchLine(13, 2, 3, "main", "position", "BTCUSDT", "", "0", "1", "halted the symbol"),
    AdoptionLine(14, 2, 3, "main", "BTCUSDT", Side.BUY, D(1), D(100), "why", D(1), D(10)),
]  # fmt: skip


def test_every_kind_of_record_comes_back_from_its_line_as_it_was() -> None:
    assert {type(record) for record in ONE_OF_EACH} == set(get_args(Record))
    for record in ONE_OF_EACH:
        assert msgspec.json.decode(msgspec.json.encode(record), type=Record) == record


def test_every_record_starts_with_its_place_its_cause_its_time_and_its_lane() -> None:
    for record in ONE_OF_EACH:
        assert record.__struct_fields__[:4] == ("seq", "cause", "ts", "lane")


def test_money_is_text_and_an_indicator_that_is_no_number_yet_is_null() -> None:
    line = msgspec.json.decode(msgspec.json.encode(ONE_OF_EACH[0]))
    assert line["decision"]["qty"] == "0.001"
    assert line["context"]["indicators"] == {"fast": 1.5, "slow": None}
    assert msgspec.json.decode(msgspec.json.encode(Verdict("g", False, "C", float("nan"), 1.0)))["value"] is None


def test_what_a_decision_did_not_ask_for_is_left_out_of_its_line() -> None:
    plain = msgspec.json.decode(msgspec.json.encode(ONE_OF_EACH[0]))
    assert set(plain["decision"]) == {"action", "qty", "target_notional", "reason"}
    choice = Choice(
        Action.BUY, D(1), None, "why", Terms(price=D(99), trigger_price=D(98), trigger_by=TriggerBy.MARK, orders=("a",))
    )
    assert msgspec.to_builtins(choice)["terms"] == {
        "price": "99",
        "trigger_price": "98",
        "trigger_by": "MarkPrice",
        "orders": ("a",),
    }


class Foreign(float):
    """A number as other libraries make them."""


def test_a_foreign_number_is_written_as_the_float_it_is() -> None:
    assert record_encoder().encode({"fast": Foreign(1.5)}) == b'{"fast":1.5}'
