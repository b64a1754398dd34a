from __future__ import annotations

from decimal import Decimal
from typing import get_args

import msgspec

from daemon.core.events import Side
from daemon.core.records import (
    Action,
    Choice,
    Context,
    DecisionLine,
    FillLine,
    HaltLine,
    OrderLine,
    OrderStatus,
    OrderType,
    Record,
    TimeInForce,
    TransferLine,
    Verdict,
    Window,
    record_encoder,
)

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


class Foreign(float):
    """A number as other libraries make them."""


def test_a_foreign_number_is_written_as_the_float_it_is() -> None:
    assert record_encoder().encode({"fast": Foreign(1.5)}) == b'{"fast":1.5}'
