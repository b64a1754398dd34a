"""Every kind of bad file is refused with its name, its row and a cure."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from daemon.core.errors import DataError
from replay.history import HistoryFile, HistorySource, describe
from tests.replay.history.files import (
    BAR_COLUMNS,
    BARS,
    BYBIT_TRADES,
    START_MS,
    Cells,
    bar_rows,
    with_,
    write_csv,
    write_parquet,
)


def refusal(file: HistoryFile) -> str:
    with pytest.raises(DataError) as caught:
        list(HistorySource([file]).facts())
    assert caught.value.cure
    assert Path(file.path).name in caught.value.message
    return str(caught.value)


def bars_with(tmp_path: Path, row: int, cells: dict[int, Any], count: int = 10) -> HistoryFile:
    rows = [list(cells_) for cells_ in bar_rows(count)]
    for place, value in cells.items():
        rows[row][place] = value
    return with_(BARS, path=write_csv(tmp_path / "bars.csv", rows))


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({4: "abc"}, "row 7: close ('close') is 'abc', not a number"),
        ({4: "NaN"}, "row 7: close is not a finite number"),
        ({2: "inf"}, "row 7: high is not a finite number"),
        ({5: ""}, "row 7: volume is empty"),
        ({0: ""}, "row 7: ts is empty"),
        ({0: "soon"}, "row 7: ts ('ts') is 'soon', not a time in ms"),
        ({0: f"{START_MS + 300_000}.1234567"}, "row 7: ts ('ts') is"),
        ({3: 0}, "row 7: low is not above zero"),
        ({1: -5}, "row 7: open is not above zero"),
        ({5: -1}, "row 7: volume is below zero"),
        ({2: 50, 3: 60}, "row 7: high is below low"),
        ({4: 1000}, "row 7: high is below open or close"),
        ({1: 50}, "row 7: low is above open or close"),
        ({0: START_MS}, "row 7: older than the row before it by 240 s"),
        ({0: START_MS + 4 * 60_000}, "row 7: repeats row 6"),
        ({0: START_MS + 5 * 60_000 + 1}, "row 7: the bar begins 0.001 s after a 1m boundary"),
    ],
)
def test_a_bad_row_is_named(tmp_path: Path, cells: dict[int, Any], message: str) -> None:
    assert message in refusal(bars_with(tmp_path, 5, cells))


def test_a_bad_row_is_named_in_a_later_block(tmp_path: Path) -> None:
    assert "row 50002: close ('close') is 'x'" in refusal(bars_with(tmp_path, 50_000, {4: "x"}, 60_000))
    assert "row 50002: high is below low" in refusal(bars_with(tmp_path, 50_000, {2: 1, 3: 2}, 60_000))
    assert "row 50002: repeats row 50001" in refusal(
        bars_with(tmp_path, 50_000, {0: START_MS + 49_999 * 60_000}, 60_000)
    )


def test_a_missing_bar_is_refused_unless_gaps_are_accepted(tmp_path: Path) -> None:
    rows = bar_rows(10)
    file = with_(BARS, path=write_csv(tmp_path / "bars.csv", rows[:4] + rows[7:]))
    assert "row 6: 3 bars of ETHUSDT are missing" in refusal(file)
    for policy, warn in (("warn", True), ("accept", False)):
        found = describe(with_(file, on_gap=policy))
        assert (found.gaps, found.missing_bars, found.warn, found.rows) == (1, 3, warn, 7)
        assert found.first_gaps[0].after == (START_MS + 3 * 60_000) * 10**6


def test_gaps_are_counted_per_symbol_across_blocks(tmp_path: Path) -> None:
    rows: list[Cells] = []
    for place, row in enumerate(bar_rows(40_000)):
        rows += [(*row, symbol) for symbol, every in (("A", 1), ("B", 2)) if place % every == 0]
    path = write_csv(tmp_path / "panel.csv", rows, (*BAR_COLUMNS, "symbol"))
    file = with_(BARS, path=path, symbol=None, columns={**BARS.columns, "symbol": "symbol"}, on_gap="accept")
    found = describe(file)
    assert (found.gaps, found.missing_bars, found.symbols) == (19_999, 19_999, ("A", "B"))
    assert {gap.symbol for gap in found.first_gaps} == {"B"}


def test_an_equal_bar_that_comes_twice_can_be_dropped(tmp_path: Path) -> None:
    rows = bar_rows(5)
    path = write_csv(tmp_path / "bars.csv", [rows[0], *rows[:3], rows[2], rows[2], *rows[3:]])
    file = with_(BARS, path=path, on_duplicate="drop")
    assert [ts for ts, _ in HistorySource([file]).facts()] == [(row[0] + 60_000) * 10**6 for row in rows]  # type: ignore[operator]
    assert "row 3: repeats row 2" in refusal(with_(file, on_duplicate="error"))


def test_two_bars_of_one_time_that_differ_are_never_dropped(tmp_path: Path) -> None:
    rows = bar_rows(3)
    other = (*rows[1][:5], 999.0)
    file = with_(BARS, path=write_csv(tmp_path / "bars.csv", [*rows[:2], other, rows[2]]), on_duplicate="drop")
    assert "row 4: another bar of the same time as row 3" in refusal(file)


def test_a_trade_that_comes_twice_is_refused_or_dropped(tmp_path: Path) -> None:
    lines = Path(BYBIT_TRADES.path).read_text().splitlines()
    path = tmp_path / "trades.csv"
    path.write_text("\n".join([*lines[:3], lines[1], *lines[3:]]) + "\n")
    file = with_(BYBIT_TRADES, path=str(path))
    assert "row 4: repeats row 2" in refusal(file)
    dropped = HistorySource([with_(file, on_duplicate="drop")])
    assert list(dropped.facts()) == list(HistorySource([BYBIT_TRADES]).facts())


def test_a_trade_repeated_across_blocks_is_found(tmp_path: Path) -> None:
    count = 32_768
    times = [*range(1_700_000_000, 1_700_000_000 + count), 1_700_000_000 + count - 1]
    ids = [str(ts) for ts in times]
    columns = {"t": times, "p": [1.0] * (count + 1), "q": [1.0] * (count + 1), "s": ["Buy"] * (count + 1), "i": ids}
    file = with_(
        BYBIT_TRADES,
        path=write_parquet(tmp_path / "t.parquet", columns),
        symbol="A",
        columns={"ts": "t", "price": "p", "qty": "q", "side": "s", "trade_id": "i"},
    )
    assert f"row {count + 1}: repeats row {count}" in refusal(file)


def test_an_unknown_side_is_named(tmp_path: Path) -> None:
    text = Path(BYBIT_TRADES.path).read_text().replace(",Sell,", ",S,", 1)
    path = tmp_path / "trades.csv"
    path.write_text(text)
    assert "row 4: side is none of Buy, Sell" in refusal(with_(BYBIT_TRADES, path=str(path)))


def test_a_missing_column_names_those_there_are_and_the_nearest(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "bars.csv", bar_rows(2), ("Timestamp", "Open", "High", "Low", "Close", "Volume"))
    message = refusal(with_(BARS, path=path, columns={**BARS.columns, "ts": "timestamp"}))
    assert "has no column named 'timestamp', 'open'" in message
    assert "it has Timestamp, Open" in message
    assert "Did you mean Timestamp, Open" in message


def test_a_file_without_header_says_so(tmp_path: Path) -> None:
    assert "The first line holds data" in refusal(with_(BARS, path=write_csv(tmp_path / "bars.csv", bar_rows(2), ())))


def test_a_wrong_unit_is_suspected(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "bars.csv", bar_rows(2))
    for unit in ("s", "us", "ns"):
        assert "ts_unit" in refusal(with_(BARS, path=path, ts_unit=unit))
    assert "is no time in 'iso'" in refusal(with_(BARS, path=path, ts_unit="iso"))


def test_damaged_files_are_named(tmp_path: Path) -> None:
    good = gzip.compress(Path(write_csv(tmp_path / "a.csv", bar_rows(5000))).read_bytes())
    for name, content in (
        ("half.csv.gz", good[: len(good) // 2]),
        ("tail.csv.gz", good[:-4]),
        ("plain.csv.gz", b"ts,open\n"),
        ("text.parquet", b"ts,open\n1,2\n"),
        ("empty.parquet", b""),
    ):
        (tmp_path / name).write_bytes(content)
        assert "cannot be read" in refusal(with_(BARS, path=str(tmp_path / name)))


def test_empty_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.csv").write_bytes(b"")
    assert "is empty" in refusal(with_(BARS, path=str(tmp_path / "empty.csv")))
    assert "holds no rows" in refusal(with_(BARS, path=write_csv(tmp_path / "header.csv", [])))
    file = with_(BARS, path=write_csv(tmp_path / "bars.csv", bar_rows(2)), start="2026-01-01")
    assert "holds no row from 2026-01-01" in refusal(file)
    assert "no such file" in refusal(with_(BARS, path=str(tmp_path / "gone.csv")))


def test_a_row_of_another_length_is_named(tmp_path: Path) -> None:
    file = with_(BARS, path=write_csv(tmp_path / "bars.csv", [*bar_rows(3), (1, 2)]))
    assert "Row #5: Expected 6 columns, got 2" in refusal(file)


def test_a_parquet_column_of_another_type_is_named(tmp_path: Path) -> None:
    rows = bar_rows(2)
    columns = {name: [row[place] for row in rows] for place, name in enumerate(BAR_COLUMNS)}
    path = write_parquet(tmp_path / "bars.parquet", {**columns, "close": [[1.0], [2.0]]})
    assert "column 'close' is of type list" in refusal(with_(BARS, path=path))
    path = write_parquet(tmp_path / "bars.parquet", {**columns, "ts": [True, False]})
    assert "is no time in 'ms'" in refusal(with_(BARS, path=path))


def test_a_description_is_what_a_manifest_needs(tmp_path: Path) -> None:
    path = write_csv(tmp_path / "bars.csv", bar_rows(10))
    found = describe(with_(BARS, path=path))
    assert (found.name, found.rows, found.symbols, found.gaps) == ("bars.csv", 10, ("ETHUSDT",), 0)
    assert (found.first_ts, found.last_ts) == (START_MS * 10**6, (START_MS + 9 * 60_000) * 10**6)
    assert len(found.sha256) == 64
    assert str(tmp_path) not in str(found)
