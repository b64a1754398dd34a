"""Runs on a live feed: `shadow` (strategies on the simulated exchange) and `record` (inputs only).

Started again with the same configuration after a crash, a run is recovered and continued: see `daemon.app.recovery`.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import Literal

import msgspec
import uvloop
from msgspec import Struct

from adapters.bybit.feed import BybitFeed
from adapters.bybit.hosts import Environment, custom_environment, environment
from adapters.bybit.instruments import server_time
from adapters.bybit.settings import FeedSettings, Silence
from daemon.app.fold import Progress, no_progress
from daemon.app.instruments import InstrumentWatch, asked_symbols, opening_instruments, untold_instruments
from daemon.app.lanes import Plan, build_pipeline
from daemon.app.recovery import bring_back, check_same_code
from daemon.app.runs import (
    Mode,
    RunResult,
    check_space,
    describe_run,
    find_unfinished,
    give_threads_turns,
    iso_time,
    journal_settings,
    new_run_dir,
    plan_of,
)
from daemon.clock import SystemClock, VenueClock
from daemon.config import Config, StorageSettings, parse_interval
from daemon.core.errors import ConfigError, JournalFailed, LockstepError
from daemon.core.events import Fact, Instrument, Restarted
from daemon.core.units import NEVER, NS_PER_MINUTE, NS_PER_MS, NS_PER_SECOND
from daemon.journal import Journal, Manifest, RunLock, read_manifest
from daemon.log import configure, get_logger
from daemon.loop import LiveLoop, LoopSettings, Pipeline, Schedule, Stopped
from daemon.ports import Received

SPACE_CHECK_S = 5.0
LiveProgress = Callable[[int, int], None]
EventLoop = Literal["uvloop", "asyncio"]
log = get_logger("live")


class LiveOptions(Struct, frozen=True, kw_only=True):
    """How long to run, and whether an unfinished run may be continued.

    until: end time, nanoseconds UTC of the run's clock.  inputs_max: 0 for no limit.  new: never continue a run.
    """

    until: int = NEVER
    inputs_max: int = 0
    new: bool = False
    event_loop: EventLoop = "uvloop"


class Watchers(Struct, frozen=True, kw_only=True):
    """Who is told what: `live` the inputs done and the run's time, `folding` the progress of a recovery."""

    live: LiveProgress = lambda _inputs, _now: None
    folding: Progress = no_progress


class _Bell:
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


class _Session(Struct, kw_only=True):
    """A run that is open for writing."""

    run_dir: Path
    lock: RunLock
    bell: _Bell
    journal: Journal
    pipeline: Pipeline
    opening: list[Fact]
    now: int
    resumed: bool
    started: int


def run_live(mode: Mode, plan: Plan, logs: Path, options: LiveOptions, watchers: Watchers) -> RunResult:
    """Run until told to stop, then seal the run.

    Raises:
        ConfigError: the configuration cannot run live.
        FeedError: the venue cannot be reached.
        JournalFailed: the disk refused; the run can be continued once it is mended.
        RunLocked: another process writes the run that would be continued.
    """
    if not plan.config.feed.symbols:
        raise ConfigError("feed.symbols: there is nothing to subscribe to", cure="name symbols, such as BTCUSDT")
    check_space(logs, plan.config.storage.min_free_mb)
    give_threads_turns()
    factory = uvloop.new_event_loop if options.event_loop == "uvloop" else None
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(_run(mode, plan, logs, options, watchers))


def venue_environment(config: Config) -> Environment:
    """The hosts that a configuration names."""
    venue = config.venue
    if venue.environment != "custom":
        return environment(venue.environment)
    assert venue.rest_url is not None, "checked by the configuration"
    assert venue.public_url is not None, "checked by the configuration"
    return custom_environment("custom", rest=venue.rest_url, public_linear=venue.public_url, private=venue.public_url)


def feed_topics(config: Config) -> list[str]:
    """Bybit's names of everything that the configuration subscribes to."""
    feed = config.feed
    topics: list[str] = []
    for symbol in feed.symbols:
        if feed.book_depth:
            topics.append(book_topic(config, symbol))
        if feed.trades:
            topics.append(f"publicTrade.{symbol}")
        if feed.tickers:
            topics.append(f"tickers.{symbol}")
        topics += [f"kline.{_interval_code(interval)}.{symbol}" for interval in feed.klines]
    return topics


def book_topic(config: Config, symbol: str) -> str:
    """Bybit's name of the book of a symbol."""
    return f"orderbook.{config.feed.book_depth}.{symbol}"


def _interval_code(interval: str) -> str:
    """Bybit's word for an interval: minutes, or D and W. Source: Bybit v5 docs, "Kline"."""
    return {"1d": "D", "1w": "W"}.get(interval) or str(parse_interval(interval) // NS_PER_MINUTE)


async def _run(mode: Mode, plan: Plan, logs: Path, options: LiveOptions, watchers: Watchers) -> RunResult:
    host = venue_environment(plan.config)
    unfinished = None if options.new else find_unfinished(logs, mode, plan)
    if unfinished is not None:
        session = await _reopen(unfinished, plan, host, watchers.folding)
    else:
        session = await _open(mode, plan, logs, host)
    operator_log = configure(now=SystemClock().now, run_directory=session.run_dir)
    log.info("run_opened", run=session.run_dir.name, mode=str(mode), continued=session.resumed)
    try:
        stopped = await _drive(session, plan, options, host, watchers.live)
        return _finish(session, mode, stopped)
    except BaseException as error:
        log.error("run_stopped", run=session.run_dir.name, error=f"{type(error).__name__}: {error}")
        _keep(session.journal)
        raise
    finally:
        operator_log.close(SystemClock().now())
        session.lock.release()


def _keep(journal: Journal) -> None:
    """Write what was appended, the input that led to an error among it, and leave the run open to be continued."""
    try:
        journal.close()
    except JournalFailed:
        journal.abandon()


async def _open(mode: Mode, plan: Plan, logs: Path, host: Environment) -> _Session:
    clock = SystemClock()
    build_pipeline(_lanes_of(plan, mode), None)  # a strategy that cannot be built leaves no run behind
    instruments = await opening_instruments(plan.config, host.rest)
    started = await _time_to_go_on(plan.config, host, 0)
    run_dir = new_run_dir(logs, mode, clock.now())
    manifest = describe_run(run_dir.name, mode, plan, created=clock.now(), instruments=instruments)
    run_dir.mkdir(parents=True, mode=0o700)
    lock = RunLock(run_dir)
    bell = _Bell()
    settings = journal_settings(plan.config.storage, live=True)
    journal = Journal.create(run_dir, manifest, settings, on_progress=bell.written, on_failure=bell.failed)
    return _Session(
        run_dir=run_dir,
        lock=lock,
        bell=bell,
        journal=journal,
        pipeline=build_pipeline(_lanes_of(plan, mode), journal.append_decision),
        opening=list(instruments),
        now=started,
        resumed=False,
        started=clock.now(),
    )


async def _reopen(run_dir: Path, plan: Plan, host: Environment, progress: Progress) -> _Session:
    started = SystemClock().now()
    lock = RunLock(run_dir)
    bell = _Bell()
    try:
        manifest = read_manifest(run_dir)
        check_same_code(manifest, plan)
        back = bring_back(run_dir, _lanes_of(plan, Mode(manifest.mode)), progress)
        now = await _time_to_go_on(plan.config, host, back.now)
        settings = journal_settings(_storage_to_go_on(manifest, plan), live=True)
        journal = Journal.resume(run_dir, back.recovery, settings, on_progress=bell.written, on_failure=bell.failed)
        back.outlet.open(journal.append_decision)
    except BaseException:
        lock.release()
        raise
    return _Session(
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


def _storage_to_go_on(manifest: Manifest, plan: Plan) -> StorageSettings:
    """The storage wanted now, but with the run's own segment size, which a replay of it will use too."""
    segment_mb = plan_of(manifest).config.storage.segment_mb
    return msgspec.structs.replace(plan.config.storage, segment_mb=segment_mb)


async def _time_to_go_on(config: Config, host: Environment, last: int) -> int:
    """Time of what the daemon itself says first; `last` is that of the run's last input, 0 for a new run."""
    if config.venue.clock == "system":
        return max(last, SystemClock().now())
    return last or await server_time(host.rest)


def _lanes_of(plan: Plan, mode: Mode) -> Plan:
    """A recording decides nothing."""
    return plan if mode is Mode.SHADOW else plan.without_lanes()


async def _drive(
    session: _Session, plan: Plan, options: LiveOptions, host: Environment, progress: LiveProgress
) -> Stopped:
    config = plan.config
    feed = BybitFeed(
        host.public_linear,
        feed_topics(config),
        clock=SystemClock(),
        jitter=Random(),  # noqa: S311 - only spreads reconnects; never reaches a decision
        settings=_feed_settings(config),
    )

    def passed(inputs: int, now: int) -> None:
        progress(inputs, now)
        watch.look(now)

    live = LiveLoop(
        source=feed,
        clock=SystemClock(),
        journal=session.journal,
        pipeline=session.pipeline,
        resync=lambda symbol: feed.resync(book_topic(config, symbol)),
        settings=_loop_settings(session, config, options),
        now=session.now,
        progress=passed,
    )
    watch = _instrument_watch(session, config, host, live)
    session.bell.live = live
    live.open(session.opening)
    guard = asyncio.create_task(_watch_space(session.run_dir, config.storage.min_free_mb, live))
    try:
        with _signals(live):
            return await live.run()
    finally:
        guard.cancel()
        await asyncio.gather(guard, watch.close(), return_exceptions=True)


def _loop_settings(session: _Session, config: Config, options: LiveOptions) -> LoopSettings:
    """Planned trouble is for those that decide: a run without lanes records what the market says."""
    pipeline = session.pipeline
    trouble = config.trouble if pipeline.engine.lanes else ()
    return LoopSettings(
        timer=config.feed.timer_ms * NS_PER_MS,
        until=options.until,
        inputs_max=options.inputs_max,
        stamp=_stamp(session.now) if config.venue.clock == "venue" else None,
        schedule=Schedule(trouble, first=pipeline.first, told=pipeline.troubles),
    )


def _instrument_watch(session: _Session, config: Config, host: Environment, live: LiveLoop) -> InstrumentWatch:
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


def _feed_settings(config: Config) -> FeedSettings:
    limits = config.feed.stale_after_ms
    silence = Silence(orderbook_ms=limits.book, ticker_ms=limits.ticker, trade_ms=limits.trades, kline_ms=limits.klines)
    return FeedSettings(silence=silence)


def _stamp(start: int) -> Callable[[Received], int]:
    """Time by the frames' own stamps, from `start` on."""
    clock = VenueClock(start)
    return lambda item: clock.now() if item.frame is None else clock.observe(item.frame)


@contextmanager
def _signals(live: LiveLoop) -> Iterator[None]:
    """End the run in good order on SIGINT and SIGTERM."""
    loop = asyncio.get_running_loop()
    wanted = (signal.SIGINT, signal.SIGTERM)
    for number in wanted:
        loop.add_signal_handler(number, live.stop)
    try:
        yield
    finally:
        for number in wanted:
            loop.remove_signal_handler(number)


async def _watch_space(directory: Path, min_free_mb: int, live: LiveLoop) -> None:
    """Stop in good time before the disk is full, while the end of the run still fits."""
    while True:
        await asyncio.sleep(SPACE_CHECK_S)
        try:
            check_space(directory, min_free_mb)
        except LockstepError as error:
            live.fail(JournalFailed(error.message, cure=error.cure))


def _finish(session: _Session, mode: Mode, stopped: Stopped) -> RunResult:
    clock = SystemClock()
    session.journal.close(ended=iso_time(clock.now()), reason=str(stopped))
    log.info("run_sealed", run=session.run_dir.name, reason=str(stopped), inputs=session.pipeline.inputs)
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
        sealed=True,
        seconds=(clock.now() - session.started) / NS_PER_SECOND,
    )
