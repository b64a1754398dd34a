"""The comparison is tested by mutation: whatever is done to a stream, it says so, with number and field."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from replay.compare import Comparison, Verdict
from tests.replay.compare.runs import compared
from tests.replay.streams import lines, records, rows

SEEDS = range(300)
ROWS = rows(records(seed=7, minutes=12))
LINES = lines(ROWS)

Mutant = tuple[list[bytes], int, str]


def seqs(found: Comparison) -> set[int | None]:
    return {seq for mismatch in found.mismatches for seq in (mismatch.seq_left, mismatch.seq_right)}


def paths(found: Comparison) -> set[str]:
    return {item.path for mismatch in found.mismatches for item in mismatch.differences}


def drop(dice: random.Random) -> Mutant:
    place = dice.randrange(len(LINES))
    return [*LINES[:place], *LINES[place + 1 :]], place, "(row)"


def add(dice: random.Random) -> Mutant:
    place = dice.randrange(len(LINES))
    at = dice.randrange(place + 1, len(LINES) + 1)
    return [*LINES[:at], LINES[place], *LINES[at:]], place, "(row)"


def add_early(dice: random.Random) -> Mutant:
    place = dice.randrange(len(LINES))
    at = dice.randrange(place + 1)
    return [*LINES[:at], LINES[place], *LINES[at:]], place, "(row)"


def swap(dice: random.Random) -> Mutant:
    left, right = sorted(dice.sample(range(len(LINES)), 2))
    if dice.random() < 0.5:
        right = min(left + 1, len(LINES) - 1)
        left = right - 1
    mutant = [*LINES]
    mutant[left], mutant[right] = mutant[right], mutant[left]
    return mutant, left, "(order)"


def alter(dice: random.Random) -> Mutant:
    place = dice.randrange(len(LINES))
    row = msgspec.json.decode(msgspec.json.encode(ROWS[place]))
    path = _alter_leaf(row, dice)
    content = msgspec.json.encode(row)[:-1]
    return [*LINES[:place], content + LINES[place][-19:], *LINES[place + 1 :]], place, path


def _alter_leaf(value: dict[str, Any] | list[Any], dice: random.Random, path: str = "") -> str:
    items: list[tuple[Any, Any]] = list(value.items() if isinstance(value, dict) else enumerate(value))
    key = dice.choice([key for key, inner in items if inner not in ({}, [])])
    here = f"{path}[{key}]" if isinstance(value, list) else f"{path}.{key}".lstrip(".")
    if isinstance(value[key], dict | list):
        return _alter_leaf(value[key], dice, here)
    value[key] = _other(value[key], dice)
    return here


def _other(value: Any, dice: random.Random) -> Any:
    if isinstance(value, bool) or value is None:
        return not value
    if isinstance(value, str):
        return value + dice.choice("0x")
    return value + dice.choice((1, 1000)) if isinstance(value, int) else value * 1.5 + 1.0


def flip(dice: random.Random) -> Mutant:
    place = dice.randrange(len(LINES))
    line = bytearray(LINES[place])
    line[dice.randrange(len(line) - 1)] ^= 1 << dice.randrange(8)
    return [*LINES[:place], bytes(line), *LINES[place + 1 :]], place, ""


@pytest.mark.parametrize("mutate", [drop, add, add_early, swap, alter, flip])
def test_every_mutant_is_reported_with_number_and_field(mutate: Callable[[random.Random], Mutant]) -> None:
    for seed in SEEDS:
        mutant, place, path = mutate(random.Random(seed))
        if mutant == LINES:
            continue
        for left, right in ((LINES, mutant), (mutant, LINES)):
            found = compared(left, right)
            told = f"seed {seed}, line {place + 1}, {path}: {found.mismatches}"
            assert (found.verdict, found.exit_code) == (Verdict.DIFFERENT, 1), told
            assert mutate is swap or ROWS[place]["seq"] in seqs(found), told
            assert mutate in {swap, add_early} or found.mismatches_total == 1, told
            assert not path or path in paths(found) or (mutate is alter and path == "kind"), told
            assert found.mismatches_total > found.follows_total, told


def test_the_control_is_equal() -> None:
    assert compared(LINES, list(LINES)).verdict is Verdict.EQUAL
