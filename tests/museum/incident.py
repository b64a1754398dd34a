"""What an incident of the museum is, and how it is played."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct

from adapters.sandbox.gateway.plan import Plan
from tests.museum.habits import Habit
from tests.museum.judge import Harm, judge
from tests.museum.stage import Stage

READY = ""


class Incident(Struct, frozen=True, kw_only=True):
    """Something that happened to another bot.

    cite: owner/name#number of an issue; PR#number of a pull request.  row: of the fault catalogue.
    happened: to the real bot, one sentence.  ours: what Lockstep does.
    habits: what the naive bot does as the real one did.  harms: what the judge must find then, among others.
    story: what is wanted, and when.  plan: the venue's trouble.  world: how the stage differs from the usual one.
    position: that is right in the end, signed base units, None where the story leaves it open.  calm_position: without
    the trouble; the same when left out.
    rests: how many of its orders are to be open in the end, with and without the trouble.
    protected: whether a position must have its stop.
    ends: the gate that must be shut in the end, such as "foreign"; READY when none may be.
    """

    cite: str
    row: str
    happened: str
    ours: str
    habits: frozenset[Habit]
    harms: frozenset[Harm]
    story: Callable[[Stage], None]
    plan: Plan = Plan()
    world: dict[str, Any] = {}
    position: str | None = None
    calm_position: str | None = None
    rests: int | None = None
    protected: bool = False
    ends: str = READY

    @property
    def id(self) -> str:
        """Name of its test."""
        return f"{self.row} {self.cite}".replace("/", "_").replace("#", "_").replace(" ", "-")


class Played(Struct, frozen=True, kw_only=True):
    """How it went. fired: whether the trouble happened; gates: that are shut in the end."""

    harms: set[Harm]
    fired: bool
    ready: bool
    gates: dict[str, str]
    crashed: str


def play(incident: Incident, *, naive: bool, calm: bool = False, habits: frozenset[Habit] | None = None) -> Played:
    """Play an incident with the naive bot or with our engine; calm leaves its trouble out.

    habits: of the naive bot, those of the incident when left out.
    """
    own = incident.habits if habits is None else habits
    stage = Stage(incident.plan, own if naive else None, calm=calm, world=incident.world)
    stage.ready()
    incident.story(stage)
    claims = stage.claims()
    right = incident.calm_position if calm and incident.calm_position is not None else incident.position
    script = stage.script(right, incident.rests, protected=incident.protected)
    return Played(
        harms=judge(stage.truth(), script, claims),
        fired=stage.fired(),
        ready=claims.ready,
        gates=claims.halted,
        crashed=claims.crashed,
    )
