"""Creates whose answers are lost, half of them taken: what becomes of each, decided by the truth log."""

from __future__ import annotations

from collections import Counter

from msgspec import Struct

from adapters.sandbox.gateway.plan import Lose, Plan, RequestFault, When
from daemon.core.venue_records import SendLine, TrackLine
from tests.daemon.core.build import buy, sell
from tests.simulation.closed_loop import ClosedLoop, venue_account
from tests.simulation.random_trade import evidence_of, inner_differences, settle
from tests.simulation.trade_judge import judge

SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT")
SIZES = {"BTCUSDT": 0.002, "ETHUSDT": 0.05, "SOLUSDT": 1.0}
CREATE = "/v5/order/create"


class Outcome(Struct, frozen=True):
    """How it went. lost: creates whose answer was lost; taken: those of them that the venue had taken."""

    lost: int
    taken: int
    names: int
    absent: int
    sent_again: int
    findings: list[str]


def plan(seed: int) -> Plan:
    """Every answer to a create is lost, by a cut or by silence; a coin decides whether it was taken."""
    rules = [
        RequestFault(name="silence", when=When(route=CREATE, probability=0.3), lose=Lose(accepted=True, how="silence")),
        RequestFault(name="a coin", when=When(route=CREATE, probability=0.5), lose=Lose(accepted=False)),
        RequestFault(name="a cut", when=When(route=CREATE), lose=Lose(accepted=True)),
    ]
    return Plan(seed=seed, requests=tuple(rules))  # taken only where no rule says that it was not


def lose_answers(count: int, seed: int) -> Outcome:
    """Send creates until `count` answers were lost, let everything settle, and judge."""
    world = ClosedLoop(plan(seed), minutes=1_440, symbols=SYMBOLS, account=venue_account())
    world.until_ready()
    lost = seen = 0
    while lost < count:
        for symbol in SYMBOLS:
            decide_one(world, symbol)
        world.run(1_000)
        lost += sum(request.op == "create" for request in world.sent[seen:])
        seen = len(world.sent)
    calm_ms = world.now_ms
    settle(world)
    findings = judge(evidence_of(world, calm_ms, 150_000)) + list(inner_differences(world))
    return _count(world, findings)


def decide_one(world: ClosedLoop, symbol: str) -> None:
    """In when flat, out when not, one order at a time."""
    lane = world.desk.lane
    if any(order.request.symbol == symbol for order, _ in lane.orders.values()):
        return
    side = sell if lane.ledger.position(symbol).qty > 0 else buy
    world.decide(side(SIZES[symbol]), symbol=symbol)


def creates(world: ClosedLoop) -> list[str]:
    """Names under which the venue was asked for an order, as often as it was."""
    return [request.link_id for request in world.sent if request.op == "create"]


def _count(world: ClosedLoop, findings: list[str]) -> Outcome:
    asked = Counter(creates(world))
    taken = {str(entry["order_link_id"]) for entry in world.truth("accepted")}
    final = {line.link_id: line.state for line in world.lines(TrackLine)}
    known = Counter(line.link_id for line in world.lines(SendLine) if line.op == "create")
    findings += [f"{name} left without a record" for name in asked if not known[name]]
    findings += [f"{name} was taken and is {final[name]}" for name in taken if final[name] in ("Absent", "Expired")]
    never = sorted(asked.keys() - taken)
    findings += [f"{name} was never taken and is {final[name]}" for name in never if final[name] != "Expired"]
    absent = sum(line.state == "Absent" for line in world.lines(TrackLine))
    again = sum(asked.values()) - len(asked)
    return Outcome(sum(asked.values()), len(taken), len(asked), absent, again, findings)
