from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.allotment import allot, sum_of
from daemon.core.errors import InvariantBroken
from daemon.core.units import ZERO, on_grid

D = Decimal
STEP = D("0.001")


def shares(held: list[str], change: str, step: str = "0.001") -> list[Decimal]:
    return list(allot([D(qty) for qty in held], D(change), D(step)))


def test_the_only_holder_takes_all_of_it() -> None:
    assert shares(["3"], "-1.234") == [D("-1.234")]
    assert shares(["-3"], "1.234") == [D("1.234")]


def test_holders_are_reduced_by_what_each_of_them_holds() -> None:
    assert shares(["3", "1"], "-2") == [D("-1.5"), D("-0.5")]


def test_what_the_grid_leaves_over_falls_on_the_largest_holder() -> None:
    assert shares(["1", "2"], "-0.1") == [D("-0.033"), D("-0.067")]


def test_of_equal_holders_the_first_of_the_configuration_takes_what_is_left_over() -> None:
    assert shares(["1", "1", "1"], "-0.1") == [D("-0.034"), D("-0.033"), D("-0.033")]


def test_what_the_largest_does_not_hold_falls_on_the_next() -> None:
    assert shares(["0.001", "0.001", "0.001"], "-0.002") == [D("-0.001"), D("-0.001"), ZERO]


def test_who_is_on_the_other_side_keeps_his_position_while_the_account_keeps_one() -> None:
    assert shares(["3", "-2", "1"], "-1") == [D("-0.75"), ZERO, D("-0.25")]


def test_a_flat_account_leaves_everybody_flat_on_either_side() -> None:
    assert shares(["3", "-2", "0"], "-1") == [D(-3), D(2), ZERO]


def test_a_position_off_the_grid_is_reduced_to_the_last_digit() -> None:
    assert shares(["0.0015", "0.002"], "-0.003", "0.001") == [D("-0.001"), D("-0.002")]
    assert sum_of(shares(["0.0015", "0.002"], "-0.0034", "0.001")) == D("-0.0034")


@pytest.mark.parametrize(
    ("held", "change"), [(["3"], "1"), (["3"], "-3.001"), (["3", "-3"], "1"), ([], "1"), (["3"], "0"), (["-1"], "-1")]
)
def test_a_fill_that_does_not_reduce_the_account_is_impossible(held: list[str], change: str) -> None:
    with pytest.raises(InvariantBroken, match="does not reduce it"):
        shares(held, change)


@given(
    st.lists(st.integers(-5_000, 5_000), min_size=1, max_size=6),
    st.integers(1, 30_000),
    st.sampled_from([D("0.001"), D("0.1"), D(1), D("0.0007")]),
)
def test_the_parts_sum_up_on_the_grid_and_turn_nobody_round(steps: list[int], wanted: int, step: Decimal) -> None:
    held = [count * step for count in steps]
    account = sum(held, ZERO)
    if not account:
        return
    size = min(wanted * step, abs(account))
    change = -size if account > 0 else size
    parts = allot(held, change, step)
    assert sum(parts, ZERO) == change
    after = [qty + part for qty, part in zip(held, parts, strict=True)]
    assert all(on_grid(part, step) for part in parts)
    assert all(left * qty >= 0 and abs(left) <= abs(qty) for left, qty in zip(after, held, strict=True))
    if size == abs(account):
        assert not any(after)
    else:
        assert all(left == qty for left, qty in zip(after, held, strict=True) if qty * account <= 0)


@given(st.lists(st.integers(1, 5_000), min_size=1, max_size=6), st.integers(1, 30_000))
def test_nobody_is_reduced_by_much_more_or_less_than_his_share(steps: list[int], wanted: int) -> None:
    held = [count * STEP for count in steps]
    account = sum(held, ZERO)
    size = min(wanted * STEP, account - STEP)
    if size <= 0:
        return
    for qty, part in zip(held, allot(held, -size, STEP), strict=True):
        assert abs(-part - size * qty / account) < len(held) * STEP
