"""docs/incidents.md says what the museum plays."""

from __future__ import annotations

from pathlib import Path

from tests.museum.catalogue import catalogue
from tests.museum.feeds import FEEDS
from tests.museum.habits import Habit
from tests.museum.incidents import INCIDENTS
from tests.museum.streams import STREAMS

PAGE = Path(__file__).parents[2] / "docs" / "incidents.md"


def test_the_page_is_the_catalogue() -> None:
    assert PAGE.read_text(encoding="utf-8") == catalogue(), "python -m tests.museum.catalogue > docs/incidents.md"


def test_there_are_enough_incidents_of_other_bots_and_each_names_its_source() -> None:
    cites = [*(one.cite for one in INCIDENTS), *(one.cite for one in FEEDS), *(one.cite for one in STREAMS)]
    cited = {cite for cite in cites if "#" in cite}
    assert len(cited) >= 70
    assert len(cites) == len(set(cites))


def test_every_habit_belongs_to_an_incident() -> None:
    assert {habit for one in INCIDENTS for habit in one.habits} == set(Habit)
