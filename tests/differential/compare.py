"""Compares two traces of a scenario: finds the first place where an order's lives part, and has it explained.

What comes after that in the life of the same order follows from it. Where both engines filled the same quantity, only
at another price or time, the lives are not parted and are compared further.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from daemon.core.events import Side
from daemon.core.orders import OrderRequest
from daemon.core.units import ZERO, add, divide, subtract
from daemon.core.venue import FillData
from tests.differential.scenario import Scenario
from tests.differential.trace import Step, Trace, What
from tests.differential.view import View

SPOKEN = (What.NEW, What.UNTRIGGERED, What.RESIZED)
FEE_TOLERANCE = Decimal("1e-8")


class Difference(Struct, frozen=True):
    """Where the lives of an order part: the two steps there, None where an engine has none, and what was before.

    price: the order's limit as it was then.  before: the steps that both had.
    """

    scenario: Scenario
    view: View
    request: OrderRequest
    price: Decimal | None
    before: Sequence[Step]
    ours: Step | None
    theirs: Step | None
    our_trace: Trace
    their_trace: Trace

    @property
    def place(self) -> int:
        """The place of the earlier of both steps."""
        return min(step.at for step in (self.ours, self.theirs) if step is not None)

    @property
    def side(self) -> Side:
        """The order's side."""
        return self.request.side


class Wording(Struct, frozen=True):
    """How each engine calls the same end of an order."""

    order_id: str
    ours: str
    theirs: str


def differences(scenario: Scenario, ours: Trace, theirs: Trace, view: View) -> Iterator[Difference]:
    """Every place where the lives of an order part, at most one of each order unless quantities agree."""
    for order_id, request in scenario.orders().items():
        mine = essential(ours.steps.get(order_id, []), request)
        other = essential(theirs.steps.get(order_id, []), request)
        yield from _differences(scenario, request, (mine, other), (ours, theirs), view)


def _differences(
    scenario: Scenario,
    request: OrderRequest,
    lives: tuple[list[Step], list[Step]],
    traces: tuple[Trace, Trace],
    view: View,
) -> Iterator[Difference]:
    mine, other = lives
    price = request.price
    for number in range(max(len(mine), len(other))):
        our = mine[number] if number < len(mine) else None
        their = other[number] if number < len(other) else None
        if our is not None and our.what is What.AMENDED and our.price and (their is None or our.at <= their.at):
            price = our.price
        if our is not None and their is not None and same(our, their):
            continue
        yield Difference(scenario, view, request, price, mine[:number], our, their, *traces)
        if our is None or their is None or not _leaves_the_same(scenario, our, their):
            return


def same(ours: Step, theirs: Step) -> bool:
    """Whether two steps are the same but for the words and the rounding of the fee."""
    return (
        (ours.at, ours.what, ours.price, ours.qty, ours.maker)
        == (theirs.at, theirs.what, theirs.price, theirs.qty, theirs.maker)
    ) and abs(subtract(ours.fee, theirs.fee)) <= FEE_TOLERANCE


def _leaves_the_same(scenario: Scenario, ours: Step, theirs: Step) -> bool:
    """Whether the order is in the same state after both steps: with bars, each engine takes its own one by rule."""
    return scenario.data is FillData.BARS and ours.what is theirs.what is What.FILL and ours.qty == theirs.qty


def wordings(scenario: Scenario, ours: Trace, theirs: Trace) -> Iterator[Wording]:
    """The words of ends that both engines agree on."""
    for order_id, request in scenario.orders().items():
        mine = essential(ours.steps.get(order_id, []), request)
        other = essential(theirs.steps.get(order_id, []), request)
        for our, their in zip(mine, other, strict=False):
            if not same(our, their):
                break
            if our.what is What.END:
                yield Wording(order_id, our.word, their.word)


def essential(steps: Sequence[Step], request: OrderRequest) -> list[Step]:
    """Steps without acknowledgements; fills of one price and place together; refusals only while the order is open."""
    kept: list[Step] = []
    left = request.qty
    for step in steps:
        over = not left or (kept and kept[-1].what is What.END)
        if step.what in SPOKEN or over or _goes_without_saying(step, request):
            continue
        if step.what is What.AMENDED:
            left = add(left, subtract(step.qty, _total(kept, request)))
        if step.what is What.FILL:
            left = subtract(left, step.qty)
        if kept and _joins(kept[-1], step):
            kept[-1] = replace(kept[-1], qty=add(kept[-1].qty, step.qty), fee=add(kept[-1].fee, step.fee))
        else:
            kept.append(replace(step, price=step.price.normalize(), qty=step.qty.normalize()))
    return kept


def _total(kept: Sequence[Step], request: OrderRequest) -> Decimal:
    return next((step.qty for step in reversed(kept) if step.what is What.AMENDED), request.qty)


def _goes_without_saying(step: Step, request: OrderRequest) -> bool:
    """A market order that is triggered fills or ends at once; one engine does not mention the trigger."""
    return step.what is What.TRIGGERED and request.price is None


def _joins(last: Step, step: Step) -> bool:
    return step.what is last.what is What.FILL and (last.at, last.price, last.maker) == (
        step.at,
        step.price,
        step.maker,
    )


def turned_round(scenario: Scenario, ours: Trace, theirs: Trace) -> Iterator[tuple[int, str, str]]:
    """Pairs of a resting buy and sell that one bar filled in both engines, but not in the same order, with its place.

    This is how the way through a bar shows: which extreme came first.
    """
    mine, other = (_resting_fills(scenario, trace) for trace in (ours, theirs))
    for place in sorted(mine.keys() & other.keys()):
        shared = [order_id for order_id in mine[place] if order_id in other[place]]
        for number, first in enumerate(shared):
            for second in shared[number + 1 :]:
                if other[place].index(first) > other[place].index(second) and _opposed(scenario, first, second):
                    yield place, first, second


def _opposed(scenario: Scenario, first: str, second: str) -> bool:
    orders = scenario.orders()
    return orders[first].side is not orders[second].side


def _resting_fills(scenario: Scenario, trace: Trace) -> dict[int, list[str]]:
    """Plain limit orders that bars filled as makers, in their order, by place."""
    by_place: dict[int, list[str]] = {}
    if scenario.data is FillData.BARS:
        orders = scenario.orders()
        for order_id, step in trace.fills:
            if step.maker and not orders[order_id].is_conditional:
                by_place.setdefault(step.at, []).append(order_id)
    return by_place


def books_of(trace: Trace, scenario: Scenario) -> tuple[Decimal, Decimal]:
    """Position and cash that follow from a trace's fills: realised profit by average entry, fees as told.

    Kept apart from the ledgers of both engines.
    """
    requests = scenario.orders()
    position = cost = cash = ZERO
    for order_id, step in trace.fills:
        direction = 1 if requests[order_id].side is Side.BUY else -1
        closed = min(step.qty, abs(position)) if position * direction < 0 else ZERO
        if closed:
            entry = divide(cost, position)
            cash += (entry - step.price) * closed * direction
            cost += entry * closed * direction
        cost += step.price * (step.qty - closed) * direction
        position += step.qty * direction
        cash -= step.fee
    return position, cash
