"""Times as text."""

from __future__ import annotations

import pytest

from daemon.config import iso_time, parse_moment

AT = 1_746_489_600_000_000_000


def test_times_are_told_to_the_millisecond_in_utc() -> None:
    assert iso_time(AT) == "2025-05-06T00:00:00.000Z"
    assert iso_time(AT + 999_999_999) == "2025-05-06T00:00:00.999Z"


@pytest.mark.parametrize(
    ("text", "since"),
    [
        ("2025-05-06T00:00:00Z", 0),
        ("2025-05-06T00:00:00", 0),
        ("2025-05-06T02:00:00+02:00", 0),
        ("2025-05-06T00:00:00.000001Z", 1_000),
    ],
)
def test_a_time_without_a_zone_is_utc(text: str, since: int) -> None:
    assert parse_moment(text) == AT + since


@pytest.mark.parametrize("text", ["", "tomorrow", "2025-13-06"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"isoformat|month"):
        parse_moment(text)
