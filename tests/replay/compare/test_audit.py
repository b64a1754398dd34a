from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from replay.compare import differences

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xyz", min_size=1, max_size=1), inner),
    max_leaves=12,
)


def test_every_parameter_that_differs_is_listed_by_its_path() -> None:
    left = {"lanes": [{"name": "a", "capital": 1}], "fee": 0.1, "old": True}
    right = {"lanes": [{"name": "a", "capital": 2}, {"name": "b"}], "fee": 0.1, "new": None}
    assert differences(left, right) == [
        ("lanes[0].capital", 1, 2),
        ("lanes[1]", None, {"name": "b"}),
        ("new", None, None),
        ("old", True, None),
    ]


def test_one_true_and_one_point_zero_are_three_values() -> None:
    assert differences({"x": 1}, {"x": True}) == [("x", 1, True)]
    assert differences({"x": 1}, {"x": 1.0}) == [("x", 1, 1.0)]


@given(JSON)
def test_a_structure_does_not_differ_from_itself(value: Any) -> None:
    assert differences(value, value) == []


@given(JSON, JSON)
def test_the_audit_is_symmetric(left: Any, right: Any) -> None:
    assert [(path, b, a) for path, a, b in differences(left, right)] == differences(right, left)
