from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from replay.curve import POINTS_MAX, EquityCurve, Point, Sample


@given(st.integers(0, 20_000))
def test_a_sample_is_even_and_bounded_and_ends_with_the_last_value(count: int) -> None:
    sample = Sample()
    for value in range(count):
        sample.add(value)
    kept = sample.values(int)
    assert len(kept) <= POINTS_MAX
    assert not count or (kept[0], kept[-1]) == (0, count - 1)
    assert len({right - left for left, right in pairwise(kept[:-1])}) <= 1


def test_a_curve_knows_its_deepest_fall_and_that_capital_is_none() -> None:
    curve = EquityCurve()
    for ts, equity in enumerate([100.0, 120.0, 90.0]):
        curve.add(ts, equity)
    curve.move_capital(Decimal(-50))
    curve.add(3, 40.0)
    assert (curve.last, curve.usdt) == (40.0, 30.0)
    assert curve.fraction == pytest.approx(30 / 70)
    assert curve.curve.values(Point) == (Point(0, 100.0), Point(1, 120.0), Point(2, 90.0), Point(3, 40.0))
    assert [point.value for point in curve.falls.values(Point)] == pytest.approx([0, 0, -0.25, -30 / 70])
