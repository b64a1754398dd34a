"""Bybit's public streams over real sockets. It decides nothing: `session` does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from random import Random

from adapters.bybit.connection import Connection
from adapters.bybit.inbox import Inbox
from adapters.bybit.session import Session
from adapters.bybit.settings import FeedSettings
from adapters.bybit.topics import parse_subscription, split_connections
from daemon.ports import Clock, Received


class BybitFeed:
    """Implements `daemon.ports.LiveSource` for the public linear streams of one environment.

    Every frame is passed on as received, also acks and pongs, in order of reception; links and stale topics come
    between them as facts. Use within a running event loop.

    Args:
        url: address of the public linear socket.
        topics: such as "orderbook.50.BTCUSDT"; cut into connections named `name`-1, `name`-2 and so on.
        clock: stamps receptions and drives all time limits; must not run backwards.
        jitter: chance for the back-off between attempts.
        settings: limits and intervals.
        name: first part of the connections' names.

    Raises:
        ConfigError: a topic cannot be read, or two depths of one book are asked for.
    """

    def __init__(
        self,
        url: str,
        topics: Iterable[str],
        *,
        clock: Clock,
        jitter: Random,
        settings: FeedSettings | None = None,
        name: str = "public",
    ) -> None:
        settings = settings or FeedSettings()
        parts = split_connections(parse_subscription(topics), settings.topics_per_connection)
        self._now = clock.now
        self._inbox = Inbox(settings.inbox_frames, settings.inbox_bytes)
        self.sessions = [
            Session(f"{name}-{number}", part, settings, jitter) for number, part in enumerate(parts, start=1)
        ]
        self._connections = [Connection(url, session, self._inbox, clock, settings) for session in self.sessions]
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def ready(self) -> bool:
        """Whether every topic is acknowledged, and those with a snapshot have had theirs."""
        return all(session.ready for session in self.sessions)

    @property
    def heard(self) -> int:
        """When market data came last, nanoseconds of our clock; 0 before."""
        return max((session.heard for session in self.sessions), default=0)

    async def batches(self) -> AsyncIterator[list[Received]]:
        """Connect, and yield what arrived since the last batch, until closed."""
        self._start()
        try:
            while batch := await self._inbox.take():
                yield batch
        finally:
            await self.close()

    def resync(self, topic: str) -> None:
        """Ask the venue for a fresh snapshot of a topic whose state was lost; while it is down that happens anyway."""
        for session, connection in zip(self.sessions, self._connections, strict=True):
            if topic in session.topic_names:
                session.resync(topic, self._now())
                connection.kick()

    async def close(self) -> None:
        """Stop and release the sockets; what already arrived can still be taken."""
        self._inbox.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self) -> None:
        for session, connection in zip(self.sessions, self._connections, strict=True):
            task = asyncio.create_task(connection.run(), name=session.source)
            task.add_done_callback(self._ended)
            self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._inbox.close(task.exception())
