"""The server over real sockets on loopback."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from adapters.sandbox.faults import GARBAGE, Faults, Mute
from adapters.sandbox.market import Market, timed_frames
from adapters.sandbox.market_data import DEMO_START_MS, MINUTE_MS
from adapters.sandbox.recorded import RecordedMarket
from adapters.sandbox.server import SandboxServer, serve
from adapters.sandbox.settings import SandboxSettings
from adapters.sandbox.synthetic_market import SyntheticMarket, demo_market
from daemon.core.errors import ConfigError, DataError
from tests.adapters.sandbox.reading import Message, ReadBook, connected, running

pytestmark = pytest.mark.process

BOOK, TRADES, TICKER, KLINE = "orderbook.50.BTCUSDT", "publicTrade.BTCUSDT", "tickers.BTCUSDT", "kline.1.BTCUSDT"


async def received(topics: tuple[str, ...], *, minutes: int = 2, **settings: object) -> list[str]:
    """Every text that one client gets, from the ack to the end of the recording."""
    async with running(demo_market(minutes=minutes), at_end="close", **settings) as server, connected(server) as client:
        await client.socket.send_str(json.dumps({"op": "subscribe", "req_id": "s", "args": topics}))
        return await client.read_all()


async def test_an_ack_is_followed_at_once_by_snapshots_and_then_by_every_frame_of_the_market() -> None:
    texts = await received((BOOK, TRADES, TICKER, KLINE))
    assert json.loads(texts[0])["success"] is True
    snapshots = [json.loads(text) for text in texts[1:3]]
    assert [(one["topic"], one["type"]) for one in snapshots] == [(BOOK, "snapshot"), (TICKER, "snapshot")]
    frames = timed_frames(demo_market(minutes=2), (BOOK, TRADES, TICKER, KLINE))
    assert texts[3:] == [payload.decode() for _, _, payload in frames]


async def test_two_sessions_of_the_same_market_get_the_same_bytes() -> None:
    topics = (BOOK, TICKER)
    first, second = await received(topics), await received(topics)
    assert first == second
    assert len(first) > 40


async def test_acks_pings_and_refusals_go_over_the_wire_as_bybit_words_them() -> None:
    async with running(demo_market(minutes=1)) as server, connected(server) as client:
        assert await client.ask(op="ping", req_id=7) == {
            "success": True,
            "ret_msg": "pong",
            "conn_id": "sandbox-1",
            "req_id": 7,
            "op": "ping",
        }
        refused = await client.subscribe("foo")
        assert (refused["success"], refused["ret_msg"]) == (False, "error:handler not found,topic:foo")
        assert (await client.ask(op="unsubscribe", req_id="u", args=[BOOK]))["op"] == "unsubscribe"
        garbled = await client.ask(op=5)
        assert garbled["success"] is False


async def test_websocket_pings_are_answered_while_the_market_plays() -> None:
    async with (
        running(demo_market(minutes=1)) as server,
        aiohttp.ClientSession() as session,
        session.ws_connect(server.url_ws, autoping=False) as raw,
    ):
        await raw.ping(b"are you there")
        message = await raw.receive(timeout=10)
        assert (message.type, message.data) == (aiohttp.WSMsgType.PONG, b"are you there")


class Hands:
    """A real clock that a test moves."""

    def __init__(self) -> None:
        self.ns = 0

    def read(self) -> int:
        return self.ns

    def turn_to(self, seconds: float) -> None:
        self.ns = int(seconds * 1_000_000_000)


@asynccontextmanager
async def by_hand(hands: Hands, market: Market) -> AsyncIterator[SandboxServer]:
    """A server in real time, which the test turns."""
    settings = SandboxSettings(speed=1.0, ack_delay_ms=0, at_end="close")
    server = await serve(market, settings, monotonic_ns=hands.read)
    try:
        yield server
    finally:
        await server.close()


async def test_every_subscriber_gets_the_same_frames_and_a_late_one_a_current_snapshot() -> None:
    hands = Hands()
    async with (
        by_hand(hands, demo_market(["BTCUSDT"], minutes=2)) as server,
        connected(server) as early,
        connected(server) as late,
    ):
        await early.subscribe(BOOK)
        hands.turn_to(50)
        for _ in range(11):
            await early.read()
        await late.subscribe(BOOK)
        hands.turn_to(1000)
        early_rest, late_texts = await asyncio.gather(early.read_all(), late.read_all())
    book = ReadBook()
    for text in late_texts:
        book.apply(json.loads(text))
    assert (json.loads(late_texts[0])["type"], book.update_id) == ("snapshot", 1024)
    assert late_texts[1:] == early_rest
    assert len(early_rest) == 14


async def test_unsubscribing_ends_a_topic_and_leaves_the_other() -> None:
    hands = Hands()
    async with by_hand(hands, demo_market(["BTCUSDT"], minutes=1)) as server, connected(server) as client:
        await client.subscribe(TRADES, TICKER)
        assert (await client.read())["topic"] == TICKER
        hands.turn_to(1)
        assert {(await client.read())["topic"] for _ in range(2)} == {TRADES, TICKER}
        assert (await client.ask(op="unsubscribe", args=[TRADES]))["success"] is True
        hands.turn_to(1000)
        assert [json.loads(text)["topic"] for text in await client.read_all()] == [TICKER] * 11


async def test_at_full_speed_nothing_is_played_before_somebody_subscribes() -> None:
    async with running(demo_market(minutes=1)) as server, connected(server) as client:
        await client.ask(op="ping")
        assert (server.frames_sent, server.now_ms()) == (0, DEMO_START_MS)
        await client.subscribe(BOOK)
        await server.wait_finished()
        assert server.frames_sent == 12
        assert server.now_ms() == DEMO_START_MS + MINUTE_MS + 2


async def test_the_market_waits_while_nobody_is_connected_and_loses_nothing() -> None:
    async with running(demo_market(minutes=5), outbox_frames=1) as server:
        async with connected(server) as client:
            await client.subscribe(BOOK)
            book = ReadBook()
            for _ in range(3):
                book.apply(await client.read())
        async with connected(server) as client:
            await client.subscribe(BOOK)
            again = ReadBook()
            again.apply(await client.read())
            await server.wait_finished()
            while again.update_id != 1060:
                again.apply(await client.read())
    assert book.update_id == 1002


async def test_a_first_subscription_starts_a_market_at_a_fixed_speed() -> None:
    reports: list[tuple[int, int]] = []
    market = demo_market(["BTCUSDT"], minutes=1)
    settings = SandboxSettings(speed=100_000.0, start="first_subscription", settle_ms=0, ack_delay_ms=0, at_end="close")
    server = await serve(market, settings, on_progress=lambda ts_ms, frames: reports.append((ts_ms, frames)))
    try:
        async with connected(server) as client:
            await client.ask(op="ping")
            assert server.now_ms() == DEMO_START_MS
            await client.subscribe(TRADES)
            texts = await client.read_all()
    finally:
        await server.close()
    assert len(texts) == 12
    assert reports[-1] == (reports[-1][0], 12)
    assert reports == sorted(reports)


async def server_time(server: SandboxServer) -> int:
    async with aiohttp.ClientSession() as session, session.get(f"{server.url_rest}/v5/market/time") as response:
        body = await response.json()
    assert body["time"] == int(body["result"]["timeNano"]) // 1_000_000
    time_ms: int = body["time"]
    return time_ms


@pytest.mark.parametrize("speed", [1.0, 60.0])
async def test_server_time_is_market_time_under_the_chosen_speed(speed: float) -> None:
    hands = Hands()
    server = await serve(demo_market(minutes=60), SandboxSettings(speed=speed), monotonic_ns=hands.read)
    try:
        assert await server_time(server) == DEMO_START_MS
        hands.turn_to(0.012 / speed)
        assert await server_time(server) == DEMO_START_MS + 12
    finally:
        await server.close()


async def test_frames_come_out_when_the_clock_says_so_and_carry_its_time() -> None:
    hands = Hands()
    async with by_hand(hands, demo_market(["BTCUSDT"], minutes=60)) as server, connected(server) as client:
        await client.subscribe(TICKER)
        assert (await client.read())["type"] == "snapshot"
        for step in range(3):
            hands.turn_to(step * 5 + 0.022)
            message = await client.read()
            assert message["ts"] == DEMO_START_MS + step * 5_000 + 22 == await server_time(server)


async def rest(server: SandboxServer, path: str, method: str = "GET") -> tuple[int, Message]:
    async with aiohttp.ClientSession() as session, session.request(method, server.url_rest + path) as response:
        assert {"X-Bapi-Limit", "X-Bapi-Limit-Status", "X-Bapi-Limit-Reset-Timestamp"} <= set(response.headers)
        return response.status, await response.json()


async def test_rest_answers_over_http() -> None:
    async with running(demo_market(minutes=1)) as server:
        status, body = await rest(server, "/v5/market/instruments-info?category=linear&limit=1000")
        assert (status, len(body["result"]["list"])) == (200, 3)
        status, body = await rest(server, "/v5/market/kline?category=linear&symbol=BTCUSDT&interval=1&limit=1")
        assert (status, len(body["result"]["list"])) == (200, 1)
        assert (await rest(server, "/v5/market/kline"))[1]["retCode"] == 10001
        status, body = await rest(server, "/v5/order/create", "POST")
        assert (status, body["retCode"]) == (404, 10017)


async def test_a_cut_connection_can_come_back_to_a_correct_book() -> None:
    faults = Faults(drop_after=(10,))
    async with running(demo_market(minutes=2), faults=faults, at_end="close") as server:
        async with connected(server) as client:
            await client.subscribe(BOOK)
            lost = await client.read_all()
        async with connected(server) as client:
            await client.subscribe(BOOK)
            texts = await client.read_all()
    book = ReadBook()
    for text in texts:
        book.apply(json.loads(text))
    assert len(lost) == 11
    assert json.loads(texts[0])["data"]["u"] == 1010
    assert book.update_id == 1024
    assert (len(book.bids), len(book.asks)) == (50, 50)


async def test_a_skipped_delta_leaves_a_gap_in_u() -> None:
    texts = await received((BOOK,), faults=Faults(skip_delta_at=(5,)))
    updates = [json.loads(text)["data"]["u"] for text in texts[1:]]
    assert updates == [1000, 1001, 1002, 1003, 1004, *range(1006, 1025)]


async def test_muted_duplicated_and_garbage_frames_arrive_as_planned() -> None:
    plain = await received((TICKER,))
    faults = Faults(
        mute=(Mute(TICKER, first=2, frames=2),), duplicate=(6,), garbage_before=(8,), stall_before=((3, 1),)
    )
    troubled = await received((TICKER,), faults=faults)
    frames = plain[2:]
    expected = [frames[0], frames[3], frames[4], frames[5], frames[5], frames[6], GARBAGE.decode(), *frames[7:]]
    assert troubled[2:] == expected


@asynccontextmanager
async def not_reading(server: SandboxServer, topics: list[str]) -> AsyncIterator[asyncio.StreamReader]:
    """A client that subscribes and then lets the frames pile up."""
    host, _, port = server.url_rest.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port), limit=1024)
    try:
        await upgrade(reader, writer)
        request = json.dumps({"op": "subscribe", "args": topics}).encode()
        writer.write(b"\x81\xfe" + len(request).to_bytes(2, "big") + bytes(4) + request)
        yield reader
    finally:
        writer.close()


async def read_to_the_break(reader: asyncio.StreamReader) -> int:
    """Bytes that come before the connection breaks."""
    count = 0
    try:
        while chunk := await reader.read(1 << 20):
            count += len(chunk)
    except ConnectionError:
        return count
    return count


WHOLE_BYTES = 20_000_000
"""Less than what ten hours of every topic but the bars come to."""


def every_topic(market: SyntheticMarket) -> list[str]:
    return sorted(topic for topic in market.topics if not topic.startswith("kline"))


async def test_at_full_speed_a_client_that_does_not_read_is_waited_for_and_then_cut() -> None:
    market = demo_market(minutes=600)
    settings = {"stuck_s": 0.1, "outbox_frames": 64, "settle_ms": 10, "at_end": "close"}
    async with (
        running(market, **settings) as server,
        connected(server) as client,
        not_reading(server, every_topic(market)) as stuck,
    ):
        await client.subscribe("kline.60.BTCUSDT")
        texts = await client.read_all()
        assert 0 < await read_to_the_break(stuck) < WHOLE_BYTES // 2
    assert len(texts) == 600 * 12 + 10


async def test_at_a_fixed_speed_a_client_that_does_not_read_is_cut_and_the_market_goes_on() -> None:
    market = demo_market(minutes=600)
    fast = {"speed": 10_000_000.0, "start": "first_subscription"}
    async with (
        running(market, outbox_frames=64, **fast) as server,
        not_reading(server, every_topic(market)) as stuck,
    ):
        await server.wait_finished()
        assert 0 < await read_to_the_break(stuck) < WHOLE_BYTES // 2
        assert server.now_ms() >= DEMO_START_MS + 600 * MINUTE_MS


async def upgrade(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Open a websocket by hand, for a client that then stops reading."""
    writer.write(
        b"GET /v5/public/linear HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
    assert b"101" in await reader.readuntil(b"\r\n\r\n")


async def test_an_idle_client_is_closed() -> None:
    async with running(demo_market(minutes=1), idle_s=0.01) as server, connected(server) as client:
        assert await client.read_text() is None
        assert client.socket.close_code == aiohttp.WSCloseCode.OK


async def test_connections_stay_open_and_silent_at_the_end_unless_told_otherwise() -> None:
    async with running(demo_market(minutes=1)) as server, connected(server) as client:
        await client.subscribe(TRADES)
        for _ in range(12):
            assert (await client.read())["topic"] == TRADES
        await server.wait_finished()
        assert (await client.ask(op="ping", req_id="still"))["req_id"] == "still"


async def test_a_recording_that_breaks_while_playing_cuts_clients_and_says_why() -> None:
    market = RecordedMarket(lambda: [(1, TICKER, b"{}"), (2, TICKER, b"{}")])
    async with running(market) as server, connected(server) as client:
        await client.subscribe(TICKER)
        assert await client.read_text() is None
        with pytest.raises(DataError, match="tickers"):
            await server.wait_finished()


async def test_a_port_that_is_taken_and_a_foreign_host_are_refused() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match="cannot listen"):
            await serve(demo_market(minutes=1), SandboxSettings(port=taken.getsockname()[1]))
    with pytest.raises(ConfigError, match="loopback"):
        await serve(demo_market(minutes=1), SandboxSettings(host="0.0.0.0"))


async def test_recorded_frames_are_served_byte_for_byte(tmp_path: Path) -> None:
    frames = list(timed_frames(demo_market(["BTCUSDT"], minutes=2), (TRADES,)))
    async with running(RecordedMarket(lambda: frames), at_end="close") as server, connected(server) as client:
        await client.subscribe(TRADES)
        texts = await client.read_all()
    assert texts == [payload.decode() for _, _, payload in frames]
