"""Checked batches to facts of the core. Columns become lists, lists are zipped: no Python loop over rows."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat

import pyarrow as pa
from pyarrow import compute

from daemon.core.events import Bar, BarOrigin, Side, Trade
from replay.history.settings import HistoryFile, interval_ns

Timed = tuple[int, Bar] | tuple[int, Trade]


def to_facts(batch: pa.RecordBatch, file: HistoryFile) -> list[Timed]:
    """Turn a checked batch into (ts_recv, fact), nanoseconds UTC.

    A bar is received at its close, a trade when it happened.
    """
    return _bars(batch, file) if file.kind == "bars" else _trades(batch, file)


def _bars(batch: pa.RecordBatch, file: HistoryFile) -> list[Timed]:
    interval = interval_ns(file.interval)
    closes = compute.add(batch["ts"], interval).to_pylist()
    turnover = batch["turnover"].to_pylist() if "turnover" in file.columns else repeat(0.0)
    prices = (batch[name].to_pylist() for name in ("open", "high", "low", "close", "volume"))
    opens = batch["ts"].to_pylist()
    facts = map(
        Bar, _symbols(batch, file), closes, repeat(interval), opens, *prices, turnover, repeat(BarOrigin.HISTORY)
    )
    return list(zip(closes, facts, strict=True))


def _trades(batch: pa.RecordBatch, file: HistoryFile) -> list[Timed]:
    times = batch["ts"].to_pylist()
    side_values = {text: Side(side) for text, side in file.side_values.items()}
    sides = map(side_values.__getitem__, batch["side"].to_pylist())
    ids: Iterable[str] = repeat("")
    if "trade_id" in file.columns:
        ids = compute.fill_null(batch["trade_id"], "").to_pylist()
    facts = map(Trade, _symbols(batch, file), times, batch["price"].to_pylist(), batch["qty"].to_pylist(), sides, ids)
    return list(zip(times, facts, strict=True))


def _symbols(batch: pa.RecordBatch, file: HistoryFile) -> Iterable[str]:
    if file.symbol is not None:
        return repeat(file.symbol)
    encoded = batch["symbol"].dictionary_encode()
    return map(encoded.dictionary.to_pylist().__getitem__, encoded.indices.to_pylist())
