"""Random runs at a venue, judged; and the judge, judged by mutants of a good run."""

from __future__ import annotations

import copy
import json
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from tests.simulation.random_trade import evidence_of, run_seed
from tests.simulation.trade_judge import Entry, Evidence, judge

SEEDS = 80
PARTS = 10
RICH_SEED = 13  # has fills, cancels, funding, protections, strangers and restarts


@pytest.mark.parametrize("part", range(PARTS))
def test_whatever_goes_wrong_in_the_end_everything_is_exact(part: int) -> None:
    for seed in range(part, SEEDS, PARTS):
        _, found = run_seed(seed)
        assert not found, f"seed {seed}: {found}"


# The judge, judged


@pytest.fixture(scope="module")
def good() -> Evidence:
    world, found = run_seed(RICH_SEED)
    assert found == []
    return evidence_of(world, world.market.start_ms + 300_000)


def found_by(evidence: Evidence) -> set[str]:
    return {finding.partition(":")[0] for finding in judge(evidence)}


def kinds_of(evidence: Evidence) -> set[str]:
    return {json.loads(line)["kind"] for line in evidence.lines}


def with_lines(evidence: Evidence, lines: list[Entry], *, renumber: bool = True) -> Evidence:
    """The evidence with other lines, as if a replay had concluded the same: only their meaning can give them away."""
    if renumber:
        lines = [line | {"seq": number} for number, line in enumerate(lines, 1)]
    encoded = [json.dumps(line, separators=(",", ":")).encode() for line in lines]
    return replace(evidence, lines=encoded, replayed=encoded)


def with_truth(evidence: Evidence, truth: list[Entry]) -> Evidence:
    return replace(evidence, truth=[entry | {"n": number} for number, entry in enumerate(truth, 1)])


def read(evidence: Evidence) -> list[Entry]:
    return [json.loads(line) for line in evidence.lines]


def test_the_run_that_is_mutated_is_a_rich_one(good: Evidence) -> None:
    assert {"decision", "order", "fill", "send", "track", "halt", "reconcile", "transfer"} <= kinds_of(good)
    assert {"accepted", "placed", "status", "execution", "position", "transfer", "request"} <= {
        entry["what"] for entry in good.truth
    }
    assert found_by(good) == set()


@pytest.mark.parametrize("seed", range(25))
def test_every_line_that_is_dropped_repeated_altered_or_swapped_is_reported(good: Evidence, seed: int) -> None:
    rng = Random(seed)
    for _ in range(20):
        lines = list(good.lines)
        place = rng.randrange(len(lines) - 1)
        match rng.randrange(4):
            case 0:
                del lines[place]
            case 1:
                lines.insert(place, lines[place])
            case 2:
                lines[place] = flip(lines[place], rng)
            case _:
                lines[place], lines[place + 1] = lines[place + 1], lines[place]
        if parses(lines):  # what does not parse is found by whoever reads the stream
            assert "I5" in found_by(replace(good, lines=lines))


def flip(line: bytes, rng: Random) -> bytes:
    """A line with one digit changed."""
    places = [place for place, byte in enumerate(line) if 48 <= byte < 57]
    place = rng.choice(places)
    return line[:place] + bytes([line[place] + 1]) + line[place + 1 :]


def parses(lines: list[bytes]) -> bool:
    try:
        [json.loads(line) for line in lines]
    except ValueError:
        return False
    return True


MEANT: list[tuple[str, str, dict[str, Any]]] = [
    # kind of line, what is done to one of them, and with what
    ("fill", "drop", {}),
    ("fill", "repeat", {}),
    ("fill", "alter", {"qty": "0.007"}),
    ("fill", "alter", {"price": "94000.5"}),
    ("fill", "alter", {"fee": "0.123"}),
    ("fill", "alter", {"side": "other"}),
    ("fill", "alter", {"fill_id": "nobody"}),
    ("fill", "alter", {"order_id": "nobody"}),
    ("fill", "alter", {"symbol": "ETHUSDT"}),
    ("fill", "alter", {"position": "3"}),
    ("fill", "alter", {"cash": "3"}),
    ("transfer", "drop", {}),
    ("transfer", "alter", {"amount": "99999"}),
    ("send", "alter", {"text": '{"symbol":"BTCUSDT","qty":"9"}'}),
    ("decision", "repeat", {}),
]


@pytest.mark.parametrize(("kind", "what", "change"), MEANT, ids=str)
def test_every_line_that_says_something_else_is_reported_though_a_replay_says_so_too(
    good: Evidence, kind: str, what: str, change: dict[str, Any]
) -> None:
    lines = read(good)
    places = [place for place, line in enumerate(lines) if line["kind"] == kind]
    for place in places[:: max(1, len(places) // 12)]:
        mutant = copy.deepcopy(lines)
        if what == "drop":
            del mutant[place]
        elif what == "repeat":
            mutant.insert(place, dict(mutant[place]))
        else:
            line = mutant[place]
            line |= {"side": "Sell" if line["side"] == "Buy" else "Buy"} if "side" in change else change
        assert found_by(with_lines(good, mutant)), (kind, what, lines[place])


def test_a_send_record_that_comes_after_its_request_is_reported(good: Evidence) -> None:
    lines = read(good)
    for line in lines:
        if line["kind"] == "send":
            line["ts"] += 60_000_000_000
    assert "I1" in found_by(with_lines(good, lines))


def test_a_send_record_that_is_missing_is_reported(good: Evidence) -> None:
    lines = [line for line in read(good) if line["kind"] != "send"]
    assert "I1" in found_by(with_lines(good, lines))


def test_an_entry_behind_a_gate_is_reported(good: Evidence) -> None:
    lines = read(good)
    entries = [n for n, line in enumerate(lines) if line.get("op") == "create" and "reduceOnly" not in line["text"]]
    send = entries[0]
    gate = {"kind": "halt", "halted": True, "reason": "clock: unknown"} | {
        key: lines[send][key] for key in ("seq", "cause", "ts", "lane")
    }
    assert "I9" in found_by(with_lines(good, [*lines[:send], gate, *lines[send:]]))
    other = gate | {"symbol": "ETHUSDT"}
    assert "I9" not in found_by(with_lines(good, [*lines[:send], other, *lines[send:]]))


def test_an_account_that_is_not_ready_in_time_is_reported(good: Evidence) -> None:
    lines = [line for line in read(good) if line.get("step") != "ready"]
    assert "I10" in found_by(with_lines(good, lines))
    assert "I10" in found_by(replace(good, calm_ms=0, bound_ms=1))


def test_an_order_that_was_declared_absent_and_had_been_accepted_is_reported(good: Evidence) -> None:
    lines = read(good)
    track = next(line for line in lines if line["kind"] == "track" and line["state"] == "Filled")
    assert "I2" in found_by(with_lines(good, [*lines, lines[-1] | track | {"state": "Absent", "ts": lines[-1]["ts"]}]))


TRUTHS: list[tuple[str, str, dict[str, Any]]] = [
    ("execution", "drop", {}),
    ("execution", "repeat", {}),
    ("execution", "alter", {"qty": "0.777"}),
    ("execution", "alter", {"price": "1"}),
    ("execution", "alter", {"fee": "77"}),
    ("execution", "alter", {"side": "other"}),
    ("execution", "alter", {"exec_id": "nobody"}),
    ("execution", "alter", {"order_link_id": "nobody", "order_id": "nobody"}),
    ("accepted", "repeat", {}),
    ("accepted", "alter", {"qty": "0.777"}),
    ("accepted", "alter", {"side": "other"}),
    ("accepted", "alter", {"order_link_id": "ls-nobody"}),
    ("request", "repeat", {}),
    ("request", "alter", {"lines": {"symbol": "BTCUSDT", "qty": "0.777"}}),
    ("transfer", "drop", {}),
    ("transfer", "alter", {"amount": "7"}),
]


@pytest.mark.parametrize(("kind", "what", "change"), TRUTHS, ids=str)
def test_a_truth_that_is_another_one_is_reported(good: Evidence, kind: str, what: str, change: dict[str, Any]) -> None:
    truth = list(good.truth)
    ours = [place for place, entry in enumerate(truth) if entry["what"] == kind and _is_ours(entry)]
    assert ours
    for place in ours[:: max(1, len(ours) // 12)]:
        mutant = copy.deepcopy(truth)
        if what == "drop":
            del mutant[place]
        elif what == "repeat":
            mutant.insert(place, dict(mutant[place]))
        else:
            entry = mutant[place]
            entry |= {"side": "Sell" if entry["side"] == "Buy" else "Buy"} if "side" in change else change
        assert found_by(with_truth(good, mutant)), (kind, what, truth[place])


def _is_ours(entry: Entry) -> bool:
    """Whether all of an entry matters; of funding only the fee does."""
    if entry["what"] == "request":
        return bool(entry["method"] == "POST")
    if entry["what"] == "execution":
        return bool(entry["exec_type"] != "Funding")
    return entry["what"] != "accepted" or str(entry["order_link_id"]).startswith("ls-")


@pytest.mark.parametrize("what", ["position", "status"])
def test_another_last_word_about_an_order_or_a_position_is_reported(good: Evidence, what: str) -> None:
    truth = copy.deepcopy(list(good.truth))
    last = [entry for entry in truth if entry["what"] == what][-1]
    last |= {"size": "9"} if what == "position" else {"status": "New" if last["status"] != "New" else "Filled"}
    assert found_by(with_truth(good, truth))


def test_an_open_order_that_nobody_knows_is_reported(good: Evidence) -> None:
    entry = next(entry for entry in good.truth if entry["what"] == "accepted")
    stray = entry | {"order_id": "stray", "order_link_id": "by-hand"}
    assert "I8" in found_by(with_truth(good, [*good.truth, stray]))


def test_a_stop_that_is_left_on_a_flat_position_or_missing_on_one_is_reported(good: Evidence) -> None:
    last = [entry for entry in good.truth if entry["what"] == "placed"][-1]
    left = last | {"order_id": "left", "create_type": "CreateByStopLoss", "symbol": "ETHUSDT"}
    held = {"what": "execution", "symbol": "ETHUSDT", "exec_type": "Funding", "fee": "0", "ts": 0}
    flat = [
        held | {"exec_type": "Trade", "side": side, "qty": "1", "price": "1", "exec_id": side, "order_link_id": ""}
        for side in ("Buy", "Sell")
    ]
    named = [entry | {"order_id": "x"} for entry in flat]
    assert "I15" in found_by(with_truth(good, [*good.truth, *named, left]))
    asked = {"what": "request", "request": 10**6, "method": "GET", "route": "/v5/position/trading-stop"}
    asked |= {"symbol": "ETHUSDT", "lines": {"stopLoss": "1"}, "ts": 0}
    answer = {"what": "answer", "request": 10**6, "decision": "accepted", "code": 0}
    assert "I15" in found_by(with_truth(good, [*good.truth, named[0], asked, answer]))
