"""A random run at a venue: what the strategy, the operator, the owner, the network and the venue do is drawn by a seed.

First everything goes wrong that can, then nothing does any more, and the judge looks at what is left.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from random import Random
from typing import Any, TypeAlias

from adapters.sandbox.gateway.plan import (
    Deleverage,
    Disconnect,
    Event,
    FillByHand,
    Forged,
    FundingByHand,
    Lose,
    Maintenance,
    Plan,
    PushFault,
    RequestByHand,
    RequestFault,
    Skew,
    StreamFault,
    When,
)
from daemon.core.records import Action
from daemon.core.remote.settings import RemoteSettings
from daemon.core.strategy import Decision
from tests.daemon.core.build import BTC, buy, close, sell
from tests.simulation.closed_loop import UID, ClosedLoop
from tests.simulation.trade_judge import Evidence, judge

TROUBLE_S = 240
STEPS = 60
PRICE = 94_700.0
CREATE = "/v5/order/create"
Body: TypeAlias = dict[str, str | int | bool]
UNPROTECT: Body = {"stopLoss": "0", "positionIdx": 0}


def random_plan(rng: Random) -> Plan:
    """Trouble of every kind, more of it or less; a share of the seeds has none of some kinds."""
    share = rng.uniform(0, 0.4)
    kinds = {kind: rng.random() < 0.7 for kind in ("lose", "forge", "late", "lie", "push", "stream", "skew", "event")}
    requests = [
        rule for kind in ("lose", "forge", "late", "lie") if kinds[kind] for rule in _requests(rng, kind, share)
    ]
    return Plan(
        seed=rng.randrange(10**6),
        requests=tuple(requests),
        pushes=tuple(_pushes(rng, share)) if kinds["push"] else (),
        streams=(StreamFault(name="slow", when=_when(0.2, op="subscribe"), delay_ms=50),) if kinds["stream"] else (),
        clock=(Skew(skew_ms=rng.choice([-800, 500]), from_s=60, until_s=90),) if kinds["skew"] else (),
        maintenance=(Maintenance(from_s=100, until_s=112),) if rng.random() < 0.2 else (),
        events=tuple(_events(rng)) if kinds["event"] else (),
    )


def _when(probability: float, **fields: Any) -> When:
    return When(probability=min(probability, 1.0), until_s=TROUBLE_S, **fields)


def _requests(rng: Random, kind: str, share: float) -> Sequence[RequestFault]:
    each = share / 4
    if kind == "lose":
        ways = [(accepted, how) for accepted in (True, False) for how in ("reset", "silence")]
        return [
            RequestFault(
                name=f"lost {accepted} {how}",
                when=_when(each, route="/v5/*/*"),
                lose=Lose(accepted=accepted, how=how),  # type: ignore[arg-type]
            )
            for accepted, how in ways
        ]
    if kind == "forge":
        answers = [
            Forged(accepted=True, code=10016, message="Server error"),
            Forged(accepted=False, code=10016, message="Server error"),
            Forged(accepted=True, http=502, body="<html>Bad Gateway</html>"),
            Forged(accepted=False, code=10006, message="Too many visits!"),
            Forged(accepted=True, body='{"retCode":0,"result":{'),
        ]
        return [RequestFault(name=f"forged {n}", when=_when(each / 2), answer=one) for n, one in enumerate(answers)]
    if kind == "late":
        late = RequestFault(name="late", when=_when(each), delay_ms=rng.choice([100, 1000, 3000, 20_000]))
        again = RequestFault(name="carried out twice", when=_when(each, route=CREATE), repeat=1)
        return [late, again]
    return [
        RequestFault(name="hidden", when=_when(each, route="/v5/order/realtime"), hide_ms=1_900),
        RequestFault(name="empty", when=_when(each / 3, route="/v5/order/history"), lie="empty"),
        RequestFault(name="flat", when=_when(each / 2, route="/v5/position/list"), lie="flat"),
    ]


def _pushes(rng: Random, share: float) -> Sequence[PushFault]:
    each = share / 3
    return [
        PushFault(name="dropped", when=_when(each), drop=True),
        PushFault(name="twice", when=_when(each), copies=1),
        PushFault(name="late", when=_when(each), delay_ms=rng.choice([50, 2_000, 60_000])),
        PushFault(name="shuffled", when=_when(each), shuffle=rng.choice([2, 4]), hold_ms=500),
        PushFault(name="cut", when=_when(each / 10), close=0),
        PushFault(name="garbage", when=_when(each / 6), garbage=True),
    ]


def _events(rng: Random) -> Sequence[Event]:
    """The owner's hand, and what the venue does by itself."""
    body: Body = {"category": "linear", "symbol": BTC}
    side = rng.choice(["Buy", "Sell"])
    resting: Body = {"side": side, "orderType": "Limit", "qty": "0.02", "price": "94000" if side == "Buy" else "95500"}
    market: Body = {"side": side, "orderType": "Market", "qty": "0.01"}
    chosen: list[dict[str, Any]] = [
        {"request": RequestByHand(path=CREATE, body=body | resting)},
        {"request": RequestByHand(path=CREATE, body=body | market)},
        {"request": RequestByHand(path="/v5/order/cancel-all", body=body)},
        {"request": RequestByHand(path="/v5/position/trading-stop", body=body | UNPROTECT)},
        {"funding": FundingByHand(symbol=BTC, rate=Decimal("0.0001"))},
        {"adl": Deleverage(symbol=BTC, share=0.5)},
        {"fill": FillByHand(symbol=BTC, order_id="unknown")},
        {"disconnect": Disconnect(code=rng.choice([0, 1001]))},
        {"transfer": Decimal(rng.choice([-500, 250]))},
        {"forget": True},
    ]
    picked = rng.sample(chosen, rng.randrange(1, 6))
    return [Event(at_s=rng.randrange(10, TROUBLE_S - 10), uid=UID, **one) for one in picked]


def random_decision(rng: Random) -> Decision:
    """Anything that a strategy may ask for."""
    side = rng.choice([buy, sell])
    kinds: list[tuple[int, Decision]] = [
        (35, side(rng.choice([0.01, 0.02, 0.05]))),
        (7, side(0.01, trigger_price=PRICE + rng.choice([-20, 20]))),
        (8, side(0.01, stop_loss=90_000.0 if side is buy else 99_000.0)),
        (15, side(rng.choice([0.01, 0.02]), price=PRICE + rng.choice([-30, -5, 5, 30]))),
        (13, close()),
        (12, Decision(Action.CANCEL, "told to cancel")),
        (6, Decision(Action.AMEND, "told to amend", price=PRICE + rng.choice([-20, 20]), qty=0.03)),
        (4, Decision(Action.PROTECT, "told to protect", stop_loss=90_000.0)),
    ]
    return rng.choices([one for _, one in kinds], [weight for weight, _ in kinds])[0]


def random_step(rng: Random, world: ClosedLoop) -> None:
    """One thing, and some time."""
    draw = rng.random()
    if draw < 0.85:
        world.decide(random_decision(rng))
    elif draw < 0.9:
        world.drop_stream()
    elif draw < 0.94:
        world.crash(rng.choice([10, 1_000, 20_000]))
    elif draw < 0.97:
        world.command(rng.choice(["halt", "resume", "panic", "cancel"]))
    else:
        world.command("resume")
    world.run(rng.choice([100, 500, 1_000, 3_000, 6_000]))


def run_seed(seed: int) -> tuple[ClosedLoop, list[str]]:
    """A run, and what is wrong with it."""
    rng = Random(seed)
    settings = RemoteSettings(entry_deadline_ms=rng.choice([5_000, 5_000, 20_000]))
    world = ClosedLoop(random_plan(rng), minutes=20, settings=settings)
    for _ in range(STEPS):
        random_step(rng, world)
    elapsed = world.now_ms - world.market.start_ms
    world.run(max(0, TROUBLE_S * 1_000 - elapsed))
    calm_ms = world.now_ms
    try:
        settle(world)
    except AssertionError as error:
        return world, [f"not ready: {error}: {world.desk.exchange.status()}"]
    return world, judge(evidence_of(world, calm_ms)) + list(inner_differences(world))


def settle(world: ClosedLoop) -> None:
    """Let the account come back, hold its books against the venue's once more, and be still."""
    exchange = world.desk.exchange
    world.run_until(lambda: world.desk.exchange.agrees, 120_000, "the account agrees after the trouble")
    world.run(70_000)
    world.drop_stream("a last look")
    world.run(5_000)
    world.run_until(lambda: world.desk.exchange.agrees, 60_000, f"it agrees: {exchange.status()}")


def evidence_of(world: ClosedLoop, calm_ms: int, bound_ms: int = 90_000) -> Evidence:
    return Evidence(
        lines=list(world.desk.lines),
        replayed=world.replayed(),
        truth=list(world.gateway.truth.entries),
        calm_ms=calm_ms,
        bound_ms=bound_ms,
    )


def inner_differences(world: ClosedLoop) -> Sequence[str]:
    """The lane and the machine keep books of their own; what they hold must be the same."""
    lane, context = world.desk.lane, world.desk.exchange._context
    found = [
        f"inner: position {symbol}: lane {lane.ledger.position(symbol).qty}, machine {context.position(symbol)}"
        for symbol in context.symbols
        if lane.ledger.position(symbol).qty != context.position(symbol)
    ]
    if set(lane.orders) != set(context.orders.open):
        found.append(f"inner: orders: lane {sorted(lane.orders)}, machine {sorted(context.orders.open)}")
    if lane.ledger.cash != context.held.cash:
        found.append(f"inner: cash: lane {lane.ledger.cash}, machine {context.held.cash}")
    return found
