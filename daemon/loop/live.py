"""The live loop: source -> journal -> pipeline, batch by batch, until told to stop.

Each input is appended to the journal before the engine sees it; what a batch appended is handed to the writer at its
end. The loop stops by itself when the journal fails: nothing is concluded that cannot be written down.

Requests to venues go to their ports after the batch that led to them: questions at once, what changes something at the
venue as soon as the batch's records are durable. The loop does not wait for that; the journal rings when it is so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from enum import StrEnum
from functools import partial
from heapq import merge
from typing import Protocol

from msgspec import Struct, field

from daemon.core.events import Fact, Timer
from daemon.core.remote.requests import Request
from daemon.core.units import NEVER, NS_PER_SECOND
from daemon.loop.durability import Durability, DurableJournal
from daemon.loop.pipeline import Pipeline
from daemon.loop.schedule import Schedule
from daemon.ports import Clock, LiveSource, OrderPort, Received

_Promise = tuple[Received, asyncio.Future[int]]


class Stopped(StrEnum):
    """Why a live loop ended."""

    UNTIL = "reached the end time"
    INPUTS = "reached the number of inputs"
    ASKED = "stopped by the operator"
    AT_ONCE = "stopped at once, to be continued"
    SOURCE = "the source ended"
    FLAT = "everything is flat, and that is proved"


class InputJournal(DurableJournal, Protocol):
    """What the loop needs of a journal."""

    def append_frame(self, ts: int, source: str, frame: bytes) -> int:
        """Append a frame, return its seq."""
        ...

    def append_fact(self, ts: int, source: str, fact: Fact) -> int:
        """Append a fact, return its seq."""
        ...

    def flush(self) -> None:
        """Hand what was appended to the writer."""
        ...

    @property
    def congested(self) -> bool:
        """Whether the writer is behind."""
        ...


class LoopSettings(Struct, frozen=True, kw_only=True):
    """timer: period of the timer input, nanoseconds, 0 for none.  until: time at which to stop, nanoseconds UTC.

    inputs_max: number of inputs after which to stop, counted over the whole run; 0 for no limit.
    stamp: the time of a received item, where it is not the moment of reception (accelerated sandboxes).
    schedule: what is to be told at set times.
    """

    timer: int = NS_PER_SECOND
    until: int = NEVER
    inputs_max: int = 0
    stamp: Callable[[Received], int] | None = None
    schedule: Schedule = field(default_factory=Schedule)


class LiveLoop:
    """One feed, one journal, one engine.

    Args:
        source: the live feed.
        clock: tells when timers are due while nothing arrives.
        journal: takes every input before it is handled.
        pipeline: handles it.
        resync: asks the feed for a fresh book of a symbol.
        ports: where the requests of each account go; may be filled until the loop opens.
        now: time of the last input of the run so far; time never goes back.
        progress: told the number of inputs and the time of the last one after each batch.

    waiting: somebody waits for the journal, and `written` is to be called when it has come further.
    """

    def __init__(
        self,
        *,
        source: LiveSource,
        clock: Clock,
        journal: InputJournal,
        pipeline: Pipeline,
        resync: Callable[[str], None],
        settings: LoopSettings,
        now: int = 0,
        progress: Callable[[int, int], None] | None = None,
        ports: Mapping[str, OrderPort] | None = None,
    ) -> None:
        self._source = source
        self._clock = clock
        self._journal = journal
        self._pipeline = pipeline
        self._resync = resync
        self._settings = settings
        self._now = now
        self._progress = progress
        self._timer_due = pipeline.timer_due + settings.timer if pipeline.timer_due else 0
        self._schedule = settings.schedule
        self._ports = {} if ports is None else ports
        self._durability = Durability(journal)
        self._told: list[Received] = []
        self._promised: list[_Promise] = []
        self._asked: Stopped | None = None
        self._woken = asyncio.Event()
        self._written = asyncio.Event()
        self._failure: Exception | None = None
        self._congested = False

    @property
    def waiting(self) -> bool:
        """Whether word of the journal's progress is wanted; also asked by the journal's thread."""
        return self._congested or self._durability.waiting

    def open(self, facts: Sequence[Fact]) -> None:
        """Append and handle what the daemon itself has to say before anything arrives."""
        for fact in facts:
            self._append(self._now, "daemon", fact)
        if facts:
            self._schedule.begin(self._now)
        self._flush()

    def stop(self, why: Stopped = Stopped.ASKED) -> None:
        """End after the batch in progress; `Stopped.AT_ONCE` waits for no disk."""
        self._asked = why
        self._woken.set()
        if why is Stopped.AT_ONCE:
            self._written.set()

    def tell(self, fact: Fact) -> None:
        """Take a fact that the daemon itself noticed, such as a changed instrument; called in the loop's thread."""
        self.deliver(Received(self._clock.now(), "daemon", fact=fact))

    def deliver(self, item: Received) -> None:
        """Take what came by another way than the source: a private frame, an answer; called in the loop's thread."""
        self._told.append(item)
        self._woken.set()

    def promise(self, item: Received) -> asyncio.Future[int]:
        """Take something like `deliver`; the future tells its seq when it was handled and is durable.

        It is cancelled if the loop ends before.
        """
        promised: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._promised.append((item, promised))
        self.deliver(item)
        return promised

    def fail(self, error: Exception) -> None:
        """End at once with an error, such as a journal that cannot be written."""
        self._failure = error
        self._woken.set()
        self._written.set()

    def written(self) -> None:
        """The journal has come further; called in the loop's thread."""
        self._written.set()
        self._durability.release()

    async def run(self) -> Stopped:
        """Take batches until something ends the run.

        Raises:
            JournalFailed: the journal cannot be written.
        """
        batches = self._source.batches()
        waking = asyncio.create_task(self._woken.wait())
        arriving = asyncio.create_task(_next(batches))
        try:
            while True:
                await asyncio.wait({arriving, waking}, timeout=self._idle(), return_when=asyncio.FIRST_COMPLETED)
                if self._failure is not None:
                    raise self._failure
                if waking.done():
                    self._woken.clear()
                    waking = asyncio.create_task(self._woken.wait())
                batch: list[Received] | None = []
                if arriving.done():
                    batch = arriving.result()
                    arriving = asyncio.create_task(_next(batches))
                ended = self._handle(batch)
                if ended is not None:
                    return ended
                await self._wait_for_journal()
        finally:
            self._durability.drop()
            for _, promised in self._promised:
                promised.cancel()
            for task in (arriving, waking):
                task.cancel()
            await asyncio.gather(arriving, waking, return_exceptions=True)
            await batches.aclose()  # type: ignore[attr-defined]

    async def _wait_for_journal(self) -> None:
        """Take nothing more while the writer is behind: the venue's socket feels it."""
        while self._journal.congested and self._failure is None and self._asked is not Stopped.AT_ONCE:
            self._written.clear()
            self._congested = True
            if self._journal.congested:
                await self._written.wait()
            self._congested = False

    def _idle(self) -> float | None:
        """Seconds until our clock has something to say although nothing arrives; None where frames tell the time."""
        if self._settings.stamp is not None:
            return None
        due = min(self._timer_due if self._settings.timer else NEVER, self._settings.until, self._schedule.due)
        return None if due == NEVER else max(0, due - self._clock.now()) / NS_PER_SECOND

    def _handle(self, batch: list[Received] | None) -> Stopped | None:
        if batch is None:
            return Stopped.SOURCE
        ended = self._take_all(self._with_told(batch))
        if ended is not None:
            self._flush()
            return ended
        for symbol in self._pipeline.lost_books:
            self._resync(symbol)
        self._pipeline.lost_books.clear()
        self._flush()
        if self._progress is not None:
            self._progress(self._pipeline.inputs, self._now)
        return self._asked

    def _with_told(self, batch: list[Received]) -> list[Received]:
        """A batch with what came by other ways meanwhile, in the order of arrival where one clock tells it."""
        if not self._told:
            return batch
        told, self._told = self._told, []
        if self._settings.stamp is not None:
            return told + batch
        return list(merge(told, batch, key=lambda item: item.ts_recv))

    def _take_all(self, batch: Sequence[Received]) -> Stopped | None:
        for item in batch:
            ended = self._take(item)
            if ended is not None:
                return ended
        return self._look_at_clock() if self._settings.stamp is None else None

    def _flush(self) -> None:
        """Hand what was appended to the writer, and what was concluded to the ports."""
        self._journal.flush()
        outbox = self._pipeline.outbox
        if outbox:
            acting = [request for request in outbox if request.acts]
            self._send([request for request in outbox if not request.acts])
            outbox.clear()
            if acting:
                self._durability.hold(partial(self._send, acting))

    def _send(self, requests: Sequence[Request]) -> None:
        for request in requests:
            self._ports[request.account].send(request)

    def _look_at_clock(self) -> Stopped | None:
        """Fire the timer and what is planned by our clock, or end when its time has come although nothing arrived."""
        now = self._clock.now()
        if now >= self._settings.until:
            return Stopped.UNTIL
        return self._own(now)

    def _take(self, item: Received) -> Stopped | None:
        stamp = self._settings.stamp
        ts_recv = item.ts_recv if stamp is None else stamp(item)
        if ts_recv < self._now:
            ts_recv = self._now
        if ts_recv >= self._settings.until:
            return Stopped.UNTIL
        if stamp is not None and (ended := self._own(ts_recv)):
            return ended
        self._now = ts_recv
        if item.frame is not None:
            seq = self._journal.append_frame(ts_recv, item.source, item.frame)
            self._pipeline.frame(seq, ts_recv, item.source, item.frame)
        elif item.fact is not None:
            seq = self._append(ts_recv, item.source, item.fact)
            if self._promised:
                self._keep(item, seq)
        return self._full()

    def _keep(self, item: Received, seq: int) -> None:
        """Tell whoever was promised it that an input was handled, once it is durable."""
        for promise in [promise for promise in self._promised if promise[0] is item]:
            self._flush()
            self._durability.hold(partial(_tell, self._promised, promise, seq))

    def _own(self, now: int) -> Stopped | None:
        """Append what we ourselves have to say by `now`: what is planned, then the timer."""
        if now >= self._schedule.due:
            for due, fact in self._schedule.take(now):
                self._now = max(self._now, due)
                self._append(self._now, "plan", fact)
                if ended := self._full():
                    return ended
        return self._full() if self._tick(now) else None

    def _full(self) -> Stopped | None:
        limit = self._settings.inputs_max
        return Stopped.INPUTS if limit and self._pipeline.inputs >= limit else None

    def _tick(self, now: int) -> bool:
        """Fire the timer if it is due, and say whether it was; ticks missed during a pause are one tick."""
        period = self._settings.timer
        if not period or now < self._timer_due:
            return False
        due = now - now % period
        self._timer_due = due + period
        self._now = max(self._now, now)
        self._append(self._now, "loop", Timer("tick", due))
        return True

    def _append(self, ts_recv: int, source: str, fact: Fact) -> int:
        seq = self._journal.append_fact(ts_recv, source, fact)
        self._pipeline.fact(seq, ts_recv, fact)
        return seq


def _tell(promises: list[_Promise], promise: _Promise, seq: int) -> None:
    promises.remove(promise)
    if not promise[1].done():
        promise[1].set_result(seq)


async def _next(batches: AsyncIterator[list[Received]]) -> list[Received] | None:
    return await anext(batches, None)
