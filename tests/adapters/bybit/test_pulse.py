"""When a connection is pinged, and when a missing pong costs it."""

from __future__ import annotations

from adapters.bybit.pulse import Pulse
from adapters.bybit.settings import NEVER, FeedSettings
from daemon.core.units import NS_PER_MS

EVERY, PATIENCE = 20_000 * NS_PER_MS, 10_000 * NS_PER_MS


def started(at: int = 0) -> Pulse:
    pulse = Pulse(FeedSettings(ping_ms=20_000, pong_ms=10_000))
    pulse.start(at)
    return pulse


def test_before_a_connection_nothing_is_due() -> None:
    assert Pulse(FeedSettings()).due == NEVER


def test_a_ping_is_wanted_once_each_interval() -> None:
    pulse = started()
    assert (pulse.due, pulse.wants_ping(EVERY - 1)) == (EVERY, False)
    assert [pulse.wants_ping(EVERY), pulse.wants_ping(EVERY)] == [True, False]


def test_a_pong_is_waited_for_from_the_first_ping_that_has_none() -> None:
    pulse = started()
    pulse.wants_ping(EVERY)
    assert pulse.due == EVERY + PATIENCE
    pulse.wants_ping(2 * EVERY)
    assert not pulse.is_overdue(EVERY + PATIENCE - 1)
    assert pulse.is_overdue(EVERY + PATIENCE)
    pulse.pong()
    assert not pulse.is_overdue(EVERY + PATIENCE)


def test_silence_of_ours_is_excused_and_a_new_connection_begins_anew() -> None:
    pulse = started()
    pulse.excuse(PATIENCE)
    assert pulse.due == EVERY
    pulse.wants_ping(EVERY)
    pulse.excuse(PATIENCE)
    assert not pulse.is_overdue(EVERY + 2 * PATIENCE - 1)
    pulse.start(3 * EVERY)
    assert pulse.due == 4 * EVERY
