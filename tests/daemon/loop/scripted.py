"""A feed, a clock and a journal that do what a test tells them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence

from daemon.core.events import Fact, Timer
from daemon.core.units import NS_PER_MS
from daemon.ports import Received


class ScriptedSource:
    """A `LiveSource` that yields the given batches and then ends, or with `open_end` stays silent."""

    def __init__(self, batches: Iterable[Sequence[Received]], *, open_end: bool = False) -> None:
        self._batches = batches
        self._open_end = open_end
        self.taken = 0
        self.closed = False

    async def batches(self) -> AsyncIterator[list[Received]]:
        try:
            for batch in self._batches:
                self.taken += 1
                yield list(batch)
            if self._open_end:
                await asyncio.Event().wait()
        finally:
            self.closed = True

    def resync(self, topic: str) -> None:
        raise NotImplementedError

    async def close(self) -> None:
        self.closed = True


class ScriptedClock:
    """Tells the given times one after the other, the last one for ever."""

    def __init__(self, *times: int) -> None:
        self._times = list(times)

    def now(self) -> int:
        return self._times.pop(0) if len(self._times) > 1 else self._times[0]


def frame(ts: int, payload: bytes, source: str = "public-1") -> Received:
    """A frame received at `ts`, nanoseconds UTC."""
    return Received(ts, source, frame=payload)


def fact(ts: int, what: Fact, source: str = "test") -> Received:
    """A fact noticed at `ts`, nanoseconds UTC."""
    return Received(ts, source, fact=what)


def tick(ts: int) -> Received:
    """A timer input."""
    return fact(ts, Timer("tick", ts), "loop")


def timed(frames: Iterable[tuple[int, str, bytes]]) -> list[Received]:
    """Frames of a market as received, each at its own market time."""
    return [frame(ts_ms * NS_PER_MS, payload) for ts_ms, _, payload in frames]
