"""Which rule of a fault plan a request, push or frame meets: counting, windows, chances."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from random import Random
from typing import Generic, Protocol, TypeVar

from msgspec import Struct

from adapters.sandbox.gateway.plan import When


class Rule(Protocol):
    """Anything of a plan with a name and a `when`."""

    @property
    def name(self) -> str:
        """What the truth log calls it."""
        ...

    @property
    def when(self) -> When:
        """Which ones it means."""
        ...


R_co = TypeVar("R_co", bound=Rule, covariant=True)


class Subject(Struct, frozen=True, kw_only=True):
    """What a rule may look at; what does not apply is empty."""

    route: str = ""
    via: str = ""
    topic: str = ""
    op: str = ""
    uid: str = ""
    symbols: Sequence[str] = ()
    statuses: Sequence[str] = ()


class Counted(Generic[R_co]):
    """A rule with its counters: how many matched, how often it fired."""

    def __init__(self, rule: R_co, kind: str, place: int, seed: int) -> None:
        self.rule = rule
        self.label = rule.name or f"{kind}[{place}]"
        self._matched = self._fired = 0
        # A generator of its own keeps a rule's draws the same when others are added.
        self._draw = Random(f"{seed}/{kind}/{place}").random  # noqa: S311 - trouble is drawn by a seed on purpose

    def fires(self, subject: Subject, elapsed_s: float) -> bool:
        """Count a subject and decide."""
        when = self.rule.when
        if not _means(when, subject, elapsed_s):
            return False
        self._matched += 1
        place = self._matched
        chosen = place in when.nth if when.nth else place % when.every == 0
        if not chosen or (when.count is not None and self._fired >= when.count):
            return False
        if when.probability < 1 and self._draw() >= when.probability:
            return False
        self._fired += 1
        return True


class Rules(Generic[R_co]):
    """Rules of one kind, in the order of the plan."""

    def __init__(self, rules: Sequence[R_co], kind: str, seed: int) -> None:
        self._rules = [Counted(rule, kind, place, seed) for place, rule in enumerate(rules)]

    def __bool__(self) -> bool:
        return bool(self._rules)

    def met(self, subject: Subject, elapsed_s: float) -> list[Counted[R_co]]:
        """Every rule that fires; each one counts the subject."""
        return [counted for counted in self._rules if counted.fires(subject, elapsed_s)]


def _means(when: When, subject: Subject, elapsed_s: float) -> bool:
    if elapsed_s < when.from_s or (when.until_s is not None and elapsed_s >= when.until_s):
        return False
    if when.via not in {"any", subject.via} or (when.uid and when.uid != subject.uid):
        return False
    if when.symbol and when.symbol not in subject.symbols:
        return False
    if when.status and when.status not in subject.statuses:
        return False
    return (
        fnmatchcase(subject.route, when.route)
        and fnmatchcase(subject.topic, when.topic)
        and fnmatchcase(subject.op, when.op)
    )
