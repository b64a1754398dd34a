from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from decimal import Decimal
from hashlib import sha256
from typing import Any

import pytest

from adapters.sandbox.candles import INTERVAL_MINUTES
from adapters.sandbox.market import KlineQuery, timed_frames
from adapters.sandbox.market_data import DEMO_START_MS, MINUTE_MS, MinuteBar, SymbolData, demo_data
from adapters.sandbox.synthetic_market import SyntheticMarket, SyntheticSettings, demo_market
from daemon.core.errors import ConfigError
from tests.adapters.sandbox.reading import Message, ReadBook, messages, play

MINUTES = 62
DATA = {symbol.listing.symbol: symbol for symbol in demo_data()}


@pytest.fixture(scope="module")
def played() -> list[Message]:
    """An hour and two minutes of every topic of the demo."""
    return messages(timed_frames(demo_market(minutes=MINUTES)))


def of_topic(played: list[Message], topic: str) -> list[Message]:
    return [message for message in played if message["topic"] == topic]


def bar_texts(symbol: str, bar: MinuteBar) -> tuple[Decimal, ...]:
    tick, step = DATA[symbol].listing.instrument.tick, DATA[symbol].listing.instrument.step
    return (bar.open * tick, bar.high * tick, bar.low * tick, bar.close * tick, bar.lots * step)


def recorded(symbol: str, minutes: int = MINUTES) -> list[MinuteBar]:
    return [bar for bar in DATA[symbol].bars if 0 <= bar.ts_ms - DEMO_START_MS < minutes * MINUTE_MS]


def values(bar: dict[str, Any]) -> tuple[Decimal, ...]:
    return tuple(Decimal(bar[name]) for name in ("open", "high", "low", "close", "volume"))


@pytest.mark.parametrize("symbol", DATA)
def test_every_minute_is_confirmed_once_and_equals_the_recorded_bar(played: list[Message], symbol: str) -> None:
    bars = [message["data"][0] for message in of_topic(played, f"kline.1.{symbol}")]
    confirmed = [bar for bar in bars if bar["confirm"]]
    assert [bar["start"] for bar in confirmed] == [bar.ts_ms for bar in recorded(symbol)]
    assert [values(bar) for bar in confirmed] == [bar_texts(symbol, bar) for bar in recorded(symbol)]
    assert len(bars) == MINUTES * 13


@pytest.mark.parametrize("interval", ["3", "5", "15", "60"])
def test_longer_bars_are_confirmed_at_their_close_with_their_minutes_folded(
    played: list[Message], interval: str
) -> None:
    minutes = INTERVAL_MINUTES[interval]
    width = minutes * MINUTE_MS
    pushes = of_topic(played, f"kline.{interval}.BTCUSDT")
    confirmed = [(message["ts"], message["data"][0]) for message in pushes if message["data"][0]["confirm"]]
    assert len(confirmed) == MINUTES // minutes
    for ts_ms, bar in confirmed:
        inside = [values for values in recorded("BTCUSDT") if bar["start"] <= values.ts_ms <= bar["end"]]
        assert len(inside) == minutes
        assert 0 <= ts_ms - (bar["start"] + width) < 10
        whole = MinuteBar(
            bar["start"],
            inside[0].open,
            max(one.high for one in inside),
            min(one.low for one in inside),
            inside[-1].close,
            sum(one.lots for one in inside),
        )
        assert values(bar) == bar_texts("BTCUSDT", whole)


@pytest.mark.parametrize("symbol", DATA)
def test_trades_of_a_minute_rebuild_its_recorded_bar(played: list[Message], symbol: str) -> None:
    minutes: dict[int, list[tuple[Decimal, Decimal]]] = defaultdict(list)
    ids = set()
    for message in of_topic(played, f"publicTrade.{symbol}"):
        for trade in message["data"]:
            minutes[trade["T"] // MINUTE_MS * MINUTE_MS].append((Decimal(trade["p"]), Decimal(trade["v"])))
            ids.add(trade["i"])
    assert len(ids) == sum(len(trades) for trades in minutes.values())
    for bar in recorded(symbol):
        prices = [price for price, _ in minutes[bar.ts_ms]]
        volume = sum((size for _, size in minutes[bar.ts_ms]), Decimal(0))
        assert (prices[0], max(prices), min(prices), prices[-1], volume) == bar_texts(symbol, bar)


@pytest.mark.parametrize("symbol", DATA)
def test_the_book_keeps_fifty_levels_a_side_uncrossed_and_contiguous(symbol: str) -> None:
    market = demo_market([symbol], minutes=MINUTES)
    book = ReadBook()
    snapshot = market.snapshot(f"orderbook.50.{symbol}")
    assert snapshot is not None
    book.apply(json.loads(snapshot))
    deltas = play(market, f"orderbook.50.{symbol}")
    assert len(deltas) == MINUTES * 12
    for message in deltas:
        book.apply(message)
        assert (len(book.bids), len(book.asks)) == (50, 50)
        assert book.touch[0] < book.touch[1]
        assert 1 <= message["ts"] - message["cts"] <= 5


def test_a_snapshot_in_the_middle_is_the_state_that_the_next_delta_builds_on() -> None:
    market = demo_market(["SOLUSDT"], minutes=2)
    topic = "orderbook.50.SOLUSDT"
    early, late = ReadBook(), ReadBook()
    early.apply(json.loads(market.snapshot(topic) or b""))
    for count in range(20):
        if count == 10:
            late.apply(json.loads(market.snapshot(topic) or b""))
            assert (late.bids, late.asks, late.update_id) == (early.bids, early.asks, early.update_id)
        for _, payload in market.advance({topic}):
            message = json.loads(payload)
            early.apply(message)
            if late.update_id is not None:
                late.apply(message)
    assert (late.bids, late.asks) == (early.bids, early.asks)
    assert late.update_id == early.update_id


def test_best_prices_agree_between_the_topics_of_a_step_and_touch_the_last_trade() -> None:
    market = demo_market(["ETHUSDT"], minutes=5)
    book, ticker, last = ReadBook(), json.loads(market.snapshot("tickers.ETHUSDT") or b"")["data"], 0.0
    direction = ""
    book.apply(json.loads(market.snapshot("orderbook.50.ETHUSDT") or b""))
    checked = 0
    for message in play(market):
        kind = message["topic"].split(".")[0]
        if kind == "publicTrade":
            last, direction = float(message["data"][-1]["p"]), message["data"][-1]["L"]
        elif message["topic"] == "orderbook.50.ETHUSDT":
            book.apply(message)
            assert last in book.touch
        elif message["topic"] == "orderbook.1.ETHUSDT":
            touch = (float(message["data"]["b"][0][0]), float(message["data"]["a"][0][0]))
            assert (message["type"], touch) == ("snapshot", book.touch)
        elif kind == "tickers":
            ticker |= message["data"]
            assert (float(ticker["bid1Price"]), float(ticker["ask1Price"])) == book.touch
            assert (float(ticker["lastPrice"]), ticker["tickDirection"]) == (last, direction)
            checked += 1
    assert checked == 60


def test_frames_come_in_time_order_and_seq_only_grows_per_symbol(played: list[Message]) -> None:
    times = [message["ts"] for message in played]
    assert times == sorted(times)
    seqs: dict[str, int] = {}
    for message in played:
        kind, symbol = message["topic"].split(".")[0], message["topic"].rpartition(".")[2]
        if kind == "kline":
            continue
        data = message["data"]
        seq = message["cs"] if kind == "tickers" else data[0]["seq"] if kind == "publicTrade" else data["seq"]
        assert seq >= seqs.get(symbol, 0)
        seqs[symbol] = seq
    assert len(seqs) == 3


def test_yielded_times_are_the_frames_own() -> None:
    assert all(json.loads(payload)["ts"] == ts_ms for ts_ms, _, payload in timed_frames(demo_market(minutes=1)))


def test_funding_turns_to_the_next_recorded_rate_at_the_boundary() -> None:
    boundary = DEMO_START_MS + 8 * 3_600_000
    settings = SyntheticSettings(start_ms=boundary - MINUTE_MS, end_ms=boundary + MINUTE_MS)
    market = SyntheticMarket([DATA["BTCUSDT"]], settings)
    assert market.ticker("BTCUSDT")["fundingRate"] == "0.0000444"
    assert market.ticker("BTCUSDT")["nextFundingTime"] == str(boundary)
    turns = [message["data"] for message in play(market, "tickers.BTCUSDT") if "nextFundingTime" in message["data"]]
    assert [(turn["nextFundingTime"], turn["fundingRate"]) for turn in turns] == [
        (str(boundary + 8 * 3_600_000), "0.00000757")
    ]


def test_ticker_snapshots_are_complete(played: list[Message]) -> None:
    market = demo_market(minutes=1)
    snapshot = json.loads(market.snapshot("tickers.BTCUSDT") or b"")
    assert snapshot["type"] == "snapshot"
    assert all(isinstance(text, str) for text in snapshot["data"].values())
    assert {
        "lastPrice",
        "markPrice",
        "indexPrice",
        "fundingRate",
        "nextFundingTime",
        "openInterest",
        "volume24h",
    } <= set(snapshot["data"])
    deltas = [message["data"] for message in of_topic(played, "tickers.BTCUSDT")]
    assert all(delta["symbol"] == "BTCUSDT" and len(delta) < len(snapshot["data"]) for delta in deltas)


PRINT_DIGEST = """
from hashlib import sha256
from adapters.sandbox.market import timed_frames
from adapters.sandbox.synthetic_market import demo_market
digest = sha256()
for ts_ms, topic, payload in timed_frames(demo_market(minutes=20, seed=7)):
    digest.update(payload)
print(digest.hexdigest())
"""


def digest(seed: int = 7) -> str:
    frames = timed_frames(demo_market(minutes=20, seed=seed))
    return sha256(b"".join(payload for _, _, payload in frames)).hexdigest()


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert digest() == digest()
    assert digest() != digest(seed=8)


@pytest.mark.process
def test_bytes_do_not_depend_on_the_hash_seed_or_the_time_zone() -> None:
    def in_a_process(hash_seed: str, zone: str) -> str:
        environment = os.environ | {"PYTHONHASHSEED": hash_seed, "TZ": zone}
        arguments = [sys.executable, "-c", PRINT_DIGEST]
        return subprocess.run(arguments, env=environment, check=True, capture_output=True, text=True).stdout.strip()

    assert in_a_process("1", "UTC") == in_a_process("2", "Asia/Tokyo") == digest()


def test_the_bytes_of_a_topic_do_not_depend_on_what_else_is_wanted() -> None:
    topics = ("tickers.ETHUSDT", "orderbook.50.BTCUSDT", "kline.5.SOLUSDT")
    everything = [frame for frame in timed_frames(demo_market(minutes=10)) if frame[1] in topics]
    assert list(timed_frames(demo_market(minutes=10), topics)) == everything


def test_history_before_the_start_feeds_klines_and_the_running_long_bar() -> None:
    settings = SyntheticSettings(start_ms=DEMO_START_MS + 7 * MINUTE_MS, end_ms=DEMO_START_MS + 11 * MINUTE_MS)
    market = SyntheticMarket([DATA["BTCUSDT"]], settings)
    query = KlineQuery(symbol="BTCUSDT", minutes=1, start_ms=None, end_ms=None, limit=3)
    assert [int(row[0]) for row in market.klines(query)] == [DEMO_START_MS + index * MINUTE_MS for index in (6, 5, 4)]
    fives = [message["data"][0] for message in play(market, "kline.5.BTCUSDT") if message["data"][0]["confirm"]]
    assert [bar["start"] for bar in fives] == [DEMO_START_MS + 5 * MINUTE_MS]
    inside = recorded("BTCUSDT")[5:10]
    assert Decimal(fives[0]["open"]) == bar_texts("BTCUSDT", inside[0])[0]
    assert Decimal(fives[0]["volume"]) == sum(bar_texts("BTCUSDT", bar)[4] for bar in inside)


def test_a_long_bar_whose_first_minutes_were_not_recorded_is_never_sent() -> None:
    cut = DATA["BTCUSDT"]
    bars = [bar for bar in cut.bars if DEMO_START_MS + 2 * MINUTE_MS <= bar.ts_ms < DEMO_START_MS + 10 * MINUTE_MS]
    market = SyntheticMarket([SymbolData(listing=cut.listing, bars=bars)])
    starts = {message["data"][0]["start"] for message in play(market, "kline.5.BTCUSDT")}
    assert starts == {DEMO_START_MS + 5 * MINUTE_MS}


def test_a_flat_minute_without_volume_moves_no_price_and_makes_no_trade() -> None:
    listing = DATA["BTCUSDT"].listing
    bars = [MinuteBar(0, 1000, 1000, 1000, 1000, 0), MinuteBar(MINUTE_MS, 1000, 1003, 999, 1001, 2)]
    played = play(SyntheticMarket([SymbolData(listing=listing, bars=bars)]))
    trades = [trade for message in of_topic(played, "publicTrade.BTCUSDT") for trade in message["data"]]
    assert [(trade["v"], trade["T"] // MINUTE_MS) for trade in trades] == [("0.001", 1), ("0.001", 1)]
    confirmed = [message["data"][0] for message in of_topic(played, "kline.1.BTCUSDT") if message["data"][0]["confirm"]]
    assert [bar["volume"] for bar in confirmed] == ["0.000", "0.002"]


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (SyntheticSettings(steps_per_minute=3), "steps_per_minute"),
        (SyntheticSettings(depth=1), "depth"),
        (SyntheticSettings(intervals=("1", "7")), "intervals 7"),
        (SyntheticSettings(start_ms=1), "cannot play"),
        (SyntheticSettings(end_ms=DEMO_START_MS * 2), "cannot play"),
    ],
)
def test_settings_out_of_bounds_are_refused(settings: SyntheticSettings, reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        SyntheticMarket(list(DATA.values()), settings)


def test_nothing_to_play_is_refused() -> None:
    with pytest.raises(ConfigError, match="no bars"):
        SyntheticMarket([])
