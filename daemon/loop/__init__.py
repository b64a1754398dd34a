"""The loop: one path from an input to its decisions, for live, replay and recovery alike.

`Pipeline` is that path; `LiveLoop` feeds it from a live source and writes what comes out.
"""

from daemon.loop.live import LiveLoop, LoopSettings, Stopped
from daemon.loop.pipeline import Pipeline, read_fact
from daemon.loop.schedule import Schedule, with_schedule

__all__ = ["LiveLoop", "LoopSettings", "Pipeline", "Schedule", "Stopped", "read_fact", "with_schedule"]
