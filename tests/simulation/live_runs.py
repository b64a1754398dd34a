"""Shadow runs without sockets: the live loop, the journal and the engine on a scripted feed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from pathlib import Path

from adapters.sandbox.listings import LISTINGS
from adapters.sandbox.market import timed_frames
from adapters.sandbox.synthetic_market import demo_market
from daemon.app.lanes import Plan, build_pipeline
from daemon.app.offline import replay
from daemon.app.runs import Mode, describe_run, journal_settings
from daemon.app.venue import feed_topics
from daemon.config import iso_time
from daemon.journal import Journal
from daemon.loop import LiveLoop, LoopSettings
from daemon.ports import Received
from tests.daemon.loop.scripted import ScriptedClock, ScriptedSource, timed
from tests.simulation.disk import decision_files

CREATED = 1_746_489_600_000_000_000


def market_frames(plan: Plan, minutes: int) -> list[Received]:
    """What a configuration's feed gets of the first minutes of the demo's day."""
    market = demo_market(plan.config.feed.symbols, minutes=minutes)
    return timed(timed_frames(market, feed_topics(plan.config)))


def make_shadow(
    logs: Path, plan: Plan, items: Sequence[Received], *, name: str = "shadow-1", sealed: bool = True
) -> Path:
    """Shadow the items, in batches of 50, and return the run's folder."""
    batches = [items[at : at + 50] for at in range(0, len(items), 50)]
    return shadow_batches(logs, plan, batches, name=name, sealed=sealed)


def shadow_batches(
    logs: Path, plan: Plan, batches: Iterable[Sequence[Received]], *, name: str = "shadow-1", sealed: bool = True
) -> Path:
    """Shadow batches of items; time is that of the items."""
    instruments = [LISTINGS[symbol].instrument for symbol in plan.config.feed.symbols]
    manifest = describe_run(name, Mode.SHADOW, plan, created=CREATED, instruments=instruments)
    settings = journal_settings(plan.config.storage, live=False)
    journal = Journal.create(logs / name, manifest, settings)
    live = LiveLoop(
        source=ScriptedSource(batches),
        clock=ScriptedClock(0),
        journal=journal,
        pipeline=build_pipeline(plan, journal.append_decision),
        resync=lambda _symbol: None,
        settings=LoopSettings(timer=0, stamp=lambda item: item.ts_recv),
        now=CREATED,
    )
    live.open(instruments)
    stopped = asyncio.run(live.run())
    if sealed:
        journal.close(ended=iso_time(CREATED), reason=str(stopped))
    else:
        journal.close()
    return logs / name


def assert_replay_is_identical(run_dir: Path) -> Path:
    """Replay a run and compare the decision files as they lie on disk; returns the replay's folder."""
    result = replay(run_dir, run_dir.parent)
    replayed = Path(result.run_dir)
    assert decision_files(replayed) == decision_files(run_dir)
    return replayed
