"""What a row of history must satisfy by itself, checked on whole batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import assert_never

import pyarrow as pa
from pyarrow import compute

from daemon.core.errors import DataError
from daemon.core.units import NS_PER_SECOND
from replay.history.settings import OPTIONAL, REQUIRED, HistoryFile
from replay.history.times import full_minutes

MAY_BE_EMPTY = ("trade_id",)
OHLC = ("open", "high", "low", "close")
POSITIVE = {"bars": OHLC, "trades": ("price", "qty"), "quotes": ("bid", "ask"), "mark": OHLC, "funding": ()}
NOT_NEGATIVE = {
    "bars": ("volume", "turnover"),
    "trades": (),
    "quotes": ("bid_qty", "ask_qty"),
    "mark": (),
    "funding": (),
}
RATE_MAX = 0.1
LATE_MAX_NS = 10 * NS_PER_SECOND


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
    lie within its low and high; a side is one of `side_values`; a bid is not above its ask. A funding rate is a
    fraction of at most 0.1, settled at a full minute or within 10 s after it (archives stamp it late).

    Raises:
        DataError: naming file, row and rule.
    """
    for mask, message in _violations(batch, file):
        if compute.any(mask).as_py():
            _refuse(batch, mask, message, file)


def _violations(batch: pa.RecordBatch, file: HistoryFile) -> Iterator[tuple[pa.Array, str]]:
    positive = POSITIVE[file.kind]
    not_negative = [name for name in NOT_NEGATIVE[file.kind] if name in file.columns]
    rates = ("rate",) if file.kind == "funding" else ()
    for name in (*positive, *not_negative, *rates):
        yield compute.invert(compute.is_finite(batch[name])), f"{name} is not a finite number"
    for name in positive:
        yield compute.less_equal(batch[name], 0.0), f"{name} is not above zero"
    for name in not_negative:
        yield compute.less(batch[name], 0.0), f"{name} is below zero"
    match file.kind:
        case "bars" | "mark":
            yield from _bar_violations(batch)
        case "trades":
            known = compute.is_in(batch["side"], pa.array(list(file.side_values)))
            yield compute.invert(known), f"side is none of {', '.join(file.side_values)} (set side_values)"
        case "quotes":
            yield compute.greater(batch["bid"], batch["ask"]), "bid is above ask"
        case "funding":
            yield from _funding_violations(batch)
        case _:
            assert_never(file.kind)


def _funding_violations(batch: pa.RecordBatch) -> Iterator[tuple[pa.Array, str]]:
    yield compute.greater(compute.abs(batch["rate"]), RATE_MAX), f"rate is above {RATE_MAX}: is it a percentage?"
    late = compute.subtract(batch["ts"], full_minutes(batch["ts"]))
    yield compute.greater(late, LATE_MAX_NS), "ts is no time of a settlement, which is a full minute"


def _bar_violations(batch: pa.RecordBatch) -> Iterator[tuple[pa.Array, str]]:
    opened, high, low, close = (batch[name] for name in OHLC)
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
