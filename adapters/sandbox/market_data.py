"""Recorded one-minute bars and funding rates, and the day that the demo plays.

Bars are CSV, also .gz, with the header `ts,open,high,low,close,volume`: ts is the opening time in milliseconds UTC,
prices are USDT per unit of base, volume is base units. They are held as counts of ticks and lots, so that what is made
of them adds up exactly.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Iterator
from decimal import Decimal
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import TypeAlias

from msgspec import Struct

from adapters.sandbox.listings import Listing, listings_of
from daemon.core.errors import DataError
from daemon.core.units import on_grid

MINUTE_MS = 60_000
DEMO_SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
DEMO_DAY = "2025-05-06"
DEMO_START_MS = 1_746_489_600_000
DEMO_END_MS = DEMO_START_MS + 86_400_000
BAR_COLUMNS = ["ts", "open", "high", "low", "close", "volume"]

Funding: TypeAlias = list[tuple[int, str]]
"""(milliseconds UTC when it is paid, rate as text), in time order."""


class MinuteBar(Struct, frozen=True, gc=False):
    """A minute of a symbol: opening time in milliseconds UTC, prices in ticks, volume in lots."""

    ts_ms: int
    open: int
    high: int
    low: int
    close: int
    lots: int


class SymbolData(Struct, frozen=True):
    """What the synthetic market needs of a symbol: its rules, its bars in time order, its funding rates."""

    listing: Listing
    bars: list[MinuteBar]
    funding: Funding = []


def demo_data(symbols: Iterable[str] = DEMO_SYMBOLS) -> list[SymbolData]:
    """The demo's day, 2025-05-06 UTC, with the two hours before it.

    Raises:
        ConfigError: a symbol that no table lists.
        DataError: a symbol that is listed but not recorded.
    """
    folder = files("adapters.sandbox") / "data"
    return [_demo_symbol(folder, listing) for listing in listings_of(symbols).values()]


def load_bars(path: Traversable, listing: Listing) -> list[MinuteBar]:
    """Read a file of one-minute bars; minutes without a row are filled by flat ones, as Bybit does.

    Volume is rounded to the instrument's step; prices must be on its tick grid.

    Raises:
        DataError: the file is missing, its header or a row cannot be used, or time does not rise; names file and row.
    """
    rows = _rows(path, BAR_COLUMNS)
    return list(_without_gaps(_parsed(path.name, rows, listing)))


def load_funding(path: Traversable) -> Funding:
    """Read a CSV file `ts,rate`; times are cut to the second, since archives are a few milliseconds late.

    Raises:
        DataError: the file is missing or a row cannot be used; names file and row.
    """
    rates: Funding = []
    for number, row in enumerate(_rows(path, ["ts", "rate"]), start=2):
        try:
            rates.append((int(row[0]) // 1000 * 1000, f"{Decimal(row[1]):f}"))
        except (ValueError, IndexError, ArithmeticError) as error:
            raise _bad_row(path.name, number, "not a time and a rate") from error
    return rates


def _demo_symbol(folder: Traversable, listing: Listing) -> SymbolData:
    bars = load_bars(folder / f"{listing.symbol}_1m_{DEMO_DAY}.csv.gz", listing)
    funding = load_funding(folder / f"{listing.symbol}_funding_{DEMO_DAY}.csv")
    return SymbolData(listing=listing, bars=bars, funding=funding)


def _rows(path: Traversable, columns: list[str]) -> Iterator[list[str]]:
    try:
        raw = path.read_bytes()
        text = (gzip.decompress(raw) if path.name.endswith(".gz") else raw).decode()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{path.name}: {error}", cure="Give a readable CSV file, plain or gzip.") from error
    rows = csv.reader(text.splitlines())
    if next(rows, None) != columns:
        raise DataError(f"{path.name}: row 1: unexpected header", cure=f"The header must be {','.join(columns)}.")
    return rows


def _parsed(name: str, rows: Iterator[list[str]], listing: Listing) -> Iterator[MinuteBar]:
    before = -1
    for number, row in enumerate(rows, start=2):
        bar = _bar(name, number, row, listing)
        if bar.ts_ms <= before:
            raise _bad_row(name, number, f"time {bar.ts_ms} does not rise")
        before = bar.ts_ms
        yield bar


def _bar(name: str, number: int, row: list[str], listing: Listing) -> MinuteBar:
    spec = listing.instrument
    try:
        ts_ms = int(row[0])
        prices = [Decimal(text) for text in row[1:5]]
        lots = int((Decimal(row[5]) / spec.step).to_integral_value())
    except (ValueError, IndexError, ArithmeticError) as error:
        raise _bad_row(name, number, "not a bar") from error
    if ts_ms % MINUTE_MS or lots < 0:
        raise _bad_row(name, number, "time is not a full minute, or volume is negative")
    if not all(price.is_finite() and price > 0 and on_grid(price, spec.tick) for price in prices):
        raise _bad_row(name, number, f"a price is not a positive multiple of the tick {spec.tick}")
    opened, high, low, close = (int(price / spec.tick) for price in prices)
    if not low <= min(opened, close) <= max(opened, close) <= high:
        raise _bad_row(name, number, "low, open, close and high contradict each other")
    return MinuteBar(ts_ms, opened, high, low, close, lots)


def _without_gaps(bars: Iterator[MinuteBar]) -> Iterator[MinuteBar]:
    before: MinuteBar | None = None
    for bar in bars:
        if before is not None:
            for ts_ms in range(before.ts_ms + MINUTE_MS, bar.ts_ms, MINUTE_MS):
                yield MinuteBar(ts_ms, before.close, before.close, before.close, before.close, 0)
        yield bar
        before = bar


def _bad_row(name: str, number: int, reason: str) -> DataError:
    return DataError(f"{name}: row {number}: {reason}", cure="Correct or remove the row.")
