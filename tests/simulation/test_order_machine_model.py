"""The order machine against models: long random walks, and every interleaving of a small world."""

from __future__ import annotations

import sys

import pytest

from tests.simulation.order_model import walk
from tests.simulation.small_world import explore

WALKS, STEPS, PARTS = 20, 500, 4


@pytest.mark.parametrize("part", range(PARTS))
def test_ten_thousand_random_steps_break_nothing(part: int) -> None:
    """`make campaign` takes two hundred thousand."""
    assert WALKS * STEPS == 10_000
    for seed in range(part, WALKS, PARTS):
        assert walk(seed, STEPS) == []


def test_every_interleaving_of_a_small_world_ends_well() -> None:
    """Two fills each are tens of thousands of states, which `make campaign` looks at."""
    found = explore(("1",))
    sys.stdout.write(f"{found.states} states, {found.ends} of them ends\n")
    assert found.problems == []
    assert found.states > 500
    assert found.ends > 10
