"""What the rows of a history file must satisfy together: order, repetition, gaps, the grid of the interval."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
from msgspec import Struct, field
from pyarrow import compute

from daemon.core.errors import DataError
from daemon.core.units import NS_PER_DAY
from replay.history.settings import MONDAY_NS, HistoryFile, interval_ns
from replay.history.times import full_minutes

GAPS_KEPT = 20
WEEK_NS = 7 * NS_PER_DAY


class Gap(Struct, frozen=True):
    """Bars that a file lacks: how many after the one that opened at `after`, nanoseconds UTC."""

    symbol: str
    after: int
    missing: int


class Gaps(Struct):
    """All gaps of a file; `first` holds the first 20."""

    count: int = 0
    missing_bars: int = 0
    first: list[Gap] = field(default_factory=list)

    def add(self, gap: Gap) -> None:
        """Count one more gap."""
        self.count += 1
        self.missing_bars += gap.missing
        if len(self.first) < GAPS_KEPT:
            self.first.append(gap)


class Order:
    """Times of a file never fall, also from batch to batch."""

    def __init__(self, file: HistoryFile) -> None:
        self._file = file
        self._last: int | None = None

    def check(self, batch: pa.RecordBatch) -> None:
        """Refuse a row that is older than the one before it.

        Raises:
            DataError: naming file and row.
        """
        steps = _steps(batch["ts"], self._last)
        self._last = batch["ts"][-1].as_py()
        index = compute.index(compute.less(steps, 0), True).as_py()
        if index >= 0:
            raise DataError(
                f"{self._file.name}: row {batch['row'][index].as_py()}: older than the row before it by "
                f"{-steps[index].as_py() / 1e9:g} s",
                cure='Sort the file by time; set order = "descending" if the newest row comes first.',
            )


class Bars:
    """Bars of each symbol come once, on the grid of their interval, with the gaps between them counted."""

    def __init__(self, file: HistoryFile, gaps: Gaps) -> None:
        self._file = file
        self._gaps = gaps
        self._interval = interval_ns(file.interval)
        self._anchor = MONDAY_NS if self._interval % WEEK_NS == 0 else 0
        self._last: dict[str, dict[str, Any]] = {}

    def check(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the batch without repeated rows.

        Raises:
            DataError: a bar off the grid, repeated or after a gap, as the settings of the file want it.
        """
        self._check_grid(batch)
        if "symbol" not in self._file.columns:
            return self._check_symbol(batch, self._file.symbol or "")
        repeated: list[int] = []
        for symbol in compute.unique(batch["symbol"]).to_pylist():
            part = batch.filter(compute.equal(batch["symbol"], symbol))
            kept = self._check_symbol(part, symbol)
            if kept.num_rows < part.num_rows:
                repeated += set(part["row"].to_pylist()) - set(kept["row"].to_pylist())
        return without_rows(batch, repeated)

    def _check_grid(self, batch: pa.RecordBatch) -> None:
        since = compute.subtract(batch["ts"], self._anchor)
        on_grid = compute.multiply(compute.divide(since, self._interval), self._interval)
        index = compute.index(compute.not_equal(since, on_grid), True).as_py()
        if index >= 0:
            off = since[index].as_py() - on_grid[index].as_py()
            raise DataError(
                f"{self._file.name}: row {batch['row'][index].as_py()}: the bar begins {off / 1e9:g} s after a "
                f"{self._file.interval} boundary",
                cure="Check interval, ts_unit and ts_means; Binance's close time is 1 ms early: map its open time.",
            )

    def _check_symbol(self, batch: pa.RecordBatch, symbol: str) -> pa.RecordBatch:
        last = self._last.get(symbol)
        steps = _steps(batch["ts"], None if last is None else last["ts"])
        if last is None:
            steps = _set_first(steps, self._interval)
        extremes = compute.min_max(steps).as_py()
        if extremes["min"] == 0:
            batch = self._without_repeated(batch, compute.equal(steps, 0), symbol)
        if extremes["max"] > self._interval:
            self._count_gaps(batch, symbol, last)
        if batch.num_rows:
            self._last[symbol] = _row(batch, batch.num_rows - 1)
        return batch

    def _without_repeated(self, batch: pa.RecordBatch, mask: pa.Array, symbol: str) -> pa.RecordBatch:
        for index in compute.indices_nonzero(mask).to_pylist():
            row = _row(batch, index)
            before = _row(batch, index - 1) if index else self._last[symbol]
            if self._file.on_duplicate == "error":
                raise _repeated(self._file, row["row"], before["row"])
            if any(row[name] != before[name] for name in self._file.columns):
                raise DataError(
                    f"{self._file.name}: row {row['row']}: another bar of the same time as row {before['row']}",
                    cure="The two differ, so neither can be dropped: find out which one is right.",
                )
        return batch.filter(compute.invert(mask))

    def _count_gaps(self, batch: pa.RecordBatch, symbol: str, last: dict[str, Any] | None) -> None:
        steps = _steps(batch["ts"], None if last is None else last["ts"])
        for index in compute.indices_nonzero(compute.greater(steps, self._interval)).to_pylist():
            step = steps[index].as_py()
            gap = Gap(symbol, batch["ts"][index].as_py() - step, step // self._interval - 1)
            if self._file.on_gap == "error":
                raise DataError(
                    f"{self._file.name}: row {batch['row'][index].as_py()}: {gap.missing} bars of {symbol} are missing "
                    "before this one",
                    cure='Fetch them, or set on_gap = "warn" or "accept" to go on without.',
                )
            self._gaps.add(gap)


class Trades:
    """A trade that has an id comes once; the same id at another time is another trade."""

    def __init__(self, file: HistoryFile) -> None:
        self._file = file
        self._open_ts = -1
        self._open: dict[tuple[str, str], int] = {}

    def check(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the batch without repeated trades.

        Raises:
            DataError: a trade is repeated and the settings of the file refuse that.
        """
        if "trade_id" not in self._file.columns:
            return batch
        first = batch["ts"][0].as_py()
        distinct = compute.count_distinct(batch["trade_id"]).as_py()
        if distinct == batch.num_rows and first != self._open_ts:
            tail = batch.filter(compute.equal(batch["ts"], batch["ts"][-1]))
            self._find_repeated(tail)
            return batch
        return without_rows(batch, self._find_repeated(batch))

    def _find_repeated(self, batch: pa.RecordBatch) -> list[int]:
        """Rows whose time, symbol and id were seen; leaves the ids of the last time behind for the next batch."""
        repeated: list[int] = []
        count = batch.num_rows
        symbols = batch["symbol"].to_pylist() if "symbol" in self._file.columns else [""] * count
        keys = zip(symbols, batch["trade_id"].to_pylist(), strict=True)
        for ts, key, row in zip(batch["ts"].to_pylist(), keys, batch["row"].to_pylist(), strict=True):
            if ts != self._open_ts:
                self._open_ts = ts
                self._open.clear()
            if key[1] is not None and key in self._open:
                if self._file.on_duplicate == "error":
                    raise _repeated(self._file, row, self._open[key])
                repeated.append(row)
            self._open.setdefault(key, row)
        return repeated


class Rates:
    """A symbol's funding rate of one settlement comes once."""

    def __init__(self, file: HistoryFile) -> None:
        self._file = file
        self._last: dict[str, tuple[int, float, int]] = {}

    def check(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return the batch without repeated rows.

        Raises:
            DataError: a rate is repeated and the settings of the file refuse that, or another one stands beside it.
        """
        repeated: list[int] = []
        count = batch.num_rows
        symbols = batch["symbol"].to_pylist() if "symbol" in self._file.columns else [""] * count
        columns = (full_minutes(batch["ts"]), batch["rate"], batch["row"])
        for symbol, ts, rate, row in zip(symbols, *(column.to_pylist() for column in columns), strict=True):
            before = self._last.get(symbol)
            if before is not None and before[0] == ts:
                self._refuse(before, rate, row)
                repeated.append(row)
            else:
                self._last[symbol] = (ts, rate, row)
        return without_rows(batch, repeated)

    def _refuse(self, before: tuple[int, float, int], rate: float, row: int) -> None:
        if self._file.on_duplicate == "error":
            raise _repeated(self._file, row, before[2])
        if rate != before[1]:
            raise DataError(
                f"{self._file.name}: row {row}: another rate of the same settlement as row {before[2]}",
                cure="The two differ, so neither can be dropped: find out which one is right.",
            )


def without_rows(batch: pa.RecordBatch, rows: list[int]) -> pa.RecordBatch:
    """The batch without the rows of these numbers."""
    if not rows:
        return batch
    return batch.filter(compute.invert(compute.is_in(batch["row"], pa.array(rows, pa.int64()))))


def _repeated(file: HistoryFile, row: int, before: int) -> DataError:
    return DataError(
        f"{file.name}: row {row}: repeats row {before}", cure='Remove it, or set on_duplicate = "drop" to skip it.'
    )


def _steps(times: pa.Array, last: int | None) -> pa.Array:
    """Nanoseconds from each time to the one before it; the first counts from `last`, or is 1 where there is none."""
    first = times[0].as_py() - 1 if last is None else last
    return compute.subtract(times, pa.concat_arrays([pa.array([first], pa.int64()), times.slice(0, len(times) - 1)]))


def _set_first(steps: pa.Array, value: int) -> pa.Array:
    return pa.concat_arrays([pa.array([value], pa.int64()), steps.slice(1)])


def _row(batch: pa.RecordBatch, index: int) -> dict[str, Any]:
    row: dict[str, Any] = batch.slice(index, 1).to_pylist()[0]
    return row
