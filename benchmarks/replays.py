"""Rows on recorded frames: replay as `lockstep replay` does it, against merely decoding the same frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from adapters.bybit import wire
from adapters.bybit.decoder import FrameDecoder
from benchmarks.places import work_folder
from benchmarks.row import Row, against_baseline
from benchmarks.size import Size
from benchmarks.tape import SOURCE, Frame, make_frames, record_run
from benchmarks.timing import contest
from daemon.app.offline import replay
from daemon.journal import JournalSettings

DECODERS: dict[str, Callable[[bytes], object]] = {
    "orderbook": wire.decode_orderbook,
    "publicTrade": wire.decode_trades,
    "tickers": wire.decode_ticker,
    "kline": wire.decode_klines,
}


def replay_recorded_frames(size: Size) -> Row:
    """A run with plain segments."""
    return _replay("replay_recorded_frames", size, pack=False)


def replay_recorded_frames_zst(size: Size) -> Row:
    """The same run with segments packed by zstd, as a sealed run leaves them."""
    return _replay("replay_recorded_frames_zst", size, pack=True)


def _replay(name: str, size: Size, *, pack: bool) -> Row:
    frames = list(make_frames(size.frame_hours))
    pairs = [(DECODERS[frame.topic.partition(".")[0]], frame.payload) for frame in frames]
    with work_folder() as folder:
        run_dir = folder / "shadow"
        record_run(run_dir, frames, settings=JournalSettings(fsync="none", pack=pack), seal=True)
        baselines = [lambda: _decode(pairs), lambda: _read(frames)]
        fight, reading = contest(lambda: _replay_frames(run_dir, folder), baselines, size.rounds)
    mix = _mix(frames)
    return against_baseline(
        name,
        "frames/s",
        fight,
        baseline="frames_decoded_only",
        ratio_floor=0.5,
        note=f"{len(frames)} frames: {mix}",
        detail={"frames_read_into_facts": reading.baseline, "ratio_to_frames_read_into_facts": reading.ratio},
    )


def _replay_frames(run_dir: Path, logs: Path) -> int:
    return replay(run_dir, logs).frames


def _decode(pairs: list[tuple[Callable[[bytes], object], bytes]]) -> int:
    for decode, payload in pairs:
        decode(payload)
    return len(pairs)


def _read(frames: list[Frame]) -> int:
    """Decode and check continuity, up to the facts that the engine takes."""
    decode = FrameDecoder().decode
    for frame in frames:
        decode(frame.payload, frame.ts, SOURCE)
    return len(frames)


def _mix(frames: list[Frame]) -> str:
    kinds = [frame.topic.partition(".")[0] for frame in frames]
    counts = {kind: kinds.count(kind) for kind in DECODERS}
    return ", ".join(f"{count} {kind}" for kind, count in counts.items())
