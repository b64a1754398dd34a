"""Damaged frames and answers given to the decoders, and what must hold of whatever comes out."""

from __future__ import annotations

import math
import resource
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from adapters.bybit.router import VenueDecoder
from daemon.core.account_events import Answered, Executed, Op, Outcome, OutcomeKind, Unreadable
from daemon.core.events import Fact, Quarantined
from daemon.core.records import Action, FillLine
from daemon.core.strategy import Decision
from tests.adapters.bybit.mutator import Mutator, Seed, seed_of
from tests.simulation.closed_loop import ACCOUNT, ClosedLoop

DATA = Path(__file__).parents[2] / "data" / "bybit"
PRIVATE, PUBLIC = f"private.{ACCOUNT}", "public-1"
PUBLIC_TOPICS = ("orderbook.50.BTCUSDT", "publicTrade.BTCUSDT", "tickers.BTCUSDT", "kline.1.BTCUSDT")
NOW = 1_746_489_700_000_000_000
ALIKE_MAX = 12
SLOW_S = 0.1
FLOAT_MAX, DECIMAL_MAX, TEXT_MAX, CURSOR_MAX = 1e21, Decimal("1e20"), 256, 1024
OPS = {
    "/v5/order/create": Op.CREATE,
    "/v5/order/amend": Op.AMEND,
    "/v5/order/cancel": Op.CANCEL,
    "/v5/order/cancel-all": Op.CANCEL_ALL,
    "/v5/position/trading-stop": Op.PROTECT,
    "/v5/position/set-leverage": Op.SET_LEVERAGE,
    "/v5/order/realtime": Op.OPEN_ORDERS,
    "/v5/order/history": Op.ORDER_HISTORY,
    "/v5/execution/list": Op.EXECUTIONS,
    "/v5/position/list": Op.POSITIONS,
    "/v5/account/wallet-balance": Op.WALLET,
    "/v5/account/info": Op.ACCOUNT,
}


class Source(Struct, frozen=True):
    """Where a real text came from: a connection, or an answer to a question of this kind."""

    connection: str
    op: Op | None = None


class Report(Struct):
    """Figures. worst: the longest time that one text took, seconds of this thread's processor time.

    kinds: how many facts of each kind came out.  grown_mb: of the process's memory since a tenth was done.
    """

    texts: int = 0
    facts: int = 0
    worst: float = 0.0
    grown_mb: float = 0.0
    kinds: Counter[str] = msgspec.field(default_factory=Counter)
    problems: list[str] = msgspec.field(default_factory=list)


@cache
def corpus() -> tuple[tuple[Source, Seed], ...]:
    """Every real text: recorded ones of other projects, and those of the sandbox."""
    found = {(source, text) for source, text in (*_recorded(), *_played(), *_public())}
    kept: list[tuple[Source, Seed]] = []
    kinds: Counter[tuple[Source, bytes]] = Counter()
    for source, text in sorted(found, key=lambda one: (repr(one[0]), one[1])):
        kind = (source, text.partition(b'"topic":"')[2].partition(b'"')[0])
        kinds[kind] += 1
        if kinds[kind] <= ALIKE_MAX:
            kept.append((source, seed_of(text)))
    return tuple(kept)


def _recorded() -> Iterable[tuple[Source, bytes]]:
    for name in ("ws_private_gct", "ws_dialogues_bybitnet"):
        for line in (DATA / f"{name}.jsonl").read_bytes().splitlines():
            entry = msgspec.json.decode(line)
            frames = [one["json"] for one in entry.get("frames", ()) if one["dir"] != "client"] or [entry]
            for frame in frames:
                topic = str(frame.get("topic", ""))
                kind = PUBLIC if topic.partition(".")[2].endswith("USDT") else PRIVATE
                yield Source(kind), msgspec.json.encode(frame)
    for line in (DATA / "ws_recorded_2025-09.jsonl").read_bytes().splitlines():
        yield Source(PUBLIC), msgspec.json.encode(msgspec.json.decode(line)["json"])
    for name in ("rest_private_bybitnet", "rest_more_bybitnet"):
        for line in (DATA / f"{name}.jsonl").read_bytes().splitlines():
            entry = msgspec.json.decode(line)
            if op := OPS.get(entry["path"]):
                yield Source("rest", op), msgspec.json.encode(entry["response"])


def _played() -> Iterable[tuple[Source, bytes]]:
    """What a sandbox says to a daemon that enters, rests, amends, cancels, protects and closes."""
    loop = ClosedLoop()
    loop.until_ready()
    buy = Decision(Action.BUY, "enter", qty=0.05, stop_loss=60_000.0)
    rest = Decision(Action.BUY, "rest", qty=0.01, price=80_000.0)
    amend = Decision(Action.AMEND, "amend", price=80_100.0)
    loop.decide(buy, rest, amend, Decision(Action.CANCEL, "cancel"), Decision(Action.PROTECT, "p", stop_loss=61_000.0))
    loop.run(10_000)
    loop.decide(Decision(Action.CLOSE, "close"))
    loop.run(70_000)
    for _, what in loop.desk.told:
        if isinstance(what, tuple):
            yield Source(what[0]), what[1]
        elif isinstance(what, Answered):
            yield Source("rest", what.op), what.body.encode()


def _public() -> Iterable[tuple[Source, bytes]]:
    market = ClosedLoop(minutes=3).market
    for topic in PUBLIC_TOPICS:
        if (snapshot := market.snapshot(topic)) is not None:
            yield Source(PUBLIC), snapshot
    while market.next_ms is not None:
        for _, payload in market.advance(set(PUBLIC_TOPICS)):
            yield Source(PUBLIC), payload


def given(source: Source, text: bytes, number: int) -> Answered | tuple[str, bytes]:
    """A text as it reaches the daemon: a frame of a connection, or an answer as the port delivers it."""
    if source.op is None:
        return source.connection, text
    body = text.decode("utf-8", "replace")
    name = f"main-r{number}"
    return Answered(account=ACCOUNT, request=name, op=source.op, signed=5, window_ms=3000, status=200, body=body)


def fuzz(number: int, texts: int, *, large: int = 0) -> Report:
    """Give so many damaged texts to one decoder, as a long run would, and judge every result."""
    sources = [source for source, _ in corpus()]
    mutator = Mutator([seed for _, seed in corpus()], number, large=large)
    decoder = VenueDecoder([ACCOUNT])
    report = Report()
    memory = 0.0
    for count in range(texts):
        place, text = mutator.draw()
        source = sources[place]
        what = given(source, text, count)
        begun = time.thread_time()
        try:
            facts = _read(decoder, what)
        except Exception as error:  # noqa: BLE001 - that nothing is raised is what is tried
            report.problems.append(f"{source}: raised {error!r} on {text[:300]!r}")
            continue
        took = time.thread_time() - begun
        if took > SLOW_S and (took := _time_again(what)) > SLOW_S:
            report.problems.append(f"{source}: {took:.3f} s for {len(text)} bytes, {text[:300]!r}")
        report.worst = max(report.worst, took)
        report.facts += len(facts)
        report.kinds.update(type(fact).__name__ for fact in facts)
        report.problems += [f"{source}: {problem} from {text[:300]!r}" for problem in judge(source, facts)]
        if count == texts // 10:
            memory = memory_mb()
    report.texts = texts
    report.grown_mb = memory_mb() - memory
    return report


def fuzz_engine(number: int, texts: int = 400) -> list[str]:
    """Tell damaged texts to an engine that trades, and say what it booked that did not happen.

    A damaged text that still tells of an execution is left out: a venue that says so must be believed.
    """
    loop = ClosedLoop()
    loop.until_ready()
    loop.decide(Decision(Action.BUY, "enter", qty=0.05, stop_loss=60_000.0))
    loop.run(3_000)
    mutator = Mutator([seed for _, seed in corpus()], number)
    reader = VenueDecoder([ACCOUNT])
    for count in range(texts):
        place, text = mutator.draw()
        what = given(corpus()[place][0], text, count)
        if not any(isinstance(fact, Executed) for fact in _read(reader, what)):
            try:
                loop.desk.tell(loop.now, what)
            except Exception as error:  # noqa: BLE001 - that nothing is raised is what is tried
                return [f"engine {number}: raised {error!r} on {text[:300]!r}"]
        loop.run(50)
    loop.run(60_000)
    executed = {entry["exec_id"] for entry in loop.truth("execution") if entry["exec_type"] == "Trade"}
    booked = [line.fill_id for line in loop.lines(FillLine)]
    problems = [f"engine {number}: booked {booked}, executed {executed}"] if sorted(booked) != sorted(executed) else []
    if loop.replayed() != loop.desk.lines:
        problems.append(f"engine {number}: the replay concludes something else")
    return problems


def _read(decoder: VenueDecoder, what: Answered | tuple[str, bytes]) -> Sequence[Fact]:
    return decoder.observe(what) if isinstance(what, Answered) else decoder.decode(what[1], NOW, what[0])


def _time_again(what: Answered | tuple[str, bytes]) -> float:
    """What is slow is slow again; what a busy machine did to it is not."""
    times = []
    for _ in range(3):
        begun = time.thread_time()
        _read(VenueDecoder([ACCOUNT]), what)
        times.append(time.thread_time() - begun)
    return min(times)


def judge(source: Source, facts: Sequence[Fact]) -> list[str]:
    """What is wrong with the facts read from one text."""
    problems = [f"{name} of {type(fact).__name__}: {why}" for fact in facts for name, why in absurd(fact)]
    outcomes = [fact for fact in facts if isinstance(fact, Outcome)]
    if len(outcomes) != (source.op is not None):
        problems.append(f"{len(outcomes)} outcomes")
    if any(isinstance(fact, Unreadable) for fact in facts) and source.op is not None:
        problems += [
            "a page that was read in part counts as complete" for one in outcomes if one.kind is OutcomeKind.ACCEPTED
        ]
    if any(isinstance(fact, Quarantined) and len(fact.reason) > TEXT_MAX for fact in facts):
        problems.append("a reason without end")
    return problems


def absurd(fact: Any) -> Iterable[tuple[str, str]]:
    """Fields that must not come past the boundary: no number, or one of no size that trades."""
    for name in fact.__struct_fields__:
        yield from _absurd(name, getattr(fact, name))


def _absurd(name: str, value: Any) -> Iterable[tuple[str, str]]:
    match value:
        case bool():
            return
        case float():
            sound = math.isfinite(value) and abs(value) < FLOAT_MAX
        case Decimal():
            sound = value.is_finite() and abs(value) < DECIMAL_MAX
        case int():
            sound = abs(value) < 1 << 63
        case str():
            sound = len(value) <= (CURSOR_MAX if name == "cursor" else TEXT_MAX)
        case list() | tuple():
            for part in value:
                yield from _absurd(name, part)
            return
        case _:
            return
    if not sound:
        yield name, f"{str(value)[:40]} is absurd"


def memory_mb() -> float:
    """The largest memory of this process so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
