"""Words that stories and plans of the museum have in common."""

from __future__ import annotations

from decimal import Decimal

from adapters.sandbox.gateway.plan import Forged, Lose, PushFault, RequestFault, When
from daemon.core.records import Action, OrderType
from daemon.core.strategy import Decision
from tests.daemon.core.build import buy, sell

CREATE, CANCEL, AMEND, STOP = "/v5/order/create", "/v5/order/cancel", "/v5/order/amend", "/v5/position/trading-stop"
REALTIME, HISTORY, EXECUTIONS = "/v5/order/realtime", "/v5/order/history", "/v5/execution/list"
POSITIONS, LEVERAGE = "/v5/position/list", "/v5/position/set-leverage"
FIRST = (1,)
BELOW, ABOVE = 90_000.0, 99_000.0
BAD_GATEWAY = Forged(accepted=True, http=502, body="<html><h1>502 Bad Gateway</h1></html>")

TAKEN = Lose(accepted=True)
TAKEN_IN_SILENCE = Lose(accepted=True, how="silence")
NOT_TAKEN = Lose(accepted=False)
CANCEL_ALL = Decision(Action.CANCEL, "told to cancel")


def bid(qty: float, price: float = BELOW, *, stop_loss: float | None = None) -> Decision:
    """Buy at a price that the market does not reach by itself."""
    return buy(qty, order_type=OrderType.LIMIT, price=price, stop_loss=stop_loss)


def offer(qty: float, price: float = ABOVE) -> Decision:
    """Sell at a price that the market does not reach by itself."""
    return sell(qty, order_type=OrderType.LIMIT, price=price)


def amend(price: float, qty: float | None = None) -> Decision:
    """Move the open order."""
    return Decision(Action.AMEND, "told to amend", price=price, qty=qty)


def protect(stop_loss: float) -> Decision:
    """Set the stop of the position."""
    return Decision(Action.PROTECT, "told to protect", stop_loss=stop_loss)


def lost(route: str, lose: Lose = TAKEN, nth: tuple[int, ...] = FIRST, name: str = "answer lost") -> RequestFault:
    """The answer to a request is lost."""
    return RequestFault(name=name, when=When(route=route, nth=nth), lose=lose)


def forged(route: str, answer: Forged, **when: object) -> RequestFault:
    """A request is answered by somebody else."""
    return RequestFault(name="answer forged", when=When(route=route, **when), answer=answer)  # type: ignore[arg-type]


def muted(topic: str, from_s: float = 0.0, until_s: float | None = None) -> PushFault:
    """Messages of a topic are not delivered."""
    return PushFault(name=f"{topic} muted", when=When(topic=topic, from_s=from_s, until_s=until_s), drop=True)


def hidden(route: str, ms: int) -> RequestFault:
    """A query does not see what is younger."""
    return RequestFault(name="replica lags", when=When(route=route), hide_ms=ms)


def usdt(amount: int) -> Decimal:
    """Money."""
    return Decimal(amount)
