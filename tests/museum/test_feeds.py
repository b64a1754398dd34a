"""Incidents of market data: each misleads a naive reader, and not ours."""

from __future__ import annotations

import pytest

from tests.museum.feeds import FEEDS, FeedIncident, is_harmed, read_naively, read_with_ours

EVERY = pytest.mark.parametrize("incident", FEEDS, ids=[incident.id for incident in FEEDS])


@EVERY
def test_the_naive_reader_shows_what_is_not_so(incident: FeedIncident) -> None:
    assert is_harmed(read_naively(incident.frames), incident.right)


@EVERY
def test_ours_shows_what_is_so_or_nothing(incident: FeedIncident) -> None:
    assert not is_harmed(read_with_ours(incident.frames), incident.right)


@EVERY
def test_without_the_trouble_both_show_what_is_so(incident: FeedIncident) -> None:
    assert not is_harmed(read_with_ours(incident.calm), incident.right)
    assert not is_harmed(read_naively(incident.calm), incident.right)
    assert (incident.right.book is None) or read_with_ours(incident.calm).book == incident.right.book
