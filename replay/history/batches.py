"""A history file as checked batches, oldest row first, with what was learnt on the way."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from msgspec import Struct, field
from pyarrow import compute

from daemon.core.errors import DataError
from replay.history.checks import check_cells, check_values
from replay.history.columns import open_batches
from replay.history.sequence import Bars, Gaps, Order, Rates, Trades
from replay.history.settings import OF_INTERVALS, HistoryFile, interval_ns, window_ns
from replay.history.times import to_ns


class Summary(Struct):
    """What was read so far: rows used, time of the first and the last (open of a bar), gaps; None before the first."""

    rows: int = 0
    first_ts: int | None = None
    last_ts: int | None = None
    gaps: Gaps = field(default_factory=Gaps)
    symbols: set[str] = field(default_factory=set)


def checked_batches(file: HistoryFile, summary: Summary) -> Iterator[pa.RecordBatch]:
    """Yield the rows within the window of the file, oldest first, checked by every rule that the settings name.

    Columns are those of `file.columns`; ts is int64 nanoseconds UTC (the open of a bar); `row` numbers the row.

    Args:
        file: what to read.
        summary: filled while reading; complete when the iterator is exhausted.

    Raises:
        DataError: naming file and row.
    """
    order = Order(file)
    sequence = _sequence(file, summary)
    seen = False
    for raw in _oldest_first(file):
        check_cells(raw, file)
        seen = True
        batch = _with_times(raw, file)
        order.check(batch)
        batch = _within_window(batch, file)
        if batch.num_rows:
            check_values(batch, file)
            batch = sequence.check(batch)
        if batch.num_rows:
            _note(summary, batch, file)
            yield batch
    if not summary.rows:
        raise _nothing(file, seen)


def _sequence(file: HistoryFile, summary: Summary) -> Bars | Trades | Rates:
    """What the rows of a file must satisfy together; quotes have no ids, so they may repeat."""
    if file.kind == "funding":
        return Rates(file)
    return Bars(file, summary.gaps) if file.kind in OF_INTERVALS else Trades(file)


def _nothing(file: HistoryFile, seen: bool) -> DataError:
    if not seen:
        return DataError(f"{file.name} holds no rows", cure="Fetch the file again, or remove it from the list.")
    return DataError(
        f"{file.name} holds no row from {file.start or 'its start'} to {file.end or 'its end'}",
        cure="Widen start and end, or remove the file from the list.",
    )


def _oldest_first(file: HistoryFile) -> Iterator[pa.RecordBatch]:
    batches = (batch for batch in open_batches(file) if batch.num_rows)
    return batches if file.order == "ascending" else _reversed(batches)


def _reversed(batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """Turn a stream around through a temporary file, so that memory stays flat."""
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "batches.arrow")
        if not _spill(batches, path):
            return
        with pa.memory_map(path) as mapped, pa.ipc.open_file(mapped) as reader:
            for index in reversed(range(reader.num_record_batches)):
                batch = reader.get_batch(index)
                yield batch.take(pa.array(range(batch.num_rows - 1, -1, -1), pa.int64()))


def _spill(batches: Iterator[pa.RecordBatch], path: str) -> bool:
    first = next(batches, None)
    if first is None:
        return False
    with pa.OSFile(path, "wb") as sink, pa.ipc.new_file(sink, first.schema) as writer:
        writer.write_batch(first)
        for batch in batches:
            writer.write_batch(batch)
    return True


def _with_times(batch: pa.RecordBatch, file: HistoryFile) -> pa.RecordBatch:
    ts = to_ns(batch["ts"], file, batch["row"][0].as_py())
    if file.kind in OF_INTERVALS and file.ts_means == "close":
        ts = compute.subtract(ts, interval_ns(file.interval))
    return batch.set_column(batch.schema.get_field_index("ts"), "ts", ts)


def _within_window(batch: pa.RecordBatch, file: HistoryFile) -> pa.RecordBatch:
    start, end = window_ns(file)
    if start is not None:
        batch = batch.filter(compute.greater_equal(batch["ts"], start))
    if end is not None:
        batch = batch.filter(compute.less(batch["ts"], end))
    return batch


def _note(summary: Summary, batch: pa.RecordBatch, file: HistoryFile) -> None:
    summary.rows += batch.num_rows
    if summary.first_ts is None:
        summary.first_ts = batch["ts"][0].as_py()
    summary.last_ts = batch["ts"][-1].as_py()
    if file.symbol is None:
        summary.symbols.update(compute.unique(batch["symbol"]).to_pylist())
    else:
        summary.symbols.add(file.symbol)
