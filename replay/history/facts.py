"""Checked batches to facts of the core. Columns become lists, lists are zipped: no Python loop over rows.

A funding rate has to be known before it is settled, and an archive knows it only as settled. It is told 1 ms before
the settlement, as the venue's last prediction: a strategy sees no more than it would at the venue, and a settlement at
`ts` uses the last rate told for it. Before a file's first row the rate is zero.
The mark price of a bar is told at its close, as one ticker; what it did in between nobody sees, so that liquidations
and triggers by mark price come late, at the close. Between two closes the mark price stands still while trades and bars
go on: mark bars should be as short as the price bars beside them.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import repeat
from typing import assert_never

import pyarrow as pa
from pyarrow import compute

from daemon.core.events import Bar, BarOrigin, Quote, Side, Ticker, Trade
from daemon.core.units import NS_PER_MS
from replay.history.settings import HistoryFile, interval_ns
from replay.history.times import full_minutes

Timed = tuple[int, Bar] | tuple[int, Trade] | tuple[int, Quote] | tuple[int, Ticker]
FUNDING_TOLD_BEFORE_NS = NS_PER_MS


def to_facts(batch: pa.RecordBatch, file: HistoryFile) -> list[Timed]:
    """Turn a checked batch into (ts_recv, fact), nanoseconds UTC.

    Bars and mark prices are received at their close, trades and quotes when they happened, funding rates 1 ms before
    they are settled.
    """
    match file.kind:
        case "bars":
            return _bars(batch, file)
        case "trades":
            return _trades(batch, file)
        case "quotes":
            return _quotes(batch, file)
        case "mark":
            return _marks(batch, file)
        case "funding":
            return _funding(batch, file)
        case _:
            assert_never(file.kind)


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


def _quotes(batch: pa.RecordBatch, file: HistoryFile) -> list[Timed]:
    times = batch["ts"].to_pylist()
    names = ("bid", "bid_qty", "ask", "ask_qty")
    columns = (batch[name].to_pylist() if name in file.columns else repeat(0.0) for name in names)
    return list(zip(times, map(Quote, _symbols(batch, file), times, *columns), strict=True))


def _marks(batch: pa.RecordBatch, file: HistoryFile) -> list[Timed]:
    closes = compute.add(batch["ts"], interval_ns(file.interval)).to_pylist()
    return list(zip(closes, map(Ticker, _symbols(batch, file), closes, batch["close"].to_pylist()), strict=True))


def _funding(batch: pa.RecordBatch, file: HistoryFile) -> list[Timed]:
    boundaries = full_minutes(batch["ts"])
    times = compute.subtract(boundaries, FUNDING_TOLD_BEFORE_NS).to_pylist()
    rows = zip(_symbols(batch, file), times, batch["rate"].to_pylist(), boundaries.to_pylist(), strict=False)
    return [(ts, Ticker(symbol, ts, funding_rate=rate, next_funding=boundary)) for symbol, ts, rate, boundary in rows]


def _symbols(batch: pa.RecordBatch, file: HistoryFile) -> Iterable[str]:
    if file.symbol is not None:
        return repeat(file.symbol)
    encoded = batch["symbol"].dictionary_encode()
    return map(encoded.dictionary.to_pylist().__getitem__, encoded.indices.to_pylist())
