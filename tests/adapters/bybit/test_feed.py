"""The feed over a real loopback socket."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from random import Random

import pytest
from msgspec.structs import replace
from structlog.testing import capture_logs
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from adapters.bybit.connection import FRAME_BYTES_MAX
from adapters.bybit.decoder import FrameDecoder
from adapters.bybit.feed import BybitFeed
from adapters.bybit.settings import FeedSettings, Silence
from daemon.core.errors import ConfigError
from daemon.core.events import BookDelta, BookDown, BookSnapshot, Fact, Link, Quarantined, Stale, Trade
from daemon.core.units import NS_PER_SECOND
from daemon.ports import Received
from tests.adapters.bybit.frames import ack, book, ticker, trade, trades
from tests.adapters.bybit.venue import QUICK, Visit, WallClock, collect, facts_of, feed_of, frames_of, venue

BOOK = "orderbook.50.BTCUSDT"
TICKER = "tickers.BTCUSDT"
TRADES = "publicTrade.BTCUSDT"


class LateClock(WallClock):
    """The wall clock, ahead by what a test says."""

    late = 0

    def now(self) -> int:
        return super().now() + self.late


def links(received: list[Received]) -> list[bool]:
    return [fact.up for fact in facts_of(received) if isinstance(fact, Link)]


def decode_all(received: list[Received]) -> list[Fact]:
    decoder = FrameDecoder()
    facts: list[Fact] = []
    for item in received:
        if item.frame is not None:
            facts += decoder.decode(item.frame, item.ts_recv, item.source)
        elif item.fact is not None:
            facts += [item.fact, *decoder.observe(item.fact)]
    return facts


async def test_frames_arrive_in_order_as_sent_with_acks_among_them() -> None:
    pushed = [trades(trade(str(number))) for number in range(3000)]

    async def script(visit: Visit) -> None:
        await visit.accept()
        await visit.push(*pushed)
        await visit.stay()

    async with venue(script) as url:
        received = await collect(feed_of(url, TRADES), lambda got: len(frames_of(got)) > len(pushed))
    assert isinstance(received[0].fact, Link)
    assert frames_of(received) == [ack("public-1-1"), *pushed]
    assert all(item.source == "public-1" for item in received)
    stamps = [item.ts_recv for item in received]
    assert stamps == sorted(stamps)


async def test_a_dropped_connection_is_told_and_everything_is_subscribed_again() -> None:
    async def script(visit: Visit) -> None:
        request = await visit.accept()
        assert request["args"] == [BOOK, TRADES]
        await visit.push(book(10 * visit.number, kind="snapshot"), book(10 * visit.number + 1))
        if visit.number < 3:
            visit.socket.transport.abort()
        await visit.stay()

    async with venue(script) as url:
        received = await collect(
            feed_of(url, BOOK, TRADES), lambda got: links(got).count(True) == 3 and book(31) in frames_of(got)
        )
    assert links(received) == [True, False, True, False, True]
    facts = decode_all(received)
    assert not [fact for fact in facts if isinstance(fact, Quarantined)]
    assert [type(fact) for fact in facts if isinstance(fact, BookSnapshot | BookDelta | BookDown)][-2:] == [
        BookSnapshot,
        BookDelta,
    ]


async def test_an_operator_reads_of_a_lost_connection_and_of_the_next_one() -> None:
    async def script(visit: Visit) -> None:
        await visit.accept()
        if visit.number < 2:
            visit.socket.transport.abort()
        await visit.stay()

    with capture_logs() as logged:
        async with venue(script) as url:
            await collect(feed_of(url, TRADES), lambda got: links(got).count(True) == 2)
    told = [event for event in logged if event.get("source") == "public-1"]
    assert [event["event"] for event in told[:3]] == ["link_up", "link_down", "link_up"]
    assert told[1]["reason"].startswith("connection closed")


async def test_a_close_frame_is_told_with_its_code_and_reason() -> None:
    async def script(visit: Visit) -> None:
        await visit.accept()
        await visit.socket.close(1001, "maintenance")

    async with venue(script) as url:
        received = await collect(feed_of(url, TRADES), lambda got: False in links(got))
    (down,) = [fact for fact in facts_of(received) if isinstance(fact, Link) and not fact.up]
    assert "1001" in down.reason
    assert "maintenance" in down.reason
    assert down.topics == (TRADES,)


async def test_garbage_is_passed_on_as_received_and_the_connection_lives() -> None:
    garbage = [b"", b"\x00\xff", b"{", b'{"topic":5}', b"[" * 2000]

    async def script(visit: Visit) -> None:
        await visit.accept()
        for frame in garbage:
            await visit.socket.send(frame, text=False)
        await visit.push(trades(trade("a")))
        await visit.stay()

    async with venue(script) as url:
        received = await collect(feed_of(url, TRADES), lambda got: trades(trade("a")) in frames_of(got))
    assert frames_of(received)[1:-1] == garbage
    assert links(received) == [True]
    facts = decode_all(received)
    assert len([fact for fact in facts if isinstance(fact, Quarantined)]) == len(garbage)
    assert isinstance(facts[-1], Trade)


async def test_a_frame_beyond_the_size_limit_costs_the_connection() -> None:
    async def script(visit: Visit) -> None:
        await visit.accept()
        if visit.number == 1:
            await visit.push(b'"' + b"x" * FRAME_BYTES_MAX + b'"')
        await visit.stay()

    async with venue(script) as url:
        received = await collect(feed_of(url, TRADES), lambda got: links(got) == [True, False, True], seconds=20)
    (reason,) = [fact.reason for fact in facts_of(received) if isinstance(fact, Link) and not fact.up]
    assert "1009" in reason


async def test_a_resync_reaches_the_venue_as_a_new_subscription() -> None:
    async def script(visit: Visit) -> None:
        await visit.accept()
        await visit.push(book(10, kind="snapshot"), book(12))
        assert (await visit.request("unsubscribe"))["args"] == [BOOK]
        await visit.accept()
        await visit.push(book(20, kind="snapshot"))
        await visit.stay()

    feed_settings = replace(QUICK, resync_ms=1)
    async with venue(script) as url:
        feed = feed_of(url, BOOK, settings=feed_settings)
        decoder = FrameDecoder()
        facts: list[Fact] = []
        async with asyncio.timeout(5):
            async for batch in feed.batches():
                for item in batch:
                    facts += decoder.decode(item.frame, item.ts_recv, item.source) if item.frame is not None else []
                if isinstance(facts[-1] if facts else None, BookDown):
                    feed.resync(BOOK)
                if facts and isinstance(facts[-1], BookSnapshot) and len(facts) > 1:
                    break
        assert feed.ready
        await feed.close()
    assert [type(fact) for fact in facts] == [BookSnapshot, BookDown, BookSnapshot]


async def test_a_muted_topic_is_told_stale_and_costs_the_connection() -> None:
    async def script(visit: Visit) -> None:
        await visit.accept()
        await visit.push(book(10, kind="snapshot"))
        if visit.number == 1:
            await visit.accept()
        await visit.stay()

    quick = replace(QUICK, ack_ms=200, silence=Silence(orderbook_ms=100))
    async with venue(script) as url:
        received = await collect(feed_of(url, BOOK, settings=quick), lambda got: links(got) == [True, False, True])
        facts = facts_of(received)
    assert isinstance(facts[1], Stale)
    assert facts[1].stale
    down = facts[2]
    assert isinstance(down, Link)
    assert BOOK in down.reason


@pytest.mark.parametrize(
    ("status", "body", "seconds_least"),
    [(HTTPStatus.FORBIDDEN, "access too frequent", 600), (HTTPStatus.OK, "<html>log in</html>", 0)],
)
async def test_a_refused_upgrade_is_told_and_waited_for(status: HTTPStatus, body: str, seconds_least: int) -> None:
    attempts = 0

    def refuse(socket: ServerConnection, request: Request) -> Response:
        nonlocal attempts
        attempts += 1
        return socket.respond(status, body)

    async def never(socket: ServerConnection) -> None:
        raise AssertionError("the upgrade was refused")

    async with serve(never, "127.0.0.1", 0, process_request=refuse) as server:
        port = next(iter(server.sockets)).getsockname()[1]
        feed = feed_of(f"ws://127.0.0.1:{port}", TRADES)
        received = await collect(feed, lambda got: bool(links(got)))
        (down,) = facts_of(received)
    assert isinstance(down, Link)
    assert down.reason == f"cannot connect: HTTP {status}"
    assert attempts == 1
    retry_at = feed.sessions[0].retry_at
    assert retry_at - received[0].ts_recv >= seconds_least * 10**9 - 10**9


async def test_an_unreachable_venue_is_told_and_tried_again() -> None:
    feed = feed_of("ws://127.0.0.1:1", TRADES, settings=FeedSettings(backoff_first_ms=1, backoff_max_ms=1))
    received = await collect(feed, lambda got: bool(links(got)))
    assert links(received) == [False]
    assert not feed.ready


async def test_topics_beyond_a_connection_go_to_further_ones() -> None:
    async def script(visit: Visit) -> None:
        request = await visit.accept()
        await visit.push(trades(trade("a", symbol=request["args"][0][-5:]), symbol=request["args"][0][-5:]))
        await visit.stay()

    names = [f"publicTrade.S{number}USD" for number in range(3)]
    async with venue(script) as url:
        feed = feed_of(url, *names, settings=replace(QUICK, topics_per_connection=1))
        received = await collect(feed, lambda got: len(frames_of(got)) == 6)
    assert {item.source for item in received} == {"public-1", "public-2", "public-3"}


async def test_a_slow_consumer_stops_the_reading_and_loses_nothing() -> None:
    pushed = [trades(trade(str(number))) for number in range(2000)]

    async def script(visit: Visit) -> None:
        await visit.accept()
        await visit.push(*pushed)
        await visit.stay()

    async with venue(script) as url:
        feed = feed_of(url, TRADES, settings=replace(QUICK, inbox_frames=50))
        batches: list[list[Received]] = []
        async with asyncio.timeout(5):
            async for batch in feed.batches():
                batches.append(batch)
                if sum(map(len, batches)) >= len(pushed) + 2:
                    break
        await feed.close()
    assert max(map(len, batches)) <= 51
    assert frames_of([item for batch in batches for item in batch])[1:] == pushed


async def test_time_spent_waiting_for_the_consumer_makes_no_topic_stale() -> None:
    async def script(visit: Visit) -> None:
        await visit.accept()
        await visit.push(ticker(lastPrice="1"), book(1, kind="snapshot"), *[book(2 + number) for number in range(500)])
        await visit.stay()

    clock = LateClock()
    async with venue(script) as url:
        settings = replace(QUICK, inbox_frames=50)
        feed = BybitFeed(url, [BOOK, TICKER], clock=clock, jitter=Random(1), settings=settings)
        received: list[Received] = []
        async with asyncio.timeout(5):
            async for batch in feed.batches():
                received += batch
                if len(batch) >= settings.inbox_frames:
                    clock.late += 60 * NS_PER_SECOND
                if len(frames_of(received)) == 503:
                    break
        session = feed.sessions[0]
        session.tick(clock.now())
        assert clock.late > 0
        assert not [fact for fact in facts_of(received) + session.take_facts() if isinstance(fact, Stale)]
        assert session.replace_reason == ""
        await feed.close()


async def test_topics_beside_a_refused_one_are_asked_for_again_at_once() -> None:
    async def script(visit: Visit) -> None:
        request = await visit.request()
        await visit.push(ack(request["req_id"], success=False, text=f"Invalid topic: {TICKER}"))
        assert (await visit.accept())["args"] == [BOOK]
        assert (await visit.accept())["args"] == [TRADES]
        await visit.stay()

    async with venue(script) as url:
        feed = feed_of(url, BOOK, TICKER, TRADES)
        received = await collect(feed, lambda got: len(frames_of(got)) == 3, seconds=3)
    (refused,) = [fact for fact in facts_of(received) if isinstance(fact, Quarantined)]
    assert TICKER in refused.reason


async def test_closing_ends_the_batches_after_what_arrived_and_leaves_no_task() -> None:
    async def script(visit: Visit) -> None:
        await visit.accept()
        await visit.stay()

    async with venue(script) as url:
        feed = feed_of(url, TRADES)
        received: list[Received] = []
        async with asyncio.timeout(5):
            async for batch in feed.batches():
                received += batch
                if frames_of(received):
                    await feed.close()
        assert links(received) == [True]
        await asyncio.sleep(0)
        names = {task.get_name() for task in asyncio.all_tasks()}
    assert "public-1" not in names


async def test_a_bug_in_a_connection_reaches_the_consumer() -> None:
    class BrokenClock(WallClock):
        def now(self) -> int:
            raise RuntimeError("no clock")

    feed = feed_of("ws://127.0.0.1:1", TRADES)
    for connection in feed._connections:
        connection._now = BrokenClock().now
    with pytest.raises(RuntimeError, match="no clock"):
        await collect(feed, lambda got: False)


def test_topics_are_checked_before_anything_connects() -> None:
    with pytest.raises(ConfigError, match="nonsense"):
        feed_of("ws://127.0.0.1:1", "nonsense.BTCUSDT")
