from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from adapters.sandbox.listings import LISTINGS
from adapters.sandbox.market import timed_frames
from adapters.sandbox.market_data import DEMO_START_MS, MINUTE_MS
from adapters.sandbox.market_history import MarketHistory
from adapters.sandbox.recorded import RecordedMarket
from adapters.sandbox.rest import MarketRest
from adapters.sandbox.synthetic_market import SyntheticMarket, demo_market

MINUTES = 12
SAMPLES = Path(__file__).parents[2] / "data" / "bybit" / "rest_more_bybitnet.jsonl"
NOW_MS = DEMO_START_MS + MINUTES * MINUTE_MS

Played = tuple[SyntheticMarket | RecordedMarket, MarketHistory, list[bytes]]


@pytest.fixture(scope="module")
def played() -> Played:
    """Twelve minutes of the demo, with the trades that were pushed."""
    market = demo_market(minutes=MINUTES)
    history = MarketHistory(market)
    trades = []
    while (now_ms := market.next_ms) is not None:
        trades += [payload for _, payload in market.advance({"publicTrade.BTCUSDT"})]
        history.look(now_ms)
    return market, history, trades


def ask(played: Played, path: str, **query: object) -> Any:
    rest = MarketRest(played[0], lambda: NOW_MS, played[1])
    _, body = rest.answer("GET", path, {name: str(value) for name, value in query.items()})
    return body


def rows(played: Played, path: str, **query: object) -> Any:
    body = ask(played, path, **query)
    assert body["retCode"] == 0, body
    return body["result"]["list"]


@pytest.mark.parametrize("kind", ["mark", "index"])
def test_bars_of_mark_and_index_stay_within_those_of_trades_and_are_smoother(played: Played, kind: str) -> None:
    asked = {"category": "linear", "symbol": "BTCUSDT", "interval": 1, "limit": 10}
    traded = rows(played, "/v5/market/kline", **asked)
    smooth = rows(played, f"/v5/market/{kind}-price-kline", **asked)
    assert {row[0] for row in smooth} >= {row[0] for row in traded[:8]}
    assert all(len(row) == 5 for row in smooth)
    assert sum(float(row[2]) - float(row[3]) for row in smooth) < sum(float(row[2]) - float(row[3]) for row in traded)
    for row in smooth:
        assert float(row[3]) <= min(float(row[1]), float(row[4])) <= max(float(row[1]), float(row[4])) <= float(row[2])


def test_bars_before_the_play_are_those_of_trades(played: Played) -> None:
    asked = {"category": "linear", "symbol": "BTCUSDT", "interval": 5, "end": DEMO_START_MS - 1, "limit": 4}
    traded = rows(played, "/v5/market/kline", **asked)
    assert rows(played, "/v5/market/mark-price-kline", **asked) == [row[:5] for row in traded]
    assert rows(played, "/v5/market/premium-index-price-kline", **asked)[0][1:] == ["0.000000"] * 4


def test_the_premium_has_six_decimals_and_follows_the_touch(played: Played) -> None:
    seen = rows(played, "/v5/market/premium-index-price-kline", category="linear", symbol="BTCUSDT", interval="1")
    assert any(float(value) for row in seen for value in row[1:])
    assert all(len(value.partition(".")[2]) == 6 for row in seen for value in row[1:])


def test_recent_trades_are_those_that_were_pushed_newest_first(played: Played) -> None:
    pushed = [trade for frame in played[2] for trade in msgspec.json.decode(frame)["data"]]
    seen = rows(played, "/v5/market/recent-trade", category="linear", symbol="BTCUSDT", limit=25)
    assert [row["execId"] for row in seen] == [trade["i"] for trade in reversed(pushed[-25:])]
    first, trade = seen[0], pushed[-1]
    assert (first["price"], first["size"], first["side"]) == (trade["p"], trade["v"], trade["S"])
    assert (first["time"], first["seq"], first["isBlockTrade"]) == (str(trade["T"]), str(trade["seq"]), False)


def test_open_interest_stands_at_the_boundaries_page_by_page(played: Played) -> None:
    asked = {"category": "linear", "symbol": "BTCUSDT", "intervalTime": "5min", "limit": 2}
    body = ask(played, "/v5/market/open-interest", **asked)["result"]
    stamps = [int(row["timestamp"]) for row in body["list"]]
    assert stamps == [DEMO_START_MS + 10 * MINUTE_MS, DEMO_START_MS + 5 * MINUTE_MS]
    following = ask(played, "/v5/market/open-interest", **asked, cursor=body["nextPageCursor"])["result"]["list"]
    assert int(following[0]["timestamp"]) == stamps[1] - 5 * MINUTE_MS
    assert float(body["list"][0]["openInterest"]) == pytest.approx(2 * float(body["list"][0]["singleOpenInterest"]))


def test_funding_that_was_paid_is_listed_and_a_start_without_an_end_refused(played: Played) -> None:
    asked = {"category": "linear", "symbol": "BTCUSDT"}
    paid = rows(played, "/v5/market/funding/history", **asked)
    assert paid[0]["fundingRateTimestamp"] == str(DEMO_START_MS)
    assert rows(played, "/v5/market/funding/history", **asked, endTime=DEMO_START_MS - 1) == []
    assert ask(played, "/v5/market/funding/history", **asked, startTime=DEMO_START_MS)["retCode"] == 10001


def test_a_recording_learns_its_funding_from_the_tickers() -> None:
    history = MarketHistory(demo_market(["BTCUSDT"], minutes=1))
    symbol = history._symbols["BTCUSDT"]
    for now_ms, due, rate in ((1, "100", "0.0001"), (99, "100", "0.0002"), (101, "200", "0.0003")):
        symbol.look({"nextFundingTime": due, "fundingRate": rate}, now_ms)
    assert symbol.paid == {100: "0.0002"}


def test_a_recorded_market_shows_the_trades_it_played() -> None:
    source = demo_market(["BTCUSDT"], minutes=2)
    frames = list(timed_frames(source, ["publicTrade.BTCUSDT", "tickers.BTCUSDT"]))
    market = RecordedMarket(lambda: frames, [LISTINGS["BTCUSDT"]])
    history = MarketHistory(market)
    while (now_ms := market.next_ms) is not None:
        market.advance(())
        history.look(now_ms)
    replayed: Played = (market, history, [])
    seen = rows(replayed, "/v5/market/recent-trade", category="linear", symbol="BTCUSDT")
    assert len(seen) > 10
    marks = rows(replayed, "/v5/market/mark-price-kline", category="linear", symbol="BTCUSDT", interval=1)
    assert len(marks) == 2
    assert market.funding("BTCUSDT") == []


def test_the_system_is_up(played: Played) -> None:
    assert {row["state"] for row in rows(played, "/v5/system/status")} == {"completed"}


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v5/market/mark-price-kline", {"symbol": "BTCUSDT", "interval": "7"}),
        ("/v5/market/mark-price-kline", {"symbol": "NOUSDT", "interval": "1"}),
        ("/v5/market/open-interest", {"category": "linear", "symbol": "BTCUSDT", "intervalTime": "7min"}),
        ("/v5/market/recent-trade", {"category": "linear", "symbol": "BTCUSDT", "limit": "1001"}),
        ("/v5/market/funding/history", {"category": "what", "symbol": "BTCUSDT"}),
    ],
)
def test_what_cannot_be_meant_is_refused(played: Played, path: str, query: dict[str, str]) -> None:
    assert ask(played, path, **query)["retCode"] == 10001


def test_other_products_list_nothing(played: Played) -> None:
    assert rows(played, "/v5/market/recent-trade", category="spot", symbol="BTCUSDT") == []
    assert rows(played, "/v5/market/index-price-kline", category="inverse", symbol="BTCUSD", interval="1") == []


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("/v5/market/mark-price-kline", {"interval": "1"}),
        ("/v5/market/premium-index-price-kline", {"interval": "1"}),
        ("/v5/market/funding/history", {}),
        ("/v5/market/recent-trade", {}),
        ("/v5/system/status", {}),
    ],
)
def test_answers_have_the_fields_and_types_of_real_ones(played: Played, path: str, query: dict[str, str]) -> None:
    lines = SAMPLES.read_bytes().splitlines()
    theirs = next(each for each in map(msgspec.json.decode, lines) if each["path"] == path)["response"]["result"]
    ours = ask(played, path, category="linear", symbol="BTCUSDT", **query)["result"]
    assert set(ours) == set(theirs)
    row, real = ours["list"][0], theirs["list"][0]
    if isinstance(real, list):
        assert [type(each) for each in row] == [type(each) for each in real]
    else:
        assert {name: type(row[name]) for name in real} == {name: type(real[name]) for name in real}
        assert set(row) - set(real) <= {"isRPITrade", "seq"}
