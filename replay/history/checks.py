"""What a row of history must satisfy by itself, checked on whole batches."""

from __future__ import annotations

from collections.abc import Iterator

import pyarrow as pa
from pyarrow import compute

from daemon.core.errors import DataError
from replay.history.settings import OPTIONAL, REQUIRED, HistoryFile

MAY_BE_EMPTY = ("trade_id",)
PRICES = {"bars": ("open", "high", "low", "close"), "trades": ("price",)}
AMOUNTS = {"bars": ("volume", "turnover"), "trades": ()}


def check_cells(batch: pa.RecordBatch, file: HistoryFile) -> None:
    """Refuse empty cells.

    Raises:
        DataError: naming file, row and column.
    """
    for name in (*REQUIRED[file.kind], *OPTIONAL[file.kind]):
        if name in file.columns and name not in MAY_BE_EMPTY and batch[name].null_count:
            _refuse(batch, batch[name].is_null(), f"{name} is empty", file)


def check_values(batch: pa.RecordBatch, file: HistoryFile) -> None:
    """Refuse rows that no market prints.

    Numbers are finite, prices and quantities of trades above zero, volumes not below zero; open and close of a bar
    lie within its low and high; a side is one of `side_values`.

    Raises:
        DataError: naming file, row and rule.
    """
    for mask, message in _violations(batch, file):
        if compute.any(mask).as_py():
            _refuse(batch, mask, message, file)


def _violations(batch: pa.RecordBatch, file: HistoryFile) -> Iterator[tuple[pa.Array, str]]:
    prices = PRICES[file.kind]
    amounts = [name for name in AMOUNTS[file.kind] if name in file.columns]
    quantities = ("qty",) if file.kind == "trades" else ()
    for name in (*prices, *amounts, *quantities):
        yield compute.invert(compute.is_finite(batch[name])), f"{name} is not a finite number"
    for name in (*prices, *quantities):
        yield compute.less_equal(batch[name], 0.0), f"{name} is not above zero"
    for name in amounts:
        yield compute.less(batch[name], 0.0), f"{name} is below zero"
    if file.kind == "bars":
        yield from _bar_violations(batch)
    else:
        known = compute.is_in(batch["side"], pa.array(list(file.side_values)))
        yield compute.invert(known), f"side is none of {', '.join(file.side_values)} (set side_values)"


def _bar_violations(batch: pa.RecordBatch) -> Iterator[tuple[pa.Array, str]]:
    opened, high, low, close = (batch[name] for name in PRICES["bars"])
    yield compute.less(high, low), "high is below low"
    yield compute.less(high, compute.max_element_wise(opened, close)), "high is below open or close"
    yield compute.greater(low, compute.min_element_wise(opened, close)), "low is above open or close"


def _refuse(batch: pa.RecordBatch, mask: pa.Array, message: str, file: HistoryFile) -> None:
    index = compute.index(mask, True).as_py()
    cells = ", ".join(f"{name} {batch[name][index].as_py()}" for name in file.columns)
    raise DataError(
        f"{file.name}: row {batch['row'][index].as_py()}: {message}: {cells}",
        cure="Correct or remove the row; if many are like this, check the mapping of the columns.",
    )
