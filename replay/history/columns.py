"""Opens a history file as record batches that hold the mapped columns under our names, and their rows.

Rows are numbered as a spreadsheet shows them: a header line is row 1. Arrow streams CSV (also gzipped) and Parquet in
blocks, so memory does not grow with the file. Numbers are float64, correctly rounded from their text; ts stays what
the file says (a decimal, where it is text) and is read by `replay.history.times`.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from difflib import get_close_matches
from pathlib import Path

import pyarrow as pa
from pyarrow import csv as arrow_csv
from pyarrow import parquet

from daemon.core.errors import DataError
from replay.history.settings import HistoryFile
from replay.history.times import decimal_type, is_time

BLOCK_BYTES = 1 << 20
BATCH_ROWS = 32_768
TEXTS = ("symbol", "side", "trade_id")


def open_batches(file: HistoryFile) -> Iterator[pa.RecordBatch]:
    """Yield the file in its own order, block by block; columns as in `file.columns`, then `row`, int64.

    Raises:
        DataError: the file is missing, damaged or empty, lacks a column, or holds a cell that cannot be read.
    """
    if not Path(file.path).is_file():
        raise DataError(f"{file.path}: no such file", cure="Check the path; it is relative to the working folder.")
    batches = _parquet_batches(file) if file.is_parquet else _csv_batches(file)
    row = first_row(file)
    try:
        for batch in batches:
            yield batch.append_column("row", pa.arange(row, row + batch.num_rows))
            row += batch.num_rows
    except (pa.ArrowException, OSError, EOFError) as error:
        raise _unreadable(file, error) from error


def first_row(file: HistoryFile) -> int:
    """Number of the first row with data."""
    return 1 if file.is_parquet or file.header else 2


def _csv_batches(file: HistoryFile) -> Iterator[pa.RecordBatch]:
    _check_names(file, _csv_names(file))
    return _stream_csv(file, {ours: _cell_type(ours, file) for ours in file.columns})


def _stream_csv(file: HistoryFile, types: dict[str, pa.DataType]) -> Iterator[pa.RecordBatch]:
    reader = arrow_csv.open_csv(
        file.path,
        read_options=arrow_csv.ReadOptions(
            use_threads=False, block_size=BLOCK_BYTES, column_names=list(file.header) or None
        ),
        convert_options=arrow_csv.ConvertOptions(
            include_columns=list(file.columns.values()),
            column_types={file.columns[ours]: kind for ours, kind in types.items()},
            null_values=[""],
            strings_can_be_null=True,
        ),
    )
    for batch in reader:
        yield batch.rename_columns(list(file.columns))


def _cell_type(ours: str, file: HistoryFile) -> pa.DataType:
    if ours == "ts":
        return pa.string() if file.ts_unit == "iso" else decimal_type(file.ts_unit)
    return pa.string() if ours in TEXTS else pa.float64()


def _csv_names(file: HistoryFile) -> list[str]:
    if file.header:
        return list(file.header)
    opener = gzip.open if file.path.endswith(".gz") else open
    try:
        with opener(file.path, "rt", encoding="utf-8-sig", newline="") as text:
            names = next(csv.reader(text), [])
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise _unreadable(file, error) from error
    if not names:
        raise _empty(file)
    return names


def _parquet_batches(file: HistoryFile) -> Iterator[pa.RecordBatch]:
    with parquet.ParquetFile(file.path) as source:
        _check_names(file, source.schema_arrow.names)
        for batch in source.iter_batches(BATCH_ROWS, columns=list(file.columns.values())):
            columns = [_typed(file, ours, batch.column(theirs)) for ours, theirs in file.columns.items()]
            yield pa.RecordBatch.from_arrays(columns, names=list(file.columns))


def _typed(file: HistoryFile, ours: str, column: pa.Array) -> pa.Array:
    if ours == "ts":
        return column
    wanted = pa.string() if ours in TEXTS else pa.float64()
    try:
        return column.cast(wanted)
    except pa.ArrowException as error:
        raise DataError(
            f"{file.name}: column {file.columns[ours]!r} is of type {column.type}, {ours} needs {wanted}: {error}",
            cure=f"Map {ours} to a column of another type, or write the file anew.",
        ) from error


def _check_names(file: HistoryFile, names: list[str]) -> None:
    twice = sorted({name for name in file.columns.values() if names.count(name) > 1})
    if twice:
        raise DataError(f"{file.name}: two columns are named {twice[0]}", cure="Rename one of them.")
    missing = [theirs for theirs in file.columns.values() if theirs not in names]
    if missing:
        raise DataError(
            f"{file.name} has no column named {', '.join(map(repr, missing))}; it has {', '.join(names)}",
            cure=_cure_for_names(missing, names),
        )


def _cure_for_names(missing: list[str], names: list[str]) -> str:
    if all(_is_number(name) for name in names):
        return "The first line holds data: name all columns in order with header = [...]."
    folded = {name.strip().lower(): name for name in names}
    near = [folded[match] for name in missing for match in get_close_matches(name.lower(), folded, n=1)]
    return f"Did you mean {', '.join(near)}?" if near else "Correct the mapping in columns."


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _unreadable(file: HistoryFile, error: Exception) -> DataError:
    if not file.is_parquet and isinstance(error, pa.ArrowInvalid):
        if Path(file.path).stat().st_size == 0 or "Empty CSV" in str(error):
            return _empty(file)
        found = _find_cell(file)
        if found is not None:
            return found
    return DataError(
        f"{file.name} cannot be read: {error}",
        cure="The file is cut short, damaged or not what its name says: fetch or write it again.",
    )


def _empty(file: HistoryFile) -> DataError:
    return DataError(f"{file.name} is empty", cure="Fetch the file again, or remove it from the list.")


def _find_cell(file: HistoryFile) -> DataError | None:
    """Read a CSV file again as text, to name the first cell that is not what its column promises."""
    row = first_row(file)
    try:
        for batch in _stream_csv(file, dict.fromkeys(file.columns, pa.string())):
            columns = batch.to_pydict()
            for index in range(batch.num_rows):
                for ours, cells in columns.items():
                    if not _reads(file, ours, cells[index]):
                        return _bad_cell(file, row + index, ours, cells[index])
            row += batch.num_rows
    except (pa.ArrowException, OSError):
        return None
    return None


def _reads(file: HistoryFile, ours: str, cell: str | None) -> bool:
    if cell is None or ours in TEXTS:
        return True
    return is_time(cell, file.ts_unit) if ours == "ts" else _is_number(cell)


def _bad_cell(file: HistoryFile, row: int, ours: str, cell: str | None) -> DataError:
    wanted = f"a time in {file.ts_unit}, to the nanosecond at most" if ours == "ts" else "a number"
    return DataError(
        f"{file.name}: row {row}: {ours} ({file.columns[ours]!r}) is {cell!r}, not {wanted}",
        cure="Correct the row, or the mapping and ts_unit if the whole column is like this.",
    )
