"""Incidents of connections: each leaves a naive client deaf or in a storm, and not ours."""

from __future__ import annotations

import pytest

from tests.museum.streams import STREAMS, StreamIncident, meet

EVERY = pytest.mark.parametrize("incident", STREAMS, ids=[incident.id for incident in STREAMS])


@EVERY
def test_the_naive_client_comes_to_the_harm_of_the_incident(incident: StreamIncident) -> None:
    met = meet(incident, naive=True)
    assert met.fired
    assert incident.harm in met.harms


@EVERY
def test_ours_is_up_and_hears_everything(incident: StreamIncident) -> None:
    met = meet(incident, naive=False)
    assert met.fired
    assert not met.harms


@EVERY
def test_without_the_trouble_both_are_up_at_the_first_attempt(incident: StreamIncident) -> None:
    for naive in (True, False):
        met = meet(incident, naive=naive, calm=True)
        assert not met.fired
        assert not met.harms
        assert met.attempts == 1
