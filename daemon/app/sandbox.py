"""`lockstep sandbox`: a Bybit-compatible exchange on loopback that plays a recorded market."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import msgspec
import uvloop
from msgspec import Struct
from msgspec.structs import replace

from adapters.sandbox.binance import binance_market
from adapters.sandbox.gateway.accounts import Personality, default_accounts, load_accounts
from adapters.sandbox.gateway.limits import LimitSettings
from adapters.sandbox.gateway.plan import Plan, load_plan
from adapters.sandbox.gateway.settings import GatewaySettings
from adapters.sandbox.gateway.truth import TruthLog
from adapters.sandbox.market import Market
from adapters.sandbox.market_data import DEMO_START_MS, DEMO_SYMBOLS, demo_data
from adapters.sandbox.recorded import recorded_market
from adapters.sandbox.server import SandboxServer, serve
from adapters.sandbox.settings import SandboxSettings
from adapters.sandbox.synthetic_market import SyntheticMarket, SyntheticSettings
from daemon.core.errors import ConfigError

WARM_UP_MS = 60 * 60_000
NO_ACCOUNTS = "none"


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


class GatewayChoice(Struct, frozen=True, kw_only=True):
    """Who trades at a sandbox, and what goes wrong.

    accounts: an accounts file, "none" for a sandbox without accounts, empty for the default ones.
    personality: demo, live or testnet.  faults: a fault plan.  truth: where the truth log goes.
    limits: whether requests are counted against Bybit's rate limits.
    """

    accounts: str = ""
    personality: str = "demo"
    faults: Path | None = None
    truth: Path | None = None
    limits: bool = True


class SandboxKey(Struct, frozen=True, kw_only=True):
    """A key of a sandbox's account; everybody may know the secret, since there is nothing to steal."""

    uid: str
    account: str
    key: str
    secret: str


class SandboxReady(Struct, frozen=True, kw_only=True):
    """Where a sandbox listens: REST base and sockets, those it does not have empty; and the keys it knows."""

    rest_url: str
    public_url: str
    private_url: str = ""
    trade_url: str = ""
    personality: str = ""
    keys: tuple[SandboxKey, ...] = ()


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


def with_accounts(settings: SandboxSettings, choice: GatewayChoice) -> SandboxSettings:
    """The settings with the accounts, the environment and the trouble that were chosen.

    Raises:
        ConfigError: a file cannot be read or is wrong, or the words contradict each other.
    """
    plan = load_plan(choice.faults) if choice.faults is not None else Plan()
    if choice.accounts == NO_ACCOUNTS:
        if choice.truth is not None or plan != Plan(seed=plan.seed, public=plan.public):
            raise ConfigError(
                "--accounts none: there is nothing to log and nobody to trouble",
                cure="Leave out --accounts, or --truth and everything but [public] of the fault plan.",
            )
        return replace(settings, faults=plan.public)
    gateway = GatewaySettings(
        accounts=load_accounts(Path(choice.accounts)) if choice.accounts else default_accounts(),
        personality=_personality(choice.personality),
        limits=LimitSettings(enabled=choice.limits),
        plan=plan,
    )
    return replace(settings, gateway=gateway)


def run_sandbox(
    choice: MarketChoice,
    settings: SandboxSettings,
    *,
    truth: Path | None = None,
    ready: Callable[[SandboxReady], None],
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Serve until SIGINT or SIGTERM; returns the number of frames sent.

    Args:
        choice: what to play.
        settings: how.
        truth: the accounts' truth log goes to this file.
        ready: told where the sandbox listens, once it does.
        progress: told market time (milliseconds UTC) and frames sent while playing.

    Raises:
        ConfigError, DataError: the market or the settings cannot be used.
    """
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(choice, settings, truth, ready, progress))


async def _serve(
    choice: MarketChoice,
    settings: SandboxSettings,
    truth: Path | None,
    ready: Callable[[SandboxReady], None],
    progress: Callable[[int, int], None] | None,
) -> int:
    log = TruthLog(truth, keep=False)
    server = await serve(open_market(choice), settings, on_progress=progress, truth=log)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    ready(_ready(server))
    try:
        await stop.wait()
    finally:
        await server.close()
        log.close()
    return server.frames_sent


def _personality(word: str) -> Personality:
    try:
        chosen: Personality = msgspec.convert(word, Personality)
    except msgspec.ValidationError:
        raise ConfigError(f"--personality: {word!r} is no environment", cure="Use demo, live or testnet.") from None
    return chosen


def _ready(server: SandboxServer) -> SandboxReady:
    accounts = server.gateway.accounts if server.gateway is not None else ()
    return SandboxReady(
        rest_url=server.url_rest,
        public_url=server.url_ws,
        private_url=server.url_private,
        trade_url=server.url_trade,
        personality=server.gateway.personality if server.gateway is not None else "",
        keys=tuple(
            SandboxKey(uid=account.uid, account=account.name, key=key.key, secret=key.secret)
            for account in accounts
            for key in account.keys
        ),
    )
