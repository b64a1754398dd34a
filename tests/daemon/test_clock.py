from __future__ import annotations

import json
import time
import timeit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.clock import SystemClock, VenueClock
from daemon.ports import Clock

MS = 1_000_000
NOON = 1_746_532_800_000
DAY_MS = 86_400_000


def frame(ms: int) -> bytes:
    return b'{"topic":"publicTrade.BTCUSDT","type":"snapshot","ts":%d,"data":[{"T":%d,"s":"BTCUSDT"}]}' % (ms, ms - 3)


class Hands:
    """A clock that a test sets: wall time and the time that really passes."""

    def __init__(self) -> None:
        self.wall = 1_000_000
        self.passed = 0

    def clock(self) -> SystemClock:
        return SystemClock(lambda: self.wall, lambda: self.passed)


def test_both_clocks_fit_the_port() -> None:
    clocks: list[Clock] = [SystemClock(), VenueClock(5)]
    assert clocks[0].now() > NOON * MS
    assert clocks[1].now() == 5


def test_the_system_clock_tells_the_time_of_the_machine() -> None:
    before = time.time_ns()
    assert before <= SystemClock().now() <= time.time_ns()
    assert SystemClock().monotonic() <= time.monotonic_ns()


def test_a_clock_that_is_set_back_goes_on_at_half_speed_until_the_machine_has_caught_up() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.wall -= 100
    assert clock.now() == 1_000_000
    hands.wall, hands.passed = hands.wall + 40, hands.passed + 40
    assert clock.now() == 1_000_020
    hands.wall, hands.passed = hands.wall + 200, hands.passed + 200
    assert clock.now() == hands.wall


@given(st.lists(st.tuples(st.integers(-(10**9), 10**9), st.integers(0, 10**6)), max_size=50))
def test_the_system_clock_never_goes_back(steps: list[tuple[int, int]]) -> None:
    hands = Hands()
    clock = hands.clock()
    seen = [clock.now()]
    for set_by, passed in steps:
        hands.wall += set_by + passed
        hands.passed += passed
        seen.append(clock.now())
    assert seen == sorted(seen)


def test_the_venue_clock_follows_the_stamps_of_the_frames() -> None:
    clock = VenueClock(NOON * MS)
    assert clock.observe(frame(NOON + 5)) == (NOON + 5) * MS
    assert clock.now() == (NOON + 5) * MS


@given(st.lists(st.integers(-(10**6), 10**6), max_size=50))
def test_the_venue_clock_says_the_largest_stamp(offsets: list[int]) -> None:
    clock = VenueClock(NOON * MS)
    for count, offset in enumerate(offsets, start=1):
        assert clock.observe(frame(NOON + offset)) == max([NOON, *(NOON + each for each in offsets[:count])]) * MS


@pytest.mark.parametrize(
    "other",
    [
        b'{"success":true,"ret_msg":"pong","op":"ping"}',
        b"",
        b"\xff\xfe",
        b'{"ts":"abc"}',
        b'{"ts":}',
        b'{"ts":-1746532800000}',
        b'{"ts":12}',
        b'"ts":',
        b'{"cts":1846532800000}',
    ],
)
def test_a_frame_without_a_stamp_changes_nothing(other: bytes) -> None:
    clock = VenueClock(NOON * MS)
    assert clock.observe(other) == NOON * MS


def test_a_stamp_may_stand_at_the_end_and_behind_blanks() -> None:
    clock = VenueClock(NOON * MS)
    assert clock.observe(b'{"topic":"kline.5.BTCUSDT","data":[{"start":1}],"ts":%d}' % (NOON + 1)) == (NOON + 1) * MS
    spaced = json.dumps({"topic": "tickers.BTCUSDT", "ts": NOON + 2}).encode()
    assert clock.observe(spaced) == (NOON + 2) * MS


def test_the_first_stamp_of_a_clock_without_a_start_is_believed() -> None:
    assert VenueClock().observe(frame(NOON)) == NOON * MS


def test_one_damaged_stamp_does_not_carry_the_clock_into_another_year() -> None:
    clock = VenueClock(NOON * MS)
    assert clock.observe(frame(NOON + 8 * 10**12)) == NOON * MS
    assert clock.observe(frame(NOON + 1)) == (NOON + 1) * MS


def test_a_leap_that_two_frames_agree_on_is_believed() -> None:
    clock = VenueClock(NOON * MS)
    assert clock.observe(frame(NOON + 30 * DAY_MS)) == NOON * MS
    assert clock.observe(frame(NOON + 30 * DAY_MS + 7)) == (NOON + 30 * DAY_MS + 7) * MS


@given(st.lists(st.binary(max_size=60) | st.integers(0, 10**13 - 1).map(frame), max_size=20))
def test_no_frame_breaks_the_venue_clock_or_sets_it_back(frames: list[bytes]) -> None:
    clock = VenueClock(NOON * MS)
    seen = [clock.observe(each) for each in frames]
    assert seen == sorted(seen)


def test_observing_a_frame_costs_little_beside_decoding_it() -> None:
    """The bound is loose: machines differ. The figure to reach is 0.4 us a frame."""
    frames = [frame(NOON + number) for number in range(2_000)]

    def observe_all() -> None:
        clock = VenueClock(NOON * MS)
        for each in frames:
            clock.observe(each)

    assert min(timeit.repeat(observe_all, number=1, repeat=7)) / len(frames) < 4e-6
