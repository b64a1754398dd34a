"""Bybit's public streams over real sockets. It decides nothing: `session` does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from random import Random

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from adapters.bybit.hosts import is_loopback
from adapters.bybit.inbox import Inbox
from adapters.bybit.session import Session
from adapters.bybit.settings import FeedSettings
from adapters.bybit.topics import parse_subscription, split_connections
from daemon.core.units import NS_PER_SECOND
from daemon.ports import Clock, Received

FRAME_BYTES_MAX = 16 * 1024 * 1024
CLOSE_SECONDS = 1.0
WAIT_SECONDS_MAX = 3600.0
FORBIDDEN = 403
LOST = (OSError, EOFError, WebSocketException)


class Connection:
    """One socket, replaced whenever its session says so or the venue drops it."""

    def __init__(self, url: str, session: Session, inbox: Inbox, clock: Clock, settings: FeedSettings) -> None:
        self.session = session
        self._url = url
        self._inbox = inbox
        self._now = clock.now
        self._settings = settings
        self._kicked = asyncio.Event()
        self._reading = asyncio.Event()
        self._reading.set()

    async def run(self) -> None:
        """Connect and converse for ever; ends by cancellation only."""
        while True:
            while self._now() < self.session.retry_at:
                await self._wait_until(self.session.retry_at)
            socket = await self._connect()
            if socket is None:
                continue
            try:
                await self._converse(socket)
            finally:
                await socket.close()

    def resync(self, topic: str) -> None:
        """Ask for a fresh snapshot of a topic."""
        self.session.resync(topic, self._now())
        self._kicked.set()

    async def _connect(self) -> ClientConnection | None:
        try:
            return await connect(
                self._url,
                compression=None,
                max_size=FRAME_BYTES_MAX,
                ping_interval=None,
                open_timeout=self._settings.connect_ms / 1000,
                close_timeout=CLOSE_SECONDS,
                proxy=None if is_loopback(self._url) else True,
            )
        except LOST as error:
            forbidden = isinstance(error, InvalidStatus) and error.response.status_code == FORBIDDEN
            self.session.failed(f"cannot connect: {_reason(error)}", self._now(), forbidden=forbidden)
            self._deliver_facts()
            return None

    async def _converse(self, socket: ClientConnection) -> None:
        """Carry one connection from its opening to its end."""
        self.session.opened(self._now())
        self._deliver_facts()
        tasks = {asyncio.create_task(self._read(socket)), asyncio.create_task(self._keep(socket))}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._reading.set()
        reason = self.session.replace_reason
        for task in done:
            if (error := task.exception()) is not None:
                if not isinstance(error, LOST):
                    raise error
                reason = reason or _reason(error)
        self.session.closed(reason, self._now())
        self._deliver_facts()

    async def _read(self, socket: ClientConnection) -> None:
        """Receive, feed the session, pass on, in order; stops reading while the inbox is full."""
        session = self.session
        inbox = self._inbox
        now = self._now
        source = session.source
        while not session.replace_reason:
            frame = await socket.recv(decode=False)
            ts = now()
            session.received(frame, ts)
            if session.has_news:
                self._deliver_facts()
                self._kicked.set()
            inbox.put(Received(ts, source, frame))
            if inbox.full:
                await self._pause(ts)

    async def _pause(self, since: int) -> None:
        self._reading.clear()
        await self._inbox.room()
        self.session.excuse(self._now() - since)
        self._reading.set()

    async def _keep(self, socket: ClientConnection) -> None:
        """Send what the session asks for and wake it when something is due."""
        session = self.session
        while not session.replace_reason:
            for request in session.take_requests():
                async with asyncio.timeout(self._settings.pong_ms / 1000):
                    await socket.send(request, text=True)
            await self._wait_until(session.deadline)
            await self._reading.wait()
            session.tick(self._now())
            self._deliver_facts()

    async def _wait_until(self, deadline: int) -> None:
        """Wait for a time of our clock, or until kicked."""
        seconds = (deadline - self._now()) / NS_PER_SECOND
        with suppress(TimeoutError):
            async with asyncio.timeout(min(max(seconds, 0.0), WAIT_SECONDS_MAX)):
                await self._kicked.wait()
        self._kicked.clear()

    def _deliver_facts(self) -> None:
        ts = self._now()
        for fact in self.session.take_facts():
            self._inbox.put(Received(ts, self.session.source, fact=fact))


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
        self._inbox = Inbox(settings.inbox_frames, settings.inbox_bytes)
        self.connections = [
            Connection(url, Session(f"{name}-{number}", part, settings, jitter), self._inbox, clock, settings)
            for number, part in enumerate(parts, start=1)
        ]
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def ready(self) -> bool:
        """Whether every topic is acknowledged, and those with a snapshot have had theirs."""
        return all(connection.session.ready for connection in self.connections)

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
        for connection in self.connections:
            if topic in connection.session.topic_names:
                connection.resync(topic)

    async def close(self) -> None:
        """Stop and release the sockets; what already arrived can still be taken."""
        self._inbox.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self) -> None:
        for connection in self.connections:
            task = asyncio.create_task(connection.run(), name=connection.session.source)
            task.add_done_callback(self._ended)
            self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled():
            self._inbox.close(task.exception())


def _reason(error: BaseException) -> str:
    """One line on why a connection was lost or refused."""
    if isinstance(error, ConnectionClosed):
        return f"connection closed: {error}"
    if isinstance(error, InvalidStatus):
        return f"HTTP {error.response.status_code}"
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]
