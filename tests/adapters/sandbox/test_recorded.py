from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
import zstandard

from adapters.sandbox.market import KlineQuery, TimedFrame, timed_frames
from adapters.sandbox.recorded import RecordedMarket, read_frames, recorded_market
from adapters.sandbox.synthetic_market import demo_market
from daemon.core.errors import ConfigError, DataError
from tests.adapters.sandbox.reading import ReadBook

BOOK, TICKER = "orderbook.50.BTCUSDT", "tickers.BTCUSDT"


@pytest.fixture(scope="module")
def frames() -> list[TimedFrame]:
    """Three minutes of the demo, each topic beginning with its snapshot as a recording does."""
    market = demo_market(["BTCUSDT"], minutes=3)
    first = [(market.start_ms, topic, market.snapshot(topic) or b"") for topic in (BOOK, TICKER)]
    return [*first, *timed_frames(market)]


def lines(frames: list[TimedFrame], *, stamped: bool) -> bytes:
    return b"".join(
        (b"%d " % (ts_ms * 1_000_000 + number) if stamped else b"") + payload + b"\n"
        for number, (ts_ms, _, payload) in enumerate(frames)
    )


@pytest.mark.parametrize("stamped", [True, False])
@pytest.mark.parametrize("suffix", [".jsonl", ".gz", ".zst"])
def test_recorded_frames_are_played_byte_for_byte(
    tmp_path: Path, frames: list[TimedFrame], suffix: str, stamped: bool
) -> None:
    raw = lines(frames, stamped=stamped)
    packed = {".jsonl": raw, ".gz": gzip.compress(raw), ".zst": zstandard.ZstdCompressor().compress(raw)}
    file = tmp_path / f"frames{suffix}"
    file.write_bytes(packed[suffix])
    played = list(timed_frames(recorded_market(file)))
    assert [(topic, payload) for _, topic, payload in played] == [(topic, payload) for _, topic, payload in frames]
    assert [ts_ms for ts_ms, _, _ in played] == sorted(ts_ms for ts_ms, _, _ in played)


def test_acks_are_left_out_and_time_never_falls(tmp_path: Path) -> None:
    file = tmp_path / "frames.jsonl"
    file.write_bytes(
        b'{"success":true,"ret_msg":"","conn_id":"c","op":"subscribe"}\n\n'
        b'{"topic":"publicTrade.BTCUSDT","ts":50,"type":"snapshot","data":[]}\n'
        b'{"topic":"publicTrade.BTCUSDT","ts":40,"type":"snapshot","data":[]}\n'
    )
    assert [(ts_ms, topic) for ts_ms, topic, _ in read_frames(file)] == [(50, "publicTrade.BTCUSDT")] * 2


def test_a_late_subscriber_gets_the_state_that_the_next_recorded_delta_builds_on(frames: list[TimedFrame]) -> None:
    market = RecordedMarket(lambda: frames)
    assert (market.snapshot(BOOK), market.snapshot(TICKER), market.book("BTCUSDT")) == (None, None, None)
    for _ in range(len(frames) // 2):
        market.advance(())
    book, ticker = ReadBook(), json.loads(market.snapshot(TICKER) or b"")["data"]
    book.apply(json.loads(market.snapshot(BOOK) or b""))
    while market.next_ms is not None:
        for topic, payload in market.advance({BOOK, TICKER}):
            message = json.loads(payload)
            if topic == BOOK:
                book.apply(message)
            else:
                ticker |= message["data"]
    original = demo_market(["BTCUSDT"], minutes=3)
    list(timed_frames(original))
    assert ticker == original.ticker("BTCUSDT") == market.ticker("BTCUSDT")
    view, followed = original.book("BTCUSDT"), market.book("BTCUSDT")
    assert followed is not None
    assert (followed.bids, followed.asks, followed.update_id) == (view.bids, view.asks, view.update_id)
    assert book.bids == {float(price): float(size) for price, size in view.bids}


def test_confirmed_bars_answer_kline_requests(frames: list[TimedFrame]) -> None:
    market, original = RecordedMarket(lambda: frames), demo_market(["BTCUSDT"], minutes=3)
    list(timed_frames(market))
    list(timed_frames(original))
    query = KlineQuery(symbol="BTCUSDT", minutes=1, start_ms=original.start_ms, end_ms=None, limit=10)
    assert market.klines(query) == original.klines(query)
    assert len(market.klines(query)) == 3
    assert market.klines(KlineQuery(symbol="BTCUSDT", minutes=720, start_ms=None, end_ms=None, limit=10)) == []


def test_a_line_that_is_no_frame_is_named(tmp_path: Path) -> None:
    file = tmp_path / "frames.jsonl"
    file.write_bytes(b'{"topic":"x.BTCUSDT","ts":1}\n12 {"topic":\n')
    with pytest.raises(DataError, match="line 2"):
        list(read_frames(file))


def test_a_recording_without_frames_or_of_unknown_symbols_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "frames.jsonl"
    file.write_bytes(b"")
    with pytest.raises(ConfigError, match="no frame"):
        recorded_market(file)
    file.write_bytes(b'{"topic":"tickers.NOSUCHUSDT","ts":1}\n')
    with pytest.raises(ConfigError, match="NOSUCHUSDT"):
        recorded_market(file)
    with pytest.raises(DataError, match="missing"):
        recorded_market(tmp_path / "missing.gz")


def test_a_recorded_frame_whose_content_is_broken_is_an_error_when_it_is_played() -> None:
    market = RecordedMarket(lambda: [(1, BOOK, b'{"topic":"orderbook.50.BTCUSDT","ts":1,"type":"snapshot","data":[]}')])
    with pytest.raises(DataError, match=r"orderbook\.50"):
        market.advance(())
