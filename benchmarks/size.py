"""How much work a run of the benchmarks does."""

from __future__ import annotations

from msgspec import Struct


class Size(Struct, frozen=True, kw_only=True):
    """Amounts per row. Days and hours are market time; seconds are real.

    rounds: how often a work and its baseline are timed in turns.
    """

    rounds: int
    bar_days: int
    facts: int
    frame_hours: int
    live_seconds: float
    live_rounds: int
    recovery_inputs: int
    throughput_frames: int
    memory_hours: int
    history_days: int


FULL = Size(
    rounds=5,
    bar_days=100,
    facts=400_000,
    frame_hours=25,
    live_seconds=10.0,
    live_rounds=3,
    recovery_inputs=1_000_000,
    throughput_frames=200_000,
    memory_hours=24,
    history_days=100,
)

SHORT = Size(
    rounds=5,
    bar_days=10,
    facts=60_000,
    frame_hours=2,
    live_seconds=2.0,
    live_rounds=1,
    recovery_inputs=20_000,
    throughput_frames=20_000,
    memory_hours=1,
    history_days=10,
)
