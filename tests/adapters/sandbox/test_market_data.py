from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from adapters.sandbox.listings import LISTINGS
from adapters.sandbox.market_data import (
    DEMO_END_MS,
    DEMO_START_MS,
    MINUTE_MS,
    MinuteBar,
    demo_data,
    load_bars,
    load_funding,
)
from daemon.core.errors import ConfigError, DataError

HEADER = "ts,open,high,low,close,volume\n"
BTC = LISTINGS["BTCUSDT"]


def test_the_demo_is_a_whole_utc_day_after_two_hours_of_history_for_three_symbols() -> None:
    data = demo_data()
    assert [symbol.listing.symbol for symbol in data] == ["BTCUSDT", "ETHUSDT", "SOLUSDT"]
    for symbol in data:
        times = [bar.ts_ms for bar in symbol.bars]
        assert times == list(range(DEMO_START_MS - 120 * MINUTE_MS, DEMO_END_MS, MINUTE_MS))
        assert [ts_ms for ts_ms, _ in symbol.funding[:4]] == [
            DEMO_START_MS + hour * 3_600_000 for hour in (0, 8, 16, 24)
        ]
    assert DEMO_START_MS % 86_400_000 == 0


def test_a_symbol_that_is_listed_but_not_recorded_is_named() -> None:
    with pytest.raises(DataError, match="XRPUSDT_1m"):
        demo_data(["XRPUSDT"])
    with pytest.raises(ConfigError, match="NOSUCHUSDT"):
        demo_data(["NOSUCHUSDT"])


def test_prices_become_ticks_and_volume_is_rounded_to_the_step(tmp_path: Path) -> None:
    file = tmp_path / "bars.csv"
    file.write_text(HEADER + "60000,100.1,100.3,100,100.2,1.2346\n")
    assert load_bars(file, BTC) == [MinuteBar(60_000, 1001, 1003, 1000, 1002, 1235)]


def test_minutes_without_a_row_become_flat_bars_without_volume(tmp_path: Path) -> None:
    file = tmp_path / "bars.csv.gz"
    file.write_bytes(gzip.compress((HEADER + "0,1,2,1,2,3\n180000,5,5,5,5,1\n").encode()))
    bars = load_bars(file, BTC)
    assert [(bar.ts_ms, bar.open, bar.lots) for bar in bars] == [
        (0, 10, 3000),
        (60_000, 20, 0),
        (120_000, 20, 0),
        (180_000, 50, 1000),
    ]


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ("0,1,2,1,2,3\n0,1,2,1,2,3\n", "row 3: time 0 does not rise"),
        ("0,1,2,1,2\n", "row 2: not a bar"),
        ("0,nan,2,1,2,3\n", "row 2"),
        ("0,1,2,1,2,NaN\n", "row 2: not a bar"),
        ("1,1,2,1,2,3\n", "row 2: time is not a full minute"),
        ("0,1,2,1,2.05,3\n", "row 2: a price is not a positive multiple of the tick"),
        ("0,1,2,1.5,2,3\n", "row 2: low, open, close and high contradict"),
    ],
)
def test_a_bad_row_is_refused_by_its_number(tmp_path: Path, rows: str, reason: str) -> None:
    file = tmp_path / "bars.csv"
    file.write_text(HEADER + rows)
    with pytest.raises(DataError, match=reason):
        load_bars(file, BTC)


def test_a_foreign_header_and_a_broken_archive_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "bars.csv"
    file.write_text("time,o,h,l,c,v\n")
    with pytest.raises(DataError, match="unexpected header"):
        load_bars(file, BTC)
    broken = tmp_path / "bars.csv.gz"
    broken.write_bytes(b"\x1f\x8b broken")
    with pytest.raises(DataError, match=r"bars\.csv\.gz"):
        load_bars(broken, BTC)


def test_funding_times_lose_the_milliseconds_that_archives_are_late(tmp_path: Path) -> None:
    file = tmp_path / "funding.csv"
    file.write_text("ts,rate\n28800007,0.00001978\n57600000,-1E-8\n")
    assert load_funding(file) == [(28_800_000, "0.00001978"), (57_600_000, "-0.00000001")]
    file.write_text("ts,rate\n28800007,much\n")
    with pytest.raises(DataError, match="row 2"):
        load_funding(file)
