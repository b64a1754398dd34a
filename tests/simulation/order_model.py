"""Orders followed step by step at random: whatever happens, the invariants of the machine hold at every step.

Steps are drawn by a seed, like a state machine's: decide, cancel, amend, protect, halt, a forced fill, a dropped
stream, a crash, time; beneath them answers are lost or late, pushes dropped, doubled and shuffled. After every step
the cheap invariants are looked at, in the end the judge decides.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from random import Random

from adapters.sandbox.gateway.plan import Forged, Lose, Plan, PushFault, RequestFault, When
from daemon.core.records import Action
from daemon.core.remote.states import STEPS, State
from daemon.core.strategy import Decision
from tests.daemon.core.build import BTC, buy, close, sell
from tests.simulation.closed_loop import UID, ClosedLoop
from tests.simulation.random_trade import PRICE, evidence_of, inner_differences, settle
from tests.simulation.trade_judge import judge

Step = Callable[[ClosedLoop, Random], None]


def plan(rng: Random) -> Plan:
    """Answers lost and pushes dropped, late, twice and shuffled, as often as each other."""
    share = rng.choice([0.0, 0.05, 0.15, 0.3])
    requests = [
        RequestFault(when=When(probability=share), lose=Lose(accepted=True)),
        RequestFault(when=When(probability=share / 2), lose=Lose(accepted=False, how="silence")),
        RequestFault(when=When(probability=share / 2), answer=Forged(accepted=True, code=10016)),
        RequestFault(when=When(probability=share), delay_ms=rng.choice([50, 1_500])),
    ]
    pushes = [
        PushFault(when=When(probability=share), drop=True),
        PushFault(when=When(probability=share), copies=2),
        PushFault(when=When(probability=share), delay_ms=rng.choice([40, 2_500])),
        PushFault(when=When(probability=share), shuffle=3, hold_ms=300),
    ]
    return Plan(seed=rng.randrange(10**6), requests=tuple(requests), pushes=tuple(pushes)) if share else Plan()


def enter(world: ClosedLoop, rng: Random) -> None:
    side = rng.choice([buy, sell])
    price = rng.choice([None, PRICE - 40, PRICE, PRICE + 40])
    world.decide(side(rng.choice([0.01, 0.03])) if price is None else side(0.02, price=price))


def enter_with_stop(world: ClosedLoop, rng: Random) -> None:
    side = rng.choice([buy, sell])
    world.decide(side(0.01, stop_loss=90_000.0 if side is buy else 99_000.0))


def wait_for_a_trigger(world: ClosedLoop, rng: Random) -> None:
    world.decide(rng.choice([buy, sell])(0.01, trigger_price=PRICE + rng.choice([-15, 15])))


def leave(world: ClosedLoop, rng: Random) -> None:
    world.decide(close())


def cancel(world: ClosedLoop, rng: Random) -> None:
    world.decide(Decision(Action.CANCEL, "cancel"))


def amend(world: ClosedLoop, rng: Random) -> None:
    world.decide(Decision(Action.AMEND, "amend", qty=rng.choice([0.01, 0.04]), price=PRICE + rng.choice([-25, 25])))


def protect(world: ClosedLoop, rng: Random) -> None:
    world.decide(Decision(Action.PROTECT, "protect", stop_loss=rng.choice([90_000.0, 91_000.0])))


def force_fill(world: ClosedLoop, rng: Random) -> None:
    """The venue fills a part, or all, of an open order."""
    venue = world.gateway.venue
    orders = [entry for entry in world.truth("accepted") if entry["type"] == "Limit"][-3:]
    for entry in orders[:1]:
        qty = Decimal("0.005") if rng.random() < 0.5 else None
        venue.force_fill(UID, BTC, order_id=str(entry["order_id"]), qty=qty, now_ms=world.now_ms)


def drop_stream(world: ClosedLoop, rng: Random) -> None:
    world.drop_stream()


def crash(world: ClosedLoop, rng: Random) -> None:
    world.crash(rng.choice([1, 20, 1_500]))


def command(world: ClosedLoop, rng: Random) -> None:
    world.command(rng.choice(["halt", "cancel"]))
    world.run(50)
    world.command("resume")


def pass_little_time(world: ClosedLoop, rng: Random) -> None:
    world.run(rng.choice([1, 4, 9, 40]))


def pass_time(world: ClosedLoop, rng: Random) -> None:
    world.run(rng.choice([700, 1_000, 3_000]))


STEPS_OF: list[tuple[int, Step]] = [
    (14, enter),
    (5, enter_with_stop),
    (4, wait_for_a_trigger),
    (7, leave),
    (8, cancel),
    (5, amend),
    (3, protect),
    (4, force_fill),
    (3, drop_stream),
    (2, crash),
    (2, command),
    (13, pass_little_time),
    (30, pass_time),
]


def walk(seed: int, steps: int) -> list[str]:
    """A walk of so many steps; returns what is wrong, with the step at which it was."""
    rng = Random(seed)
    world = ClosedLoop(plan(rng), minutes=1_440)
    weights = [weight for weight, _ in STEPS_OF]
    for number in range(steps):
        step = rng.choices(STEPS_OF, weights)[0][1]
        step(world, rng)
        found = list(broken(world))
        if found:
            return [f"seed {seed}, step {number}, {step.__name__}: {found}"]
    world.end_trouble()
    calm_ms = world.now_ms
    try:
        settle(world)
    except AssertionError as error:
        return [f"seed {seed}: not ready: {error}"]
    return [f"seed {seed}: {one}" for one in [*judge(evidence_of(world, calm_ms)), *inner_differences(world)]]


def broken(world: ClosedLoop) -> Iterable[str]:
    """What must hold at every step."""
    yield from inner_differences(world)
    exchange, lane = world.desk.exchange, world.desk.lane
    if "breach" in lane.halts:
        yield f"breach: {lane.halts['breach']}"
    for order in exchange._context.orders.open.values():
        if not STEPS[order.state] or order.applied > order.request.qty:
            yield f"order {order.id} is open as {order.state} with {order.applied} of {order.request.qty}"
        if order.state is State.UNKNOWN and not exchange._context.is_shut("unknown_outcome", order.symbol):
            yield f"order {order.id} is unknown, and its symbol takes new risk"
    if exchange.ready and "reconcile" in lane.halts:
        yield "ready behind a shut gate"
    if not exchange.ready and "reconcile" not in lane.halts:
        yield "not ready, and the gate is open"
