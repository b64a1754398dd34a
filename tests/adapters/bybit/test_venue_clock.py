"""The venue's time, measured."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from adapters.bybit.venue_clock import ClockSettings, Sample, VenueClock, estimate
from daemon.core.account_events import VenueTime
from daemon.core.units import NS_PER_MS, NS_PER_SECOND
from daemon.ports import Received
from tests.adapters.bybit.rest_venue import environment_at, ok, rest_venue

QUICK = ClockSettings(every=0.05, retry=0.02, watch=0.005, samples=5, lost=0.05)
HOUR = 3600 * NS_PER_SECOND


class Clock:
    """The machine's clocks, of which the one that shows UTC can be set."""

    def __init__(self) -> None:
        self.set_by = 0

    def now(self) -> int:
        return time.time_ns() + self.set_by

    def monotonic(self) -> int:
        return time.monotonic_ns()


class Told:
    """What was delivered, and a way to wait for it."""

    def __init__(self) -> None:
        self.facts: list[VenueTime] = []
        self._more = asyncio.Event()

    def deliver(self, item: Received) -> None:
        assert isinstance(item.fact, VenueTime)
        assert item.source == "clock"
        self.facts.append(item.fact)
        self._more.set()

    async def until(self, enough: Callable[[list[VenueTime]], bool]) -> list[VenueTime]:
        async with asyncio.timeout(5):
            while not enough(self.facts):
                self._more.clear()
                await self._more.wait()
        return self.facts


class Server:
    """Tells the time, `ahead` of ours, or trouble."""

    def __init__(self, ahead: int = 0) -> None:
        self.ahead = ahead
        self.late = 0.0
        self.broken = False

    async def handle(self, request: web.Request) -> web.StreamResponse:
        if self.broken:
            return web.Response(status=502, text="<html>no</html>")
        told = time.time_ns() + self.ahead
        if self.late:
            await asyncio.sleep(self.late)
        return ok({"timeSecond": str(told // NS_PER_SECOND), "timeNano": str(told)})


@asynccontextmanager
async def watching(
    server: Server, told: Told, clock: Clock, settings: ClockSettings = QUICK
) -> AsyncIterator[VenueClock]:
    async with rest_venue(server.handle) as rest:
        watch = VenueClock(environment_at(rest), account="main", deliver=told.deliver, clock=clock, settings=settings)
        watch.start()
        try:
            yield watch
        finally:
            await watch.close()


def sample(offset_ms: float, round_trip_ms: float, at: int = 10**12) -> Sample:
    return Sample(at, int(round_trip_ms * NS_PER_MS), at + int(offset_ms * NS_PER_MS))


def test_the_quickest_samples_count_and_a_contradiction_does_not() -> None:
    quick = [sample(100, 10), sample(102, 12), sample(99, 11), sample(101, 14), sample(900, 13)]
    slow = [sample(400, 800) for _ in range(20)]
    measured = estimate([*slow, *quick])
    assert measured is not None
    assert 99 * NS_PER_MS <= measured.offset <= 102 * NS_PER_MS
    assert measured.bound <= 8 * NS_PER_MS


@pytest.mark.parametrize("count", [0, 1, 2])
def test_too_few_samples_say_nothing(count: int) -> None:
    assert estimate([sample(1, 1)] * count) is None


def test_samples_that_contradict_one_another_say_nothing() -> None:
    assert estimate([sample(0, 1), sample(1000, 1), sample(2000, 1), sample(3000, 1)]) is None


@given(
    st.integers(-HOUR, HOUR),
    st.lists(st.tuples(st.integers(0, 400 * NS_PER_MS), st.integers(0, 400 * NS_PER_MS)), min_size=3, max_size=12),
)
def test_the_true_offset_lies_within_the_bound_however_long_the_ways(true: int, ways: list[tuple[int, int]]) -> None:
    samples = [Sample(10**15 + (there + back) // 2, there + back, 10**15 + there + true) for there, back in ways]
    measured = estimate(samples)
    assert measured is not None, "all samples contain the true offset, so none contradicts the others"
    assert abs(measured.offset - true) <= measured.bound + 1


@pytest.mark.parametrize("ahead", [0, 5 * NS_PER_SECOND, -HOUR])
async def test_the_venues_time_is_told_and_used(ahead: int) -> None:
    told = Told()
    async with watching(Server(ahead), told, Clock()) as watch:
        (first, *_) = await told.until(lambda facts: len(facts) >= 2)
        assert abs(watch.now() - time.time_ns() - ahead) < 50 * NS_PER_MS
    assert (first.account, first.ok, first.reason) == ("main", True, "")
    assert abs(first.offset - ahead) <= first.bound + 20 * NS_PER_MS


async def test_setting_our_clock_moves_no_signature_and_is_told_at_once() -> None:
    told, clock = Told(), Clock()
    settings = ClockSettings(every=600, retry=0.02, watch=0.005, samples=5)
    async with watching(Server(), told, clock, settings) as watch:
        await told.until(lambda facts: len(facts) == 1)
        clock.set_by = HOUR
        assert abs(watch.now() - time.time_ns()) < 50 * NS_PER_MS
        _, second, third = (await told.until(lambda facts: len(facts) >= 3))[:3]
    assert (second.ok, third.ok) == (False, True)
    assert second.reason.startswith("moved by 3")
    assert abs(second.offset + HOUR) < 50 * NS_PER_MS


async def test_a_venue_whose_clock_leaps_is_believed_when_it_says_so_twice() -> None:
    told, server = Told(), Server()
    async with watching(server, told, Clock()):
        await told.until(lambda facts: len(facts) == 1)
        server.ahead = 20 * NS_PER_SECOND
        await told.until(lambda facts: any(not fact.ok for fact in facts) and facts[-1].ok)
    leap = next(fact for fact in told.facts if not fact.ok)
    assert leap.reason.startswith("moved by ")


async def test_a_slow_way_makes_the_time_too_uncertain_to_act_by() -> None:
    told, server = Told(), Server()
    server.late = 0.03
    settings = ClockSettings(every=0.02, retry=0.02, samples=3, bound_ms=10)
    async with watching(server, told, Clock(), settings):
        (first, *_) = await told.until(bool)
    assert not first.ok
    assert first.reason.startswith("known to ")


async def test_a_venue_that_cannot_be_asked_is_told_at_the_start_and_when_it_lasts() -> None:
    told, server = Told(), Server()
    server.broken = True
    async with watching(server, told, Clock()):
        (first, *_) = await told.until(bool)
        assert (first.ok, first.reason) == (False, "the venue's clock cannot be read")
        server.broken = False
        await told.until(lambda facts: facts[-1].ok)
        server.broken = True
        await told.until(lambda facts: not facts[-1].ok)


@pytest.mark.parametrize("result", [{}, {"timeNano": ""}, {"timeNano": "-5"}, {"timeNano": 5}, {"timeNano": "1e18"}])
async def test_an_answer_that_is_no_time_is_none(result: dict[str, Any]) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        return ok(result)

    told = Told()
    async with rest_venue(handle) as rest:
        watch = VenueClock(environment_at(rest), account="main", deliver=told.deliver, clock=Clock(), settings=QUICK)
        watch.start()
        (first, *_) = await told.until(bool)
        await watch.close()
    assert not first.ok
