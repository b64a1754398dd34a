"""Incidents of other bots, played again: each fails on a bot that does what the cited one did, and passes on ours."""

from __future__ import annotations

import pytest

from tests.museum.incident import READY, Incident, play
from tests.museum.incidents import INCIDENTS

EVERY = pytest.mark.parametrize("incident", INCIDENTS, ids=[incident.id for incident in INCIDENTS])


@EVERY
def test_the_naive_bot_comes_to_the_harm_of_the_incident(incident: Incident) -> None:
    played = play(incident, naive=True)
    assert played.fired, "the trouble did not happen"
    assert incident.harms <= played.harms, f"found {sorted(played.harms)}, died of {played.crashed!r}"


@EVERY
def test_without_its_habit_the_naive_bot_does_not_come_to_that_harm(incident: Incident) -> None:
    played = play(incident, naive=True, habits=frozenset())
    assert not incident.harms & played.harms


@EVERY
def test_ours_comes_to_no_harm_and_is_ready_or_halted_for_the_right_reason(incident: Incident) -> None:
    played = play(incident, naive=False)
    assert played.fired, "the trouble did not happen"
    assert not played.harms
    assert played.ready
    assert {gate.split()[0] for gate in played.gates} == ({incident.ends} if incident.ends != READY else set())


@EVERY
def test_without_its_trouble_the_story_ends_well_for_both(incident: Incident) -> None:
    for naive in (True, False):
        played = play(incident, naive=naive, calm=True)
        assert not played.fired
        assert not played.harms
        assert played.ready


def test_every_incident_has_a_name_of_its_own() -> None:
    assert len({incident.id for incident in INCIDENTS}) == len(INCIDENTS)
