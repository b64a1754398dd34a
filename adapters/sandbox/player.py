"""Plays a market to its subscribers: one task, one order of frames, each frame made once for all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container
from typing import TypeAlias

from adapters.sandbox.carrier import Carrier
from adapters.sandbox.clock import MarketClock
from adapters.sandbox.connection import Connection
from adapters.sandbox.faults import GARBAGE, FaultPlan
from adapters.sandbox.market import Frame, Market
from adapters.sandbox.market_history import MarketHistory
from adapters.sandbox.protocol import Session
from adapters.sandbox.settings import SandboxSettings

FRAMES_PER_TURN = 128
STEPS_PER_TURN = 256
NAP_SECONDS_MAX = 0.05

OnProgress: TypeAlias = Callable[[int, int], None]
"""Called about once a turn with (market time in milliseconds UTC, frames sent so far)."""


Listener: TypeAlias = Connection[Session]
"""A client of the public socket."""


class Hub:
    """Who is connected and who gets what."""

    def __init__(self) -> None:
        self.connections: dict[Listener, None] = {}
        self.subscribers: dict[str, dict[Listener, None]] = {}
        self._subscriptions = 0
        self._subscribed = asyncio.Event()

    def add(self, connection: Listener, topics: tuple[str, ...]) -> None:
        """Subscribe a connection to topics, unless it has left."""
        if connection not in self.connections:
            return
        for topic in topics:
            self.subscribers.setdefault(topic, {})[connection] = None
        if topics:
            self._subscriptions += 1
            self._subscribed.set()

    def remove(self, connection: Listener, topics: tuple[str, ...]) -> None:
        """End subscriptions of a connection."""
        for topic in topics:
            subscribed = self.subscribers.get(topic, {})
            subscribed.pop(connection, None)
            if not subscribed:
                self.subscribers.pop(topic, None)
        if not self.subscribers:
            self._subscribed.clear()

    def leave(self, connection: Listener) -> None:
        """Forget a connection; a second time does nothing."""
        self.remove(connection, tuple(connection.session.topics))
        self.connections.pop(connection, None)

    async def settled(self, settle_ms: int) -> None:
        """Wait for a subscription, and then until no other one came for `settle_ms`."""
        while True:
            await self._subscribed.wait()
            seen = self._subscriptions
            await asyncio.sleep(settle_ms / 1000)
            if seen == self._subscriptions and self.subscribers:
                return


class Player:
    """Takes the market's steps when they are due and hands their frames to the subscribers.

    At "max" it goes as fast as the slowest client reads, and stands while nobody is subscribed. Where accounts trade,
    each frame happens to them first, and time passes for them between the steps too.
    """

    def __init__(
        self,
        market: Market,
        hub: Hub,
        clock: MarketClock,
        settings: SandboxSettings,
        on_progress: OnProgress | None,
        *,
        history: MarketHistory,
        carrier: Carrier | None = None,
    ) -> None:
        self.frames_sent = 0
        self._history = history
        self._market = market
        self._hub = hub
        self._clock = clock
        self._settings = settings
        self._on_progress = on_progress
        self._carrier = carrier
        self._faults = FaultPlan(settings.public_faults)
        self._dropped: list[Listener] = []
        self._frames_in_turn = self._steps_in_turn = 0

    async def run(self) -> None:
        """Play to the end of the recording and until every client has been sent everything."""
        if self._settings.start == "first_subscription":
            await self._hub.settled(self._settings.settle_ms)
        self._clock.start()
        while (due_ms := self._market.next_ms) is not None:
            await self._until(due_ms)
            if stall := self._faults.stall_seconds():
                await asyncio.sleep(stall)
            self._step(due_ms)
            if self._dropped:
                await self._hang_up()
            if self._frames_in_turn >= FRAMES_PER_TURN or self._steps_in_turn >= STEPS_PER_TURN:
                await self._end_turn()
        await self._end_turn()
        await asyncio.gather(*(self._flush(connection) for connection in list(self._hub.connections)))

    async def _until(self, due_ms: int) -> None:
        if self._settings.speed == "max":
            if not self._hub.subscribers:
                await self._hub.settled(self._settings.settle_ms)
            return
        if self._clock.wait_seconds(due_ms) > 0 and self._frames_in_turn:
            await self._end_turn()
        while True:
            wait = self._clock.wait_seconds(due_ms)
            if wait <= 0:
                return
            await asyncio.sleep(min(wait, NAP_SECONDS_MAX))
            if self._carrier is not None:
                self._carrier.pass_time()

    def _step(self, due_ms: int) -> None:
        trading = self._carrier is not None and self._carrier.gateway.awake
        wanted: Container[str] = self._hub.subscribers
        if self._carrier is not None and trading:
            wanted = _Either(wanted, self._carrier.gateway.topics)
        frames = self._market.advance(wanted)
        self._clock.reach(due_ms)
        self._history.look(due_ms)
        self._steps_in_turn += 1
        if self._carrier is not None and trading:
            frames = self._happen(self._carrier, frames, due_ms)
        self._frames_in_turn += len(frames)
        for topic, payload in frames:
            if self._faults.quiet:
                self._send(topic, payload)
            else:
                self._send_with_faults(topic, payload)

    def _happen(self, carrier: Carrier, frames: list[Frame], due_ms: int) -> list[Frame]:
        """Let a step's frames happen to the accounts; returns those that somebody has subscribed."""
        for topic, payload in frames:
            carrier.on_frame(topic, payload, due_ms)
        carrier.pass_time()
        return [frame for frame in frames if frame[0] in self._hub.subscribers]

    def _send(self, topic: str, payload: bytes) -> None:
        self.frames_sent += 1
        for connection in self._hub.subscribers.get(topic, ()):
            connection.offer(payload)

    def _send_with_faults(self, topic: str, payload: bytes) -> None:
        fate = self._faults.fate(topic, payload)
        if fate.garbage_before:
            for connection in self._hub.connections:
                connection.offer(GARBAGE)
        for _ in range(fate.copies):
            self._send(topic, payload)
        if fate.drop_after:
            self._dropped += self._hub.connections
            for connection in self._dropped:
                self._hub.leave(connection)

    async def _hang_up(self) -> None:
        dropped, self._dropped = self._dropped, []
        await asyncio.gather(*(self._flush(connection) for connection in dropped))
        for connection in dropped:
            connection.hang_up()

    async def _end_turn(self) -> None:
        self._frames_in_turn = self._steps_in_turn = 0
        if self._on_progress is not None:
            self._on_progress(self._clock.now_ms(self._market.next_ms), self.frames_sent)
        await asyncio.sleep(0)
        for connection in list(self._hub.connections):
            if connection.pending > self._settings.outbox_frames:
                await self._wait_or_cut(connection)

    async def _wait_or_cut(self, connection: Listener) -> None:
        if self._settings.speed != "max":
            self._cut(connection)
        else:
            await self._wait_room(connection, self._settings.outbox_frames // 2)

    async def _flush(self, connection: Listener) -> None:
        await self._wait_room(connection, 0)

    async def _wait_room(self, connection: Listener, frames: int) -> None:
        try:
            async with asyncio.timeout(self._settings.stuck_s):
                await connection.wait_room(frames)
        except TimeoutError:
            self._cut(connection)

    def _cut(self, connection: Listener) -> None:
        self._hub.leave(connection)
        connection.cut()


class _Either:
    """What is in either of two collections."""

    __slots__ = ("_left", "_right")

    def __init__(self, left: Container[str], right: Container[str]) -> None:
        self._left = left
        self._right = right

    def __contains__(self, topic: object) -> bool:
        return topic in self._left or topic in self._right
