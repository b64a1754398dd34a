"""Rows of funding, liquidations, accounts and refusals, and decisions that name orders."""

from __future__ import annotations

from typing import Any

import pytest

from replay.compare import Cause, Verdict, compare
from replay.compare.facts import Limits
from replay.compare.rows import parse
from tests.replay.compare.runs import FACTS, compared
from tests.replay.streams import lines, records, rows

ROWS = rows(records())
PLACE = next(place for place, row in enumerate(ROWS) if row["kind"] == "fill" and place > 100)
FILL = ROWS[PLACE]
COMMON = {name: FILL[name] for name in ("cause", "ts", "lane", "symbol")}
MONEY = {"qty": "0.25", "mark": "100"}
EXTRA: dict[str, dict[str, Any]] = {
    "funding": COMMON | MONEY | {"kind": "funding", "boundary": 1, "rate": "0.0001", "fee": "0.0025", "cash": "9"},
    "liquidation": COMMON | MONEY | {"kind": "liquidation", "step": "takeover", "side": "Buy"},
    "account": {name: COMMON[name] for name in ("cause", "ts", "lane")}
    | {"kind": "account", "equity": 9000.0, "margin_ratio": 0.5},
    "refusal": COMMON
    | {"kind": "refusal", "decision": FILL["decision"], "order_id": FILL["order_id"], "what": "cancel", "reason": "no"},
}


def stream(*extra: dict[str, Any], without: int | None = None, also: dict[int, Any] | None = None) -> list[bytes]:
    """The stream with rows behind a fill, one of it changed or left out, numbered anew as another run would have it."""
    found = [row | (also or {}).get(place, {}) for place, row in enumerate(ROWS)]
    found = [*found[: PLACE + 2], *extra, *found[PLACE + 2 :]]
    if without is not None:
        del found[without]
    numbers = {row["seq"]: seq for seq, row in enumerate(found, 1) if "seq" in row}
    made = []
    for seq, row in enumerate(found, 1):
        new = {
            "kind": row["kind"],
            "seq": seq,
            **{name: value for name, value in row.items() if name not in ("kind", "seq")},
        }
        if row["kind"] in ("order", "fill", "refusal"):
            decision = numbers[row["decision"]]
            new |= {"decision": decision, "order_id": f"{row['lane']}-{decision}-0"}
        if row["kind"] == "fill":
            new["fill_id"] = f"{new['order_id']}-1"
        if row["kind"] == "decision" and "terms" in row["decision"]:
            ids = [f"{row['lane']}-{numbers[number]}-0" for number in row["decision"]["terms"]["orders"]]
            new["decision"] = row["decision"] | {"terms": {"orders": ids}}
        made.append(new)
    return lines(made)


@pytest.mark.parametrize("kind", list(EXTRA))
def test_every_kind_of_row_is_read_and_found_again(kind: str) -> None:
    made = stream(EXTRA[kind])
    assert parse(made[PLACE + 2], 1).head.kind == kind
    found = compared(made, stream(EXTRA[kind], without=5))
    assert [(one.kind, one.cause) for one in found.mismatches] == [(ROWS[5]["kind"], Cause.MISSING)]


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("funding", {"rate": "0.0002"}),
        ("liquidation", {"step": "reduce"}),
        ("account", {"margin_ratio": 0.6}),
        ("refusal", {"what": "amend"}),
    ],
)
def test_a_difference_in_it_is_a_root_with_its_cause(kind: str, change: dict[str, Any]) -> None:
    found = compared(stream(EXTRA[kind]), stream(EXTRA[kind] | change))
    (one,) = found.mismatches
    assert (one.kind, one.cause, one.follows) == (kind, Cause.FILL_MODEL, False)
    assert [item.path for item in one.differences] == list(change)


@pytest.mark.parametrize(
    ("kind", "change", "follows"),
    [
        ("funding", {"qty": "0.5", "fee": "0.005", "cash": "8"}, True),
        ("funding", {"rate": "0.0002"}, False),
        ("account", {"equity": 1.0, "margin_ratio": 0.9}, True),
    ],
)
def test_what_is_paid_and_what_an_account_is_worth_follow_from_other_money(
    kind: str, change: dict[str, Any], follows: bool
) -> None:
    other = stream(EXTRA[kind] | change, also={PLACE: {"fee": "9"}})
    found = compared(stream(EXTRA[kind]), other)
    assert [(one.kind, one.follows) for one in found.mismatches] == [("fill", False), (kind, follows)]


def test_two_settlements_at_one_time_are_told_apart_by_their_symbol() -> None:
    both = [EXTRA["funding"], EXTRA["funding"] | {"symbol": "XRPUSDT", "fee": "1"}]
    found = compared(stream(*both), stream(*reversed(both)))
    assert all([item.path for item in one.differences] in (["(order)"], ["seq", "(order)"]) for one in found.mismatches)


def cancelling(target: int) -> dict[int, Any]:
    """A later decision of the fill's series becomes a cancel of the order behind the fill."""
    place = next(
        place
        for place, row in enumerate(ROWS)
        if place > PLACE + 2 and row["kind"] == "decision" and row["decision"]["action"] == "hold"
    )
    choice = {"action": "cancel", "qty": "0", "target_notional": None, "reason": "enough"}
    return {place: {"decision": choice | {"terms": {"orders": [target]}}}}


def test_orders_that_a_decision_names_are_the_same_though_their_numbers_are_not() -> None:
    also = cancelling(FILL["decision"])
    found = compared(stream(also=also), stream(also=also, without=5))
    assert [one.cause for one in found.mismatches] == [Cause.MISSING]


def test_other_orders_that_a_decision_names_are_another_decision() -> None:
    earlier = next(row["decision"] for row in ROWS if row["kind"] == "fill" and row["lane"] == FILL["lane"])
    left, right = stream(also=cancelling(FILL["decision"])), stream(also=cancelling(earlier))
    found = compared(left, right)
    assert [item.path for item in found.mismatches[0].differences] == ["decision.terms.orders[0]"]
    loose = compare(left, right, FACTS, FACTS, limits=Limits(match="decision"))
    assert loose.verdict is Verdict.DIFFERENT
