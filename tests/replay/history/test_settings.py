from __future__ import annotations

from typing import Any

import msgspec
import pytest

from daemon.core.errors import ConfigError
from daemon.core.events import Side
from replay.history import HistoryFile
from replay.history.settings import interval_ns, window_ns
from tests.replay.history.files import BARS, BYBIT_TRADES, with_


def test_settings_decode_from_plain_values() -> None:
    plain = {
        "path": "x.csv.gz",
        "kind": "trades",
        "columns": {"ts": "time", "price": "price", "qty": "size", "side": "is_buyer_maker"},
        "ts_unit": "us",
        "symbol": "ETHUSDT",
        "side_values": {"true": "Sell", "false": "Buy"},
    }
    assert msgspec.convert(plain, HistoryFile).side_values == {"true": Side.SELL, "false": Side.BUY}


def test_an_unknown_setting_is_refused() -> None:
    plain = msgspec.to_builtins(BARS) | {"on_gaps": "accept"}
    with pytest.raises(msgspec.ValidationError, match="on_gaps"):
        msgspec.convert(plain, HistoryFile)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"path": "bars.xlsx"}, "of no kind"),
        ({"path": "bars.parquet", "header": ("ts",)}, "names its columns itself"),
        ({"columns": {"ts": "ts", "open": "open"}}, "high, low, close, volume"),
        ({"columns": {**BARS.columns, "price": "p"}}, "price means nothing for bars"),
        ({"symbol": None}, "either one symbol"),
        ({"columns": {**BARS.columns, "symbol": "s"}}, "either one symbol"),
        ({"interval": "1M"}, "is not a length of time"),
        ({"interval": "0m"}, "no time at all"),
        ({"start": "yesterday"}, "is not ISO 8601"),
        ({"start": "2025-06-02", "end": "2025-06-01"}, "is not before end"),
    ],
)
def test_settings_that_contradict_themselves_are_refused_with_a_cure(changes: dict[str, Any], message: str) -> None:
    plain = msgspec.to_builtins(BARS) | changes
    with pytest.raises(ConfigError, match=message) as caught:
        msgspec.convert(plain, HistoryFile)
    assert caught.value.cure


def test_intervals_are_lengths_in_nanoseconds() -> None:
    assert [interval_ns(text) for text in ("1s", "15m", "4h", "1d", "1w")] == [
        10**9,
        900 * 10**9,
        14_400 * 10**9,
        86_400 * 10**9,
        604_800 * 10**9,
    ]


def test_a_window_without_a_zone_is_utc() -> None:
    naive = with_(BYBIT_TRADES, start="2025-06-01", end="2025-06-02T00:00:00.000001")
    zoned = with_(BYBIT_TRADES, start="2025-06-01T02:00:00+02:00", end="2025-06-02T00:00:00.000001Z")
    assert window_ns(naive) == window_ns(zoned) == (1_748_736_000 * 10**9, 1_748_822_400_000_001_000)
