"""The venue's time, measured: what requests are signed by, and what bounds an outcome that nobody knows.

Each sample asks /v5/market/time; the venue's clock was read at some moment between asking and hearing. The quickest
five samples of a measurement count, one that contradicts them does not, and their median is the offset. It is kept
against the monotonic clock, so that setting the machine's clock moves no signature; what is told is the offset against
our UTC.
Source: Bybit v5 docs, "Get Bybit Server Time"; the rule is that of network time protocols.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from statistics import median_low
from typing import Annotated, Protocol

import msgspec
from msgspec import Meta, Struct, field

from adapters.bybit.hosts import Environment
from adapters.bybit.http_call import HttpClient
from daemon.clock import SystemClock
from daemon.core.account_events import VenueTime
from daemon.core.units import NS_PER_MS, NS_PER_SECOND
from daemon.log import get_logger
from daemon.ports import Received

PATH = "/v5/market/time"
SOURCE = "clock"
BEST = 5
LEAST = 3
log = get_logger("bybit.clock")


class ClockSettings(Struct, frozen=True, kw_only=True):
    """How the venue's time is measured. Times in seconds where they are waits, else milliseconds.

    samples: questions of a measurement.  every: time between measurements.  retry: the same after a bad one.
    watch: how often our own clock is looked at for a step.  step_ms: by how much it must differ from the monotonic one
    to have been set.  bound_ms: largest uncertainty to sign by.  moved_ms: largest change of the offset that is
    believed at once.  lost: without a measurement for this long the time is not good any more.
    """

    samples: int = 8
    every: float = 60.0
    retry: float = 5.0
    watch: float = 1.0
    step_ms: int = 50
    bound_ms: int = 250
    moved_ms: int = 500
    lost: float = 180.0


class Sample(Struct, frozen=True):
    """One question: the middle of its round trip and its length by the monotonic clock, the venue's time; ns."""

    middle: int
    round_trip: int
    venue: int

    @property
    def offset(self) -> int:
        """Venue time minus that of the monotonic clock."""
        return self.venue - self.middle


class Measured(Struct, frozen=True):
    """Venue time = that of the monotonic clock + offset, give or take bound; nanoseconds."""

    offset: int
    bound: int


class WallClock(Protocol):
    """Our clock, and one that is never set."""

    def now(self) -> int:
        """Nanoseconds UTC."""
        ...

    def monotonic(self) -> int:
        """Nanoseconds since some start."""
        ...


class _Time(Struct, frozen=True, rename="camel"):
    time_nano: Annotated[str, Meta(pattern=r"^[0-9]{16,20}$")]


class _Answer(Struct, frozen=True):
    """Such as {"retCode":0,"retMsg":"OK","result":{"timeSecond":"1688639403","timeNano":"1688639403423213947"}}."""

    code: int = field(name="retCode")
    result: _Time


_decode = msgspec.json.Decoder(_Answer).decode


def estimate(samples: Sequence[Sample]) -> Measured | None:
    """The offset that the best samples agree on, or None when there are too few.

    The true offset lies within half a round trip of each sample's; so it does of the quickest, which gives the bound.
    """
    best = sorted(samples, key=lambda each: each.round_trip)[:BEST]
    if len(best) < LEAST:
        return None
    middle = sorted(best, key=lambda each: each.offset)[(len(best) - 1) // 2]
    kept = [each for each in best if abs(each.offset - middle.offset) <= (each.round_trip + middle.round_trip) // 2 + 1]
    if len(kept) < LEAST:
        return None
    offset = median_low(each.offset for each in kept)
    bound = min(abs(offset - each.offset) + each.round_trip // 2 for each in kept)
    return Measured(offset, max(bound, NS_PER_MS))


class VenueClock:
    """Follows the venue's clock and tells an account's lane how well it is known. Use within a running event loop.

    `VenueTime` is delivered after each measurement: at the start, every minute, and after our own clock was set. It is
    not `ok` while the uncertainty is large, after the offset moved far (until a second measurement agrees), and when
    the venue has not answered for long. Until the first measurement the venue's time is taken to be ours.

    Accelerated sandboxes have no use for it: their time is that of their frames.

    Args:
        environment: whose clock.
        account: who is told.
        deliver: takes the facts, in the event loop's thread.
        clock: ours.
        settings: how it is measured.
        proxy: whether a proxy that the environment names may be used.
    """

    def __init__(
        self,
        environment: Environment,
        *,
        account: str,
        deliver: Callable[[Received], None],
        clock: WallClock | None = None,
        settings: ClockSettings | None = None,
        proxy: bool = False,
    ) -> None:
        self._url = environment.rest + PATH
        self._account = account
        self._deliver = deliver
        self._clock = clock or SystemClock()
        self._settings = settings or ClockSettings()
        self._proxy = proxy
        self._measured: Measured | None = None
        self._told_offset: int | None = None
        self._good_at = self._clock.monotonic()
        self._task: asyncio.Task[None] | None = None

    def now(self) -> int:
        """The venue's time, nanoseconds UTC."""
        if self._measured is None:
            return self._clock.now()
        return self._clock.monotonic() + self._measured.offset

    def start(self) -> asyncio.Task[None]:
        """Begin to measure, until closed."""
        self._task = asyncio.create_task(self._follow(), name=SOURCE)
        return self._task

    async def close(self) -> None:
        """Stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _follow(self) -> None:
        http = HttpClient(connect_seconds=2, seconds=3, proxy=self._proxy)
        try:
            while True:
                wait = self._conclude(estimate(await self._samples(http)))
                await self._until_due(wait)
        finally:
            await http.close()

    async def _samples(self, http: HttpClient) -> list[Sample]:
        samples = [await self._sample(http) for _ in range(self._settings.samples)]
        return [sample for sample in samples if sample is not None]

    async def _sample(self, http: HttpClient) -> Sample | None:
        asked = self._clock.monotonic()
        answer = await http.send("GET", self._url, {}, "")
        round_trip = self._clock.monotonic() - asked
        try:
            told = _decode(answer.body)
        except msgspec.MsgspecError:
            return None
        if answer.error or told.code != 0:
            return None
        return Sample(asked + round_trip // 2, round_trip, int(told.result.time_nano))

    def _conclude(self, measured: Measured | None) -> float:
        """Take note of a measurement and tell of it; returns seconds until the next."""
        settings = self._settings
        now = self._clock.monotonic()
        if measured is None:
            log.warning("venue_time_unknown", account=self._account, url=self._url)
            if self._measured is None or now - self._good_at >= settings.lost * NS_PER_SECOND:
                self._tell("the venue's clock cannot be read")
            return settings.retry
        self._measured = measured
        self._good_at = now
        reason = self._doubt(measured)
        self._tell(reason)
        return settings.retry if reason else settings.every

    def _doubt(self, measured: Measured) -> str:
        """Why the venue's time is not good enough to act by, or nothing."""
        before, offset = self._told_offset, self._offset()
        moved = 0 if before is None else abs(offset - before)
        if measured.bound > self._settings.bound_ms * NS_PER_MS:
            return f"known to {measured.bound // NS_PER_MS} ms only"
        if moved > self._settings.moved_ms * NS_PER_MS:
            return f"moved by {moved // NS_PER_MS} ms against ours"
        return ""

    def _offset(self) -> int:
        """Venue time minus our UTC, now."""
        return self.now() - self._clock.now() if self._measured is not None else 0

    def _tell(self, reason: str) -> None:
        self._told_offset = self._offset()
        bound = 0 if self._measured is None else self._measured.bound
        fact = VenueTime(account=self._account, offset=self._told_offset, bound=bound, ok=not reason, reason=reason)
        self._deliver(Received(self._clock.now(), SOURCE, fact=fact))

    async def _until_due(self, seconds: float) -> None:
        """Wait; ends early when our own clock was set, which makes the offset wrong."""
        started, started_at = self._clock.now(), self._clock.monotonic()
        while (passed := self._clock.monotonic() - started_at) < seconds * NS_PER_SECOND:
            stepped = abs(self._clock.now() - started - passed)
            if stepped > self._settings.step_ms * NS_PER_MS:
                log.warning("clock_was_set", milliseconds=stepped // NS_PER_MS)
                return
            await asyncio.sleep(min(self._settings.watch, seconds - passed / NS_PER_SECOND))
