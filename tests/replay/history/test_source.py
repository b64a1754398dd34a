from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.errors import DataError
from daemon.core.events import Bar, BarOrigin, Side, Trade
from replay.history import HistorySource
from replay.history.facts import Timed
from replay.history.source import _in_order
from tests.replay.history.files import (
    BAR_COLUMNS,
    BARS,
    BYBIT_TRADES,
    DATA,
    MINUTE_NS,
    START_MS,
    bar_rows,
    with_,
    write_csv,
    write_parquet,
)


def test_a_bar_is_received_at_its_close(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "bars.csv", bar_rows(2))
    opened = START_MS * 1_000_000
    bar = Bar(
        "ETHUSDT", opened + MINUTE_NS, MINUTE_NS, opened, 100.5, 102.0, 99.25, 101.0, 10.0, 0.0, BarOrigin.HISTORY
    )
    assert next(HistorySource([with_(BARS, path=path)]).facts()) == (opened + MINUTE_NS, bar)


def test_csv_gzip_parquet_and_headerless_files_give_the_same_facts(tmp_path: Path) -> None:
    rows = bar_rows(500)
    plain = HistorySource([with_(BARS, path=write_csv(tmp_path / "a.csv", rows))])
    gzipped = HistorySource([with_(BARS, path=write_csv(tmp_path / "a.csv.gz", rows))])
    columns = {name: [row[place] for row in rows] for place, name in enumerate(BAR_COLUMNS)}
    stored = HistorySource([with_(BARS, path=write_parquet(tmp_path / "a.parquet", columns))])
    bare = HistorySource([with_(BARS, path=write_csv(tmp_path / "b.csv", rows, names=()), header=BAR_COLUMNS)])
    expected = list(plain.facts())
    assert len(expected) == 500
    assert list(gzipped.facts()) == list(stored.facts()) == list(bare.facts()) == expected


def test_a_real_file_is_read_completely() -> None:
    source = HistorySource([with_(BARS, path=str(DATA / "binance_usdm_ETHUSDT_1m_300.csv.gz"))])
    facts = list(source.facts())
    assert len(facts) == 300
    first = facts[0][1]
    assert isinstance(first, Bar)
    assert (first.open, first.high, first.low, first.close, first.volume) == (
        1827.29,
        1827.68,
        1827.27,
        1827.53,
        763.561,
    )
    assert [ts for ts, _ in facts] == sorted(ts for ts, _ in facts)


def test_bybits_fractional_seconds_are_exact_nanoseconds() -> None:
    facts = list(HistorySource([BYBIT_TRADES]).facts())
    assert facts[0] == (
        1_696_896_000_123_400_000,
        Trade(
            "ABCUSDT",
            1_696_896_000_123_400_000,
            27890.5,
            0.25,
            Side.BUY,
            "0b1c2d3e-0001-5000-8000-000000000001",
        ),
    )
    assert [ts % 10**9 for ts, _ in facts] == [123_400_000, 123_400_000, 123_500_000, 700_000_000, 0]


def test_a_file_with_the_newest_row_first_is_turned_around(tmp_path: Path) -> None:
    header, *lines = Path(BYBIT_TRADES.path).read_text().splitlines()
    path = tmp_path / "newest_first.csv"
    path.write_text("\n".join([header, *reversed(lines)]) + "\n")
    turned = HistorySource([with_(BYBIT_TRADES, path=str(path), order="descending")])
    assert list(turned.facts()) == list(HistorySource([BYBIT_TRADES]).facts())


def test_a_long_file_is_turned_around_block_by_block(tmp_path: Path) -> None:
    rows = bar_rows(60_000)
    ascending = HistorySource([with_(BARS, path=write_csv(tmp_path / "a.csv", rows))])
    path = write_csv(tmp_path / "d.csv", rows[::-1])
    descending = HistorySource([with_(BARS, path=path, order="descending")])
    assert list(descending.facts()) == list(ascending.facts())


def test_equal_times_keep_the_order_of_files_then_of_rows(tmp_path: Path) -> None:
    bars = with_(BARS, path=write_csv(tmp_path / "bars.csv", bar_rows(3)), symbol="B")
    seconds = START_MS // 1000
    trades = [(seconds + 60, "Buy", 1, 5), (seconds + 60, "Sell", 2, 5), (seconds + 61, "Buy", 3, 5)]
    path = write_csv(tmp_path / "trades.csv", trades, ("t", "s", "q", "p"))
    columns = {"ts": "t", "side": "s", "qty": "q", "price": "p"}
    trade_file = with_(BYBIT_TRADES, path=path, columns=columns, symbol="A")
    kinds = [type(fact).__name__ for _, fact in HistorySource([bars, trade_file]).facts()]
    assert kinds == ["Bar", "Trade", "Trade", "Trade", "Bar", "Bar"]
    kinds = [type(fact).__name__ for _, fact in HistorySource([trade_file, bars]).facts()]
    assert kinds == ["Trade", "Trade", "Bar", "Trade", "Bar", "Bar"]


def test_files_of_many_blocks_merge_in_time_order(tmp_path: Path) -> None:
    files = [
        with_(BARS, path=write_csv(tmp_path / f"{symbol}.csv", bar_rows(count)), symbol=symbol)
        for symbol, count in (("A", 40_000), ("B", 25_000), ("C", 10))
    ]
    facts = [(ts, fact.symbol) for ts, fact in HistorySource(files).facts() if isinstance(fact, Bar)]
    assert len(facts) == 65_010
    assert facts == sorted(facts)


def test_a_symbol_column_names_the_symbol_of_each_row(tmp_path: Path) -> None:
    rows = [(*row, symbol) for row in bar_rows(3) for symbol in ("ETHUSDT", "BTCUSDT")]
    path = write_csv(tmp_path / "panel.csv", rows, (*BAR_COLUMNS, "coin"))
    file = with_(BARS, path=path, symbol=None, columns={**BARS.columns, "symbol": "coin"})
    symbols = [fact.symbol for _, fact in HistorySource([file]).facts() if isinstance(fact, Bar)]
    assert symbols == ["ETHUSDT", "BTCUSDT"] * 3


def test_only_the_window_is_read(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "bars.csv", bar_rows(10))
    file = with_(BARS, path=path, start="2025-06-01T00:02:00Z", end="2025-06-01T00:05:00Z")
    opens = [fact.ts_open // MINUTE_NS for _, fact in HistorySource([file]).facts() if isinstance(fact, Bar)]
    assert opens == [START_MS // 60_000 + minute for minute in (2, 3, 4)]


def test_two_files_that_tell_the_same_time_twice_are_refused(tmp_path: Path) -> None:
    first = with_(BARS, path=write_csv(tmp_path / "a.csv", bar_rows(100)))
    second = with_(BARS, path=write_csv(tmp_path / "b.csv", bar_rows(100, START_MS + 99 * 60_000)))
    with pytest.raises(DataError, match=r"a\.csv and b\.csv both hold ETHUSDT"):
        list(HistorySource([first, second]).facts())
    third = with_(second, start="2025-06-01T01:40:00Z")
    assert len(list(HistorySource([first, third]).facts())) == 199


def test_times_of_parquet_timestamps_floats_and_iso_text_agree(tmp_path: Path) -> None:
    rows = bar_rows(3)
    columns = {name: [row[place] for row in rows] for place, name in enumerate(BAR_COLUMNS)}
    expected = [(START_MS + (i + 1) * 60_000) * 1_000_000 for i in range(3)]
    stamps = pa.array(columns["ts"], pa.timestamp("ms"))
    texts = ["2025-06-01T00:00:00Z", "2025-06-01T00:01:00Z", "2025-06-01T00:02:00Z"]
    seconds = [START_MS / 1000 + 60 * i for i in range(3)]
    for unit, times in (("iso", stamps), ("iso", texts), ("s", seconds)):
        path = write_parquet(tmp_path / "t.parquet", {**columns, "ts": times})
        assert [ts for ts, _ in HistorySource([with_(BARS, path=path, ts_unit=unit)]).facts()] == expected
    naive = [(text.removesuffix("Z").replace("T", " "), *row[1:]) for text, row in zip(texts, rows, strict=True)]
    path = write_csv(tmp_path / "iso.csv", naive)
    assert [ts for ts, _ in HistorySource([with_(BARS, path=path, ts_unit="iso")]).facts()] == expected


def test_a_bar_stamped_with_its_close_begins_one_interval_earlier(tmp_path: Path) -> None:
    file = with_(BARS, path=write_csv(tmp_path / "bars.csv", bar_rows(2)), ts_means="close")
    ts, fact = next(HistorySource([file]).facts())
    assert isinstance(fact, Bar)
    assert (ts, fact.ts_open) == (START_MS * 10**6, START_MS * 10**6 - MINUTE_NS)


def test_other_words_for_sides_are_mapped(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "t.csv", [(1_700_000_000.5, 10, 1, 1), (1_700_000_001, 10, 1, 0)], ("t", "p", "q", "m"))
    file = with_(
        BYBIT_TRADES,
        path=path,
        symbol="ETHUSD",
        columns={"ts": "t", "price": "p", "qty": "q", "side": "m"},
        side_values={"1": Side.SELL, "0": Side.BUY},
    )
    sides = [fact.taker_side for _, fact in HistorySource([file]).facts() if isinstance(fact, Trade)]
    assert sides == [Side.SELL, Side.BUY]


@given(st.lists(st.lists(st.integers(0, 20), max_size=20).map(sorted), max_size=5))
def test_merging_is_a_stable_sort(parts: list[list[int]]) -> None:
    timed: list[list[Timed]] = [
        [(ts, Trade(str(part), ts, 1.0, 1.0, Side.BUY, str(row))) for row, ts in enumerate(times)]
        for part, times in enumerate(parts)
    ]
    merged = [(ts, fact.symbol, int(fact.trade_id)) for ts, fact in _in_order(timed) if isinstance(fact, Trade)]
    assert merged == sorted(merged)
