"""`lockstep sandbox`: a Bybit-compatible exchange on loopback that plays a recorded market."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import uvloop
from msgspec import Struct

from adapters.sandbox.binance import binance_market
from adapters.sandbox.market import Market
from adapters.sandbox.market_data import DEMO_START_MS, DEMO_SYMBOLS, demo_data
from adapters.sandbox.recorded import recorded_market
from adapters.sandbox.server import serve
from adapters.sandbox.settings import SandboxSettings
from adapters.sandbox.synthetic_market import SyntheticMarket, SyntheticSettings

WARM_UP_MS = 60 * 60_000


class MarketChoice(Struct, frozen=True, kw_only=True):
    """What a sandbox plays: recorded Bybit frames, raw Binance captures, or the embedded day of bars.

    symbols, start_ms, end_ms and steps_per_minute apply to the embedded day; it starts an hour early by default.
    """

    frames: Path | None = None
    binance: tuple[Path, ...] = ()
    symbols: tuple[str, ...] = DEMO_SYMBOLS
    start_ms: int = DEMO_START_MS - WARM_UP_MS
    end_ms: int | None = None
    steps_per_minute: int = 12


class SandboxReady(Struct, frozen=True, kw_only=True):
    """Where a sandbox listens, as REST base and public linear socket."""

    rest_url: str
    public_url: str


def open_market(choice: MarketChoice) -> Market:
    """Make the market that is to be played.

    Raises:
        ConfigError, DataError: there is no such market, or its files cannot be read.
    """
    if choice.frames is not None:
        return recorded_market(choice.frames)
    if choice.binance:
        return binance_market(choice.binance)
    settings = SyntheticSettings(
        start_ms=choice.start_ms, end_ms=choice.end_ms, steps_per_minute=choice.steps_per_minute
    )
    return SyntheticMarket(demo_data(choice.symbols), settings)


def run_sandbox(
    choice: MarketChoice,
    settings: SandboxSettings,
    *,
    ready: Callable[[SandboxReady], None],
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Serve until SIGINT or SIGTERM; returns the number of frames sent.

    Args:
        choice: what to play.
        settings: how.
        ready: told where the sandbox listens, once it does.
        progress: told market time (milliseconds UTC) and frames sent while playing.

    Raises:
        ConfigError, DataError: the market or the settings cannot be used.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(choice, settings, ready, progress))


async def _serve(
    choice: MarketChoice,
    settings: SandboxSettings,
    ready: Callable[[SandboxReady], None],
    progress: Callable[[int, int], None] | None,
) -> int:
    server = await serve(open_market(choice), settings, on_progress=progress)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    ready(SandboxReady(rest_url=server.url_rest, public_url=server.url_ws))
    try:
        await stop.wait()
    finally:
        await server.close()
    return server.frames_sent
