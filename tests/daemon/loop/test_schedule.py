"""When planned facts are told, and between which others."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.config import TroubleSettings
from daemon.core.events import Fact, Timer, TroubleKind, VenueTrouble
from daemon.core.units import NEVER, NS_PER_MS
from daemon.loop import Schedule, with_schedule

FIRST = 1_746_489_600_000_000_000  # 2025-05-06


def planned(name: str, *, after_ms: int | None = None, at: str | None = None) -> TroubleSettings:
    return TroubleSettings(kind=TroubleKind.REJECT, reason=name, after_ms=after_ms, at=at)


def told(schedule: Schedule, *times: int) -> list[list[tuple[int, str]]]:
    """What is told at each time: milliseconds after the first input, and the name."""
    return [
        [((ts - FIRST) // NS_PER_MS, fact.reason) for ts, fact in schedule.take(FIRST + time * NS_PER_MS)]  # type: ignore[union-attr]
        for time in times
    ]


def test_facts_are_told_once_in_the_order_of_their_times_then_of_the_plan() -> None:
    plan = [planned("c", after_ms=20), planned("a", at="2025-05-06T00:00:00.010Z"), planned("b", after_ms=10)]
    assert told(Schedule(plan), 0, 9, 10, 19, 30) == [[], [], [(10, "a"), (10, "b")], [], [(20, "c")]]


def test_a_schedule_waits_for_the_first_input_and_then_says_what_is_due_next() -> None:
    schedule = Schedule([planned("a", after_ms=5)])
    assert schedule.due == 0
    assert told(schedule, 0) == [[]]
    assert schedule.due == FIRST + 5 * NS_PER_MS
    told(schedule, 5)
    assert schedule.due == NEVER
    assert Schedule().due == NEVER


def test_what_was_due_before_the_run_is_passed_over() -> None:
    plan = [planned("gone", at="2025-05-05T23:59:59.999Z"), planned("now", at="2025-05-06T00:00:00Z")]
    assert told(Schedule(plan), 0, 1) == [[(0, "now")], []]


def test_a_run_that_goes_on_is_told_what_it_was_not() -> None:
    plan = [
        planned("gone", at="2025-05-05T00:00:00Z"),
        *(planned(name, after_ms=at) for name, at in (("a", 1), ("b", 2), ("c", 3))),
    ]
    assert told(Schedule(plan, first=FIRST, told=2), 9) == [[(3, "c")]]
    assert told(Schedule(plan, first=FIRST, told=0), 2, 9) == [[(1, "a"), (2, "b")], [(3, "c")]]


def test_times_are_counted_from_the_first_beginning_only() -> None:
    schedule = Schedule([planned("a", after_ms=5)])
    schedule.begin(FIRST)
    schedule.begin(FIRST + 1000)
    assert schedule.due == FIRST + 5 * NS_PER_MS


@given(st.lists(st.lists(st.integers(0, 20), max_size=6)), st.lists(st.integers(0, 25), max_size=5))
def test_between_batches_each_fact_comes_before_those_of_its_time(parts: list[list[int]], plan: list[int]) -> None:
    times = sorted(time for part in parts for time in part)
    sizes = [len(part) for part in parts]
    timed: list[tuple[int, Fact]] = [(FIRST + time * NS_PER_MS, Timer("tick", time)) for time in times]
    batches = [timed[sum(sizes[:place]) : sum(sizes[: place + 1])] for place in range(len(sizes))]
    schedule = Schedule([planned(str(place), after_ms=after) for place, after in enumerate(plan)])
    merged = [one for batch in with_schedule(batches, schedule) for one in batch]
    start = times[0] if times else 0
    due = sorted(start + after for after in plan if times and start + after <= times[-1])
    keys = [(ts, type(fact) is Timer) for ts, fact in merged]
    assert [one for one in merged if type(one[1]) is Timer] == timed
    assert [(ts - FIRST) // NS_PER_MS for ts, fact in merged if type(fact) is VenueTrouble] == due
    assert keys == sorted(keys)
