"""The private stream over a real loopback socket."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from http import HTTPStatus
from random import Random

import pytest
from msgspec.structs import replace
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from adapters.bybit.private_feed import PrivateFeed
from adapters.bybit.private_session import AUTH_REFUSED, TOPICS
from adapters.bybit.signing import Credentials
from daemon.core.events import Link
from daemon.core.units import NS_PER_MS
from daemon.ports import Received
from tests.adapters.bybit.frames import ack
from tests.adapters.bybit.private_frames import SOURCE, execution_row, private_push
from tests.adapters.bybit.test_private_session import AUTH_BAD, AUTH_OK
from tests.adapters.bybit.venue import QUICK, Visit, WallClock, facts_of, frames_of, venue

KEY, SECRET = "loopback-key", "loopback-secret"
SKEW_MS = 40_000


class Arrivals:
    """What was delivered, and a way to wait for enough of it."""

    def __init__(self) -> None:
        self.items: list[Received] = []
        self._more = asyncio.Event()

    def deliver(self, item: Received) -> None:
        self.items.append(item)
        self._more.set()

    async def until(self, enough: Callable[[list[Received]], bool], seconds: float = 5.0) -> list[Received]:
        async with asyncio.timeout(seconds):
            while not enough(self.items):
                self._more.clear()
                await self._more.wait()
        return self.items


@asynccontextmanager
async def feeding(url: str, arrivals: Arrivals) -> AsyncIterator[PrivateFeed]:
    feed = PrivateFeed(
        url,
        Credentials(KEY, SECRET),
        account="main",
        clock=WallClock(),
        venue_now_ns=lambda: time.time_ns() + SKEW_MS * NS_PER_MS,
        jitter=Random(1),
        deliver=arrivals.deliver,
        settings=QUICK,
    )
    feed.start()
    try:
        yield feed
    finally:
        await feed.close()


def links(items: list[Received]) -> list[Link]:
    return [fact for fact in facts_of(items) if isinstance(fact, Link)]


async def welcome(visit: Visit) -> None:
    await visit.request("auth")
    await visit.push(AUTH_OK)
    for _ in TOPICS:
        await visit.accept()


async def test_it_is_up_after_every_ack_and_everything_arrives_in_order() -> None:
    pushed = [private_push("execution", execution_row(execId=f"e-{number}")) for number in range(2000)]

    async def script(visit: Visit) -> None:
        await welcome(visit)
        await visit.push(*pushed)
        await visit.stay()

    arrivals = Arrivals()
    async with venue(script) as url, feeding(url, arrivals) as feed:
        items = await arrivals.until(lambda got: len(frames_of(got)) == len(pushed) + 5)
        assert feed.ready
    frames = frames_of(items)
    assert frames[0] == AUTH_OK
    assert frames[1:5] == [ack(f"{SOURCE}-{number}") for number in range(1, 5)]
    assert frames[5:] == pushed
    assert links(items) == [Link(SOURCE, up=True, topics=TOPICS)]
    assert all(item.source == SOURCE for item in items)


async def test_the_authentication_is_signed_in_the_venues_time_and_delivered_nowhere() -> None:
    seen: list[object] = []

    async def script(visit: Visit) -> None:
        seen.extend((await visit.request("auth"))["args"])
        await visit.push(AUTH_OK)
        for _ in TOPICS:
            await visit.accept()
        await visit.stay()

    arrivals = Arrivals()
    async with venue(script) as url, feeding(url, arrivals):
        items = await arrivals.until(lambda got: bool(links(got)))
    key, expires, signature = seen
    assert isinstance(expires, int)
    assert key == KEY
    assert signature == hmac.new(SECRET.encode(), f"GET/realtime{expires}".encode(), sha256).hexdigest()
    assert 0 <= expires - (time.time_ns() // NS_PER_MS + SKEW_MS) <= 10_000
    written = b"".join(frames_of(items)).decode() + repr(items)
    assert str(signature) not in written
    assert SECRET not in written


async def test_a_lost_stream_is_told_and_comes_back() -> None:
    async def script(visit: Visit) -> None:
        await welcome(visit)
        if visit.number < 3:
            visit.socket.transport.abort()
        await visit.stay()

    arrivals = Arrivals()
    async with venue(script) as url, feeding(url, arrivals):
        items = await arrivals.until(lambda got: len(links(got)) == 5)
    assert [link.up for link in links(items)] == [True, False, True, False, True]
    assert "connection closed" in links(items)[1].reason


async def test_a_close_code_is_told_as_the_reason() -> None:
    async def script(visit: Visit) -> None:
        await welcome(visit)
        await visit.socket.close(4008, "restarting")

    arrivals = Arrivals()
    async with venue(script) as url, feeding(url, arrivals):
        items = await arrivals.until(lambda got: len(links(got)) >= 2)
    assert "4008" in links(items)[1].reason
    assert "restarting" in links(items)[1].reason


async def test_a_refused_key_is_told_and_left_alone() -> None:
    visits = 0

    async def script(visit: Visit) -> None:
        nonlocal visits
        visits += 1
        await visit.request("auth")
        await visit.push(AUTH_BAD)
        await visit.stay()

    arrivals = Arrivals()
    async with venue(script) as url, feeding(url, arrivals) as feed:
        items = await arrivals.until(lambda got: bool(links(got)))
        assert feed.session.retry_at - time.time_ns() > 15_000 * NS_PER_MS
    assert links(items)[0].reason == f"{AUTH_REFUSED}: 10003 Invalid apikey"
    assert visits == 1


async def test_a_swallowed_ack_costs_the_connection() -> None:
    async def script(visit: Visit) -> None:
        await visit.request("auth")
        await visit.push(AUTH_OK)
        for _ in TOPICS[: 3 if visit.number == 1 else 4]:
            await visit.accept()
        await visit.stay()

    arrivals = Arrivals()
    async with venue(script) as url:
        feed = PrivateFeed(
            url,
            Credentials(KEY, SECRET),
            account="main",
            clock=WallClock(),
            venue_now_ns=time.time_ns,
            jitter=Random(1),
            deliver=arrivals.deliver,
            settings=replace(QUICK, ack_ms=100),
        )
        feed.start()
        items = await arrivals.until(lambda got: len(links(got)) == 2)
        await feed.close()
    assert links(items)[0].reason == "no answer to the subscription of wallet within 100 ms"
    assert links(items)[1].up


async def test_no_redirect_is_followed() -> None:
    strangers: list[object] = []
    told = asyncio.Event()

    async def stranger(socket: ServerConnection) -> None:
        strangers.append(await socket.recv())

    async with serve(stranger, "127.0.0.1", 0) as other:
        port = next(iter(other.sockets)).getsockname()[1]

        def redirect(connection: ServerConnection, request: Request) -> Response:
            response = connection.respond(HTTPStatus.TEMPORARY_REDIRECT, "")
            response.headers["Location"] = f"ws://127.0.0.1:{port}/v5/private"
            told.set()
            return response

        async with serve(stranger, "127.0.0.1", 0, process_request=redirect) as server:
            own = next(iter(server.sockets)).getsockname()[1]
            arrivals = Arrivals()
            async with feeding(f"ws://127.0.0.1:{own}/v5/private", arrivals):
                items = await arrivals.until(lambda got: bool(links(got)))
    assert told.is_set()
    assert strangers == []
    assert links(items)[0].reason == "cannot connect: HTTP 307"


@pytest.mark.parametrize("status", [HTTPStatus.FORBIDDEN])
async def test_a_forbidden_address_waits_ten_minutes(status: HTTPStatus) -> None:
    async def nobody(socket: ServerConnection) -> None:
        raise AssertionError("nobody gets in")

    def refuse(connection: ServerConnection, request: Request) -> Response:
        return connection.respond(status, "access too frequent")

    async with serve(nobody, "127.0.0.1", 0, process_request=refuse) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        arrivals = Arrivals()
        async with feeding(f"ws://127.0.0.1:{port}/v5/private", arrivals) as feed:
            await arrivals.until(lambda got: bool(links(got)))
            assert feed.session.retry_at - time.time_ns() > 590_000 * NS_PER_MS
