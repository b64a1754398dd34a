from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.sandbox.clock import MarketClock, Speed, real_monotonic_ns
from daemon.core.errors import ConfigError

START_MS = 1_746_489_600_000


class Hands:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.ns = 77

    def read(self) -> int:
        return self.ns

    def pass_ms(self, milliseconds: float) -> None:
        self.ns += int(milliseconds * 1_000_000)


@pytest.mark.parametrize("speed", [0.5, 1.0, 60.0, 1000.0])
def test_market_time_runs_at_its_speed_from_the_start_on(speed: float) -> None:
    hands = Hands()
    clock = MarketClock(START_MS, speed, hands.read)
    hands.pass_ms(500)
    assert clock.now_ms() == START_MS
    clock.start()
    hands.pass_ms(250)
    assert clock.now_ms() == START_MS + int(250 * speed)


def test_waiting_is_measured_in_real_seconds() -> None:
    hands = Hands()
    clock = MarketClock(START_MS, 60.0, hands.read)
    clock.start()
    assert clock.wait_seconds(START_MS + 60_000) == 1.0
    hands.pass_ms(400)
    assert clock.wait_seconds(START_MS + 60_000) == pytest.approx(0.6)
    hands.pass_ms(900)
    assert clock.wait_seconds(START_MS + 60_000) == 0.0


def test_time_does_not_run_past_a_step_that_was_not_taken() -> None:
    hands = Hands()
    clock = MarketClock(START_MS, 1.0, hands.read)
    clock.start()
    hands.pass_ms(10_000)
    assert clock.now_ms(next_ms=START_MS + 5_000) == START_MS + 5_000
    assert clock.now_ms(next_ms=None) == START_MS + 10_000


def test_at_full_speed_time_is_that_of_the_latest_step_and_nothing_is_waited_for() -> None:
    hands = Hands()
    clock = MarketClock(START_MS, "max", hands.read)
    clock.start()
    hands.pass_ms(10_000)
    assert clock.now_ms() == START_MS
    clock.reach(START_MS + 5)
    assert (clock.now_ms(), clock.wait_seconds(START_MS + 60_000)) == (START_MS + 5, 0.0)


@given(st.lists(st.tuples(st.integers(0, 5000), st.integers(0, 100_000)), max_size=20), st.sampled_from([1.0, 90.0]))
def test_market_time_never_goes_backwards(steps: list[tuple[int, int]], speed: float) -> None:
    hands = Hands()
    clock = MarketClock(START_MS, speed, hands.read)
    clock.start()
    latest = clock.now_ms()
    for passed_ms, step_ms in steps:
        hands.pass_ms(passed_ms)
        clock.reach(min(START_MS + step_ms, clock.now_ms()))
        assert clock.now_ms(next_ms=latest + step_ms) >= latest
        latest = clock.now_ms(next_ms=latest + step_ms)


@pytest.mark.parametrize("speed", [0.0, -1.0, float("inf"), float("nan")])
def test_a_speed_that_is_none_is_refused(speed: Speed) -> None:
    with pytest.raises(ConfigError, match="speed"):
        MarketClock(START_MS, speed)


def test_the_real_clock_does_not_go_backwards() -> None:
    assert real_monotonic_ns() <= real_monotonic_ns()
