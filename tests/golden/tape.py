"""Makes the tape of frames anew: `python -m tests.golden.tape`. Its bytes are in the repository; see README.md."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from adapters.sandbox.binance import convert_captures
from adapters.sandbox.faults import GARBAGE
from adapters.sandbox.listings import LISTINGS
from adapters.sandbox.market import timed_frames
from adapters.sandbox.market_data import DEMO_START_MS, MINUTE_MS, demo_data
from adapters.sandbox.synthetic_market import SyntheticMarket, SyntheticSettings
from daemon.core.events import Fact, Link, Restarted, Timer
from daemon.core.units import NS_PER_MS
from daemon.journal import Code, Journal, JournalSettings, Manifest

TAPE = Path(__file__).with_name("tape")
CAPTURE = Path(__file__).parents[1] / "data" / "l2" / "binance_usdm_btcusdt_20240808_15s.gz"
REAL_FRAMES = 4000
SYNTHETIC_MINUTES = 45
KINDS = ("orderbook.50", "publicTrade", "tickers", "kline.1")

Item = tuple[int, str, bytes | Fact]
"""(nanoseconds UTC, source, frame or fact)."""


def real_frames() -> Iterator[Item]:
    """A real book of BTCUSDT, with its trades and quotes."""
    frames = convert_captures([CAPTURE], LISTINGS["BTCUSDT"])
    wanted = (one for one in frames if not one[1].startswith("orderbook.1."))
    for ts_ms, _, payload in islice(wanted, REAL_FRAMES):
        yield ts_ms * NS_PER_MS, "public-1", payload


def synthetic_frames() -> Iterator[Item]:
    """Frames of ETHUSDT made from recorded minutes, with a timer, a garbled frame, a lost link and a restart."""
    settings = SyntheticSettings(
        start_ms=DEMO_START_MS, end_ms=DEMO_START_MS + SYNTHETIC_MINUTES * MINUTE_MS, steps_per_minute=6, depth=50
    )
    market = SyntheticMarket(demo_data(["ETHUSDT"]), settings)
    topics = [f"{kind}.ETHUSDT" for kind in KINDS]
    due = 0
    for number, (ts_ms, _, payload) in enumerate(timed_frames(market, topics)):
        ts = ts_ms * NS_PER_MS
        if ts >= due:
            due = ts - ts % (MINUTE_MS * NS_PER_MS) + MINUTE_MS * NS_PER_MS
            yield ts, "loop", Timer("tick", due - MINUTE_MS * NS_PER_MS)
        if number == 700:
            yield ts, "public-1", GARBAGE
        if number == 900:
            yield ts, "public-1", Link("public-1", up=False, reason="on purpose", topics=tuple(topics))
            yield ts, "public-1", Link("public-1", up=True, topics=tuple(topics))
            yield ts, "public-1", market.snapshot(topics[0]) or b""
        if number == 1200:
            yield ts, "daemon", Restarted()
        yield ts, "public-1", payload


def items() -> Iterator[Item]:
    """Everything on the tape, in time order: the real frames of 2024 first."""
    real = list(real_frames())
    for symbol in ("BTCUSDT", "ETHUSDT"):
        yield real[0][0], "daemon", LISTINGS[symbol].instrument
    yield from real
    yield from synthetic_frames()


def write_tape(folder: Path) -> Path:
    """Write the tape as the recording of a run."""
    manifest = Manifest(
        run_id="tape",
        lineage="0" * 20,
        mode="record",
        created="2024-08-08T23:54:15.000Z",
        code=Code(version="golden"),
    )
    journal = Journal.create(folder, manifest, JournalSettings(fsync="none"))
    for ts, source, what in items():
        if isinstance(what, bytes):
            journal.append_frame(ts, source, what)
        else:
            journal.append_fact(ts, source, what)
    journal.close(ended="2025-05-06T00:45:00.000Z", reason="end of the tape")
    return folder


def main() -> None:
    """Replace the tape in the repository."""
    if TAPE.exists():
        shutil.rmtree(TAPE)
    write_tape(TAPE)
    size = sum(path.stat().st_size for path in TAPE.iterdir())
    sys.stdout.write(f"{TAPE}: {size:,} bytes; now run python -m tests.golden.repin\n")


if __name__ == "__main__":
    main()
