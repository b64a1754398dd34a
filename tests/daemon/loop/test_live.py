"""The live loop on a scripted feed: what it writes, in which order, and how it ends."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from adapters.bybit.decoder import FrameDecoder
from adapters.sandbox.market import timed_frames
from adapters.sandbox.synthetic_market import demo_market
from daemon.clock import VenueClock
from daemon.config import TroubleSettings
from daemon.core.engine import Engine
from daemon.core.errors import InvariantBroken, JournalFailed
from daemon.core.events import Fact, Restarted, Timer, TroubleKind, VenueTrouble
from daemon.core.units import NEVER, NS_PER_MS, NS_PER_SECOND
from daemon.journal import Progress
from daemon.loop import LiveLoop, LoopSettings, Pipeline, Schedule, Stopped
from daemon.ports import Received
from tests.daemon.loop.scripted import ScriptedClock, ScriptedSource, fact, frame, tick

START = 1_746_489_600 * NS_PER_SECOND
ACK = b'{"success":true,"op":"subscribe"}'


class Diary:
    """A journal and a pipeline that write into one list who was called with what."""

    def __init__(self, *, fail_at: int = 0, congested_for: int = 0) -> None:
        self.entries: list[tuple[Any, ...]] = []
        self.engine = Engine([])
        self.pipeline = _Watched(FrameDecoder(), self.engine, self.entries)
        self.flushed = 0
        self.synced = 0
        self._fail_at = fail_at
        self._congested_for = congested_for
        self._seq = 0

    def append_frame(self, ts: int, source: str, frame: bytes) -> int:
        return self._append(ts, source, frame)

    def append_fact(self, ts: int, source: str, fact: Fact) -> int:
        return self._append(ts, source, fact)

    def flush(self) -> None:
        self.flushed = self._seq
        self.entries.append(("flush",))

    @property
    def next_input(self) -> int:
        return self._seq + 1

    @property
    def next_decision(self) -> int:
        return 1

    @property
    def durable(self) -> Progress:
        return Progress(self.synced, 0)

    def want_sync(self) -> None:
        self.entries.append(("want_sync",))

    @property
    def congested(self) -> bool:
        self._congested_for -= 1
        return self._congested_for >= 0

    def _append(self, ts: int, source: str, what: bytes | Fact) -> int:
        if self._seq + 1 == self._fail_at:
            raise JournalFailed("the disk refused")
        self._seq += 1
        self.entries.append(("journal", self._seq, ts, source, what))
        return self._seq

    def appended(self) -> list[tuple[int, str, bytes | Fact]]:
        """Everything journaled, without its seq."""
        return [entry[2:] for entry in self.entries if entry[0] == "journal"]

    def times(self) -> list[int]:
        return [ts for ts, _, _ in self.appended()]

    def timers(self) -> list[int]:
        return [what.due for _, _, what in self.appended() if isinstance(what, Timer)]


class _Watched(Pipeline):
    """A pipeline that notes each input in a diary before it handles it."""

    def __init__(self, decoder: FrameDecoder, engine: Engine, entries: list[tuple[Any, ...]]) -> None:
        super().__init__(decoder, engine)
        self._entries = entries

    def frame(self, seq: int, ts_recv: int, source: str, frame: bytes) -> None:
        self._entries.append(("engine", seq, ts_recv))
        super().frame(seq, ts_recv, source, frame)

    def fact(self, seq: int, ts_recv: int, fact: Fact) -> None:
        self._entries.append(("engine", seq, ts_recv))
        super().fact(seq, ts_recv, fact)


def make_loop(
    diary: Diary, source: ScriptedSource, *, clock: ScriptedClock | None = None, now: int = 0, **settings: Any
) -> LiveLoop:
    return LiveLoop(
        source=source,
        clock=clock or ScriptedClock(START),
        journal=diary,
        pipeline=diary.pipeline,
        resync=lambda symbol: diary.entries.append(("resync", symbol)),
        settings=LoopSettings(**({"timer": 0} | settings)),
        now=now,
        progress=lambda inputs, at: diary.entries.append(("progress", inputs, at)),
    )


def seconds(*numbers: float) -> list[Received]:
    """An ack received at each of these seconds."""
    return [frame(START + int(number * NS_PER_SECOND), ACK) for number in numbers]


def run(diary: Diary, batches: Sequence[Sequence[Received]], **options: Any) -> Stopped:
    return asyncio.run(make_loop(diary, ScriptedSource(batches), **options).run())


def test_every_input_is_journaled_before_the_engine_sees_it_and_flushed_before_the_next_batch() -> None:
    diary = Diary()
    assert run(diary, [seconds(0, 1), [tick(START + 2 * NS_PER_SECOND)]]) is Stopped.SOURCE
    kinds = [entry[:2] if entry[0] in {"journal", "engine"} else entry[0] for entry in diary.entries]
    first = [("journal", 1), ("engine", 1), ("journal", 2), ("engine", 2), "flush", "progress"]
    assert kinds == [*first, ("journal", 3), ("engine", 3), "flush", "progress"]


def test_what_the_daemon_says_first_is_stamped_with_the_time_to_go_on_and_flushed() -> None:
    diary = Diary()
    loop = make_loop(diary, ScriptedSource([]), now=START)
    loop.open([Restarted(3, 4)])
    assert diary.appended() == [(START, "daemon", Restarted(3, 4))]
    assert diary.flushed == 1
    assert asyncio.run(loop.run()) is Stopped.SOURCE


def test_time_never_goes_back() -> None:
    diary = Diary()
    run(diary, [seconds(5, 3), seconds(4, 6)], now=START + 4 * NS_PER_SECOND)
    assert [(ts - START) // NS_PER_SECOND for ts in diary.times()] == [5, 5, 5, 6]


def test_a_run_ends_before_the_first_input_at_the_end_time() -> None:
    diary = Diary()
    source = ScriptedSource([seconds(0, 1, 2, 3)])
    stopped = asyncio.run(make_loop(diary, source, until=START + 2 * NS_PER_SECOND).run())
    assert stopped is Stopped.UNTIL
    assert len(diary.appended()) == diary.flushed == 2
    assert source.closed


def test_a_run_ends_at_the_end_time_of_our_clock_although_nothing_arrives() -> None:
    diary = Diary()
    source = ScriptedSource([], open_end=True)
    clock = ScriptedClock(START, START, START + NS_PER_MS)
    loop = make_loop(diary, source, clock=clock, until=START + NS_PER_MS, timer=0)
    assert asyncio.run(asyncio.wait_for(loop.run(), 10)) is Stopped.UNTIL


@pytest.mark.parametrize("inputs_max", [1, 2, 3, 4])
def test_a_run_ends_after_the_wanted_number_of_inputs_timers_included(inputs_max: int) -> None:
    diary = Diary()
    stopped = run(diary, [seconds(0, 1, 2, 3)], timer=NS_PER_SECOND, stamp=_own_time, inputs_max=inputs_max)
    assert stopped is Stopped.INPUTS
    assert len(diary.appended()) == diary.flushed == inputs_max


async def let_others_run() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


def _own_time(item: Received) -> int:
    return item.ts_recv


def test_timers_fire_before_the_input_that_lets_time_pass_and_missed_ones_are_one() -> None:
    diary = Diary()
    run(diary, [seconds(0.5, 0.9, 1.0, 7.3, 7.9)], timer=NS_PER_SECOND, stamp=_own_time)
    assert [(due - START) // NS_PER_SECOND for due in diary.timers()] == [0, 1, 7]
    kinds = [type(what).__name__ for _, _, what in diary.appended()]
    assert kinds == ["Timer", "bytes", "bytes", "Timer", "bytes", "Timer", "bytes", "bytes"]
    assert diary.times() == sorted(diary.times())


def test_by_our_own_clock_a_timer_fires_although_nothing_arrives() -> None:
    diary = Diary()
    source = ScriptedSource([], open_end=True)
    moments = [START + number * NS_PER_MS for number in (0, 0, 1, 1, 2, 2, 3)]
    loop = make_loop(diary, source, clock=ScriptedClock(*moments), timer=NS_PER_MS, inputs_max=3)
    assert asyncio.run(asyncio.wait_for(loop.run(), 10)) is Stopped.INPUTS
    assert [(due - START) // NS_PER_MS for due in diary.timers()] == [0, 1, 2]


def test_no_timer_fires_where_none_is_wanted() -> None:
    diary = Diary()
    run(diary, [seconds(0, 1, 100)], timer=0, stamp=_own_time)
    assert diary.timers() == []


def test_a_timer_that_had_fired_before_a_restart_does_not_fire_again() -> None:
    diary = Diary()
    diary.pipeline.fact(1, START, Timer("tick", START))
    run(diary, [seconds(0.5, 1.5)], timer=NS_PER_SECOND, stamp=_own_time, now=START)
    assert diary.timers() == [START + NS_PER_SECOND]


def test_a_timer_that_fell_due_while_the_daemon_was_down_fires_once_it_is_back() -> None:
    diary = Diary()
    diary.pipeline.fact(1, START, Timer("tick", START))
    run(diary, [seconds(5.5)], timer=NS_PER_SECOND, stamp=_own_time, now=START)
    assert diary.timers() == [START + 5 * NS_PER_SECOND]


def test_frames_of_an_accelerated_venue_are_stamped_with_its_own_time() -> None:
    clock = VenueClock(START)
    frames = [
        frame(1, ACK),
        frame(2, b'{"topic":"tickers.BTCUSDT","type":"snapshot","ts":%d,"data":{}}' % (START // NS_PER_MS + 250)),
        fact(3, Restarted()),
    ]
    diary = Diary()
    run(diary, [frames], stamp=lambda item: clock.now() if item.frame is None else clock.observe(item.frame), now=START)
    assert [ts - START for ts in diary.times()] == [0, 250 * NS_PER_MS, 250 * NS_PER_MS]


def test_a_failure_of_the_journal_while_waiting_for_the_feed_ends_the_loop_at_once() -> None:
    diary = Diary()
    source = ScriptedSource([seconds(0)], open_end=True)
    failure = JournalFailed("the disk refused")

    async def scene() -> None:
        loop = make_loop(diary, source)
        asyncio.get_running_loop().call_later(0.01, loop.fail, failure)
        await loop.run()

    with pytest.raises(JournalFailed) as caught:
        asyncio.run(asyncio.wait_for(scene(), 10))
    assert caught.value is failure
    assert len(diary.appended()) == 1
    assert source.closed


def test_an_input_that_cannot_be_journaled_is_not_shown_to_the_engine() -> None:
    diary = Diary(fail_at=2)
    with pytest.raises(JournalFailed):
        run(diary, [seconds(0, 1, 2)])
    assert [entry[1] for entry in diary.entries if entry[0] == "engine"] == [1]


def test_nothing_is_taken_from_the_feed_while_the_journal_is_behind() -> None:
    diary = Diary(congested_for=2)
    source = ScriptedSource([seconds(0), seconds(1), seconds(2), seconds(3)], open_end=True)

    async def scene() -> Stopped:
        loop = make_loop(diary, source, inputs_max=4)
        running = asyncio.create_task(loop.run())
        await let_others_run()
        assert loop.waiting
        assert len(diary.appended()) == 1
        assert source.taken <= 2
        loop.written()
        return await running

    assert asyncio.run(asyncio.wait_for(scene(), 10)) is Stopped.INPUTS
    assert len(diary.appended()) == 4


def test_a_failure_while_the_journal_is_behind_ends_the_loop() -> None:
    diary = Diary(congested_for=10**9)

    async def scene() -> None:
        loop = make_loop(diary, ScriptedSource([seconds(0)], open_end=True))
        running = asyncio.create_task(loop.run())
        await let_others_run()
        assert loop.waiting
        loop.fail(JournalFailed("the disk refused"))
        await running

    with pytest.raises(JournalFailed):
        asyncio.run(asyncio.wait_for(scene(), 10))


def test_a_stop_that_was_asked_for_ends_after_the_batch_in_progress() -> None:
    diary = Diary()

    async def scene() -> Stopped:
        loop = make_loop(diary, ScriptedSource([seconds(0, 1, 2)], open_end=True))
        loop.stop()
        return await loop.run()

    assert asyncio.run(asyncio.wait_for(scene(), 10)) is Stopped.ASKED
    assert len(diary.appended()) in {0, 3}
    assert diary.flushed == len(diary.appended())


def test_an_error_of_the_source_ends_the_loop() -> None:
    def batches() -> Any:
        yield seconds(0)
        raise InvariantBroken("the feed broke")

    with pytest.raises(InvariantBroken, match="the feed broke"):
        run(Diary(), batches())


def test_a_book_that_broke_is_asked_for_anew_once_and_a_healthy_one_never() -> None:
    frames = [payload for _, _, payload in timed_frames(demo_market(["BTCUSDT"], minutes=2), ["orderbook.50.BTCUSDT"])]
    market = demo_market(["BTCUSDT"], minutes=2)
    snapshot = market.snapshot("orderbook.50.BTCUSDT")
    assert snapshot is not None
    whole = [frame(START + number, payload) for number, payload in enumerate([snapshot, *frames])]
    healthy, broken = Diary(), Diary()
    run(healthy, [whole])
    assert ("resync", "BTCUSDT") not in healthy.entries
    run(broken, [whole[:5] + whole[6:]])
    assert broken.entries.count(("resync", "BTCUSDT")) == 1


def troubles(*after_ms: int, **options: int) -> Schedule:
    """Trouble so many milliseconds after the first input."""
    plan = [TroubleSettings(kind=TroubleKind.REJECT, after_ms=after) for after in after_ms]
    return Schedule(plan, **options)


def trouble_times(diary: Diary) -> list[int]:
    """When trouble was journaled, milliseconds after the start; by whom is checked."""
    found = [(ts, source) for ts, source, what in diary.appended() if isinstance(what, VenueTrouble)]
    assert {source for _, source in found} <= {"plan"}
    return [(ts - START) // NS_PER_MS for ts, _ in found]


def test_planned_trouble_is_an_input_of_its_own_time_before_the_frame_that_lets_time_pass() -> None:
    diary = Diary()
    loop = make_loop(
        diary, ScriptedSource([seconds(1, 2, 3)]), now=START, stamp=_own_time, schedule=troubles(0, 1500, 2000, 9999)
    )
    loop.open([Restarted()])
    asyncio.run(loop.run())
    assert trouble_times(diary) == [0, 1500, 2000]
    kinds = [type(what).__name__ for _, _, what in diary.appended()]
    assert kinds == ["Restarted", "VenueTrouble", "bytes", "VenueTrouble", "VenueTrouble", "bytes", "bytes"]
    assert diary.times() == sorted(diary.times())


def test_by_our_own_clock_planned_trouble_comes_although_nothing_arrives() -> None:
    diary = Diary()
    source = ScriptedSource([], open_end=True)
    clock = ScriptedClock(*(START + number * NS_PER_MS for number in range(10)))
    loop = make_loop(diary, source, clock=clock, now=START, schedule=troubles(3), inputs_max=2)
    loop.open([Restarted()])
    assert asyncio.run(asyncio.wait_for(loop.run(), 10)) is Stopped.INPUTS
    assert trouble_times(diary) == [3]


def test_a_run_that_goes_on_does_not_tell_planned_trouble_again() -> None:
    diary = Diary()
    schedule = troubles(0, 500, 1500, first=START, told=2)
    run(diary, [seconds(1, 2)], now=START, stamp=_own_time, schedule=schedule)
    assert trouble_times(diary) == [1500]


def test_the_pipeline_remembers_the_first_fact_and_counts_planned_trouble() -> None:
    diary = Diary()
    assert (diary.pipeline.first, diary.pipeline.troubles) == (0, 0)
    diary.pipeline.fact(1, START, Restarted())
    diary.pipeline.fact(2, START + 5, VenueTrouble(kind=TroubleKind.REJECT))
    assert (diary.pipeline.first, diary.pipeline.troubles) == (START, 1)


def test_what_the_daemon_notices_is_an_input_at_once_although_nothing_arrives() -> None:
    diary = Diary()

    async def scene() -> Stopped:
        loop = make_loop(diary, ScriptedSource([seconds(0)], open_end=True), inputs_max=3)
        running = asyncio.create_task(loop.run())
        await let_others_run()
        loop.tell(Timer("noticed", 1))
        await let_others_run()
        loop.tell(Timer("noticed", 2))
        return await running

    assert asyncio.run(asyncio.wait_for(scene(), 10)) is Stopped.INPUTS
    noticed = [(source, what) for _, source, what in diary.appended() if isinstance(what, Timer)]
    assert noticed == [("daemon", Timer("noticed", 1)), ("daemon", Timer("noticed", 2))]
    assert diary.times() == sorted(diary.times())
    assert diary.flushed == 3


def test_what_the_daemon_notices_has_the_time_of_the_frames_where_they_tell_the_time() -> None:
    diary = Diary()

    async def scene() -> None:
        loop = make_loop(diary, ScriptedSource([seconds(5), seconds(6)]), stamp=_frame_time(START))
        loop.tell(Timer("noticed", 1))
        await loop.run()

    asyncio.run(scene())
    assert [(ts - START) // NS_PER_SECOND for ts in diary.times()] == [0, 5, 6]


def _frame_time(start: int) -> Callable[[Received], int]:
    """The time of frames, which facts take over from the one before."""
    last = start

    def stamp(item: Received) -> int:
        nonlocal last
        last = item.ts_recv if item.frame is not None else last
        return last

    return stamp


def test_settings_have_no_end_unless_told() -> None:
    assert (LoopSettings().until, LoopSettings().inputs_max, LoopSettings().stamp) == (NEVER, 0, None)
