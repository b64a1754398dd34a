"""How a history file is to be read: every column named, nothing guessed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Literal

from msgspec import Struct, field

from daemon.config import parse_moment
from daemon.core.errors import ConfigError
from daemon.core.events import Side
from daemon.core.units import NS_PER_DAY, NS_PER_HOUR, NS_PER_MINUTE, NS_PER_SECOND

REQUIRED = {
    "bars": ("ts", "open", "high", "low", "close", "volume"),
    "trades": ("ts", "price", "qty", "side"),
    "quotes": ("ts", "bid", "ask"),
    "mark": ("ts", "open", "high", "low", "close"),
    "funding": ("ts", "rate"),
}
OPTIONAL = {
    "bars": ("turnover", "symbol"),
    "trades": ("trade_id", "symbol"),
    "quotes": ("bid_qty", "ask_qty", "symbol"),
    "mark": ("symbol",),
    "funding": ("symbol",),
}
OF_INTERVALS = frozenset({"bars", "mark"})
SUFFIXES = (".csv", ".csv.gz", ".parquet")
UNIT_NS = {"s": NS_PER_SECOND, "m": NS_PER_MINUTE, "h": NS_PER_HOUR, "d": NS_PER_DAY, "w": 7 * NS_PER_DAY}
MONDAY_NS = 4 * NS_PER_DAY  # 1970-01-05; weekly bars begin on Mondays, the epoch was a Thursday

BYBIT_SIDES = {"Buy": Side.BUY, "Sell": Side.SELL}


class HistoryFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of one kind of data and the meaning of its columns.

    path: ends in .csv, .csv.gz or .parquet.
    kind: what the rows become. "bars": a bar at its close. "trades": a trade. "quotes": best bid and ask.
        "mark": the mark price at the close of each bar of it; the way in between is not seen. "funding": the rate that
        was settled at ts, told 1 ms before, see `replay.history.facts`.
    columns: our name to the file's name. Bars: ts, open, high, low, close, volume and optionally turnover, symbol.
        Trades: ts, price, qty, side and optionally trade_id, symbol. Quotes: ts, bid, ask and optionally bid_qty,
        ask_qty, symbol. Mark: ts, open, high, low, close, optionally symbol. Funding: ts, rate, optionally symbol.
        volume and qty are base units, turnover USDT, rate a fraction, above zero when longs pay.
    symbol: the symbol of every row, unless `columns` maps one.
    interval: length of a bar: a whole number of s, m, h, d or w, such as "1m"; only for bars and mark.
    ts_unit: what a number in ts counts since 1970-01-01 UTC, decimals allowed; "iso" for ISO 8601 text or a timestamp
        column, UTC where it names no zone. Times are read from their text without passing through a float; a float64
        column of a Parquet file is rounded to the microsecond, which is all that it can hold.
    ts_means: whether a bar is stamped with the open or the close (end of the interval) of its interval.
    header: names of all columns in order, for a CSV file without a header line.
    order: "descending" for a file with the newest row first.
    on_gap: bars are missing: refuse, count and warn, or count only. Missing funding rates cannot be told from a longer
        interval: a boundary without a row is settled with the rate before it.
    on_duplicate: a row comes twice: refuse, or drop the repetition. Two bars or rates of one time that differ are
        always refused; a trade is repeated when time, symbol and trade_id are; quotes may repeat.
    start, end: ISO 8601, UTC unless it says otherwise; rows with start <= ts < end are used, by the open of a bar.
    side_values: text of the side column to the side of the taker. For a column such as Binance's is_buyer_maker:
        {"true": "Sell", "false": "Buy"}.

    Raises:
        ConfigError: the settings contradict each other or cannot be read.
    """

    path: str
    kind: Literal["bars", "trades", "quotes", "mark", "funding"]
    columns: dict[str, str]
    ts_unit: Literal["s", "ms", "us", "ns", "iso"]
    symbol: str | None = None
    interval: str = "1m"
    ts_means: Literal["open", "close"] = "open"
    header: tuple[str, ...] = ()
    order: Literal["ascending", "descending"] = "ascending"
    on_gap: Literal["error", "warn", "accept"] = "error"
    on_duplicate: Literal["error", "drop"] = "error"
    start: str | None = None
    end: str | None = None
    side_values: dict[str, Side] = field(default_factory=BYBIT_SIDES.copy)

    def __post_init__(self) -> None:
        _check_suffix(self)
        _check_columns(self)
        _check_symbol(self)
        if interval_ns(self.interval) <= 0:
            raise ConfigError(f"interval: {self.interval!r} is no time at all", cure='Write for example "1m".')
        start, end = window_ns(self)
        if start is not None and end is not None and start >= end:
            raise ConfigError(f"start: {self.start} is not before end, {self.end}", cure="Swap or widen them.")

    @property
    def name(self) -> str:
        """Name of the file without its folder."""
        return Path(self.path).name

    @property
    def is_parquet(self) -> bool:
        """Whether the file is Parquet; it is CSV otherwise."""
        return self.path.endswith(".parquet")


def interval_ns(interval: str) -> int:
    """Length of an interval such as "5m", nanoseconds.

    Raises:
        ConfigError: it is not a whole number of s, m, h, d or w.
    """
    found = re.fullmatch(r"([0-9]+)([smhdw])", interval)
    if found is None:
        raise ConfigError(
            f"interval: {interval!r} is not a length of time",
            cure='Write a whole number of s, m, h, d or w, such as "1m"; months have no fixed length.',
        )
    return int(found[1]) * UNIT_NS[found[2]]


def window_ns(file: HistoryFile) -> tuple[int | None, int | None]:
    """Start (included) and end (excluded) of the rows to use, nanoseconds UTC, None where the file decides.

    Raises:
        ConfigError: one of them is not ISO 8601.
    """
    return _parse_time("start", file.start), _parse_time("end", file.end)


def _parse_time(key: str, text: str | None) -> int | None:
    if text is None:
        return None
    try:
        return parse_moment(text)
    except ValueError:
        raise ConfigError(
            f"{key}: {text!r} is not ISO 8601", cure='Write for example "2025-06-01T00:00:00Z".'
        ) from None


def _check_suffix(file: HistoryFile) -> None:
    if not file.path.endswith(SUFFIXES):
        raise ConfigError(
            f"path: {file.name} is of no kind that can be read", cure=f"The name must end in {', '.join(SUFFIXES)}."
        )
    if file.header and file.is_parquet:
        raise ConfigError("header: a Parquet file names its columns itself", cure="Remove header.")


def _check_columns(file: HistoryFile) -> None:
    required = REQUIRED[file.kind]
    missing = [name for name in required if name not in file.columns]
    known = (*required, *OPTIONAL[file.kind])
    if missing:
        raise ConfigError(
            f"columns: no column of {file.name} is named for {', '.join(missing)}",
            cure=f"{file.kind} need {', '.join(required)}.",
        )
    unknown = sorted(set(file.columns) - set(known))
    if unknown:
        raise ConfigError(
            f"columns: {', '.join(unknown)} means nothing for {file.kind}", cure=f"Known are {', '.join(known)}."
        )


def _check_symbol(file: HistoryFile) -> None:
    if (file.symbol is None) == ("symbol" not in file.columns):
        raise ConfigError(
            f"symbol: {file.name} needs either one symbol for all rows or a column that says it",
            cure='Set symbol = "BTCUSDT" or columns.symbol = "name of the column", not both.',
        )
