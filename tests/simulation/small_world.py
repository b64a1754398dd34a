"""Every interleaving of a small world: two orders, a few fills, one lost answer, one crash, by breadth-first search.

A state is what the venue did, what is on its way (answers; two topics, each in its order) and what the machine knows.
It is reached by a path of steps, which is walked again from the beginning: the machine cannot be copied. From every
state the rest goes well: what is on its way arrives, questions are answered truly, and within 30 seconds of virtual
time each order must be where the venue has it, and the account ready.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal

from msgspec import Struct
from msgspec.structs import replace

from daemon.core.account_events import Executed, Op, OrderSeen, OutcomeKind, StreamState
from daemon.core.events import Restarted
from daemon.core.remote.requests import Request
from daemon.core.remote.states import State
from daemon.core.units import NS_PER_MS
from tests.daemon.core.account_facts import ACCOUNT, D, executed, order_seen, position_seen
from tests.daemon.core.build import BTC
from tests.daemon.core.remote.bench import Bench

ORDERS = 2
CONVERGES_MS = 30_000
Action = tuple[str, int]
Path = tuple[Action, ...]


class Found(Struct):
    """What a search came to. ends: states from which no step leads on."""

    states: int = 0
    steps: int = 0
    ends: int = 0
    problems: list[str] = []


class Small:
    """The world: two orders that were sent, and a venue that has heard of neither.

    taken: names accepted, in order, as often as they were.  filled: fills so far, by name.
    """

    def __init__(self, fills: tuple[str, ...]) -> None:
        self.fills = fills
        self.bench = Bench().make_ready()
        self.links = [self.bench.order().link_id for _ in range(ORDERS)]
        self.names = [f"main-{number + 1}-0" for number in range(ORDERS)]
        self.creates: dict[int, Request] = {}
        self.answers: dict[int, Request] = {}
        self.taken: list[str] = []
        self.filled = [0] * ORDERS
        self.topics: list[deque[OrderSeen | Executed]] = [deque(), deque()]
        self.lost = self.crashed = False
        self._stamp = self.bench.now
        self._take_creates()

    def _take_creates(self) -> None:
        for request in [one for one in self.bench.waiting if one.op is Op.CREATE]:
            self.bench.waiting.remove(request)
            self.creates[self.links.index(request.link_id)] = request

    # Steps

    def possible(self) -> list[Action]:
        """Steps that lead on."""
        steps: list[Action] = [("take", number) for number in self.creates]
        steps += [("answer", number) for number in self.answers]
        if not self.lost:
            steps += [("lose", number) for number in self.answers]
            steps += [("drop", number) for number in self.creates]
        steps += [
            ("fill", number)
            for number in range(ORDERS)
            if self.links[number] in self.taken and self.filled[number] < len(self.fills)
        ]
        steps += [("push", number) for number, topic in enumerate(self.topics) if topic]
        if not self.crashed:
            steps.append(("crash", 0))
        return steps

    def do(self, action: Action) -> None:
        """Take a step."""
        what, number = action
        match what:
            case "take":
                self.answers[number] = self.creates.pop(number)
                self._accept(number)
            case "answer":
                self._answer(self.answers.pop(number), OutcomeKind.ACCEPTED)
            case "lose":
                self.lost = True
                self._answer(self.answers.pop(number), OutcomeKind.UNKNOWN)
            case "drop":  # the request itself is lost
                self.lost = True
                self._answer(self.creates.pop(number), OutcomeKind.UNKNOWN)
            case "fill":
                self._fill(number)
            case "push":
                self.bench.hear(self.topics[number].popleft())
            case _:
                self._crash()

    def _accept(self, number: int) -> None:
        self.taken.append(self.links[number])
        self._stamp += NS_PER_MS
        self.topics[0].append(self._row(number))

    def _answer(self, request: Request, kind: OutcomeKind) -> None:
        known = f"v-{request.link_id}" if kind is OutcomeKind.ACCEPTED else ""
        self.bench.answer(request, kind, venue_id=known, signed=self.bench.now, window_ms=3_000)

    def _fill(self, number: int) -> None:
        self.filled[number] += 1
        self._stamp += NS_PER_MS
        self.topics[-1].append(self._executions(number)[-1])
        self.topics[0].append(self._row(number))

    def _crash(self) -> None:
        """What is on its way is lost, but for requests: the venue may still take them."""
        self.crashed = True
        self.answers.clear()
        for topic in self.topics:
            topic.clear()
        self.bench.waiting.clear()
        self.bench.asked.clear()
        self.bench.hear(Restarted())

    # What the venue holds

    def total(self, number: int) -> Decimal:
        """Quantity executed."""
        return sum((D(qty) for qty in self.fills[: self.filled[number]]), D(0))

    def _row(self, number: int) -> OrderSeen:
        total = self.total(number)
        status = "Filled" if total == 1 else "PartiallyFilled" if total else "New"
        return order_seen(self.links[number], status, filled=total, updated=self._stamp)

    def _executions(self, number: int) -> list[Executed]:
        link = self.links[number]
        fills = enumerate(self.fills[: self.filled[number]])
        return [executed(link, f"{number}-{place}", qty, ts=self.bench.now + place) for place, qty in fills]

    def show(self) -> None:
        """Let the venue answer truly."""
        venue = self.bench.venue
        taken = [number for number in range(ORDERS) if self.links[number] in self.taken]
        rows = [self._row(number) for number in taken]
        venue.orders = [row for row in rows if row.status != "Filled"]
        venue.closed = [row for row in rows if row.status == "Filled"]
        start = self.bench.context.began
        venue.executions = [replace(row, ts=start) for number in taken for row in self._executions(number)]
        held = sum((self.total(number) for number in taken), D(0))
        venue.positions[BTC] = position_seen(f"{held}")
        venue.balance = D(10_000) - D("0.055") * len(venue.executions)

    # Judging

    def key(self) -> tuple[object, ...]:
        """The state, as far as it decides what may come."""
        context = self.bench.context
        known = tuple(
            (order.state, order.applied, order.told, order.seen_filled, order.end, order.sends)
            if (order := context.orders.find(link, "")) is not None
            else None
            for link in self.links
        )
        on_the_way = (*self.creates, "|", *self.answers, "|", *(tuple(map(_name, topic)) for topic in self.topics))
        flags = (self.lost, self.crashed, self.bench.exchange.ready, self.bench.exchange.status().unknown)
        return (known, on_the_way, tuple(self.filled), tuple(self.taken), flags)

    def end_well(self) -> list[str]:
        """Let everything arrive and the venue answer truly; what is wrong then."""
        for number in list(self.creates):
            if self.crashed:  # the venue may have taken it, or not: here it did not
                del self.creates[number]
            else:
                self.do(("take", number))
        for number in list(self.answers):
            self.do(("answer", number))
        for topic in self.topics:
            while topic:
                self.bench.hear(topic.popleft())
        if self.crashed:
            self.bench.hear(StreamState(ACCOUNT, up=True))
        begun = self.bench.now
        while self.bench.now - begun < CONVERGES_MS * NS_PER_MS:
            self.show()
            self.bench.pass_time(1_000)
            if self._is_done():
                return self._wrong()
        return [f"not settled: {self.bench.exchange.status()}", *self._wrong()]

    def _is_done(self) -> bool:
        ends = {State.WORKING, State.FILLED, State.EXPIRED}
        return self.bench.exchange.agrees and all(self._state(link) in ends for link in self.links)

    def _state(self, link: str) -> State:
        order = self.bench.context.orders.find(link, "")
        assert order is not None
        return order.state

    def _wrong(self) -> list[str]:
        found = []
        for number, link in enumerate(self.links):
            total = self.total(number)
            expected = State.EXPIRED if link not in self.taken else State.FILLED if total == 1 else State.WORKING
            if self._state(link) is not expected:
                found.append(f"order {number} is {self._state(link)}, and should be {expected}")
            if self.taken.count(link) > 1:
                found.append(f"order {number} was taken twice")
        held = sum((self.total(number) for number in range(ORDERS)), D(0))
        if self.bench.context.position(BTC) != held:
            found.append(f"position {self.bench.context.position(BTC)}, executed {held}")
        again = [one for one in self.bench.sends(Op.CREATE) if one.link_id in self.taken]
        if len(again) != len(set(self.taken)):
            found.append("what the venue had taken was sent again")
        if self.bench.gates() or self.bench.mismatches():
            found.append(f"gates {self.bench.gates()}, mismatches {self.bench.mismatches()}")
        return found


def _name(row: OrderSeen | Executed) -> str:
    return f"{row.link_id} {row.exec_id}" if isinstance(row, Executed) else f"{row.link_id} {row.status} {row.filled}"


def explore(fills: tuple[str, ...]) -> Found:
    """Every state that can be reached, and what is wrong with the way on from it."""
    found = Found(problems=[])
    seen: set[tuple[object, ...]] = set()
    waiting: deque[Path] = deque([()])
    while waiting:
        path = waiting.popleft()
        world = Small(fills)
        for step in path:
            world.do(step)
        found.steps += len(path)
        key = world.key()
        if key in seen:
            continue
        seen.add(key)
        steps = world.possible()
        found.ends += not steps
        waiting += [(*path, step) for step in steps]
        wrong = world.end_well()
        if wrong:
            found.problems.append(f"{path}: {wrong}")
            if len(found.problems) > 5:
                break
    found.states = len(seen)
    return found
