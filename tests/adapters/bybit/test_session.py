"""The session under virtual time: nothing sleeps, the venue is this file."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.bybit.session import Session
from adapters.bybit.settings import FeedSettings, Silence
from adapters.bybit.topics import parse_topic
from daemon.core.events import Fact, Link, Quarantined, Stale
from daemon.core.units import NS_PER_MS, NS_PER_SECOND
from tests.adapters.bybit.frames import ack, book, candle, klines, ticker, trade, trades

START = 1_758_845_431 * NS_PER_SECOND
BOOK = "orderbook.50.BTCUSDT"
TICKER = "tickers.BTCUSDT"
TRADES = "publicTrade.BTCUSDT"
KLINE = "kline.5.BTCUSDT"
SOURCE = "public-1"


class Venue:
    """A session, a clock that moves on demand, and the other side of the wire."""

    def __init__(self, *topics: str, seed: int = 1, **changed: Any) -> None:
        self.now = START
        self.up = False
        self.session = Session(SOURCE, [parse_topic(name) for name in topics], FeedSettings(**changed), Random(seed))

    def open(self) -> list[dict[str, Any]]:
        self.session.opened(self.now)
        self.up = True
        return self.requests()

    def lose(self, reason: str) -> None:
        self.session.closed(reason, self.now)
        self.up = False

    def requests(self) -> list[dict[str, Any]]:
        return [msgspec.json.decode(request) for request in self.session.take_requests()]

    def facts(self) -> list[Fact]:
        return self.session.take_facts()

    def hear(self, *frames: bytes) -> None:
        for frame in frames:
            self.session.received(frame, self.now)

    def answer_all(self) -> None:
        """Acknowledge every open subscription and answer pings."""
        for request in self.requests():
            if request["op"] in {"subscribe", "ping"}:
                self.hear(ack(request["req_id"], op=request["op"]))

    def is_due(self, until: int) -> bool:
        return self.up and not self.session.replace_reason and self.session.deadline <= until

    def wait(self, seconds: float) -> None:
        """Let time pass, waking the session whenever it asks for it."""
        end = self.now + int(seconds * NS_PER_SECOND)
        while self.is_due(end):
            self.now = max(self.now, self.session.deadline)
            self.session.tick(self.now)
            assert not self.is_due(self.now), "it would spin"
        self.now = end

    def live(self) -> None:
        self.open()
        self.now += 1
        self.hear(*(ack(f"{SOURCE}-{number}") for number in range(1, 5)))
        self.hear(book(10, kind="snapshot"), ticker(lastPrice="5"))
        self.facts()


def stales(facts: list[Fact]) -> list[tuple[str, bool, int]]:
    return [(fact.topic, fact.stale, fact.silent_ms) for fact in facts if isinstance(fact, Stale)]


def test_opening_subscribes_to_everything_in_allowed_batches() -> None:
    venue = Venue(*[f"tickers.S{number}" for number in range(23)])
    requests = venue.open()
    assert [len(request["args"]) for request in requests] == [10, 10, 3]
    assert {request["op"] for request in requests} == {"subscribe"}
    assert len({request["req_id"] for request in requests}) == 3
    (link,) = venue.facts()
    assert isinstance(link, Link)
    assert link.up
    assert len(link.topics) == 23


def test_when_data_came_last_outlives_the_connection_that_brought_it() -> None:
    venue = Venue(TRADES)
    assert venue.session.heard == 0
    venue.open()
    venue.answer_all()
    venue.now += NS_PER_SECOND
    venue.hear(trades(trade("1")))
    spoken = venue.now
    venue.now += NS_PER_SECOND
    venue.lose("gone")
    assert venue.session.heard == spoken


def test_it_is_ready_when_all_is_acknowledged_and_snapshots_are_there() -> None:
    venue = Venue(BOOK, TRADES)
    (request,) = venue.open()
    assert not venue.session.ready
    venue.hear(ack(request["req_id"]))
    assert not venue.session.ready
    venue.hear(book(10, kind="snapshot"))
    assert venue.session.ready


def test_an_ack_without_request_id_answers_the_oldest_request() -> None:
    venue = Venue(BOOK, TICKER, topics_per_request=1)
    venue.open()
    venue.hear(ack(""), b'{"success":true,"op":"subscribe","conn_id":"x"}')
    venue.hear(book(10, kind="snapshot"), ticker(lastPrice="1"))
    assert venue.session.ready


def test_a_missing_ack_costs_the_connection_after_five_seconds() -> None:
    venue = Venue(BOOK)
    venue.open()
    venue.hear(book(10, kind="snapshot"))
    venue.wait(4.9)
    assert venue.session.replace_reason == ""
    venue.hear(book(11))
    venue.wait(0.2)
    assert venue.session.replace_reason == f"no answer to the subscription of {BOOK} within 5000 ms"


def test_a_missing_snapshot_costs_the_connection_after_five_seconds() -> None:
    venue = Venue(BOOK, KLINE)
    (request,) = venue.open()
    venue.hear(ack(request["req_id"]))
    for number in range(49):
        venue.wait(0.1)
        venue.hear(book(11 + number))
    assert venue.session.replace_reason == ""
    venue.wait(0.2)
    assert venue.session.replace_reason == f"no snapshot of {BOOK} within 5000 ms"
    assert stales(venue.facts())[0][:2] == (BOOK, True)


def test_trades_and_candles_need_no_first_data() -> None:
    venue = Venue(TRADES, KLINE)
    (request,) = venue.open()
    venue.hear(ack(request["req_id"]))
    venue.wait(30)
    assert venue.session.ready
    assert venue.session.replace_reason != ""  # the ping of the 20th second was not answered
    assert "pong" in venue.session.replace_reason


def test_a_refused_topic_is_named_told_stale_and_left_alone() -> None:
    venue = Venue(BOOK)
    (request,) = venue.open()
    venue.facts()
    venue.hear(ack(request["req_id"], success=False, text=f"error:handler not found,topic:{BOOK}"))
    quarantined, stale = venue.facts()
    assert isinstance(quarantined, Quarantined)
    assert BOOK in quarantined.reason
    assert "handler not found" in quarantined.reason
    assert quarantined.symbol == "BTCUSDT"
    assert stales([stale]) == [(BOOK, True, 0)]
    venue.wait(15)
    assert venue.session.replace_reason == ""
    assert venue.requests() == []
    venue.session.resync(BOOK, venue.now)
    assert venue.requests() == []


def test_good_topics_beside_a_refused_one_are_asked_for_again_one_by_one() -> None:
    venue = Venue(BOOK, TICKER, TRADES)
    (request,) = venue.open()
    venue.facts()
    venue.hear(ack(request["req_id"], success=False, text=f"Invalid topic: {TICKER}"))
    again = venue.requests()
    assert [request["args"] for request in again] == [[BOOK], [TRADES]]
    assert [type(fact) for fact in venue.facts()] == [Quarantined, Stale]
    already = ack(again[0]["req_id"], success=False, text=f"error:already subscribed,topic:{BOOK}")
    venue.hear(book(10, kind="snapshot"), already, ack(again[1]["req_id"]))
    venue.wait(4)
    assert venue.facts() == []
    assert venue.session.replace_reason == ""


def test_a_refusal_that_names_nobody_is_narrowed_down() -> None:
    venue = Venue("tickers.AUSDT", "tickers.AUSDTX")
    (request,) = venue.open()
    venue.facts()
    venue.hear(ack(request["req_id"], success=False, text="Invalid topic: tickers.AUSDTXY"))
    first, second = venue.requests()
    venue.hear(ack(first["req_id"]), ack(second["req_id"], success=False, text=""))
    (quarantined, _) = venue.facts()
    assert isinstance(quarantined, Quarantined)
    assert quarantined.reason == "subscription of tickers.AUSDTX refused: no reason given"


def test_pings_go_out_every_twenty_seconds_and_any_pong_shape_will_do() -> None:
    venue = Venue(TRADES, silence=Silence(trade_ms=0))
    venue.live()
    pongs: list[Callable[[str], bytes]] = [
        lambda req_id: ack(req_id, text="pong", op="ping"),
        lambda req_id: b'{"req_id":"%s","op":"pong","args":["1675418560633"],"conn_id":"c"}' % req_id.encode(),
        lambda req_id: b'{"op":"pong","args":["1672916271846"]}',
    ]
    for pong in pongs * 2:
        venue.wait(19.9)
        assert venue.requests() == []
        venue.wait(0.1)
        (ping,) = venue.requests()
        assert ping["op"] == "ping"
        venue.hear(pong(ping["req_id"]))
    assert venue.session.replace_reason == ""


def test_a_connection_without_pong_is_dead_after_ten_seconds_though_data_flows() -> None:
    venue = Venue(TRADES)
    venue.live()
    venue.wait(20)
    venue.hear(trades(trade("a")))
    venue.wait(9.9)
    assert venue.session.replace_reason == ""
    venue.hear(trades(trade("b")))
    venue.wait(0.1)
    assert venue.session.replace_reason == "no pong within 10000 ms"


def test_a_silent_topic_is_told_stale_asked_anew_and_told_again_when_it_speaks() -> None:
    venue = Venue(BOOK)
    venue.live()
    venue.wait(5)
    assert stales(venue.facts()) == [(BOOK, True, 5000)]
    requests = venue.requests()
    assert [(request["op"], request["args"]) for request in requests] == [
        ("unsubscribe", [BOOK]),
        ("subscribe", [BOOK]),
    ]
    venue.hear(ack(requests[0]["req_id"], op="unsubscribe"), ack(requests[1]["req_id"]))
    venue.wait(1)
    venue.hear(book(11))
    assert venue.facts() == []
    venue.hear(book(50, kind="snapshot"))
    assert stales(venue.facts()) == [(BOOK, False, 6000)]
    venue.hear(book(51))
    assert venue.facts() == []


def test_a_topic_silent_for_a_second_limit_costs_the_connection() -> None:
    venue = Venue(KLINE, silence=Silence(kline_ms=8_000))
    venue.live()
    venue.wait(8)
    venue.answer_all()
    venue.wait(7.9)
    assert venue.session.replace_reason == ""
    venue.wait(0.1)
    assert venue.session.replace_reason == f"{KLINE} stayed silent"


def test_quiet_trades_are_told_stale_but_cost_no_connection() -> None:
    venue = Venue(TRADES, BOOK)
    venue.live()
    for second in range(500):
        venue.wait(1)
        venue.hear(book(11 + second))
        venue.answer_all()
    assert venue.session.replace_reason == ""
    assert stales(venue.facts()) == [(TRADES, True, 120_000)]
    venue.hear(trades(trade("a")))
    assert stales(venue.facts()) == [(TRADES, False, 500_000)]


def test_a_topic_that_never_speaks_stops_costing_connections_while_others_speak() -> None:
    venue = Venue(BOOK, TRADES, replacements=2)
    reasons = []
    for _ in range(3):
        (request,) = venue.open()
        venue.hear(ack(request["req_id"]))
        for number in range(300):
            venue.wait(0.1)
            venue.answer_all()
            venue.hear(trades(trade(str(number))))
            if venue.session.replace_reason:
                break
        reasons.append(venue.session.replace_reason)
        venue.lose(venue.session.replace_reason)
    assert [bool(reason) for reason in reasons] == [True, True, False]
    assert [fact[:2] for fact in stales(venue.facts())] == [(BOOK, True)]


def test_a_venue_where_nothing_speaks_is_left_whatever_the_count() -> None:
    venue = Venue(BOOK, TICKER, replacements=1)
    for _ in range(4):
        venue.open()
        venue.wait(6)
        assert venue.session.replace_reason != ""
        venue.lose(venue.session.replace_reason)


def test_a_resync_asks_for_the_topic_anew_but_not_faster_than_the_limit() -> None:
    venue = Venue(BOOK)
    venue.live()
    venue.wait(2)
    venue.session.resync(BOOK, venue.now)
    assert [request["op"] for request in venue.requests()] == ["unsubscribe", "subscribe"]
    venue.session.resync(BOOK, venue.now)
    assert venue.requests() == []
    venue.hear(book(20, kind="snapshot"))
    venue.session.resync(BOOK, venue.now)
    venue.session.resync(BOOK, venue.now)
    assert venue.requests() == []
    venue.wait(1)
    assert [request["op"] for request in venue.requests()] == ["unsubscribe", "subscribe"]


def test_a_resync_of_what_is_unknown_or_down_is_ignored() -> None:
    venue = Venue(BOOK)
    venue.session.resync(BOOK, venue.now)
    venue.open()
    venue.session.resync("tickers.OTHER", venue.now)
    assert venue.requests() == []


def test_a_lost_connection_is_told_with_its_reason_and_topics() -> None:
    venue = Venue(BOOK, TICKER)
    venue.live()
    venue.lose("server went away")
    assert venue.facts() == [Link(SOURCE, up=False, reason="server went away", topics=(BOOK, TICKER))]
    assert not venue.session.ready
    assert venue.now < venue.session.retry_at <= venue.now + 500 * NS_PER_MS


def test_after_a_reconnect_everything_is_asked_for_again() -> None:
    venue = Venue(BOOK, TICKER)
    first = venue.open()
    venue.hear(ack(first[0]["req_id"]))
    venue.lose("lost")
    venue.now = venue.session.retry_at
    (second,) = venue.open()
    assert second["args"] == first[0]["args"]
    assert second["req_id"] != first[0]["req_id"]
    venue.hear(ack(first[0]["req_id"]), book(1, kind="snapshot"), ticker(lastPrice="1"))
    assert not venue.session.ready


def test_an_ack_after_a_reconnect_does_not_answer_a_request_of_before() -> None:
    venue = Venue(KLINE, TRADES)
    venue.live()
    venue.wait(2)
    venue.session.resync(TRADES, venue.now)
    venue.lose("lost")
    venue.open()
    venue.hear(ack(""))
    assert venue.session.ready


def test_waits_grow_over_failures_and_short_lives_and_start_anew_after_a_stable_one() -> None:
    venue = Venue(TRADES)
    waits = []
    for attempt in range(12):
        if attempt % 2:
            venue.session.failed("cannot connect: refused", venue.now)
        else:
            venue.open()
            venue.now += 2 * NS_PER_SECOND
            venue.lose("dropped")
        waits.append((venue.session.retry_at - venue.now) / NS_PER_MS)
        venue.now = venue.session.retry_at
    bounds = [min(30_000, 500 * 2**attempt) for attempt in range(12)]
    assert all(bound / 2 <= wait <= bound for wait, bound in zip(waits, bounds, strict=True))
    venue.open()
    venue.now += 60 * NS_PER_SECOND
    venue.lose("dropped")
    assert venue.session.retry_at - venue.now <= 500 * NS_PER_MS


def test_a_storm_of_drops_stays_far_below_the_venues_limit_of_connections() -> None:
    venue = Venue(TRADES, seed=5)
    attempts = []
    while venue.now < START + 600 * NS_PER_SECOND:
        attempts.append(venue.now)
        venue.open()
        venue.now += 2 * NS_PER_SECOND
        venue.lose("dropped")
        venue.now = venue.session.retry_at
    assert len(attempts) < 60


def test_after_http_403_it_waits_ten_minutes() -> None:
    venue = Venue(TRADES)
    venue.session.failed("cannot connect: HTTP 403", venue.now, forbidden=True)
    assert 600 <= (venue.session.retry_at - venue.now) / NS_PER_SECOND < 601
    assert venue.session.deadline == venue.session.retry_at


def test_the_same_failure_again_is_told_once() -> None:
    venue = Venue(TRADES)
    for reason in ("refused", "refused", "HTTP 502", "refused"):
        venue.session.failed(reason, venue.now)
    assert [fact.reason for fact in venue.facts() if isinstance(fact, Link)] == ["refused", "HTTP 502", "refused"]


def test_time_in_which_we_did_not_read_is_no_silence_of_the_venue() -> None:
    venue = Venue(BOOK, TICKER)
    venue.live()
    venue.wait(4)
    venue.now += 60 * NS_PER_SECOND
    venue.session.excuse(60 * NS_PER_SECOND)
    venue.session.tick(venue.now)
    assert venue.facts() == []
    assert venue.session.replace_reason == ""
    venue.wait(1)
    assert [fact[0] for fact in stales(venue.facts())] == [BOOK, TICKER]


@pytest.mark.parametrize("frame", [b"", b"\xff", b"{", b'{"op":5}', b'{"topic":"tickers.OTHER"}', b"[" * 100_000])
def test_garbage_changes_nothing(frame: bytes) -> None:
    venue = Venue(BOOK)
    venue.live()
    venue.hear(frame)
    assert not venue.session.has_news
    assert venue.session.ready


def test_data_whose_topic_does_not_stand_first_counts_as_heard() -> None:
    venue = Venue(KLINE)
    venue.open()
    venue.wait(4)
    message = msgspec.json.decode(klines(candle()))
    venue.hear(ack(f"{SOURCE}-1"), msgspec.json.encode(dict(reversed(message.items()))))
    venue.wait(15)
    assert venue.session.deadline >= venue.now


STEPS = st.lists(
    st.one_of(
        st.floats(0, 40).map(lambda seconds: ("wait", seconds)),
        st.sampled_from(["ack", "data", "snapshot", "refuse", "resync", "close", "fail", "garbage"]).map(
            lambda word: (word, 0.0)
        ),
    ),
    max_size=40,
)


def act(venue: Venue, word: str, seconds: float) -> None:
    match word:
        case "wait":
            venue.wait(seconds)
        case "ack":
            venue.answer_all()
        case "data":
            venue.hear(book(11), ticker("delta", lastPrice="1"))
        case "snapshot":
            venue.hear(book(10, kind="snapshot"), ticker(lastPrice="1"), trades(trade("a")))
        case "refuse":
            venue.hear(ack("", success=False, text=f"Invalid topic: {BOOK}"))
        case "resync":
            venue.session.resync(BOOK, venue.now)
        case "close" if venue.up:
            venue.lose("lost")
        case "fail" if not venue.up:
            venue.session.failed("refused", venue.now)
        case _:
            venue.hear(b"garbage")


@settings(max_examples=300)
@given(STEPS)
def test_whatever_happens_it_always_has_something_due_and_tells_stale_and_fresh_in_turn(
    steps: list[tuple[str, float]],
) -> None:
    venue = Venue(BOOK, TICKER, TRADES, topics_per_request=2)
    venue.open()
    told: dict[str, bool] = {}
    for word, seconds in steps:
        act(venue, word, seconds)
        if venue.up and venue.session.replace_reason:
            venue.lose(venue.session.replace_reason)
        if not venue.up and venue.now >= venue.session.retry_at:
            venue.open()
        for fact in venue.facts():
            if isinstance(fact, Stale):
                assert told.get(fact.topic, False) != fact.stale
                assert fact.silent_ms >= 0
                told[fact.topic] = fact.stale
        assert venue.session.deadline < venue.now + 700 * NS_PER_SECOND
