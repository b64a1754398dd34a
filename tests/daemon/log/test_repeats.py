from __future__ import annotations

from typing import Any

import structlog

from daemon.log.repeats import KINDS_MAX, SUMMARIES, RepeatLimit

SECOND = 10**9


class Ticking:
    def __init__(self) -> None:
        self.now = 0
        self.limit = RepeatLimit(lambda: self.now, limit=3)

    def say(self, event: str, *, component: str = "feed", level: str = "warning") -> dict[str, Any] | None:
        try:
            return dict(self.limit(None, level, {"event": event, "component": component, "level": level}))
        except structlog.DropEvent:
            return None


def test_a_repeated_message_is_held_back_and_counted() -> None:
    ticking = Ticking()
    passed = [ticking.say("reconnect") for _ in range(10)]
    assert [each is not None for each in passed] == [True] * 3 + [False] * 7
    ticking.now = 10 * SECOND
    first = ticking.say("another")
    assert first is not None
    assert first["event"] == "another"
    assert first[SUMMARIES] == [{"event": "reconnect", "level": "warning", "component": "feed", "suppressed": 7}]


def test_a_message_after_the_period_passes_with_the_summary_of_its_own_past() -> None:
    ticking = Ticking()
    for _ in range(5):
        ticking.say("reconnect")
    ticking.now = 10 * SECOND
    event = ticking.say("reconnect")
    assert event is not None
    assert event[SUMMARIES][0]["suppressed"] == 2
    assert SUMMARIES not in (ticking.say("reconnect") or {})


def test_other_events_components_and_levels_are_counted_apart() -> None:
    ticking = Ticking()
    for _ in range(5):
        ticking.say("a")
    assert ticking.say("b") is not None
    assert ticking.say("a", component="journal") is not None
    assert ticking.say("a", level="error") is not None


def test_a_held_back_message_still_brings_the_summaries_of_others() -> None:
    ticking = Ticking()
    for _ in range(4):
        ticking.say("early")
    ticking.now = 5 * SECOND
    for _ in range(4):
        ticking.say("late")
    ticking.now = 11 * SECOND
    assert ticking.say("late") == {"event": "early", "level": "warning", "component": "feed", "suppressed": 1}


def test_critical_messages_always_pass() -> None:
    ticking = Ticking()
    assert all(ticking.say("halted", level="critical") for _ in range(50))


def test_without_a_limit_everything_passes() -> None:
    limit = RepeatLimit(lambda: 0, limit=0)
    assert all(limit(None, "info", {"event": "x"}) for _ in range(100))


def test_what_is_left_is_told_at_the_end() -> None:
    ticking = Ticking()
    for _ in range(9):
        ticking.say("a")
    assert [each["suppressed"] for each in ticking.limit.summaries()] == [6]
    assert ticking.limit.summaries() == []


def test_events_without_end_do_not_fill_the_memory() -> None:
    ticking = Ticking()
    for number in range(KINDS_MAX + 100):
        assert ticking.say(f"event {number}") is not None
    assert len(ticking.limit._periods) == KINDS_MAX
