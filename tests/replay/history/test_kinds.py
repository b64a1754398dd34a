"""Funding rates, mark prices and quotes: what each row becomes, and what is refused."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from daemon.core.errors import ConfigError, DataError
from daemon.core.events import Bar, Quote, Ticker
from daemon.core.market import Market
from daemon.core.units import NS_PER_MS
from replay.history import HistoryFile, HistorySource, describe
from tests.replay.history.files import (
    BAR_COLUMNS,
    BARS,
    FUNDING,
    MARK,
    MINUTE_MS,
    MINUTE_NS,
    QUOTES,
    START_MS,
    bar_rows,
    with_,
    write_csv,
    write_parquet,
)

RECORDED = Path(__file__).parents[3] / "adapters" / "sandbox" / "data" / "BTCUSDT_funding_2025-05-06.csv"
HOURS_8_MS = 8 * 60 * MINUTE_MS
START = START_MS * NS_PER_MS
RATES = [(START_MS, "0.0001"), (START_MS + HOURS_8_MS + 5, "-0.00025"), (START_MS + 2 * HOURS_8_MS, 0)]


def funding(folder: Path, rows: Sequence[Sequence[object]], **changes: Any) -> HistoryFile:
    return with_(FUNDING, path=write_csv(folder / "funding.csv", rows, ("ts", "rate")), **changes)


def marks(folder: Path, rows: Sequence[Sequence[object]], **changes: Any) -> HistoryFile:
    return with_(MARK, path=write_csv(folder / "mark.csv", rows, BAR_COLUMNS[:5]), **changes)


def quotes(folder: Path, rows: Sequence[Sequence[object]], **changes: Any) -> HistoryFile:
    names = ("ts", "bid", "ask", "bid_qty", "ask_qty")
    return with_(QUOTES, path=write_csv(folder / "quotes.csv", rows, names), **changes)


def refusal(file: HistoryFile) -> str:
    with pytest.raises(DataError) as caught:
        list(HistorySource([file]).facts())
    assert caught.value.cure
    return caught.value.message


def test_a_rate_is_told_a_millisecond_before_it_is_settled_for_that_boundary(tmp_path: Path) -> None:
    boundaries = [START + number * HOURS_8_MS * NS_PER_MS for number in range(3)]
    assert list(HistorySource([funding(tmp_path, RATES)]).facts()) == [
        (
            boundary - NS_PER_MS,
            Ticker("ETHUSDT", boundary - NS_PER_MS, funding_rate=rate, next_funding=boundary),
        )
        for boundary, rate in zip(boundaries, (0.0001, -0.00025, 0.0), strict=True)
    ]


def test_a_market_knows_the_rate_of_the_boundary_before_it_and_no_earlier(tmp_path: Path) -> None:
    market = Market("ETHUSDT")
    known: list[tuple[int, float]] = []
    bars = with_(BARS, path=write_csv(tmp_path / "bars.csv", bar_rows(2, START_MS + HOURS_8_MS - MINUTE_MS)))
    for _, fact in HistorySource([funding(tmp_path, RATES), bars]).facts():
        if isinstance(fact, Ticker):
            market.apply_ticker(fact)
        elif isinstance(fact, Bar):
            known.append(((fact.ts_exchange - START) // MINUTE_NS, market.funding_rate))
    assert known == [(480, -0.00025), (481, -0.00025)]


def test_real_rates_stamped_some_milliseconds_late_are_settled_on_the_hour() -> None:
    facts = [fact for _, fact in HistorySource([with_(FUNDING, path=str(RECORDED), symbol="BTCUSDT")]).facts()]
    assert len(facts) == 5
    hours = [fact.next_funding // (60 * MINUTE_NS) for fact in facts if isinstance(fact, Ticker) and fact.next_funding]
    assert [hour % 24 for hour in hours] == [0, 8, 16, 0, 8]
    assert all(isinstance(fact, Ticker) and fact.next_funding == fact.ts_exchange + NS_PER_MS for fact in facts)


def test_a_mark_price_is_told_at_the_close_of_its_bar_and_changes_nothing_else(tmp_path: Path) -> None:
    rows = [row[:5] for row in bar_rows(2)]
    facts = list(HistorySource([marks(tmp_path, rows)]).facts())
    assert facts == [
        (START + MINUTE_NS, Ticker("ETHUSDT", START + MINUTE_NS, mark=101.0)),
        (START + 2 * MINUTE_NS, Ticker("ETHUSDT", START + 2 * MINUTE_NS, mark=102.0)),
    ]
    closing = [(row[0] + MINUTE_MS, *row[1:]) for row in bar_rows(2)]  # type: ignore[operator]
    closes = marks(tmp_path, [row[:5] for row in closing], ts_means="close")
    assert list(HistorySource([closes]).facts()) == facts


def test_a_quote_has_sizes_where_the_file_has_them(tmp_path: Path) -> None:
    rows = [(START_MS, 99.5, 100.5, 1, 2), (START_MS, 99.5, 99.5, 0, 2)]
    file = quotes(tmp_path, rows)
    assert list(HistorySource([file]).facts()) == [
        (START, Quote("ETHUSDT", START, 99.5, 0.0, 100.5, 0.0)),
        (START, Quote("ETHUSDT", START, 99.5, 0.0, 99.5, 0.0)),
    ]
    sized = with_(file, columns={**file.columns, "bid_qty": "bid_qty", "ask_qty": "ask_qty"})
    facts = [fact for _, fact in HistorySource([sized]).facts()]
    assert facts[0] == Quote("ETHUSDT", START, 99.5, 1.0, 100.5, 2.0)


def test_all_kinds_merge_in_time_order_and_at_one_time_in_the_order_of_the_files(tmp_path: Path) -> None:
    opens = START_MS - MINUTE_MS
    bars = with_(BARS, path=write_csv(tmp_path / "bars.csv", bar_rows(2, opens)))
    files = [
        marks(tmp_path, [row[:5] for row in bar_rows(2, opens)]),
        bars,
        funding(tmp_path, RATES[:1]),
        quotes(tmp_path, [(START_MS, 1, 2, 1, 1), (START_MS + 1, 1, 2, 1, 1)]),
    ]
    facts = list(HistorySource(files).facts())
    assert [(ts - START) // NS_PER_MS for ts, _ in facts] == [-1, 0, 0, 0, 1, MINUTE_MS, MINUTE_MS]
    assert [type(fact).__name__ for _, fact in facts] == ["Ticker", "Ticker", "Bar", "Quote", "Quote", "Ticker", "Bar"]


def test_a_symbol_column_names_the_symbol_of_each_row_of_every_kind(tmp_path: Path) -> None:
    rows = [(START_MS, "0.0001", "A"), (START_MS + 3, "0.0002", "B"), (START_MS + HOURS_8_MS, "0", "A")]
    path = write_csv(tmp_path / "f.csv", rows, ("ts", "rate", "coin"))
    file = with_(FUNDING, path=path, symbol=None, columns={**FUNDING.columns, "symbol": "coin"})
    facts = [fact for _, fact in HistorySource([file]).facts() if isinstance(fact, Ticker)]
    assert [(fact.symbol, fact.funding_rate) for fact in facts] == [("A", 0.0001), ("B", 0.0002), ("A", 0.0)]
    assert describe(file).symbols == ("A", "B")


def test_parquet_gives_the_same_rates(tmp_path: Path) -> None:
    columns = {"ts": [row[0] for row in RATES], "rate": [float(str(row[1])) for row in RATES]}
    stored = with_(FUNDING, path=write_parquet(tmp_path / "f.parquet", columns))
    assert list(HistorySource([stored]).facts()) == list(HistorySource([funding(tmp_path, RATES)]).facts())


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([(START_MS, "0.75")], "row 2: rate is above 0.1: is it a percentage?"),
        ([(START_MS, "-0.2")], "row 2: rate is above 0.1"),
        ([(START_MS, "nan")], "row 2: rate is not a finite number"),
        ([(START_MS, "")], "row 2: rate is empty"),
        ([(START_MS + 30_000, "0.0001")], "row 2: ts is no time of a settlement, which is a full minute"),
        ([(START_MS, "0.0001"), (START_MS + 2, "0.0001")], "row 3: repeats row 2"),
        ([(START_MS + MINUTE_MS, "0.0001"), (START_MS, "0.0001")], "row 3: older than the row before it"),
    ],
)
def test_a_rate_that_cannot_be_one_is_refused_with_file_and_row(
    tmp_path: Path, rows: list[tuple[object, ...]], said: str
) -> None:
    assert f"funding.csv: {said}" in refusal(funding(tmp_path, rows))


def test_a_repeated_rate_can_be_dropped_unless_it_is_another_one(tmp_path: Path) -> None:
    rows = [RATES[0], (START_MS + 3, "0.00010"), RATES[1]]
    assert len(list(HistorySource([funding(tmp_path, rows, on_duplicate="drop")]).facts())) == 2
    other = [RATES[0], (START_MS + 3, "0.0002")]
    assert "row 3: another rate of the same settlement as row 2" in refusal(
        funding(tmp_path, other, on_duplicate="drop")
    )


def test_marks_obey_the_rules_of_bars(tmp_path: Path) -> None:
    rows = [list(row[:5]) for row in bar_rows(4)]
    assert "2 bars of ETHUSDT are missing" in refusal(marks(tmp_path, [rows[0], rows[3]]))
    assert describe(marks(tmp_path, [rows[0], rows[3]], on_gap="accept")).missing_bars == 2
    rows[1][2] = 1
    assert "row 3: high is below low" in refusal(marks(tmp_path, rows))
    assert "30 s after a 1m boundary" in refusal(marks(tmp_path, [(START_MS + 30_000, 1, 1, 1, 1)]))


def test_quotes_that_no_market_shows_are_refused(tmp_path: Path) -> None:
    file = quotes(tmp_path, [(START_MS, 2, 1, 1, 1)])
    assert "row 2: bid is above ask" in refusal(file)
    assert "ask is not above zero" in refusal(quotes(tmp_path, [(START_MS, 1, 0, 1, 1)]))
    sized = {**file.columns, "bid_qty": "bid_qty", "ask_qty": "ask_qty"}
    assert "ask_qty is below zero" in refusal(quotes(tmp_path, [(START_MS, 1, 2, 1, -1)], columns=sized))


def test_two_files_of_one_kind_and_time_are_refused_but_not_of_two_kinds(tmp_path: Path) -> None:
    first = funding(tmp_path, RATES)
    second = with_(FUNDING, path=write_csv(tmp_path / "again.csv", RATES[2:], ("ts", "rate")))
    with pytest.raises(DataError, match="both hold ETHUSDT"):
        list(HistorySource([first, second]).facts())
    prices = marks(tmp_path, [row[:5] for row in bar_rows(3)])
    bars = with_(BARS, path=write_csv(tmp_path / "b.csv", bar_rows(3)))
    assert len(list(HistorySource([prices, bars]).facts())) == 6


def test_bars_of_two_intervals_may_tell_of_the_same_time(tmp_path: Path) -> None:
    rows = bar_rows(2, step_ms=5 * MINUTE_MS)
    minutes = with_(BARS, path=write_csv(tmp_path / "1m.csv", bar_rows(6)))
    fives = with_(BARS, path=write_csv(tmp_path / "5m.csv", rows), interval="5m")
    coarse = with_(marks(tmp_path, [row[:5] for row in rows]), interval="5m")
    assert len(list(HistorySource([minutes, fives, coarse]).facts())) == 10


@pytest.mark.parametrize("kind", ["funding", "mark", "quotes"])
def test_columns_of_another_kind_are_refused(kind: str) -> None:
    with pytest.raises(ConfigError, match=rf"(?s)is named for .* {kind} need ts"):
        msgspec.convert(msgspec.to_builtins(BARS) | {"kind": kind, "columns": {"ts": "ts", "price": "p"}}, HistoryFile)
