"""Times of history files, to integer nanoseconds UTC without a float in between."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation

import pyarrow as pa
from pyarrow import compute

from daemon.core.errors import DataError
from daemon.core.units import NS_PER_DAY, NS_PER_MINUTE
from replay.history.settings import HistoryFile

DIGITS = {"s": 9, "ms": 6, "us": 3, "ns": 0}  # decimals that a nanosecond leaves to the unit
EARLIEST_NS = 10_957 * NS_PER_DAY  # 2000-01-01
LATEST_NS = 47_482 * NS_PER_DAY  # 2100-01-01


def decimal_type(unit: str) -> pa.Decimal128Type:
    """Type of a time in text, exact to the nanosecond; its unscaled value counts nanoseconds."""
    return pa.decimal128(18 + DIGITS[unit], DIGITS[unit])


def is_time(text: str, unit: str) -> bool:
    """Whether a text can be read as a time in `unit`."""
    if unit == "iso":
        return _from_iso(pa.array([text])) is not None
    try:
        ns = Decimal(text).scaleb(DIGITS[unit])
    except InvalidOperation:
        return False
    return ns.is_finite() and ns == ns.to_integral_value()


def to_ns(column: pa.Array, file: HistoryFile, row: int) -> pa.Array:
    """Convert a ts column to int64 nanoseconds UTC.

    Args:
        column: as the file holds it; without nulls.
        file: says the unit.
        row: number of the first row, for messages.

    Raises:
        DataError: the column is no time in this unit, or says a time outside of 2000 to 2099.
    """
    converted = _from_iso(column) if file.ts_unit == "iso" else _from_number(column, file.ts_unit)
    if converted is None:
        raise DataError(
            f"{file.name}: row {row} and following: ts ({file.columns['ts']!r}, type {column.type}) is no time in "
            f"{file.ts_unit!r}; the first is {column[0].as_py()!r}",
            cure='Set ts_unit to "s", "ms", "us" or "ns" for numbers, to "iso" for ISO 8601 text or timestamps.',
        )
    _check_years(converted, column, file, row)
    return converted


def full_minutes(times: pa.Array) -> pa.Array:
    """Times in nanoseconds cut to the minute."""
    return compute.multiply(compute.divide(times, NS_PER_MINUTE), NS_PER_MINUTE)


def _from_iso(column: pa.Array) -> pa.Array | None:
    for kind in (pa.timestamp("ns", "UTC"), pa.timestamp("ns")):
        try:
            return column.cast(kind).cast(pa.int64()) if _is_text_or_time(column) else None
        except pa.ArrowInvalid:
            continue
    return None


def _is_text_or_time(column: pa.Array) -> bool:
    kind = column.type
    return bool(pa.types.is_timestamp(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _from_number(column: pa.Array, unit: str) -> pa.Array | None:
    """Numbers beyond int64 nanoseconds are no time; what cannot be read gives None."""
    kind = column.type
    if _is_text_or_time(column) and pa.types.is_timestamp(kind):
        return None
    try:
        if pa.types.is_floating(kind):
            return _from_float(column, unit)
        if pa.types.is_integer(kind):
            return compute.multiply_checked(column.cast(pa.int64()), 10 ** DIGITS[unit])
        exact = column.cast(decimal_type(unit))
        return compute.multiply(exact, pa.scalar(Decimal(10 ** DIGITS[unit]))).cast(pa.int64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return None


def _from_float(column: pa.Array, unit: str) -> pa.Array:
    per_us = 10.0 ** (DIGITS[unit] - 3)
    whole = compute.round(compute.multiply(column.cast(pa.float64()), per_us)).cast(pa.int64())
    return compute.multiply_checked(whole, 1_000)


def _check_years(converted: pa.Array, column: pa.Array, file: HistoryFile, row: int) -> None:
    outside = compute.or_(compute.less(converted, EARLIEST_NS), compute.greater_equal(converted, LATEST_NS))
    index = compute.index(outside, True).as_py()
    if index < 0:
        return
    days = converted[index].as_py() // NS_PER_DAY
    raise DataError(
        f"{file.name}: row {row + index}: ts {column[index].as_py()} in {file.ts_unit!r} is {days} days after 1970",
        cure="Times must lie between 2000 and 2099: is ts_unit right?",
    )
