"""A socket that is replaced whenever it must be. It decides nothing: its session does."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Literal, Protocol

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from adapters.bybit.hosts import is_loopback
from adapters.bybit.settings import FeedSettings
from daemon.core.events import Fact, Link, Stale
from daemon.core.units import NS_PER_SECOND
from daemon.log import get_logger
from daemon.ports import Clock, Received

FRAME_BYTES_MAX = 4 * 1024 * 1024
CLOSE_SECONDS = 1.0
WAIT_SECONDS_MAX = 3600.0
FORBIDDEN = 403
LOST = (OSError, EOFError, WebSocketException)
log = get_logger("bybit.connection")


class Conversation(Protocol):
    """A session as its connection uses it: bytes and time in, requests and facts out. See `session`."""

    source: str
    replace_reason: str
    retry_at: int

    @property
    def has_news(self) -> bool:
        """Whether there are requests to send or facts to take."""
        ...

    @property
    def deadline(self) -> int:
        """When `tick` is to be called next."""
        ...

    def take_requests(self) -> list[bytes]:
        """Frames to send, once."""
        ...

    def take_facts(self) -> list[Fact]:
        """Facts noticed since the last call."""
        ...

    def opened(self, now: int) -> None:
        """The connection is up."""
        ...

    def received(self, frame: bytes, now: int) -> None:
        """Take note of a frame."""
        ...

    def tick(self, now: int) -> None:
        """Do what is due."""
        ...

    def excuse(self, duration: int) -> None:
        """Silence of this length was ours."""
        ...

    def closed(self, reason: str, now: int) -> None:
        """The connection is gone."""
        ...

    def failed(self, reason: str, now: int, *, forbidden: bool = False) -> None:
        """An attempt to connect failed."""
        ...


class Sink(Protocol):
    """Where what arrived is put, in order."""

    @property
    def full(self) -> bool:
        """Whether to stop reading until there is `room`."""
        ...

    def put(self, item: Received) -> None:
        """Take one; never waits."""
        ...

    async def room(self) -> None:
        """Wait until there is room again."""
        ...


class _Connect(connect):
    """Follows no redirect: another host must neither be believed nor be told who we are."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class Connection:
    """One socket, replaced whenever its session says so or the venue drops it.

    Args:
        url: address of the socket.
        session: holds the conversation.
        sink: takes frames and facts.
        clock: stamps receptions and drives all time limits; must not run backwards.
        settings: limits and intervals.
        proxy: whether a proxy of the environment may be used; never on loopback.
    """

    def __init__(
        self,
        url: str,
        session: Conversation,
        sink: Sink,
        clock: Clock,
        settings: FeedSettings,
        *,
        proxy: bool = True,
    ) -> None:
        self._session = session
        self._url = url
        self._sink = sink
        self._now = clock.now
        self._settings = settings
        self._proxy: Literal[True] | None = True if proxy and not is_loopback(url) else None
        self._kicked = asyncio.Event()
        self._reading = asyncio.Event()
        self._reading.set()

    async def run(self) -> None:
        """Connect and converse for ever; ends by cancellation only."""
        while True:
            while self._now() < self._session.retry_at:
                await self._wait_until(self._session.retry_at)
            socket = await self._connect()
            if socket is None:
                continue
            try:
                await self._converse(socket)
            finally:
                await socket.close()

    def kick(self) -> None:
        """The session has something to send."""
        self._kicked.set()

    async def _connect(self) -> ClientConnection | None:
        try:
            return await _Connect(
                self._url,
                compression=None,
                max_size=FRAME_BYTES_MAX,
                ping_interval=None,
                open_timeout=self._settings.connect_ms / 1000,
                close_timeout=CLOSE_SECONDS,
                proxy=self._proxy,
            )
        except LOST as error:
            forbidden = isinstance(error, InvalidStatus) and error.response.status_code == FORBIDDEN
            self._session.failed(f"cannot connect: {_reason(error)}", self._now(), forbidden=forbidden)
            self._deliver_facts()
            return None

    async def _converse(self, socket: ClientConnection) -> None:
        """Carry one connection from its opening to its end."""
        self._session.opened(self._now())
        self._deliver_facts()
        tasks = {asyncio.create_task(self._read(socket)), asyncio.create_task(self._keep(socket))}
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._reading.set()
        reason = self._session.replace_reason
        for task in done:
            if (error := task.exception()) is not None:
                if not isinstance(error, LOST):
                    raise error
                reason = reason or _reason(error)
        self._session.closed(reason, self._now())
        self._deliver_facts()

    async def _read(self, socket: ClientConnection) -> None:
        """Receive, feed the session, pass on, in order; stops reading while the inbox is full."""
        session = self._session
        sink = self._sink
        now = self._now
        source = session.source
        while not session.replace_reason:
            frame = await socket.recv(decode=False)
            ts = now()
            session.received(frame, ts)
            if session.has_news:
                self._deliver_facts()
                self._kicked.set()
            sink.put(Received(ts, source, frame))
            if sink.full:
                await self._pause(ts)

    async def _pause(self, since: int) -> None:
        self._reading.clear()
        await self._sink.room()
        self._session.excuse(self._now() - since)
        self._reading.set()

    async def _keep(self, socket: ClientConnection) -> None:
        """Send what the session asks for and wake it when something is due."""
        session = self._session
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
        for fact in self._session.take_facts():
            self._sink.put(Received(ts, self._session.source, fact=fact))
            _tell(fact)


def _tell(fact: Fact) -> None:
    """Let an operator read what became of a connection."""
    match fact:
        case Link(up=True):
            log.info("link_up", source=fact.source)
        case Link():
            log.warning("link_down", source=fact.source, reason=fact.reason)
        case Stale():
            say = log.warning if fact.stale else log.info
            say("topic_silent" if fact.stale else "topic_speaks", source=fact.source, topic=fact.topic)
        case _:
            pass


def _reason(error: BaseException) -> str:
    """One line on why a connection was lost or refused."""
    if isinstance(error, ConnectionClosed):
        return f"connection closed: {error}"
    if isinstance(error, InvalidStatus):
        return f"HTTP {error.response.status_code}"
    return f"{type(error).__name__}: {error}".splitlines()[0][:200]
