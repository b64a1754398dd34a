"""Rows on the path of an order: `lockstep trade` in this process, venue and market in two others, real sockets.

The market comes from `benchmarks.sender` at a steady pace, the account lives at a sandbox at speed 1. The product runs
as it is; what is measured is stamped around it: when the journal is given a decision, when the port is given the
request, when its body goes to the socket.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from adapters.bybit.carrier import Carrier, Ticket
from adapters.bybit.hosts import custom_environment
from adapters.bybit.http_call import HttpAnswer, HttpClient
from adapters.sandbox.market_data import DEMO_START_MS
from benchmarks.places import work_folder
from benchmarks.processes import started
from benchmarks.row import Row, against_floor, latency
from benchmarks.size import Size
from benchmarks.stamps import CREDENTIALS, Bench, Stamps, Times
from benchmarks.tape import make_plan
from benchmarks.timing import duel, median, yardstick
from daemon.app.lanes import Plan
from daemon.app.live import LiveOptions, Watchers, run_live
from daemon.app.runs import Mode
from daemon.app.sandbox import WARM_UP_MS
from daemon.core.remote.requests import Call
from daemon.core.units import NS_PER_MS, NS_PER_SECOND

WARM_UP_S = 8.0
ACTS_A_SECOND = 20
SLOW_FSYNC_S = 0.005
RESTING_PRICE = 60_000.0
STRATEGY = Path(__file__).with_name("habits.py")
CARRIED = 300
SOMEWHERE = custom_environment(
    "custom", rest="http://127.0.0.1:9", public_linear="ws://127.0.0.1:9", private="ws://127.0.0.1:9"
)
ORDER = Call(
    "POST",
    "/v5/order/create",
    '{"category":"linear","symbol":"BTCUSDT","side":"Buy","orderType":"Limit","qty":"0.001","price":"60000",'
    '"timeInForce":"PostOnly","positionIdx":0,"orderLinkId":"ls0123456789abcdefmain-1234-0-0"}',
)
CONFIG = """
[venue]
environment = "custom"
rest_url = "{rest}"
public_url = "{public}"
private_url = "{private}"

[feed]
symbols = ["BTCUSDT"]
book_depth = 0
klines = []

[accounts.bench]
venue = "bybit"
account_id = "100001"
consent = "100001"

[accounts.bench.exchange]
margin_mode = "isolated"

[[lanes]]
name = "main"
account = "bench"

[lanes.guards]
max_orders_per_min = 1000000
price_collar = 0.5
stale_after_ms = 3600000

[[lanes.strategies]]
name = "one"
use = "{strategy}:PlaceAndCancel"
settings = {{ every = {every}, price = {price} }}
"""


def trade_decision_1000(size: Size) -> Row:
    """1,000 messages a second while orders are sent."""
    return _decision_row("trade_decision_1000", 1000, size)


def trade_decision_5000(size: Size) -> Row:
    """5,000 messages a second while orders are sent."""
    return _decision_row("trade_decision_5000", 5000, size)


def trade_wire_1000(size: Size) -> Row:
    """The same on a disk of which each fsync takes 5 ms longer."""
    return _wire_row("trade_wire_1000", 1000, size)


def trade_wire_5000(size: Size) -> Row:
    """The same on a disk of which each fsync takes 5 ms longer."""
    return _wire_row("trade_wire_5000", 5000, size)


def carry_request(size: Size) -> Row:
    """Order bodies signed by ccxt, compared with ours and handed to a client that sends nothing."""
    carrier = Carrier(SOMEWHERE, CREDENTIALS, venue_now_ns=time.time_ns, http=_Unsent())

    async def carry() -> int:
        for _ in range(CARRIED):
            answer = await carrier.carry(Ticket(ORDER, 3000))
            assert answer.status, answer.error
        return CARRIED

    with asyncio.Runner() as runner:
        fight = duel(lambda: runner.run(carry()), yardstick, size.rounds)
    return against_floor("carry_request", "requests/s", fight, floor=1_000, bound="none")


class _Unsent(HttpClient):
    """Sends nothing."""

    def __init__(self) -> None:
        """Without a pool of connections."""

    async def send(self, method: str, url: str, headers: Mapping[str, str], body: str) -> HttpAnswer:
        """What would have been sent is thrown away."""
        del method, url, headers, body
        return HttpAnswer(status=200)


def _decision_row(name: str, rate: int, size: Size) -> Row:
    found = [_measure(rate, size.live_seconds, slow=0.0) for _ in range(size.live_rounds)]
    decided = _quantiles([one.decided for one in found])
    wired = _quantiles([one.wired for one in found])
    note = (
        f"p50 {decided[0]:.2f}, p99.9 {decided[2]:.2f}; to the wire p50 {wired[0]:.2f}, p99 {wired[1]:.2f}, "
        f"p99.9 {wired[2]:.2f}"
    )
    return _row(name, decided[1], 20.0, note, decisions=sum(len(one.decided) for one in found), times=found)


def _wire_row(name: str, rate: int, size: Size) -> Row:
    found = [_measure(rate, size.live_seconds, slow=SLOW_FSYNC_S) for _ in range(size.live_rounds)]
    wired = _quantiles([one.wired for one in found])
    durable = _quantiles([one.durable for one in found])
    carried = _quantiles([one.carried for one in found])
    note = (
        f"p50 {wired[0]:.2f}, p99.9 {wired[2]:.2f}; waiting for the disk p50 {durable[0]:.2f}, p99 {durable[1]:.2f}; "
        f"the rest p50 {carried[0]:.2f}, p99 {carried[1]:.2f}"
    )
    return _row(name, wired[1], 30.0, note, decisions=sum(len(one.decided) for one in found), times=found)


def _row(name: str, p99: float, ceiling: float, note: str, *, decisions: int, times: Sequence[Times]) -> Row:
    orders = sum(len(one.wired) for one in times)
    detail = {"decisions": float(decisions), "orders": float(orders)}
    for key in ("decided", "durable", "carried", "wired"):
        for share, value in zip(("p50", "p99", "p99_9"), _quantiles([getattr(one, key) for one in times]), strict=True):
            detail[f"{key}_{share}_ms"] = value
    return latency(name, p99, ceiling=ceiling, note=note, detail=detail)


def _quantiles(rounds: Sequence[Sequence[float]]) -> tuple[float, float, float]:
    """Medians over the rounds of the middle, the 99th and the 99.9th in a hundred."""
    ordered = [sorted(one) for one in rounds]
    shares = (0.5, 0.99, 0.999)
    return tuple(median([one[min(len(one) - 1, int(share * len(one)))] for one in ordered]) for share in shares)  # type: ignore[return-value]


def _measure(rate: int, seconds: float, *, slow: float) -> Times:
    """One run; counted are `seconds` from a moment after the first order on."""
    total = WARM_UP_S + seconds
    sender = [sys.executable, "-m", "benchmarks.sender", str(rate), str(total)]
    with work_folder() as folder, started(_sandbox(folder)) as ready, started(sender) as public:
        urls = msgspec.json.decode(ready)
        plan = _plan(rate, rest=urls["rest_url"], public=public, private=urls["private_url"])
        stamps = Stamps(slow_fsync_s=slow)
        gc.collect()
        with stamps.around_the_product():
            options = LiveOptions(new=True, until=time.time_ns() + int(total * NS_PER_SECOND))
            run_live(Mode.TRADE, plan, folder, options, Watchers(), broker=Bench(stamps))
        return stamps.times(seconds)


def _sandbox(folder: Path) -> list[str]:
    """A sandbox whose clock shows today, as a venue's does; its market is one of the past."""
    plan = folder / "faults.toml"
    skew_ms = time.time_ns() // NS_PER_MS - (DEMO_START_MS - WARM_UP_MS)
    plan.write_text(f"[[clock]]\nskew_ms = {skew_ms}\n", encoding="utf-8")
    return [sys.executable, "-m", "daemon.cli", "sandbox", "--no-limits", "--faults", str(plan), "--json"]


def _plan(rate: int, *, rest: str, public: str, private: str) -> Plan:
    text = CONFIG.format(
        rest=rest,
        public=public,
        private=private,
        strategy=STRATEGY,
        every=rate // ACTS_A_SECOND,
        price=RESTING_PRICE,
    )
    return msgspec.structs.replace(make_plan(text), trade=True)
