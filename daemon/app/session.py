"""A live run that is open for writing: a new one, or one that was brought back and goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
from msgspec import Struct

from adapters.bybit.hosts import Environment
from daemon.app.fold import Progress
from daemon.app.instruments import opening_instruments, untold_instruments
from daemon.app.lanes import Plan, build_pipeline
from daemon.app.notices import Notices
from daemon.app.recovery import bring_back, check_same_code
from daemon.app.runs import Mode, describe_run, journal_settings, new_run_dir, plan_of
from daemon.app.venue import time_to_go_on
from daemon.clock import SystemClock
from daemon.config import StorageSettings
from daemon.core.errors import JournalFailed
from daemon.core.events import Fact, Restarted
from daemon.journal import Journal, Manifest, RunLock, read_manifest
from daemon.loop import LiveLoop, Pipeline


class Bell:
    """Carries word from the journal's thread to the loop's."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self.live: LiveLoop | None = None

    def written(self) -> None:
        """Called by the journal's thread."""
        if self.live is not None and self.live.waiting:
            self._loop.call_soon_threadsafe(self.live.written)

    def failed(self, failure: JournalFailed) -> None:
        """Called by the journal's thread."""
        if self.live is not None:
            self._loop.call_soon_threadsafe(self.live.fail, failure)


class Session(Struct, kw_only=True):
    """A run that is open for writing.

    opening: what the daemon itself has to say first.  now: its time.  started: when we began, of the machine's clock.
    """

    run_dir: Path
    lock: RunLock
    bell: Bell
    journal: Journal
    pipeline: Pipeline
    opening: list[Fact]
    now: int
    resumed: bool
    started: int


async def open_session(mode: Mode, plan: Plan, logs: Path, host: Environment) -> Session:
    """Start a new run.

    Raises:
        ConfigError: a strategy cannot be built.
        FeedError: the venue cannot be asked for its instruments.
    """
    clock = SystemClock()
    build_pipeline(lanes_of(plan, mode), None)  # a strategy that cannot be built leaves no run behind
    instruments = await opening_instruments(plan.config, host.rest)
    started = await time_to_go_on(plan.config, host, 0)
    run_dir = new_run_dir(logs, mode, clock.now())
    manifest = describe_run(run_dir.name, mode, plan, created=clock.now(), instruments=instruments)
    run_dir.mkdir(parents=True, mode=0o700)
    lock = RunLock(run_dir)
    bell = Bell()
    settings = journal_settings(plan.config.storage, live=True)
    journal = Journal.create(run_dir, manifest, settings, on_progress=bell.written, on_failure=bell.failed)
    return Session(
        run_dir=run_dir,
        lock=lock,
        bell=bell,
        journal=journal,
        pipeline=build_pipeline(lanes_of(plan, mode), Notices(journal.append_decision), manifest.lineage),
        opening=list(instruments),
        now=started,
        resumed=False,
        started=clock.now(),
    )


async def reopen_session(run_dir: Path, plan: Plan, host: Environment, progress: Progress) -> Session:
    """Bring back a run that was not sealed.

    Raises:
        RunLocked: another process writes it.
        JournalError: it cannot be continued; the message says why.
    """
    started = SystemClock().now()
    lock = RunLock(run_dir)
    bell = Bell()
    try:
        manifest = read_manifest(run_dir)
        check_same_code(manifest, plan)
        back = bring_back(run_dir, lanes_of(plan, Mode(manifest.mode)), manifest.lineage, progress)
        now = await time_to_go_on(plan.config, host, back.now)
        settings = journal_settings(_storage_to_go_on(manifest, plan), live=True)
        journal = Journal.resume(run_dir, back.recovery, settings, on_progress=bell.written, on_failure=bell.failed)
        back.outlet.open(Notices(journal.append_decision))
    except BaseException:
        lock.release()
        raise
    return Session(
        run_dir=run_dir,
        lock=lock,
        bell=bell,
        journal=journal,
        pipeline=back.pipeline,
        opening=[Restarted(back.cut_inputs, back.cut_decisions), *untold_instruments(manifest, back.pipeline)],
        now=now,
        resumed=True,
        started=started,
    )


def abandon(session: Session) -> None:
    """Write what was appended, the input that led to an error among it, and leave the run open to be continued."""
    try:
        session.journal.close()
    except JournalFailed:
        session.journal.abandon()


def lanes_of(plan: Plan, mode: Mode) -> Plan:
    """A recording decides nothing."""
    return plan.without_lanes() if mode is Mode.RECORD else plan


def _storage_to_go_on(manifest: Manifest, plan: Plan) -> StorageSettings:
    """The storage wanted now, but with the run's own segment size, which a replay of it will use too."""
    segment_mb = plan_of(manifest).config.storage.segment_mb
    return msgspec.structs.replace(plan.config.storage, segment_mb=segment_mb)
