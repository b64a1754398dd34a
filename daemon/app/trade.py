"""What a run that trades has beside a live one: keys, the locks of its accounts, ports, private streams, clocks.

Everything that can refuse does so before the run has a folder.
"""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from adapters.bybit.hosts import Environment
from adapters.bybit.private_feed import PrivateFeed
from adapters.bybit.signing import Credentials
from daemon.app.account_lock import lock_account
from daemon.app.arming import Grounds, PortTimes, armed, build_port, check_grounds, check_identity, check_plan
from daemon.app.carried import carried, still_in_force
from daemon.app.credentials import account_credentials
from daemon.app.lanes import Plan
from daemon.app.runs import Mode
from daemon.app.venue import RunTime, venue_environment
from daemon.clock import SystemClock
from daemon.core.account_events import Answered
from daemon.core.events import Command, Fact
from daemon.journal import FileLock
from daemon.log import get_logger
from daemon.loop import LiveLoop
from daemon.ports import OrderPort, Received

if TYPE_CHECKING:
    from adapters.bybit.key_identity import KeyIdentity

log = get_logger("trade")


class TradeOptions(Struct, frozen=True, kw_only=True):
    """How to start.

    consents: account ids that this start may trade with real money.  halted: begin halted.  panic: begin with a panic.
    """

    consents: tuple[str, ...] = ()
    halted: bool = False
    panic: bool = False


class _Account(Struct):
    """An account that is to be traded, and what is held for it."""

    grounds: Grounds
    credentials: Credentials
    lock: FileLock | None = None
    identity: KeyIdentity | None = None


class Trading:
    """Implements `daemon.app.live.Broker`.

    plan: the configuration, with its lanes at their venues.  secrets: what no sink may ever show.  heard: when each
    private stream, and the answers of each account, came last.
    """

    def __init__(self, plan: Plan, accounts: Sequence[_Account], options: TradeOptions, logs: Path) -> None:
        self.plan = plan
        self.secrets: Sequence[str] = [
            text for one in accounts for text in (one.credentials.key, one.credentials.secret.reveal())
        ]
        self._accounts = accounts
        self._options = options
        self._logs = logs
        self.heard: dict[str, int] = {}
        self._held: Sequence[Command] = ()
        self._closing: list[Callable[[], Awaitable[None]]] = []

    @classmethod
    def prepare(
        cls, plan: Plan, logs: Path, options: TradeOptions, variables: MutableMapping[str, str] = os.environ
    ) -> Trading:
        """Read the keys, and refuse what can be refused without asking the venue.

        Raises:
            ArmingRefused: something does not agree.
        """
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core dump would hold the keys
        plan = msgspec.structs.replace(plan, trade=True)
        check_plan(plan, options.consents)
        host = venue_environment(plan.config)
        accounts: list[_Account] = []
        for lane in plan.remote_lanes:
            grounds = Grounds(
                mode=Mode.TRADE,
                host=host,
                account=lane.account,
                settings=plan.config.accounts[lane.account],
                consents=options.consents,
            )
            check_grounds(grounds)
            key = account_credentials(lane.account, grounds.settings, base=plan.base, logs=logs, variables=variables)
            accounts.append(_Account(grounds, key))
        return cls(plan, accounts, options, logs)

    async def arm(self, host: Environment) -> Sequence[Fact]:
        """Hold each account, and let the venue say whose its key is and what it may do."""
        for one in self._accounts:
            one.lock = lock_account(one.grounds.account, one.grounds.account_id, host, os.environ)
            one.identity = await _identify(one)
            check_identity(one.grounds, one.identity)
        grounds = [one.grounds for one in self._accounts]
        left = [carried(self._logs, each.account, each.account_id) for each in grounds]
        carried_over = [fact for fact in left if fact is not None]
        self._held = self._latches()
        return [*map(armed, grounds), *carried_over, *self._held, *self._first_commands()]

    def connect(self, live: LiveLoop, time: RunTime) -> Mapping[str, OrderPort]:
        """Build the ports, and begin to follow the private streams and the venue's clock.

        Only now the run has a log, which is told what there is to say of the accounts.
        """
        for each in self._held:
            log.warning("still_halted", lane=each.lane, command=each.name, reason=each.reason)
        return {one.grounds.account: self._connect(one, live, time) for one in self._accounts}

    async def close(self) -> None:
        """Disconnect, and let go of the accounts."""
        try:
            for close in reversed(self._closing):
                await close()
        finally:
            for one in self._accounts:
                if one.lock is not None:
                    one.lock.release()

    def _latches(self) -> list[Command]:
        ids = {one.grounds.account: one.grounds.account_id for one in self._accounts}
        lanes = self.plan.remote_lanes
        return [each for lane in lanes for each in still_in_force(self._logs, lane.name, ids[lane.account])]

    def _first_commands(self) -> list[Fact]:
        if self._options.panic:
            return [Command("panic", reason="started with --panic")]
        return [Command("halt", reason="started with --halted")] if self._options.halted else []

    def _connect(self, one: _Account, live: LiveLoop, time: RunTime) -> OrderPort:
        assert one.identity is not None, "arm() comes first"
        account, host = one.grounds.account, one.grounds.host
        log.info("armed", account=account, environment=host.name, real_money=host.real_money)
        _warn_of_key(account, one.identity)
        venue_now = self._follow_clock(account, host, live, time)
        times = PortTimes(now=time.now, venue_now=venue_now, speed=self.plan.config.venue.speed)
        deliver = self._hearing(live.deliver)
        port = build_port(one.grounds, one.identity, one.credentials, times, deliver)
        feed = PrivateFeed(
            host.private,
            one.credentials,
            account=account,
            clock=SystemClock(),
            # An accelerated sandbox takes today's time too; its own is not known before a frame has told it.
            venue_now_ns=venue_now if time.stamp is None else SystemClock().now,
            jitter=Random(),  # noqa: S311 - only spreads reconnects; never reaches a decision
            deliver=deliver,
        )
        feed.start().add_done_callback(lambda done: _watch(done, live))
        self._closing += [feed.close, port.close]  # closed in reverse: first nothing more may leave
        return port

    def _hearing(self, deliver: Callable[[Received], None]) -> Callable[[Received], None]:
        """Deliver, and note when the venue itself said something: a frame, or an answer that is one."""
        clock = SystemClock()

        def take(item: Received) -> None:
            if item.frame is not None or (isinstance(item.fact, Answered) and item.fact.status):
                self.heard[item.source] = clock.now()
            deliver(item)

        return take

    def _follow_clock(self, account: str, host: Environment, live: LiveLoop, time: RunTime) -> Callable[[], int]:
        """The venue's time: measured, or in an accelerated sandbox that of its frames."""
        if time.stamp is not None:
            return time.now
        from adapters.bybit.venue_clock import VenueClock  # noqa: PLC0415 - see `arming.build_port`

        clock = VenueClock(host, account=account, deliver=live.deliver)
        clock.start().add_done_callback(lambda done: _watch(done, live))
        self._closing.append(clock.close)
        return clock.now


async def _identify(one: _Account) -> KeyIdentity:
    from adapters.bybit.key_identity import identify  # noqa: PLC0415 - see `arming.build_port`

    return await identify(one.grounds.host, one.credentials)


def _warn_of_key(account: str, identity: KeyIdentity) -> None:
    from adapters.bybit.key_identity import expiry_warning  # noqa: PLC0415 - see `arming.build_port`

    if not identity.account_id:
        log.warning(
            "key_not_told", account=account, text="the venue does not say whose the key is; account_id is believed"
        )
    if text := expiry_warning(identity, identity.asked):
        log.warning("key_expires", account=account, text=text)


def _watch(task: asyncio.Task[None], live: LiveLoop) -> None:
    """A private stream or a clock that ends by an error of ours must not leave the run trading blind."""
    if not task.cancelled() and isinstance(error := task.exception(), Exception):
        live.fail(error)
