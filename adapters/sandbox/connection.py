"""One client's socket: an outbox, and the task that empties it."""

from __future__ import annotations

import asyncio
from typing import Generic, TypeVar

from aiohttp import WSMsgType
from aiohttp.web import WebSocketResponse

S = TypeVar("S")


class Connection(Generic[S]):
    """Frames go into the outbox at once and to the socket as fast as the client reads.

    `session` is the conversation that goes over it; the connection only keeps it.
    `pending` counts the frames that were offered and not handed to the socket yet.
    """

    def __init__(self, socket: WebSocketResponse, transport: asyncio.Transport | None, session: S) -> None:
        self.session = session
        self.pending = 0
        self._socket = socket
        self._transport = transport
        self._outbox: list[bytes] = []
        self._gone = False
        self._work = asyncio.Event()
        self._progress = asyncio.Event()

    def offer(self, frame: bytes) -> None:
        """Queue a text frame; a connection that is gone forgets it."""
        if not self._gone:
            self._outbox.append(frame)
            self.pending += 1
            self._work.set()

    async def pump(self) -> None:
        """Send what is offered until the connection is gone."""
        try:
            while True:
                await self._work.wait()
                await self._send_all()
                self._work.clear()
        except ConnectionError:
            pass
        finally:
            self._leave()

    async def wait_room(self, frames: int) -> None:
        """Wait until no more than `frames` frames are pending, or the connection is gone."""
        while self.pending > frames:
            self._progress.clear()
            await self._progress.wait()

    def cut(self) -> None:
        """Drop the connection at once and without a goodbye; what the client has not read yet is lost."""
        self._leave()
        if self._transport is not None:
            self._transport.abort()

    def hang_up(self) -> None:
        """Drop the connection without a goodbye, after what was handed to the socket."""
        self._leave()
        if self._transport is not None:
            self._transport.close()

    async def close(self, code: int) -> None:
        """Close with a websocket status code."""
        self._leave()
        await self._socket.close(code=code)

    async def _send_all(self) -> None:
        send = self._socket.send_frame
        while self._outbox:
            batch, self._outbox = self._outbox, []
            for frame in batch:
                await send(frame, WSMsgType.TEXT)
                if self._gone:
                    return
                self.pending -= 1
            self._progress.set()

    def _leave(self) -> None:
        self._gone = True
        self._outbox = []
        self.pending = 0
        self._progress.set()
