from __future__ import annotations

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from adapters.bybit.backoff import Backoff


@given(st.integers(), st.integers(1, 10**9), st.integers(1, 10**11), st.integers(1, 100))
def test_waits_lie_between_half_and_all_of_a_doubling_capped_bound(
    seed: int, first: int, longest: int, attempts: int
) -> None:
    backoff = Backoff(first, longest, Random(seed))
    for attempt in range(attempts):
        bound = min(longest, first * 2**attempt)
        assert bound // 2 <= backoff.wait() <= bound


def test_waits_differ_between_clients_and_repeat_for_a_seed() -> None:
    def waits(seed: int) -> list[int]:
        backoff = Backoff(500, 30_000, Random(seed))
        return [backoff.wait() for _ in range(10)]

    assert waits(1) == waits(1)
    assert waits(1) != waits(2)


def test_a_stable_connection_starts_the_waits_anew() -> None:
    backoff = Backoff(500, 30_000, Random(1))
    for _ in range(10):
        backoff.wait()
    backoff.reset()
    assert backoff.wait() <= 500
