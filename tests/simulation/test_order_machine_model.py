"""The order machine against models: long random walks, and every interleaving of a small world."""

from __future__ import annotations

import sys

import pytest

from tests.simulation.order_model import walk
from tests.simulation.small_world import explore

WALKS, STEPS, PARTS = 40, 500, 8


@pytest.mark.parametrize("part", range(PARTS))
def test_twenty_thousand_random_steps_break_nothing(part: int) -> None:
    assert WALKS * STEPS == 20_000
    for seed in range(part, WALKS, PARTS):
        assert walk(seed, STEPS) == []


@pytest.mark.parametrize(("fills", "one_topic"), [(("1",), False), (("0.4", "0.6"), True)], ids=str)
def test_every_interleaving_of_a_small_world_ends_well(fills: tuple[str, ...], one_topic: bool) -> None:
    """Two fills each in two topics are tens of thousands of states, which `make campaign` looks at."""
    found = explore(fills, one_topic=one_topic)
    sys.stdout.write(f"{fills}: {found.states} states, {found.ends} of them ends\n")
    assert found.problems == []
    assert found.states > 500
    assert found.ends > 10
