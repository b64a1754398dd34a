"""Rows on a whole backtest: files read and checked, bars through the engine, every decision journaled, run sealed."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
from pyarrow import csv, parquet

from benchmarks.bars import SYMBOLS, make_bars
from benchmarks.places import work_folder
from benchmarks.row import Row, against_floor
from benchmarks.size import Size
from benchmarks.tape import make_plan
from benchmarks.timing import duel, yardstick
from daemon.app.offline import backtest
from daemon.core.units import NS_PER_MS

NAUTILUS_BARS_PER_SECOND = 0.5 * 43_200

ENTRY = """
[[history]]
path = "{path}"
kind = "bars"
symbol = "{symbol}"
ts_unit = "ms"
columns = {{ ts = "ts", open = "open", high = "high", low = "low", close = "close", volume = "volume" }}

[instruments.{symbol}]
tick = "0.1"
step = "0.001"
min_qty = "0.001"
max_qty = "1000000"
max_market_qty = "1000000"
"""

LANE = """
[accounts.paper]
balance_usdt = "10000000"

[[lanes]]
name = "main"
account = "paper"

[[lanes.strategies]]
name = "baseline"
use = "baseline_perps"
"""


def backtest_end_to_end(size: Size) -> Row:
    """`lockstep backtest` over Parquet files, one for each symbol."""
    return _row("backtest_end_to_end", size, suffix="parquet")


def backtest_end_to_end_csv(size: Size) -> Row:
    """The same bars from CSV files."""
    return _row("backtest_end_to_end_csv", size, suffix="csv")


def _row(name: str, size: Size, *, suffix: str) -> Row:
    with work_folder() as folder:
        plan = make_plan(_write_history(folder, size.history_days, suffix) + LANE)
        bars = size.history_days * 1440 * len(SYMBOLS)

        def run() -> int:
            inputs = backtest(plan, folder / "logs").inputs
            assert inputs == bars + len(SYMBOLS), f"{inputs} inputs of {bars} bars"
            return bars

        fight = duel(run, yardstick, min(size.rounds, 3))
    note = f"{bars} bars; files are read twice, once to check and describe them"
    return against_floor(name, "bars/s", fight, floor=NAUTILUS_BARS_PER_SECOND, note=note)


def _write_history(folder: Path, days: int, suffix: str) -> str:
    """One file for each symbol; returns the configuration of their history."""
    bars = make_bars(days)
    entries: list[str] = []
    for symbol in SYMBOLS:
        rows = [bar for bar in bars if bar.symbol == symbol]
        columns = {"ts": [bar.ts_open // NS_PER_MS for bar in rows]}
        prices = {name: [getattr(bar, name) for bar in rows] for name in ("open", "high", "low", "close", "volume")}
        path = folder / f"{symbol}.{suffix}"
        table = pa.table(columns | prices)
        if suffix == "csv":
            csv.write_csv(table, path)
        else:
            parquet.write_table(table, path)
        entries.append(ENTRY.format(path=path, symbol=symbol))
    return "".join(entries)
