"""How a run ends: one that trades settles first what is in flight, and the second wish ends at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from daemon.app import ending as module
from daemon.app.ending import Ending, signals
from daemon.app.lanes import build_pipeline
from daemon.core.closed import ClosedExchange
from daemon.core.engine import Engine
from daemon.core.events import Command, Fact, Side
from daemon.core.orders import OrderRequest, OrderState
from daemon.core.records import OrderType, TimeInForce
from daemon.core.remote.exchange import RemoteExchange
from daemon.loop import Stopped
from tests.daemon.app.test_lanes import at_bybit
from tests.simulation.configs import SWING, document, lane, plan_of_document

LIMIT_S = 10


class Loop:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.stopped: list[Stopped] = []
        self.told: list[Fact] = []

    def stop(self, why: Stopped = Stopped.ASKED) -> None:
        self.stopped.append(why)

    def tell(self, fact: Fact) -> None:
        self.told.append(fact)


def trading(folder: Path) -> Engine:
    return build_pipeline(at_bybit(folder), None, "lineage").engine


def paper(folder: Path) -> Engine:
    return build_pipeline(plan_of_document(folder, document([lane("swing", SWING)])), None).engine


def in_loop(scene: Callable[[], Any]) -> None:
    async def run() -> None:
        await scene()

    asyncio.run(asyncio.wait_for(run(), LIMIT_S))


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """What every account says of itself, in its only element."""
    said = [False]
    monkeypatch.setattr(RemoteExchange, "settled", property(lambda _: said[0]))
    return said


def test_a_run_that_trades_nowhere_stops_as_asked(tmp_path: Path) -> None:
    loop = Loop()

    async def scene() -> None:
        Ending(loop, paper(tmp_path)).ask()  # type: ignore[arg-type]

    in_loop(scene)
    assert (loop.stopped, loop.told) == ([Stopped.ASKED], [])


def test_one_that_trades_drains_and_stops_when_nothing_is_in_flight(tmp_path: Path, settled: list[bool]) -> None:
    loop = Loop()

    async def scene() -> None:
        ending = Ending(loop, trading(tmp_path))  # type: ignore[arg-type]
        ending.ask()
        assert loop.told == [Command("drain", reason="stopped by the operator")]
        ending.look(10, 1)
        assert loop.stopped == []
        settled[0] = True
        ending.look(11, 2)

    in_loop(scene)
    assert loop.stopped == [Stopped.ASKED]


def test_it_waits_no_longer_than_its_limit(
    tmp_path: Path, settled: list[bool], monkeypatch: pytest.MonkeyPatch
) -> None:
    loop = Loop()
    monkeypatch.setattr(module, "DRAIN_S", 0.01)
    over = asyncio.Event()
    stop = loop.stop

    def stop_and_say(why: Stopped) -> None:
        stop(why)
        over.set()

    monkeypatch.setattr(loop, "stop", stop_and_say)

    async def scene() -> None:
        Ending(loop, trading(tmp_path)).ask()  # type: ignore[arg-type]
        await over.wait()

    in_loop(scene)
    assert loop.stopped == [Stopped.ASKED]


def test_the_second_wish_ends_every_run_at_once(tmp_path: Path, settled: list[bool]) -> None:
    for engine in (paper(tmp_path), trading(tmp_path)):
        loop = Loop()

        async def scene(loop: Loop = loop, engine: Engine = engine) -> None:
            ending = Ending(loop, engine)  # type: ignore[arg-type]
            ending.ask()
            ending.ask()

        in_loop(scene)
        assert loop.stopped[-1] is Stopped.AT_ONCE


@pytest.mark.parametrize(("limits", "why"), [({"until": 100}, Stopped.UNTIL), ({"inputs_max": 10}, Stopped.INPUTS)])
def test_the_wanted_end_of_a_run_that_trades_is_a_drain_too(
    tmp_path: Path, settled: list[bool], limits: dict[str, int], why: Stopped
) -> None:
    loop = Loop()
    settled[0] = True

    async def scene() -> None:
        ending = Ending(loop, trading(tmp_path), **limits)  # type: ignore[arg-type]
        ending.look(9, 99)
        assert loop.told == []
        ending.look(10, 100)
        assert loop.told == [Command("drain", reason=str(why))]
        assert loop.stopped == []
        ending.look(11, 101)

    in_loop(scene)
    assert loop.stopped == [why]


def order(kind: OrderType, time_in_force: TimeInForce) -> OrderState:
    price = Decimal(100) if kind is OrderType.LIMIT else None
    return OrderState(
        OrderRequest("main-1-0", 1, "swing", "BTCUSDT", Side.BUY, kind, time_in_force, Decimal(1), price=price)
    )


def test_an_order_that_cannot_rest_is_waited_for_and_one_that_rests_is_not(tmp_path: Path, settled: list[bool]) -> None:
    loop = Loop()
    settled[0] = True
    engine = trading(tmp_path)
    orders = engine.lanes[0].orders
    orders["resting"] = (order(OrderType.LIMIT, TimeInForce.GTC), None)
    orders["market"] = (order(OrderType.MARKET, TimeInForce.IOC), None)

    async def scene() -> None:
        ending = Ending(loop, engine)  # type: ignore[arg-type]
        ending.ask()
        ending.look(1, 1)
        assert loop.stopped == []
        del orders["market"]
        ending.look(2, 2)

    in_loop(scene)
    assert loop.stopped == [Stopped.ASKED]


def test_where_it_is_wished_open_orders_are_cancelled_and_waited_for(tmp_path: Path, settled: list[bool]) -> None:
    loop = Loop()
    settled[0] = True
    engine = build_pipeline(at_bybit(tmp_path, orders={"on_stop": "cancel"}), None, "lineage").engine
    main = engine.lanes[0]
    main.orders["main-1-0"] = (order(OrderType.LIMIT, TimeInForce.GTC), main.runners[0])
    main.orders["protection"] = (order(OrderType.LIMIT, TimeInForce.GTC), None)

    async def scene() -> None:
        ending = Ending(loop, engine)  # type: ignore[arg-type]
        ending.ask()
        why = "stopped by the operator"
        assert loop.told == [Command("cancel", lane="main", reason=why), Command("drain", reason=why)]
        ending.look(1, 1)
        assert loop.stopped == []
        del main.orders["main-1-0"]
        ending.look(2, 2)

    in_loop(scene)
    assert loop.stopped == [Stopped.ASKED]


def test_a_lane_whose_books_broke_keeps_nobody_from_stopping(tmp_path: Path) -> None:
    loop = Loop()
    engine = trading(tmp_path)

    async def scene() -> None:
        ending = Ending(loop, engine)  # type: ignore[arg-type]
        engine.lanes[0].exchange = ClosedExchange()
        ending.ask()
        ending.look(1, 1)

    in_loop(scene)
    assert loop.stopped == [Stopped.ASKED]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(("times", "ends"), [(1, [Stopped.ASKED]), (2, [Stopped.ASKED, Stopped.AT_ONCE])])
def test_a_signal_that_comes_before_the_run_can_be_ended_ends_it(
    tmp_path: Path, number: signal.Signals, times: int, ends: list[Stopped]
) -> None:
    async def scene() -> None:
        loop = Loop()
        with signals() as wishes:
            for _ in range(times):
                os.kill(os.getpid(), number)
                for _ in range(5):
                    await asyncio.sleep(0)
            assert loop.stopped == []
            with wishes.lead_to(Ending(loop, paper(tmp_path))):  # type: ignore[arg-type]
                assert loop.stopped == ends
            assert signal.getsignal(number) in (signal.default_int_handler, signal.SIG_DFL)

    in_loop(scene)
