from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.config import interval_text, parse_interval
from daemon.config.schema import Interval
from daemon.core.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "seconds"), [("1m", 60), ("15m", 900), ("4h", 14_400), ("1d", 86_400), ("1w", 604_800), ("30s", 30)]
)
def test_an_interval_is_read_to_nanoseconds_and_back(text: str, seconds: int) -> None:
    assert parse_interval(text) == seconds * 10**9
    assert interval_text(seconds * 10**9) == text


def test_every_interval_of_the_feed_can_be_read() -> None:
    assert [interval_text(parse_interval(text)) for text in get_args(Interval)] == list(get_args(Interval))


@given(st.integers(1, 10**6))
def test_text_and_length_are_inverse(seconds: int) -> None:
    assert parse_interval(interval_text(seconds * 10**9)) == seconds * 10**9


@pytest.mark.parametrize("text", ["", "m", "0m", "01m", "1", "1.5m", "-1m", "1 m", "1M", "1y", "\u0661m", "1m\n"])
def test_what_is_no_interval_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="is not an interval"):
        parse_interval(text)


@pytest.mark.parametrize("length", [0, -60 * 10**9, 1, 10**9 + 1])
def test_a_length_that_has_no_text_is_refused(length: int) -> None:
    with pytest.raises(ConfigError, match="is not an interval"):
        interval_text(length)
