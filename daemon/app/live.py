"""Runs on a live feed: `shadow` (simulated exchange), `record` (inputs only), and `trade`, which brings a broker.

Started again with the same configuration after a crash, a run is recovered and continued: see `daemon.app.recovery`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Literal, Protocol

import uvloop
from msgspec import Struct

from adapters.bybit.feed import BybitFeed
from adapters.bybit.hosts import Environment
from daemon.app.control import Control
from daemon.app.ending import Ending, Wishes, signals
from daemon.app.fold import Progress, no_progress
from daemon.app.instruments import InstrumentWatch, asked_symbols
from daemon.app.lanes import Plan
from daemon.app.runs import Mode, RunResult, check_space, find_unfinished, give_threads_turns
from daemon.app.session import Session, abandon, open_session, reopen_session
from daemon.app.venue import RunTime, book_topic, feed_settings, feed_topics, run_time, venue_environment
from daemon.clock import SystemClock
from daemon.config import Config, iso_time
from daemon.core.errors import ConfigError, JournalFailed, LockstepError
from daemon.core.events import Fact, Instrument
from daemon.core.halts import DRAIN
from daemon.core.units import NEVER, NS_PER_MINUTE, NS_PER_MS, NS_PER_SECOND
from daemon.log import configure, get_logger, libraries_through_our_log
from daemon.loop import LiveLoop, LoopSettings, Schedule, Stopped
from daemon.ports import OrderPort

SPACE_CHECK_S = 5.0
LiveProgress = Callable[[int, int], None]
EventLoop = Literal["uvloop", "asyncio"]
log = get_logger("live")


class LiveOptions(Struct, frozen=True, kw_only=True):
    """How long to run, and whether an unfinished run may be continued.

    until: end time, nanoseconds UTC of the run's clock.  inputs_max: 0 for no limit.  new: never continue a run.
    flat: end as soon as a panic of every lane is over.
    """

    until: int = NEVER
    inputs_max: int = 0
    new: bool = False
    flat: bool = False
    event_loop: EventLoop = "uvloop"


class Watchers(Struct, frozen=True, kw_only=True):
    """Who is told what: `live` the inputs done and the run's time, `folding` the progress of a recovery."""

    live: LiveProgress = lambda _inputs, _now: None
    folding: Progress = no_progress


class Broker(Protocol):
    """What a run that trades has in addition; `daemon.app.trade` has the only one.

    secrets: what may never be written.
    """

    secrets: Sequence[str]

    @property
    def heard(self) -> Mapping[str, int]:
        """When each private stream, and the answers of each account, came last; nanoseconds UTC of this machine."""
        ...

    async def arm(self, host: Environment) -> Sequence[Fact]:
        """Make sure that the accounts may be traded; returns what the run is to be told of it first.

        Raises:
            ArmingRefused: they may not.
        """
        ...

    def connect(self, live: LiveLoop, time: RunTime) -> Mapping[str, OrderPort]:
        """Build the ports of the accounts, by name, and begin to follow their private streams."""
        ...

    async def close(self) -> None:
        """Disconnect, and let go of the accounts."""
        ...


class _Job(Struct, frozen=True, kw_only=True):
    """What is to be run, and by whom it is watched."""

    mode: Mode
    plan: Plan
    host: Environment
    options: LiveOptions
    watchers: Watchers
    broker: Broker | None


def run_live(
    mode: Mode, plan: Plan, logs: Path, options: LiveOptions, watchers: Watchers, *, broker: Broker | None = None
) -> RunResult:
    """Run until told to stop, then seal the run.

    broker: only for `trade`.

    Raises:
        ConfigError: the configuration cannot run live.
        FeedError: the venue cannot be reached.
        JournalFailed: the disk refused; the run can be continued once it is mended.
        RunLocked: another process writes the run that would be continued.
        ArmingRefused: the accounts may not be traded.
    """
    if not plan.config.feed.symbols:
        raise ConfigError("feed.symbols: there is nothing to subscribe to", cure="name symbols, such as BTCUSDT")
    check_space(logs, plan.config.storage.min_free_mb)
    give_threads_turns()
    factory = uvloop.new_event_loop if options.event_loop == "uvloop" else None
    host = venue_environment(plan.config)
    job = _Job(mode=mode, plan=plan, host=host, options=options, watchers=watchers, broker=broker)
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(_run(job, logs))


async def _run(job: _Job, logs: Path) -> RunResult:
    try:
        armed = [] if job.broker is None else await job.broker.arm(job.host)
        resumed = await _resumed(job, logs)
        with signals() as wishes:
            session = resumed or await open_session(job.mode, job.plan, logs, job.host)
            session.opening += armed
            return await _write(session, job, wishes)
    finally:
        if job.broker is not None:
            await job.broker.close()


async def _resumed(job: _Job, logs: Path) -> Session | None:
    """The unfinished run that this one continues; a signal may cut its recovery off, which changes nothing on disk."""
    unfinished = None if job.options.new else find_unfinished(logs, job.mode, job.plan)
    if unfinished is None:
        return None
    return await reopen_session(unfinished, job.plan, job.host, job.watchers.folding)


async def _write(session: Session, job: _Job, wishes: Wishes) -> RunResult:
    """Run an open session to its end."""
    hidden = () if job.broker is None else job.broker.secrets
    operator_log = configure(now=SystemClock().now, run_directory=session.run_dir, secrets=hidden)
    log.info("run_opened", run=session.run_dir.name, mode=str(job.mode), continued=session.resumed)
    _tell_halts(session)
    try:
        with libraries_through_our_log():
            stopped = await _drive(session, job, wishes)
        return _finish(session, job.mode, stopped)
    except BaseException as error:
        log.error("run_stopped", run=session.run_dir.name, error=f"{type(error).__name__}: {error}")
        abandon(session)
        raise
    finally:
        operator_log.close(SystemClock().now())
        session.lock.release()


def _tell_halts(session: Session) -> None:
    """A continued run keeps its halts, which whoever started it again should know; that of its stop is taken back."""
    if session.resumed:
        for lane in session.pipeline.engine.lanes:
            for who, reason in lane.halts.items():
                if who != DRAIN:
                    log.warning("still_halted", lane=lane.name, by=who, reason=reason)


async def _drive(session: Session, job: _Job, wishes: Wishes) -> Stopped:
    config, options, host, broker = job.plan.config, job.options, job.host, job.broker
    time = run_time(config, session.now)
    feed = BybitFeed(
        host.public_linear,
        feed_topics(config),
        clock=SystemClock(),
        jitter=Random(),  # noqa: S311 - only spreads reconnects; never reaches a decision
        settings=feed_settings(config),
    )

    def passed(inputs: int, now: int) -> None:
        job.watchers.live(inputs, now)
        watch.look(now)
        ending.look(inputs, now)

    def heard() -> Mapping[str, int]:
        return {"market": feed.heard} | ({} if broker is None else dict(broker.heard))

    ports: dict[str, OrderPort] = {}
    live = LiveLoop(
        source=feed,
        clock=SystemClock(),
        journal=session.journal,
        pipeline=session.pipeline,
        resync=lambda symbol: feed.resync(book_topic(config, symbol)),
        settings=_loop_settings(session, job, time),
        now=session.now,
        progress=passed,
        ports=ports,
    )
    ending = Ending(
        live, session.pipeline.engine, until=options.until, inputs_max=options.inputs_max, flat=options.flat
    )
    watch = _instrument_watch(session, config, host, live)
    session.bell.live = live
    if broker is not None:
        ports |= broker.connect(live, time)
    live.open(session.opening)
    guard = asyncio.create_task(_watch_space(session.run_dir, config.storage.min_free_mb, live))
    try:
        async with Control(session, job.mode, live, time.now, heard):
            with wishes.lead_to(ending):
                return await live.run()
    finally:
        guard.cancel()
        await asyncio.gather(guard, watch.close(), return_exceptions=True)


def _loop_settings(session: Session, job: _Job, time: RunTime) -> LoopSettings:
    """Planned trouble is for those that decide: a run without lanes records what the market says.

    The end of a run that trades takes its time, so that it is not the loop that ends it.
    """
    config, options, traded = job.plan.config, job.options, job.broker is not None
    pipeline = session.pipeline
    trouble = config.trouble if pipeline.engine.lanes else ()
    return LoopSettings(
        timer=config.feed.timer_ms * NS_PER_MS,
        until=NEVER if traded else options.until,
        inputs_max=0 if traded else options.inputs_max,
        stamp=time.stamp,
        schedule=Schedule(trouble, first=pipeline.first, told=pipeline.troubles),
    )


def _instrument_watch(session: Session, config: Config, host: Environment, live: LiveLoop) -> InstrumentWatch:
    """A run that was down asks at once: its venue may have changed something meanwhile."""
    engine = session.pipeline.engine

    def known(symbol: str) -> Instrument | None:
        market = engine.market(symbol)
        return None if market is None else market.instrument

    return InstrumentWatch(
        host.rest,
        asked_symbols(config),
        every=config.feed.instruments_every_min * NS_PER_MINUTE,
        now=0 if session.resumed else session.now,
        known=known,
        tell=live.tell,
        fail=live.fail,
    )


async def _watch_space(directory: Path, min_free_mb: int, live: LiveLoop) -> None:
    """Stop in good time before the disk is full, while the end of the run still fits."""
    while True:
        await asyncio.sleep(SPACE_CHECK_S)
        try:
            check_space(directory, min_free_mb)
        except LockstepError as error:
            live.fail(JournalFailed(error.message, cure=error.cure))


def _finish(session: Session, mode: Mode, stopped: Stopped) -> RunResult:
    """Seal the run; one that was stopped at once stays open, to be continued."""
    clock = SystemClock()
    sealed = stopped is not Stopped.AT_ONCE
    session.journal.close(ended=iso_time(clock.now()) if sealed else "", reason=str(stopped))
    event = "run_sealed" if sealed else "run_left_open"
    log.info(event, run=session.run_dir.name, reason=str(stopped), inputs=session.pipeline.inputs)
    return RunResult(
        run=session.run_dir.name,
        run_dir=str(session.run_dir),
        mode=mode,
        inputs=session.pipeline.inputs,
        frames=session.pipeline.frames,
        decision_lines=session.pipeline.engine.desk.seq,
        quarantined=session.pipeline.engine.quarantined,
        books_lost=session.pipeline.engine.books_lost,
        reason=str(stopped),
        resumed=session.resumed,
        sealed=sealed,
        seconds=(clock.now() - session.started) / NS_PER_SECOND,
    )
