"""What a live run answers on its control socket: commands become inputs, the status is read off the engine."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from types import TracebackType

from daemon.app.runs import Mode
from daemon.app.session import Session
from daemon.clock import SystemClock
from daemon.config import iso_time
from daemon.control import Given, LaneStatus, OpenOrder, Order, Status
from daemon.control.server import ControlServer
from daemon.core.events import Command
from daemon.core.lane import Lane
from daemon.core.orders import OrderState
from daemon.core.panic import Panic
from daemon.core.remote.exchange import RemoteExchange
from daemon.core.units import NS_PER_SECOND
from daemon.log import get_logger
from daemon.loop import LiveLoop, Pipeline
from daemon.ports import Received

SOURCE = "control"
log = get_logger("control")


class Control:
    """The control socket of a live run, for as long as the context lasts.

    Args:
        session: the run.
        mode: what it was made for.
        live: takes the commands.
        now: the run's time, nanoseconds UTC.
        heard: when each source spoke last, nanoseconds UTC of this machine.
    """

    def __init__(
        self,
        session: Session,
        mode: Mode,
        live: LiveLoop,
        now: Callable[[], int],
        heard: Callable[[], Mapping[str, int]],
    ) -> None:
        self._session = session
        self._mode = mode
        self._live = live
        self._now = now
        self._heard = heard
        self._given: dict[str, asyncio.Future[int]] = {}
        names = tuple(lane.name for lane in session.pipeline.engine.lanes)
        self._server = ControlServer(session.run_dir, names, give=self.give, status=self.status)

    async def __aenter__(self) -> Control:
        await self._server.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._server.close()

    async def give(self, order: Order) -> Given:
        """Let the engine handle a command, once; done when it is durable."""
        request = order.request
        known = self._given.get(request)
        if known is None and request in self._session.pipeline.commands:
            return Given(request=request, repeated=True)
        if known is None:
            log.warning("command", name=order.name, lane=order.lane, reason=order.reason, request=request)
            command = Command(order.name, order.lane, order.reason, request)
            self._given[request] = self._live.promise(Received(self._now(), SOURCE, fact=command))
        await asyncio.shield(self._given[request])
        return Given(request=request, repeated=known is not None)

    def status(self) -> Status:
        """How the run stands."""
        session = self._session
        return Status(
            run=session.run_dir.name,
            mode=self._mode,
            pid=os.getpid(),
            inputs=session.pipeline.inputs,
            now=iso_time(self._now()),
            lanes=lane_statuses(session.pipeline),
            silent_s=silences(self._heard(), SystemClock().now()),
        )


def silences(heard: Mapping[str, int], now: int) -> dict[str, float]:
    """Seconds since each source spoke; those that never did are left out. Times in nanoseconds UTC."""
    return {source: round(max(0, now - at) / NS_PER_SECOND, 1) for source, at in heard.items() if at}


def lane_statuses(pipeline: Pipeline) -> tuple[LaneStatus, ...]:
    """How each lane of an engine stands, in the order of its lanes."""
    panics = pipeline.engine.desk.panics
    return tuple(_lane_status(lane, panics.get(lane.name)) for lane in pipeline.engine.lanes)


def _lane_status(lane: Lane, panic: Panic | None) -> LaneStatus:
    exchange = lane.exchange
    remote = exchange.status() if isinstance(exchange, RemoteExchange) else None
    held = {symbol: f"{position.qty:f}" for symbol, position in lane.ledger.positions.items() if position.qty}
    open_orders = max(len(lane.orders), remote.open_orders if remote is not None else 0)
    return LaneStatus(
        lane=lane.name,
        account=lane.account,
        halts=_halts(lane),
        equity=lane.equity(),
        positions=held,
        open_orders=open_orders,
        orders=tuple(_open_order(order) for order, _ in lane.orders.values()),
        panic="" if panic is None else panic.stage.value,
        remote=remote,
    )


def _open_order(order: OrderState) -> OpenOrder:
    request = order.request
    return OpenOrder(
        order_id=request.order_id,
        symbol=request.symbol,
        side=request.side,
        type=request.type,
        qty=f"{request.qty:f}",
        filled=f"{order.filled_qty:f}",
        status=order.status,
        price="" if request.price is None else f"{request.price:f}",
        trigger="" if request.trigger_price is None else f"{request.trigger_price:f}",
        reduce_only=request.reduce_only,
    )


def _halts(lane: Lane) -> dict[str, str]:
    symbols = dict.fromkeys(runner.symbol for runner in lane.runners)
    alone = {f"{who} {symbol}": why for symbol in symbols for who, why in lane.halts_on(symbol).items()}
    return lane.halts | alone
