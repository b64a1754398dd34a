"""Rows on the live path: real socket, feed, loop, engine and journal here; whoever sends is another process."""

from __future__ import annotations

import asyncio
import gc
import re
import sys
import time
from bisect import bisect_left
from collections.abc import Sequence
from pathlib import Path
from random import Random

import msgspec
import uvloop
from msgspec import Struct

from adapters.bybit.decoder import FrameDecoder
from adapters.bybit.feed import BybitFeed
from benchmarks.engines import hold_on, make_engine
from benchmarks.places import empty_manifest, work_folder
from benchmarks.processes import started
from benchmarks.row import Row, latency
from benchmarks.sender import SYMBOL, TOPICS
from benchmarks.size import Size
from benchmarks.tape import make_plan
from benchmarks.timing import median
from daemon.app.demo import CONFIG as DEMO_CONFIG
from daemon.app.live import LiveOptions, Watchers, run_live
from daemon.app.runs import Mode, journal_settings
from daemon.clock import SystemClock
from daemon.config import StorageSettings
from daemon.core.strategy import OnTicker, OnTrade
from daemon.core.units import NS_PER_MS
from daemon.journal import Journal, read_decisions, read_inputs
from daemon.journal.chain import read_envelope
from daemon.loop import LiveLoop, LoopSettings, Pipeline

WARM_UP_S = 0.5
AFTERWARDS_S = 0.5
FEED_FLOOR = 10_000.0
SENT = re.compile(rb'"cs":([0-9]+)')


class Latency(Struct, frozen=True):
    """Quantiles in milliseconds: from received to written, and at the 99th from sent by the other process."""

    p50: float
    p99: float
    p99_9: float
    sent_p99: float
    decisions: int


def live_latency_1000(size: Size) -> Row:
    """1,000 messages a second."""
    return _latency_row("live_latency_1000", 1000, size, ceiling=2.0)


def live_latency_5000(size: Size) -> Row:
    """5,000 messages a second."""
    return _latency_row("live_latency_5000", 5000, size, ceiling=5.0)


def feed_throughput(size: Size) -> Row:
    """A sandbox at its highest speed, played to a shadow daemon with the demo's configuration."""
    rate = median([_shadow_rate(size.throughput_frames) for _ in range(size.live_rounds)])
    return Row(
        name="feed_throughput",
        value=rate,
        unit="frames/s",
        floor=FEED_FLOOR,
        ratio=rate / FEED_FLOOR,
        note="two processes; the sandbox, which makes the frames, is the slower one",
    )


def _latency_row(name: str, rate: int, size: Size, *, ceiling: float) -> Row:
    found = [_measure(rate, size.live_seconds) for _ in range(size.live_rounds)]
    p99 = median([one.p99 for one in found])
    detail = {
        "p50_ms": median([one.p50 for one in found]),
        "p99_9_ms": median([one.p99_9 for one in found]),
        "p99_from_sent_ms": median([one.sent_p99 for one in found]),
        "decisions": float(sum(one.decisions for one in found)),
    }
    note = f"p50 {detail['p50_ms']:.2f}, p99.9 {detail['p99_9_ms']:.2f}; p99 from sent {detail['p99_from_sent_ms']:.2f}"
    return latency(name, p99, ceiling=ceiling, note=note, detail=detail)


def _measure(rate: int, seconds: float) -> Latency:
    arguments = [sys.executable, "-m", "benchmarks.sender", str(rate), str(WARM_UP_S + seconds)]
    with work_folder() as folder, started(arguments) as url:
        gc.collect()
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            marks = runner.run(_drive(url, folder / "run", WARM_UP_S + seconds + AFTERWARDS_S))
        return _evaluate(folder / "run", marks, warm_up=int(WARM_UP_S * rate), rate=rate)


async def _drive(url: str, run_dir: Path, seconds: float) -> list[tuple[int, int]]:
    """Run the live path; returns (seq of the last decision written, when that was known in nanoseconds UTC)."""
    marks: list[tuple[int, int]] = []

    def written() -> None:
        marks.append((journal.written.decisions, time.time_ns()))

    settings = journal_settings(StorageSettings(), live=True)
    journal = Journal.create(run_dir, empty_manifest(), settings, on_progress=written)
    engine = make_engine([SYMBOL], hold_on(OnTrade(), OnTicker()), journal.append_decision)
    feed = BybitFeed(url, TOPICS, clock=SystemClock(), jitter=Random(1))
    live = LiveLoop(
        source=feed,
        clock=SystemClock(),
        journal=journal,
        pipeline=Pipeline(FrameDecoder(), engine),
        resync=feed.resync,
        settings=LoopSettings(),
    )
    asyncio.get_running_loop().call_later(seconds, live.stop)
    await live.run()
    journal.close()
    return marks


def _evaluate(run_dir: Path, marks: list[tuple[int, int]], *, warm_up: int, rate: int) -> Latency:
    """Latency of every decision on a frame, by what stands in the journal."""
    received: dict[int, tuple[int, int]] = {}
    for record in read_inputs(run_dir):
        sent = SENT.search(record.payload) if record.kind == "frame" else None
        if sent is not None:
            received[record.seq] = (record.ts_recv, int(sent[1]))
    from_received: list[float] = []
    from_sent: list[float] = []
    for line in read_decisions(run_dir):
        envelope = read_envelope(line)
        if envelope is None or envelope.kind != "decision" or envelope.cause not in received:
            continue
        seen = marks[bisect_left(marks, (envelope.seq, 0))][1]
        ts_recv, ts_sent = received[envelope.cause]
        from_received.append((seen - ts_recv) / NS_PER_MS)
        from_sent.append((seen - ts_sent) / NS_PER_MS)
    assert len(from_received) > max(warm_up, rate // 2), f"only {len(from_received)} decisions were written"
    samples = sorted(from_received[warm_up:])
    return Latency(
        p50=_quantile(samples, 0.5),
        p99=_quantile(samples, 0.99),
        p99_9=_quantile(samples, 0.999),
        sent_p99=_quantile(sorted(from_sent[warm_up:]), 0.99),
        decisions=len(samples),
    )


def _quantile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _shadow_rate(frames: int) -> float:
    arguments = [sys.executable, "-m", "daemon.cli", "sandbox", "--speed", "max", "--start", "first_subscription"]
    with work_folder() as folder, started([*arguments, "--json"]) as ready:
        where = msgspec.json.decode(ready)
        text = DEMO_CONFIG.format(
            rest_url=where["rest_url"], public_url=where["public_url"], symbols='["BTCUSDT", "ETHUSDT", "SOLUSDT"]'
        )
        watch = _Watch()
        gc.collect()
        options = LiveOptions(inputs_max=frames, new=True)
        run_live(Mode.SHADOW, make_plan(text), folder, options, Watchers(live=watch.progress))
        return watch.rate()


class _Watch:
    """When how many inputs were done."""

    def __init__(self) -> None:
        self._first: tuple[int, float] | None = None
        self._last = (0, 0.0)

    def progress(self, inputs: int, _now: int) -> None:
        self._last = (inputs, time.perf_counter())
        if self._first is None and inputs > 100:
            self._first = self._last

    def rate(self) -> float:
        assert self._first is not None, "nothing arrived"
        return (self._last[0] - self._first[0]) / (self._last[1] - self._first[1])
