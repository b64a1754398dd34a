from __future__ import annotations

import asyncio
from typing import cast

from aiohttp import WSMsgType
from aiohttp.web import WebSocketResponse

from adapters.sandbox.connection import Connection
from adapters.sandbox.protocol import Session


class Socket:
    """A socket whose reader takes a frame only when the test lets it."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.allowed = asyncio.Semaphore(0)
        self.broken = False

    async def send_frame(self, frame: bytes, kind: WSMsgType) -> None:
        await self.allowed.acquire()
        if self.broken:
            raise ConnectionResetError
        self.sent.append(frame)

    def let(self, frames: int) -> None:
        for _ in range(frames):
            self.allowed.release()


def connection(socket: Socket) -> Connection[Session]:
    return Connection(cast("WebSocketResponse", socket), None, Session("c", ()))


async def test_frames_go_out_in_order_as_the_client_reads() -> None:
    socket = Socket()
    client = connection(socket)
    pump = asyncio.create_task(client.pump())
    for number in range(5):
        client.offer(b"%d" % number)
    assert client.pending == 5
    room = asyncio.create_task(client.wait_room(0))
    await asyncio.sleep(0)
    assert not room.done()
    socket.let(5)
    await room
    assert socket.sent == [b"0", b"1", b"2", b"3", b"4"]
    pump.cancel()
    await asyncio.gather(pump, return_exceptions=True)


async def test_a_broken_connection_releases_who_waits_and_forgets_what_is_offered() -> None:
    socket = Socket()
    client = connection(socket)
    for _ in range(5):
        client.offer(b"x")
    waiting = asyncio.gather(client.wait_room(0), client.wait_room(3))
    pump = asyncio.create_task(client.pump())
    socket.broken = True
    socket.let(1)
    await asyncio.gather(pump, waiting)
    client.offer(b"y")
    assert (client.pending, socket.sent) == (0, [])


async def test_cutting_ends_the_wait_for_a_client_that_does_not_read() -> None:
    client = connection(Socket())
    client.offer(b"x")
    waiting = asyncio.create_task(client.wait_room(0))
    await asyncio.sleep(0)
    client.cut()
    await waiting
    assert client.pending == 0
