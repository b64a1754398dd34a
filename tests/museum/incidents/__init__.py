"""Every incident that is played on the sandbox's exchange, by what the bot was doing."""

from __future__ import annotations

from tests.museum.incident import Incident
from tests.museum.incidents import asking, changing, holding, listening, placing, starting

INCIDENTS: tuple[Incident, ...] = (
    *placing.INCIDENTS,
    *changing.INCIDENTS,
    *listening.INCIDENTS,
    *holding.INCIDENTS,
    *starting.INCIDENTS,
    *asking.INCIDENTS,
)
