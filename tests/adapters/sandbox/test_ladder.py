from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from adapters.sandbox.ladder import LadderSide


@given(
    gap=st.integers(1, 60),
    depth=st.integers(2, 60),
    moves=st.lists(st.one_of(st.integers(-3, 3), st.integers(-4000, 4000)), max_size=40),
    sign=st.sampled_from([1, -1]),
)
def test_a_side_keeps_its_depth_and_reports_each_change_of_a_level_once(
    gap: int, depth: int, moves: list[int], sign: int
) -> None:
    touch = sign * 100_000
    side = LadderSide(touch=touch, depth=depth, gap=gap, lots_typical=100, chance=Random(1).random)
    levels = dict(side.levels)
    for move in moves:
        touch += move
        for key, lots in side.move(touch).items():
            if lots == 0:
                del levels[key]
            else:
                levels[key] = lots
        assert levels == side.levels
        assert len(levels) == depth
        assert min(levels) == touch == side.touch
        assert min(levels.values()) >= 1


def test_levels_stay_where_they_are_while_the_touch_moves_a_little() -> None:
    side = LadderSide(touch=1_000_003, depth=50, gap=47, lots_typical=100, chance=Random(1).random)
    before = set(side.levels)
    changes = side.move(1_000_004)
    assert len(set(side.levels) & before) >= 48
    assert len(changes) <= 6
