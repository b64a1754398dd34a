"""The private stream of one account over a real socket. It decides nothing: `private_session` does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from random import Random

from adapters.bybit.connection import Connection
from adapters.bybit.private_session import PrivateSession
from adapters.bybit.settings import FeedSettings
from adapters.bybit.signing import Credentials, auth_frame
from daemon.core.units import NS_PER_MS
from daemon.ports import Clock, Received

AUTH_VALID_MS = 10_000


class _Delivery:
    """Implements `connection.Sink` for one who takes everything at once."""

    full = False

    def __init__(self, deliver: Callable[[Received], None]) -> None:
        self.put = deliver

    async def room(self) -> None:
        """There always is."""


class PrivateFeed:
    """Delivers the frames of an account's private stream, and its state as links, in order of reception.

    Every frame is delivered as received, also acks and pongs. The frame that authenticates is sent and nothing else
    is done with it. Use within a running event loop.

    Args:
        url: address of the private socket.
        credentials: of the account.
        account: its name in the configuration; everything is delivered as from `private.<account>`.
        clock: stamps receptions and drives all time limits; must not run backwards.
        venue_now_ns: the venue's time, nanoseconds UTC.
        jitter: chance for the back-off between attempts.
        deliver: takes everything, in the event loop's thread; must not wait.
        settings: limits and intervals.
        proxy: whether a proxy that the environment names may be used.
    """

    def __init__(
        self,
        url: str,
        credentials: Credentials,
        *,
        account: str,
        clock: Clock,
        venue_now_ns: Callable[[], int],
        jitter: Random,
        deliver: Callable[[Received], None],
        settings: FeedSettings | None = None,
        proxy: bool = False,
    ) -> None:
        settings = settings or FeedSettings()

        def authenticate() -> bytes:
            return auth_frame(credentials, expires_ms=venue_now_ns() // NS_PER_MS + AUTH_VALID_MS)

        self.session = PrivateSession(account, authenticate, settings, jitter)
        self._connection = Connection(url, self.session, _Delivery(deliver), clock, settings, proxy=proxy)
        self._task: asyncio.Task[None] | None = None

    @property
    def ready(self) -> bool:
        """Whether the stream carries everything it should."""
        return self.session.ready

    def start(self) -> asyncio.Task[None]:
        """Connect, and stay connected until closed; the task ends with an error only if one of ours is found."""
        self._task = asyncio.create_task(self._connection.run(), name=self.session.source)
        return self._task

    async def close(self) -> None:
        """Stop and release the socket."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
