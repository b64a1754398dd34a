"""The long version of what CI runs in minutes: more random runs, more lost answers, more steps, with progress.

python -m tests.simulation.campaign --seeds 5000 --lost 10000 --steps 200000
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial

from tests.simulation.lost_answers import lose_answers
from tests.simulation.order_model import walk
from tests.simulation.random_trade import run_seed
from tests.simulation.small_world import explore

Check = Callable[[int], list[str]]


def main() -> int:
    """Run it all; returns how many went wrong, at most 1."""
    asked = _arguments()
    jobs = [
        ("random runs", asked.seeds, _runs(asked.first, asked.seeds)),
        ("lost answers", asked.lost, _lost(asked.first, asked.lost)),
        ("steps of the model", asked.steps, _steps(asked.first, asked.steps)),
        ("small worlds", asked.small, _small(asked.small)),
    ]
    bad = 0
    for name, count, results in jobs:
        begun = time.monotonic()
        done = 0
        for done, (what, found) in enumerate(results, 1):
            if found:
                bad += 1
                _say(f"{what}: {found}")
            if done % 50 == 0:
                _say(f"{name}: {done} done, {bad} bad, {time.monotonic() - begun:.0f} s")
        _say(f"{name}: {count} in {done} parts, {bad} bad so far, {time.monotonic() - begun:.0f} s")
    return min(bad, 1)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=2_000, help="random runs")
    parser.add_argument("--lost", type=int, default=10_000, help="creates whose answers are lost")
    parser.add_argument("--steps", type=int, default=200_000, help="steps of the model of one order")
    parser.add_argument(
        "--small", type=int, default=3, help="small worlds of which every interleaving is tried, at most 3"
    )
    parser.add_argument("--first", type=int, default=1_000, help="the first seed")
    return parser.parse_args()


def _runs(first: int, count: int) -> Iterator[tuple[str, list[str]]]:
    for seed in range(first, first + count):
        yield f"random run {seed}", _caught(lambda seed: run_seed(seed)[1], seed)


def _lost(first: int, count: int) -> Iterator[tuple[str, list[str]]]:
    each = 2_500
    for part, size in enumerate(_parts(count, each)):
        seed = first + part
        yield f"lost answers {seed}", _caught(partial(_lost_answers, size), seed)


def _steps(first: int, count: int) -> Iterator[tuple[str, list[str]]]:
    each = 500
    for part, size in enumerate(_parts(count, each)):
        yield f"model {first + part}", _caught(partial(walk, steps=size), first + part)


def _small(count: int) -> Iterator[tuple[str, list[str]]]:
    for fills in [("0.4",), ("1",), ("0.4", "0.6")][:count]:
        found = explore(fills)
        _say(f"small world with fills {fills}: {found.states} states, {found.ends} of them ends")
        yield f"small world {fills}", found.problems


def _lost_answers(count: int, seed: int) -> list[str]:
    return lose_answers(count, seed).findings


def _parts(count: int, each: int) -> list[int]:
    return [min(each, count - start) for start in range(0, count, each)]


def _caught(check: Check, seed: int) -> list[str]:
    """What a check finds; whatever it raises is a finding too, so that the others are still made."""
    try:
        return check(seed)
    except Exception as error:  # noqa: BLE001 - see above
        return [repr(error)]


if __name__ == "__main__":
    sys.exit(main())
