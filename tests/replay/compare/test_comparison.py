from __future__ import annotations

import tracemalloc
from typing import Any

import msgspec
import pytest

from replay.compare import Cause, Limits, Verdict, compare
from tests.replay.compare.runs import FACTS, compared, facts
from tests.replay.streams import MINUTE, START, lines, records, renumbered, rows

ROWS = rows(records())
LINES = lines(ROWS)
DECISIONS = [place for place, row in enumerate(ROWS) if row["kind"] == "decision"]


def changed(place: int, **values: Any) -> list[dict[str, Any]]:
    """The rows with one of them changed; keys with two underscores reach into objects."""
    row = msgspec.json.decode(msgspec.json.encode(ROWS[place]))
    for path, value in values.items():
        *parents, last = path.split("__")
        target = row
        for key in parents:
            target = target[key]
        target[last] = value
    return [*ROWS[:place], row, *ROWS[place + 1 :]]


def first_place(kind: str, after: int = 40) -> int:
    return next(place for place, row in enumerate(ROWS) if row["kind"] == kind and place > after)


def test_equal_streams_are_equal() -> None:
    found = compared(LINES, LINES)
    assert (found.verdict, found.exit_code, found.rate) == (Verdict.EQUAL, 0, 1.0)
    assert (found.decisions, found.matched, found.lines_left) == (len(DECISIONS), len(DECISIONS), len(LINES))
    assert found.first is None


def test_checksums_and_line_ends_are_no_content() -> None:
    bare = [msgspec.json.encode(row) for row in ROWS]
    found = compared(LINES, bare)
    assert (found.verdict, found.matched, found.lines_right) == (Verdict.EQUAL, len(DECISIONS), len(LINES))


def test_streams_can_be_any_iterables() -> None:
    assert compared(iter(LINES), (line for line in LINES)).verdict is Verdict.EQUAL


@pytest.mark.parametrize(("left", "right", "side"), [([], LINES, "left"), (LINES, [], "right"), ([], [], "left")])
def test_nothing_compared_is_no_pass(left: list[bytes], right: list[bytes], side: str) -> None:
    found = compared(left, right)
    assert (found.verdict, found.exit_code) == (Verdict.CANNOT_TELL, 2)
    assert f"the {side} stream holds no decisions" in found.reasons[0]


def test_streams_of_orders_alone_are_no_pass() -> None:
    orders = lines([row for row in ROWS if row["kind"] == "order"])
    assert compared(orders, orders).exit_code == 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"sealed": False}, "right is not sealed"),
        ({"first_ts": START}, "different windows"),
        ({"last_ts": START}, "different windows"),
        ({"first_ts": None, "last_ts": None}, "right evaluated nothing"),
    ],
)
def test_runs_that_cannot_be_compared_are_told_apart_from_equal_ones(changes: dict[str, Any], reason: str) -> None:
    found = compared(LINES, LINES, **changes)
    assert (found.verdict, found.exit_code) == (Verdict.CANNOT_TELL, 2)
    assert any(reason in text for text in found.reasons)


def test_a_window_within_both_runs_can_be_compared() -> None:
    late = facts(name="late", first_ts=START + 10 * MINUTE)
    window = (START + 10 * MINUTE, START + 50 * MINUTE)
    right = lines([row for row in ROWS if row["ts"] >= START + 10 * MINUTE])
    found = compare(LINES, right, FACTS, late, window=window)
    assert (found.verdict, found.decisions) == (Verdict.EQUAL, 160)
    assert compare(LINES, right, FACTS, late, window=(START, window[1])).exit_code == 2


ALTERED: list[tuple[dict[str, Any], str, Cause]] = [
    ({"context__mark": 1.5}, "context.mark", Cause.INPUT),
    ({"context__window__digest": "00000000"}, "context.window.digest", Cause.INPUT),
    ({"cause": 1}, "cause", Cause.INPUT),
    ({"ts": START + 7}, "ts", Cause.TIMING),
    ({"context__indicators__short": 1.5}, "context.indicators.short", Cause.STATE),
    ({"context__signal": "?"}, "context.signal", Cause.STATE),
    ({"context__equity": 1.5}, "context.equity", Cause.STATE),
    ({"decision__action": "close"}, "decision.action", Cause.STATE),
    ({"verdicts": [{"guard": "rate", "allow": False, "code": "NO", "value": 1, "limit": 2}]}, "", Cause.GUARD),
    ({"seq": 1}, "seq", Cause.DAMAGED),
    ({"lane": "z"}, "lane", Cause.STATE),
    ({"evaluation": 7000}, "evaluation", Cause.STATE),
]


@pytest.mark.parametrize(("values", "path", "cause"), ALTERED)
def test_one_altered_decision_is_told_with_its_number_field_and_cause(
    values: dict[str, Any], path: str, cause: Cause
) -> None:
    place = first_place("decision")
    found = compared(LINES, lines(changed(place, **values)))
    assert (found.verdict, found.exit_code, found.mismatches_total) == (Verdict.DIFFERENT, 1, 1)
    assert found.first is not None
    mismatch = found.first.mismatch
    assert mismatch == found.mismatches[0]
    assert mismatch.seq_left == ROWS[place]["seq"]
    assert mismatch.differences[0].path.startswith(path)
    assert (mismatch.cause, mismatch.follows, mismatch.line) == (cause, False, place + 1)
    assert found.first.left == ROWS[place]
    assert (found.decisions, found.matched) == (len(DECISIONS), len(DECISIONS) - 1)


@pytest.mark.parametrize(
    ("kind", "values", "cause"),
    [
        ("fill", {"price": "1.5"}, Cause.FILL_MODEL),
        ("fill", {"fee": "9"}, Cause.FILL_MODEL),
        ("fill", {"fill_id": "x"}, Cause.FILL_MODEL),
        ("order", {"status": "Rejected"}, Cause.FILL_MODEL),
        ("order", {"order_id": "x"}, Cause.FILL_MODEL),
        ("order", {"decision": 3}, Cause.FILL_MODEL),
        ("order", {"ts": START}, Cause.TIMING),
        ("transfer", {"amount": "9"}, Cause.FILL_MODEL),
        ("transfer", {"reason": "x"}, Cause.FILL_MODEL),
        ("halt", {"halted": None}, Cause.GUARD),
        ("halt", {"reason": "x"}, Cause.GUARD),
    ],
)
def test_one_altered_row_of_another_kind_is_told(kind: str, values: dict[str, Any], cause: Cause) -> None:
    place = first_place(kind)
    found = compared(LINES, lines(changed(place, **values)))
    assert found.mismatches_total == 1
    mismatch = found.mismatches[0]
    assert (mismatch.seq_left, mismatch.kind, mismatch.cause) == (ROWS[place]["seq"], kind, cause)
    assert [item.path for item in mismatch.differences] == list(values)
    assert found.matched == found.decisions


def test_a_missing_row_is_told_and_what_is_merely_numbered_anew_is_not() -> None:
    holds = [place for place in DECISIONS if ROWS[place]["decision"]["action"] == "hold"]
    place = holds[20]
    found = compared(LINES, lines(renumbered([*ROWS[:place], *ROWS[place + 1 :]])))
    assert (found.mismatches_total, found.causes) == (1, {"missing": 1})
    assert (found.mismatches[0].seq_left, found.mismatches[0].seq_right) == (ROWS[place]["seq"], None)
    assert found.matched == found.decisions - 1
    reverse = compared(lines(renumbered([*ROWS[:place], *ROWS[place + 1 :]])), LINES)
    assert (reverse.mismatches_total, reverse.mismatches[0].seq_right) == (1, ROWS[place]["seq"])


def test_a_lane_that_is_missing_is_one_root_per_series() -> None:
    kept = renumbered([row for row in ROWS if row["lane"] == "a"])
    found = compared(LINES, lines(kept))
    gone = sum(row["lane"] == "b" for row in ROWS)
    assert found.mismatches_total == gone
    assert found.causes["missing"] == gone - found.follows_total
    assert found.causes["missing"] <= 3
    assert found.matched == sum(row["lane"] == "a" for row in ROWS if row["kind"] == "decision")


def test_what_follows_from_an_earlier_mismatch_is_counted_apart() -> None:
    series = [place for place in DECISIONS if (ROWS[place]["lane"], ROWS[place]["symbol"]) == ("a", "BTCUSDT")]
    altered = rows(records())
    for place in series[30:40]:
        altered[place]["context"]["indicators"]["short"] += 1.0
    altered[series[60]]["context"]["indicators"]["short"] += 1.0
    found = compared(LINES, lines(altered))
    assert (found.mismatches_total, found.follows_total, found.causes) == (11, 9, {"warm-up or state": 2})
    assert [mismatch.follows for mismatch in found.mismatches] == [False, *[True] * 9, False]


def test_a_mark_that_differs_afresh_is_a_root_of_its_own() -> None:
    altered = rows(records())
    for place in DECISIONS[100:103]:
        altered[place]["context"]["mark"] += 1.0
    found = compared(LINES, lines(altered))
    assert (found.follows_total, found.causes) == (0, {"input": 3})


def test_a_fill_that_differs_is_the_root_of_the_sums_and_equity_behind_it() -> None:
    altered = rows(records())
    fills = [place for place, row in enumerate(ROWS) if row["kind"] == "fill" and row["lane"] == "a"]
    altered[fills[3]]["fee"] = "5"
    for place in range(fills[3], len(ROWS)):
        if altered[place]["lane"] == "a" and altered[place]["kind"] == "fill":
            altered[place]["cash"] += "1"
        if altered[place]["lane"] == "a" and altered[place]["kind"] == "decision":
            altered[place]["context"]["equity"] -= 1.0
    found = compared(LINES, lines(altered))
    assert found.causes == {"fill model": 1}
    assert found.follows_total == found.mismatches_total - 1
    assert found.first is not None
    assert found.first.mismatch.line == fills[3] + 1


def test_the_same_inputs_cannot_be_the_cause() -> None:
    place = first_place("decision")
    same = facts(inputs_digest="d", inputs=5)
    found = compare(LINES, lines(changed(place, context__mark=1.5)), same, same)
    assert found.causes == {"warm-up or state": 1}


def test_evaluations_that_moved_are_told_as_timing() -> None:
    altered = rows(records())
    series = [place for place in DECISIONS if (ROWS[place]["lane"], ROWS[place]["symbol"]) == ("a", "BTCUSDT")]
    for place, before in zip(series[50:], series[49:-1], strict=True):
        altered[place]["context"] = ROWS[before]["context"]
        altered[place]["decision"] = ROWS[before]["decision"]
    found = compared(LINES, lines(altered))
    assert found.causes.get("timing", 0) >= 1
    assert "input" not in found.causes


def test_a_parameter_that_differs_is_the_cause_and_is_listed() -> None:
    altered = lines(changed(first_place("decision"), context__signal="?"))
    config = {"lanes": [{"name": "a", "capital": "20000"}], "guards": {"position": 1.0}}
    found = compared(LINES, altered, config=config)
    assert found.causes == {"configuration": 1}
    assert [(item.path, item.left, item.right) for item in found.configuration] == [
        ("lanes[0].capital", "10000", "20000")
    ]
    right = facts(config=config)
    assert compare(LINES, altered, FACTS, right, irrelevant=("lanes",)).causes == {"warm-up or state": 1}


@pytest.mark.parametrize("changes", [{"code": "other"}, {"strategies": {"drawn": "other"}}])
def test_other_sources_are_the_cause(changes: dict[str, Any]) -> None:
    found = compared(LINES, lines(changed(first_place("decision"), context__signal="?")), **changes)
    assert found.causes == {"code": 1}


def test_a_checksum_that_does_not_fit_is_damage() -> None:
    damaged = [*LINES[:50], LINES[50].replace(b'"crc":"', b'"crc":"f')[:-4] + b'"}\n', *LINES[51:]]
    damaged[50] = LINES[50][:-11] + (b"00000000" if LINES[50][-11:-3] != b"00000000" else b"11111111") + b'"}\n'
    found = compared(LINES, damaged)
    assert (found.mismatches_total, found.causes) == (1, {"damaged": 1})
    assert found.mismatches[0].differences[0].path == "crc"
    assert found.mismatches[0].seq_left == ROWS[50]["seq"]


def test_limits_let_a_few_decisions_pass() -> None:
    place = first_place("decision")
    altered = lines(changed(place, context__signal="?"))
    found = compare(LINES, altered, FACTS, FACTS, limits=Limits(min_rate=0.99))
    assert (found.verdict, found.exit_code, found.mismatches_total) == (Verdict.WITHIN_LIMITS, 0, 1)
    strict = compare(LINES, altered, FACTS, FACTS, limits=Limits())
    assert (strict.verdict, strict.exit_code) == (Verdict.DIFFERENT, 1)
    assert "99.75" in strict.reasons[0]
    loose = compare(LINES, altered, FACTS, FACTS, limits=Limits(match="decision"))
    assert (loose.verdict, loose.matched) == (Verdict.WITHIN_LIMITS, loose.decisions)


def test_limits_do_not_let_verdicts_or_trades_pass() -> None:
    place = next(place for place in DECISIONS if ROWS[place]["verdicts"])
    verdicts = [item | {"code": "OTHER"} for item in ROWS[place]["verdicts"]]
    altered = lines(changed(place, verdicts=verdicts))
    limits = Limits(min_rate=0.9)
    found = compare(LINES, altered, FACTS, FACTS, limits=limits)
    assert found.reasons == ("guard verdicts differ in 1 decisions",)
    fill = first_place("fill")
    fewer = lines([*ROWS[:fill], *ROWS[fill + 1 :]])
    found = compare(LINES, fewer, FACTS, FACTS, limits=limits)
    name = f"{ROWS[fill]['lane']}/{ROWS[fill]['symbol']}"
    assert found.reasons == (f"{name}: 1 fills more in one run, at most 0 may be",)
    allowed = compare(LINES, fewer, FACTS, FACTS, limits=Limits(min_rate=0.9, max_trade_difference=1))
    assert allowed.exit_code == 0


def test_only_the_first_mismatches_are_kept_and_all_are_counted() -> None:
    altered = rows(records())
    for place in DECISIONS:
        altered[place]["context"]["mark"] += 1.0
    found = compare(LINES, lines(altered), FACTS, FACTS, keep=10)
    assert (len(found.mismatches), found.mismatches_total) == (10, len(DECISIONS))
    assert [mismatch.line for mismatch in found.mismatches] == [place + 1 for place in DECISIONS[:10]]


def test_a_comparison_is_plain_json() -> None:
    found = compared(LINES, lines(changed(first_place("decision"), context__signal="?")))
    plain = msgspec.json.decode(msgspec.json.encode(found))
    assert (plain["verdict"], plain["exit_code"], plain["first"]["mismatch"]["cause"]) == (
        "different",
        1,
        "warm-up or state",
    )


def test_memory_does_not_grow_with_streams_that_agree_after_a_divergence() -> None:
    def endless(count: int, first: str) -> Any:
        row = ROWS[DECISIONS[0]]
        for place in range(count):
            yield msgspec.json.encode(
                row | {"seq": place, "evaluation": place, "strategy": first if not place else "s"}
            )

    tracemalloc.start()
    try:
        compared(endless(100, "x"), endless(100, "y"))
        tracemalloc.reset_peak()
        base = tracemalloc.get_traced_memory()[0]
        compared(endless(40_000, "x"), endless(40_000, "y"))
        grown = tracemalloc.get_traced_memory()[1] - base
    finally:
        tracemalloc.stop()
    assert grown < 6_000_000
