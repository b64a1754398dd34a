"""Panic: a lane halts, its orders are cancelled, its positions closed, and that is proved.

What is left is looked at every other second: open orders are cancelled again, what is still held is closed by another
reduce-only market order. When nothing is left the exchange is asked to prove it, which at a real venue may bring up
what our books did not know; then it begins anew. A panic survives a crash like any command, and ends by `resume` only;
its proof is a line of its own.
"""

from __future__ import annotations

from enum import Enum

from daemon.core import halts
from daemon.core.blotter import Blotter
from daemon.core.events import Side
from daemon.core.lane import Lane
from daemon.core.ledger import Position
from daemon.core.orders import OrderRequest, OrderState, order_id
from daemon.core.records import CreateType, OrderType, TimeInForce
from daemon.core.turn import Turn
from daemon.core.units import NEVER, NS_PER_SECOND

LOOK = 2 * NS_PER_SECOND
WHO = "panic"


class Stage(Enum):
    """How far a panic is."""

    CLOSING = "closing"
    PROVING = "proving"
    DONE = "done"


class Panic:
    """A panic of one lane. due: when to look at what is left, nanoseconds UTC; `NEVER` once it is done."""

    def __init__(self, turn: Turn, lane: Lane, blotter: Blotter) -> None:
        self.stage = Stage.CLOSING
        self.due = turn.now
        self._turn = turn
        self._lane = lane
        self._blotter = blotter

    @property
    def proved(self) -> bool:
        """Whether the lane is flat, and its exchange has said so."""
        return self.stage is Stage.DONE

    def look(self) -> None:
        """Do what is left to do.

        Raises:
            InvariantBroken: the lane's exchange or books broke.
        """
        turn, lane = self._turn, self._lane
        self.due = turn.now + LOOK
        held = [position for position in lane.ledger.positions.values() if position.qty]
        if lane.orders or held:
            self.stage = Stage.CLOSING
            self._cancel()
            self._close(held)
        elif self.stage is Stage.CLOSING:
            self.stage = Stage.PROVING
            self._blotter.absorb(lane, lane.exchange.prove(turn.now))
        elif lane.exchange.agrees:
            self.stage = Stage.DONE
            self.due = NEVER
            halts.halt(turn, lane, WHO, "flat, and without open orders: proved")

    def _cancel(self) -> None:
        lane = self._lane
        closing = {state.request.symbol for state, _ in lane.orders.values() if not self._is_close(state)}
        for symbol in sorted(closing):
            self._blotter.absorb(lane, lane.exchange.cancel_all(symbol, self._turn.now))

    def _close(self, held: list[Position]) -> None:
        lane, turn = self._lane, self._turn
        closing = {state.request.symbol for state, _ in lane.orders.values() if self._is_close(state)}
        for position in held:
            symbol = position.symbol
            if symbol in closing:
                continue
            request = OrderRequest(
                order_id(lane.name, turn.seq + 1, 0),
                0,
                "",
                symbol,
                Side.SELL if position.qty > 0 else Side.BUY,
                OrderType.MARKET,
                TimeInForce.IOC,
                position.qty.copy_abs(),
                reduce_only=True,
                create_type=CreateType.PANIC,
            )
            self._blotter.add(lane, OrderState(request))
            self._blotter.absorb(lane, lane.exchange.submit(request, lane.market(symbol), turn.now))

    def _is_close(self, state: OrderState) -> bool:
        return state.request.create_type is CreateType.PANIC
