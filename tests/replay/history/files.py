"""Small history files for tests."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa
from pyarrow import parquet

from replay.history import HistoryFile

DATA = Path(__file__).parents[2] / "data" / "history"
BAR_COLUMNS = ("ts", "open", "high", "low", "close", "volume")
START_MS = 1_748_736_000_000  # 2025-06-01
MINUTE_MS = 60_000
MINUTE_NS = 60_000_000_000

BARS = HistoryFile(
    path="bars.csv", kind="bars", columns={name: name for name in BAR_COLUMNS}, ts_unit="ms", symbol="ETHUSDT"
)
BYBIT_TRADES = HistoryFile(
    path=str(DATA / "bybit_public_trades_sample.csv"),
    kind="trades",
    columns={
        "ts": "timestamp",
        "symbol": "symbol",
        "side": "side",
        "qty": "size",
        "price": "price",
        "trade_id": "trdMatchID",
    },
    ts_unit="s",
)

FUNDING = HistoryFile(
    path="funding.csv", kind="funding", columns={"ts": "ts", "rate": "rate"}, ts_unit="ms", symbol="ETHUSDT"
)
MARK = HistoryFile(
    path="mark.csv", kind="mark", columns={name: name for name in BAR_COLUMNS[:5]}, ts_unit="ms", symbol="ETHUSDT"
)
QUOTES = HistoryFile(
    path="quotes.csv", kind="quotes", columns={"ts": "ts", "bid": "bid", "ask": "ask"}, ts_unit="ms", symbol="ETHUSDT"
)

Cells = Sequence[object]


def bar_rows(count: int, start_ms: int = START_MS, step_ms: int = MINUTE_MS) -> list[Cells]:
    """Rising bars of ts, open, high, low, close, volume."""
    return [(start_ms + i * step_ms, 100.5 + i, 102.0 + i, 99.25 + i, 101.0 + i, 10.0 + i) for i in range(count)]


def write_csv(path: Path, rows: Sequence[Cells], names: Sequence[str] = BAR_COLUMNS) -> str:
    """Write rows as CSV, gzipped if the name says so; empty names leave the header line out."""
    lines = [",".join(names)] if names else []
    lines += [",".join(map(str, row)) for row in rows]
    content = ("\n".join(lines) + "\n").encode()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return str(path)


def write_parquet(path: Path, columns: dict[str, Any]) -> str:
    """Write columns as Parquet."""
    parquet.write_table(pa.table(columns), path)
    return str(path)


def with_(file: HistoryFile, **changes: Any) -> HistoryFile:
    """A copy of settings with changes."""
    return msgspec.structs.replace(file, **changes)
