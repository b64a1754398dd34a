"""Tapes of Bybit frames, and runs recorded from them with the product's own journal.

The frames are those that the sandbox makes of the demo's day: book of 50 levels, trades, tickers and one-minute klines
of three symbols, in the mix in which it plays them. Tapes longer than a day repeat it at later times.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from adapters.sandbox.market_data import DEMO_END_MS, MINUTE_MS, SymbolData, demo_data
from adapters.sandbox.synthetic_market import SyntheticMarket, SyntheticSettings
from daemon.app.lanes import Plan, build_pipeline
from daemon.app.runs import Mode, describe_run
from daemon.config import parse_config
from daemon.core.events import Fact, Timer
from daemon.core.units import NS_PER_MINUTE, NS_PER_MS
from daemon.journal import Journal, JournalSettings
from daemon.loop import Pipeline

SOURCE = "public-1"
TOPICS = ("orderbook.50.", "publicTrade.", "tickers.", "kline.1.")
MINUTES_PER_HOUR = 60

CONFIG = """
[feed]
symbols = ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
timer_ms = 60000

[accounts.paper]
balance_usdt = "1000000"

[[lanes]]
name = "main"
account = "paper"

[[lanes.strategies]]
name = "baseline"
use = "baseline_perps"
"""


class Frame(NamedTuple):
    """A frame and when it was received, nanoseconds UTC."""

    ts: int
    topic: str
    payload: bytes


def make_plan(text: str = CONFIG) -> Plan:
    """The configuration that recorded runs are made with."""
    return Plan(parse_config(text, "toml", "benchmark"), Path())


def make_frames(hours: int) -> Iterator[Frame]:
    """Frames of some hours of three symbols, snapshots first; the same in every process."""
    market = _market(hours)
    wanted = {topic for topic in sorted(market.topics) if topic.startswith(TOPICS)}
    start = market.start_ms * NS_PER_MS
    for topic in sorted(wanted):
        if (snapshot := market.snapshot(topic)) is not None:
            yield Frame(start, topic, snapshot)
    while (due_ms := market.next_ms) is not None:
        for topic, payload in market.advance(wanted):
            yield Frame(due_ms * NS_PER_MS, topic, payload)


def record_run(run_dir: Path, frames: Iterable[Frame], *, settings: JournalSettings, seal: bool) -> int:
    """Write a shadow run: instruments, a timer a minute, every frame, and what the engine concludes of it.

    Args:
        run_dir: its folder, made here.
        frames: in the order received.
        settings: of the journal.
        seal: False leaves the run as a kill does, with everything written.

    Returns:
        The number of inputs.
    """
    plan = make_plan()
    instruments = [data.listing.instrument for data in demo_data(plan.config.symbols)]
    created = "2025-05-06T00:00:00Z"
    manifest = describe_run(run_dir.name, Mode.SHADOW, plan, created=0, instruments=instruments)
    journal = Journal.create(run_dir, msgspec.structs.replace(manifest, created=created), settings)
    tape = _Recorder(journal, build_pipeline(plan, journal.append_decision))
    for frame in frames:
        tape.take(frame, instruments)
    if seal:
        journal.close(ended=created, reason="end of the tape")
    else:
        journal.close()
    return tape.pipeline.inputs


class _Recorder:
    """Does with each frame what the live loop does: journal first, then the pipeline."""

    def __init__(self, journal: Journal, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self._journal = journal
        self._tick = 0

    def take(self, frame: Frame, opening: Iterable[Fact]) -> None:
        if not self._tick:
            self._tick = frame.ts
            for fact in opening:
                self._append(frame.ts, "daemon", fact)
        while self._tick <= frame.ts:
            self._append(frame.ts, "loop", Timer("tick", self._tick))
            self._tick += NS_PER_MINUTE
        seq = self._journal.append_frame(frame.ts, SOURCE, frame.payload)
        self.pipeline.frame(seq, frame.ts, SOURCE, frame.payload)

    def _append(self, ts: int, source: str, fact: Fact) -> None:
        seq = self._journal.append_fact(ts, source, fact)
        self.pipeline.fact(seq, ts, fact)


def _market(hours: int) -> SyntheticMarket:
    data = demo_data()
    first_ms = max(symbol.bars[0].ts_ms for symbol in data)
    span_ms = DEMO_END_MS - first_ms
    end_ms = first_ms + hours * MINUTES_PER_HOUR * MINUTE_MS
    copies = -(-(end_ms - first_ms) // span_ms)
    repeated = [_repeat(symbol, copies, span_ms) for symbol in data]
    return SyntheticMarket(repeated, SyntheticSettings(start_ms=first_ms, end_ms=end_ms, intervals=("1",)))


def _repeat(symbol: SymbolData, copies: int, span_ms: int) -> SymbolData:
    bars = [
        msgspec.structs.replace(bar, ts_ms=bar.ts_ms + copy * span_ms) for copy in range(copies) for bar in symbol.bars
    ]
    return msgspec.structs.replace(symbol, bars=bars)
