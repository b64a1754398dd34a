from __future__ import annotations

import random
from collections.abc import Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.bybit.decoder import FrameDecoder
from daemon.core.events import (
    Bar,
    BookDelta,
    BookDown,
    BookSnapshot,
    Fact,
    Link,
    Quarantined,
    Restarted,
    Stale,
    Ticker,
    Trade,
)
from tests.adapters.bybit.frames import ack, book, candle, klines, ticker, trade, trades

DATA = Path(__file__).parents[2] / "data" / "bybit"
SOURCE = "public-1"


def recorded() -> list[bytes]:
    lines = (DATA / "ws_recorded_2025-09.jsonl").read_bytes().splitlines()
    return [bytes(msgspec.json.decode(line, type=dict[str, msgspec.Raw])["json"]) for line in lines]


def dialogues(word: str) -> dict[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    for line in (DATA / "ws_dialogues_bybitnet.jsonl").read_bytes().splitlines():
        dialogue = msgspec.json.decode(line)
        if word in dialogue["name"]:
            frames = [frame["json"] for frame in dialogue["frames"] if frame["dir"] != "client"]
            found[dialogue["name"]] = [msgspec.json.encode(frame) for frame in frames]
    return found


def wellformed() -> list[bytes]:
    return [
        book(10, kind="snapshot"),
        book(11),
        trades(trade("a"), trade("b")),
        ticker(lastPrice="5", markPrice="5.1", fundingRate="0.0001", nextFundingTime="1673280000000"),
        ticker("delta", bid1Price="4.9", bid1Size="3"),
        klines(candle()),
        ack("1"),
        *recorded(),
    ]


def test_frames_recorded_on_mainnet_are_read() -> None:
    decoder = FrameDecoder()
    level_one, print_, delta = recorded()
    (snapshot,) = decoder.decode(level_one, 0, SOURCE)
    (traded,) = decoder.decode(print_, 0, SOURCE)
    assert isinstance(snapshot, BookSnapshot)
    assert (snapshot.bids, snapshot.asks) == ([(109378.8, 1.273)], [(109378.9, 6.278)])
    assert isinstance(traded, Trade)
    assert (traded.price, traded.qty) == (109378.9, 0.02)
    (down,) = FrameDecoder().decode(delta, 0, SOURCE)
    assert isinstance(down, BookDown)


def test_linear_dialogues_are_read_without_quarantine() -> None:
    linear = dialogues("/Linear/")
    assert len(linear) == 3
    for frames in linear.values():
        decoder = FrameDecoder()
        facts = [fact for frame in frames for fact in decoder.decode(frame, 0, SOURCE)]
        assert not [fact for fact in facts if isinstance(fact, Quarantined)]


def test_topics_of_other_products_are_quarantined_by_name() -> None:
    decoder = FrameDecoder()
    facts = [
        fact
        for frames in dialogues("/Spot/SystemStatus").values()
        for f in frames
        for fact in decoder.decode(f, 0, "s")
    ]
    assert [type(fact) for fact in facts] == [Quarantined]
    assert "system.status" in msgspec.json.encode(facts[0]).decode()


@pytest.mark.parametrize(
    "frame",
    [
        b'{"success":true,"ret_msg":"","conn_id":"3cd84cb1","req_id":"1","op":"subscribe"}',
        b'{"success":false,"ret_msg":"error:handler not found,topic:foo","conn_id":"x","op":"subscribe"}',
        b'{"success":true,"ret_msg":"pong","conn_id":"3cd84cb1","req_id":"1","op":"ping"}',
        b'{"req_id":"1","op":"pong","args":["1675418560633"],"conn_id":"cejreasp"}',
        b'{"op":"pong","args":["1672916271846"]}',
        b'{"success":true,"conn_id":"aa01","data":{"failTopics":[],"successTopics":["x"]},"type":"COMMAND_RESP"}',
    ],
)
def test_answers_of_the_venue_are_no_facts(frame: bytes) -> None:
    decoder = FrameDecoder()
    assert decoder.decode(frame, 0, SOURCE) == ()
    assert decoder.frames_quarantined == 0


@pytest.mark.parametrize("later", [False, True])
def test_key_order_and_spaces_are_free(later: bool) -> None:
    decoder = FrameDecoder()
    if later:
        decoder.decode(book(10, kind="snapshot"), 0, SOURCE)
    message = msgspec.json.decode(book(10, kind="snapshot"))
    reordered = {key: message[key] for key in ("cts", "data", "type", "ts", "topic")}
    spaced = msgspec.json.format(msgspec.json.encode(reordered), indent=2)
    (fact,) = decoder.decode(spaced, 0, SOURCE)
    assert isinstance(fact, BookSnapshot)
    (fact,) = decoder.decode(msgspec.json.format(book(11), indent=1), 0, SOURCE)
    assert isinstance(fact, BookDelta)


@pytest.mark.parametrize(
    ("frame", "symbol"),
    [
        (b"", ""),
        (b"null", ""),
        (b"[]", ""),
        (b"{}", ""),
        (b'"text"', ""),
        (b"<html>403 Forbidden</html>", ""),
        (b'{"topic":null}', ""),
        (b'{"topic":5,"data":[]}', ""),
        (b'{"topic":"tickers.BTCUSDT"}', "BTCUSDT"),
        (b'{"topic":"tickers.BTCUSDT","data', "BTCUSDT"),
        (b'{"topic":"nonsense.BTCUSDT","data":[]}', ""),
        (b'{"topic":"publicTrade.\xff\xfe","data":[]}', ""),
        (b'{"topic":"publicTrade.BTCUSDT","data":[{"i":"\xff"}]}', "BTCUSDT"),
        (b'{"topic":"publicTrade.BTCUSDT","data":{}}', "BTCUSDT"),
        (b'{"xxxxx":"publicTrade.BTCUSDT","data":[]}', ""),
        (b'{"topic":"tickers.BTCUSDT","x":' + b"[" * 100_000, "BTCUSDT"),
        (b'{"a":' * 100_000, ""),
        (b'{"topic":"publicTrade.BTCUSDT","type":"' + b"x" * 10_000_000 + b'"}', "BTCUSDT"),
        (b'{"topic":"' + b"x" * 10_000_000 + b'"}', ""),
    ],
    ids=range(19),
)
def test_what_cannot_be_read_is_quarantined_once_counted_and_named(frame: bytes, symbol: str) -> None:
    decoder = FrameDecoder()
    (fact,) = decoder.decode(frame, 0, SOURCE)
    assert isinstance(fact, Quarantined)
    assert (fact.source, fact.symbol) == (SOURCE, symbol)
    assert 0 < len(fact.reason) <= 200
    assert decoder.frames_quarantined == 1
    (trade_,) = decoder.decode(trades(trade("a")), 0, SOURCE)
    assert isinstance(trade_, Trade)


def test_a_lost_link_downs_the_books_it_carried_and_asks_for_snapshots() -> None:
    decoder = FrameDecoder()
    for symbol in ("AUSDT", "BUSDT"):
        decoder.decode(book(10, kind="snapshot", symbol=symbol), 0, SOURCE)
    decoder.decode(ticker(lastPrice="5"), 0, SOURCE)
    downs = decoder.observe(Link(SOURCE, up=False, reason="no pong"))
    assert [(down.symbol, down.reason) for down in downs if isinstance(down, BookDown)] == [
        ("AUSDT", "link down: no pong"),
        ("BUSDT", "link down: no pong"),
    ]
    assert decoder.observe(Link(SOURCE, up=False)) == []
    assert decoder.decode(book(11, symbol="AUSDT"), 0, SOURCE) == ()
    assert decoder.decode(ticker("delta", lastPrice="6"), 0, SOURCE) == ()
    assert isinstance(decoder.decode(book(12, kind="snapshot", symbol="AUSDT"), 0, SOURCE)[0], BookSnapshot)


def test_a_lost_link_touches_only_the_topics_it_names_and_its_own_source() -> None:
    decoder = FrameDecoder()
    decoder.decode(book(10, kind="snapshot", symbol="AUSDT"), 0, SOURCE)
    decoder.decode(book(10, kind="snapshot", symbol="BUSDT"), 0, SOURCE)
    decoder.decode(book(10, kind="snapshot", symbol="CUSDT"), 0, "public-2")
    downs = decoder.observe(Link(SOURCE, up=False, topics=("orderbook.50.BUSDT", "tickers.UNKNOWN")))
    assert [down.symbol for down in downs if isinstance(down, BookDown)] == ["BUSDT"]
    assert isinstance(decoder.decode(book(11, symbol="AUSDT"), 0, SOURCE)[0], BookDelta)
    assert isinstance(decoder.decode(book(11, symbol="CUSDT"), 0, "public-2")[0], BookDelta)


def test_a_restart_downs_every_book() -> None:
    decoder = FrameDecoder()
    decoder.decode(book(10, kind="snapshot", symbol="AUSDT"), 0, SOURCE)
    decoder.decode(book(10, kind="snapshot", symbol="CUSDT"), 0, "public-2")
    downs = decoder.observe(Restarted())
    assert [down.symbol for down in downs if isinstance(down, BookDown)] == ["AUSDT", "CUSDT"]


def test_after_a_lost_link_another_depth_may_feed_the_book() -> None:
    decoder = FrameDecoder()
    decoder.decode(book(10, kind="snapshot"), 0, SOURCE)
    decoder.observe(Link(SOURCE, up=False))
    assert isinstance(decoder.decode(book(3, kind="snapshot", depth=200), 0, SOURCE)[0], BookSnapshot)


def test_other_house_facts_change_nothing() -> None:
    decoder = FrameDecoder()
    decoder.decode(book(10, kind="snapshot"), 0, SOURCE)
    for fact in (Link(SOURCE, up=True), Stale(SOURCE, "orderbook.50.BTCUSDT", "BTCUSDT", stale=True)):
        assert decoder.observe(fact) == ()
    assert isinstance(decoder.decode(book(11), 0, SOURCE)[0], BookDelta)


def test_trades_and_candles_stay_told_over_a_lost_link() -> None:
    decoder = FrameDecoder()
    frames = [trades(trade("a")), klines(candle())]
    assert [len(decoder.decode(frame, 0, SOURCE)) for frame in frames] == [1, 1]
    decoder.observe(Link(SOURCE, up=False))
    assert [len(decoder.decode(frame, 0, SOURCE)) for frame in frames] == [0, 0]


def numbers_of(fact: Fact) -> tuple[list[float], list[float]]:
    """Prices, which must be above zero, and sizes, which may be zero."""
    match fact:
        case Trade():
            return [fact.price, fact.qty], []
        case BookSnapshot() | BookDelta():
            levels = fact.bids + fact.asks
            return [price for price, _ in levels], [size for _, size in levels]
        case Bar():
            return [fact.open, fact.high, fact.low, fact.close], [fact.volume, fact.turnover]
        case Ticker():
            prices = [fact.mark, fact.index, fact.last, fact.bid, fact.ask]
            sizes = [fact.bid_qty, fact.ask_qty, fact.open_interest]
            return [one for one in prices if one is not None], [one for one in sizes if one is not None]
        case _:
            return [], []


def assert_sane(facts: Sequence[Fact]) -> None:
    quarantined = [fact for fact in facts if isinstance(fact, Quarantined)]
    assert len(quarantined) <= 1
    assert not quarantined or len(facts) == 1
    for fact in facts:
        prices, sizes = numbers_of(fact)
        assert all(isfinite(price) and price > 0 for price in prices)
        assert all(isfinite(size) and size >= 0 for size in sizes)
        assert msgspec.json.decode(msgspec.json.encode(fact), type=Fact) == fact


@given(st.binary(max_size=200))
def test_any_bytes_are_facts_or_a_quarantine(frame: bytes) -> None:
    facts = FrameDecoder().decode(frame, 0, SOURCE)
    assert_sane(facts)


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from(["", "0", "-0", "1", "NaN", "Infinity", "-inf", "1e999", "0x1p3", "1_0", " 1", "\x00", "BTCUSDT"]),
)
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner), max_leaves=8
)


@st.composite
def distorted(draw: st.DrawFn) -> bytes:
    """A good frame with one value, anywhere, replaced by another."""
    message = msgspec.json.decode(draw(st.sampled_from(wellformed())))
    node: Any = message
    while True:
        keys = list(node) if isinstance(node, dict) else list(range(len(node)))
        if not keys:
            break
        key = draw(st.sampled_from(keys))
        if not isinstance(node[key], dict | list) or draw(st.booleans()):
            node[key] = draw(JSON)
            break
        node = node[key]
    return msgspec.json.encode(message)


@settings(max_examples=400)
@given(st.lists(distorted(), min_size=1, max_size=4))
def test_frames_of_the_wrong_shape_are_facts_or_a_quarantine(frames: list[bytes]) -> None:
    decoder = FrameDecoder()
    for frame in [book(10, kind="snapshot"), ticker(lastPrice="5"), *frames]:
        assert_sane(decoder.decode(frame, 0, SOURCE))


POISON = [
    b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-0", b"-1", b"0", b'"NaN"', b'"inf"', b'"-inf"', b'"1e999"', b'"-0"',
    b'""', b"null", b"true", b"[]", b"{}", b"[" * 300, b'"\xff\xfe"', b'"\\ud800"', b"9" * 400,
    b'"' + b"9" * 400 + b'"',
    b'"topic":"tickers.ETHUSDT"', b"\x00", b"{", b"}", b'"', b",", b":",
]  # fmt: skip


def mutated(frame: bytes, chance: random.Random) -> bytes:
    """Damage a frame as a broken proxy would."""
    first = chance.randrange(len(frame))
    last = min(len(frame), first + chance.choice([0, 1, 1, 2, 5, 20]))
    match chance.randrange(6):
        case 0:
            return frame[:first]
        case 1:
            return frame[:first] + bytes(chance.randrange(256) for _ in range(last - first)) + frame[last:]
        case 2:
            return frame[:first] + frame[last:]
        case 3:
            return frame[:last] + frame[first:]
        case 4:
            return frame[:first] + chance.choice(POISON) + frame[last:]
        case _:
            tokens = [
                b'"109147.80"',
                b'"1.687"',
                b"457538796406",
                b'"5"',
                b'"5.1"',
                b'"0.020"',
                b'"16608"',
                b"11",
                b'"u"',
            ]
            return frame.replace(chance.choice(tokens), chance.choice(POISON))


def test_twenty_thousand_damaged_frames_never_raise_and_never_say_nonsense() -> None:
    chance = random.Random(20)
    frames = wellformed()
    decoder = FrameDecoder()
    quarantined = 0
    for _ in range(20_000):
        frame = mutated(chance.choice(frames), chance)
        if chance.random() < 0.1 and frame:
            frame = mutated(frame, chance)
        facts = decoder.decode(frame, 0, SOURCE)
        assert_sane(facts)
        quarantined += any(isinstance(fact, Quarantined) for fact in facts)
    assert decoder.frames_quarantined == quarantined
    assert quarantined > 5_000


def test_the_same_frames_give_the_same_facts() -> None:
    def run() -> list[Fact]:
        chance = random.Random(7)
        frames = wellformed()
        decoder = FrameDecoder()
        return [
            fact for _ in range(2_000) for fact in decoder.decode(mutated(chance.choice(frames), chance), 0, SOURCE)
        ]

    assert run() == run()


@given(st.lists(st.tuples(st.sampled_from(["snapshot", "delta", "link"]), st.integers(1, 6)), max_size=40))
def test_every_delta_passed_on_continues_the_book_exactly(script: list[tuple[str, int]]) -> None:
    """The facts alone, applied by rule, never show a skipped update."""
    decoder = FrameDecoder()
    expected: int | None = None
    for kind, update_id in script:
        if kind == "link":
            facts = decoder.observe(Link(SOURCE, up=False))
        else:
            facts = decoder.decode(book(update_id, kind=kind), 0, SOURCE)
        for fact in facts:
            match fact:
                case BookSnapshot():
                    expected = fact.update_id + 1
                case BookDelta():
                    assert fact.update_id == expected
                    expected = fact.update_id + 1
                case BookDown():
                    expected = None


def test_too_many_topics_are_quarantined_rather_than_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("adapters.bybit.decoder.READERS_MAX", 3)
    decoder = FrameDecoder()
    facts = [
        fact for number in range(5) for fact in decoder.decode(ticker(symbol=f"S{number}", lastPrice="1"), 0, SOURCE)
    ]
    assert [type(fact) for fact in facts] == [Ticker, Ticker, Ticker, Quarantined, Quarantined]
