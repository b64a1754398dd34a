"""Runs without a live feed: `replay` of a run, `backtest` over history files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
from msgspec import Struct

from daemon.app.fold import Progress, config_instruments, describe_sources, fold_history, fold_run, no_progress
from daemon.app.lanes import Plan, build_pipeline
from daemon.app.runs import (
    Mode,
    RunResult,
    check_space,
    describe_run,
    give_threads_turns,
    journal_settings,
    new_run_dir,
    plan_of,
)
from daemon.clock import SystemClock
from daemon.config import config_digest, iso_time, require_active_lane
from daemon.core.errors import ConfigError
from daemon.journal import Journal, Manifest, RunLock, read_manifest
from daemon.loop import Pipeline


class Offline(Struct, frozen=True):
    """A run to be made without a feed: where, what it is, and how its inputs reach the pipeline."""

    run_dir: Path
    manifest: Manifest
    plan: Plan
    fold: Callable[[Pipeline], None]


def replay(run_dir: Path, logs: Path, *, progress: Progress = no_progress, plan: Plan | None = None) -> RunResult:
    """Run a recorded run's inputs again, into a new run.

    Args:
        run_dir: the run to replay, sealed or not.
        logs: where the new run goes.
        progress: told the number of inputs done and of all.
        plan: another configuration to try on the same inputs; None replays with the run's own.

    Raises:
        LockstepError: the run cannot be read, or its strategies cannot be loaded.
    """
    parent = read_manifest(run_dir)
    used = _plan_for(parent, plan)
    _check_lanes(used, run_dir.name)
    target = new_run_dir(logs, Mode.REPLAY, SystemClock().now())
    manifest = describe_run(target.name, Mode.REPLAY, used, created=SystemClock().now(), parent=parent)
    return _run(Offline(target, manifest, used, lambda pipeline: fold_run(run_dir, pipeline, progress)))


def backtest(plan: Plan, logs: Path, *, progress: Progress = no_progress) -> RunResult:
    """Run a configuration over its history files.

    Raises:
        LockstepError: a file or the configuration cannot be used.
    """
    _check_lanes(plan, "this configuration")
    missing = [symbol for symbol in plan.config.symbols if symbol not in plan.config.instruments]
    if missing:
        message = f"instruments: nothing says tick and step of {', '.join(missing)}"
        raise ConfigError(message, cure="add an [instruments.SYMBOL] section; a backtest does not ask the venue")
    target = new_run_dir(logs, Mode.BACKTEST, SystemClock().now())
    sources = describe_sources(plan)
    total = sum(source.rows for source in sources)
    manifest = describe_run(
        target.name,
        Mode.BACKTEST,
        plan,
        created=SystemClock().now(),
        instruments=config_instruments(plan),
        sources=sources,
    )
    return _run(Offline(target, manifest, plan, lambda pipeline: fold_history(plan, pipeline, progress, total)))


def _run(offline: Offline) -> RunResult:
    give_threads_turns()
    clock = SystemClock()
    started = clock.now()
    storage = offline.plan.config.storage
    check_space(offline.run_dir.parent, storage.min_free_mb)
    build_pipeline(offline.plan, None)  # a strategy that cannot be built leaves no run behind
    journal = Journal.create(offline.run_dir, offline.manifest, journal_settings(storage, live=False))
    with RunLock(offline.run_dir):
        try:
            pipeline = build_pipeline(offline.plan, journal.append_decision, offline.manifest.lineage)
            offline.fold(pipeline)
            journal.close(ended=iso_time(clock.now()), reason="end of the inputs")
        except BaseException:
            journal.abandon()
            raise
    return RunResult(
        run=offline.run_dir.name,
        run_dir=str(offline.run_dir),
        mode=offline.manifest.mode,
        inputs=pipeline.inputs,
        frames=pipeline.frames,
        decision_lines=pipeline.engine.desk.seq,
        quarantined=pipeline.engine.quarantined,
        books_lost=pipeline.engine.books_lost,
        reason="end of the inputs",
        resumed=False,
        sealed=True,
        seconds=(clock.now() - started) / 1e9,
    )


def _plan_for(parent: Manifest, tried: Plan | None) -> Plan:
    """With the run's own configuration a replay reads what the venue answered; another one is tried on paper."""
    if tried is None:
        return plan_of(parent)
    same = config_digest(tried.config) == parent.config_digest
    return msgspec.structs.replace(tried, trade=same and parent.traded)


def _check_lanes(plan: Plan, name: str) -> None:
    if not plan.config.active_lanes:
        raise ConfigError(f"{name} has no active lane, so there is nothing to decide", cure="add or activate a lane")
    require_active_lane(plan.config, name)
