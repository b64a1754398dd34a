"""What goes over the control socket, as JSON."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from daemon.core.errors import ConfigError
from daemon.core.remote.exchange import RemoteStatus

Reason = Annotated[str, Meta(min_length=1, max_length=500)]
RequestId = Annotated[str, Meta(pattern="^[A-Za-z0-9._:-]{1,64}$")]


class Order(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An operator's command. lane: empty for all.  request: an id that makes a repeated one harmless."""

    name: Literal["halt", "panic", "resume"]
    reason: Reason
    request: RequestId
    lane: str = ""

    @classmethod
    def of(cls, name: str, reason: str, *, request: str, lane: str = "") -> Order:
        """A command made of what a person typed.

        Raises:
            ConfigError: the reason is empty or too long.
        """
        try:
            return msgspec.convert({"name": name, "reason": reason, "request": request, "lane": lane}, cls)
        except msgspec.ValidationError as error:
            cure = "say in 1 to 500 characters why"
            raise ConfigError(f"{name}: --reason: {str(error).partition(' - at')[0]}", cure=cure) from None


class Given(Struct, frozen=True, kw_only=True):
    """The engine has handled a command, and it is durable. repeated: it was given before, and is in force once."""

    request: str
    repeated: bool


class OpenOrder(Struct, frozen=True, kw_only=True):
    """An order that may still fill. qty, filled: base units.  price: the limit, USDT; trigger: what it waits for."""

    order_id: str
    symbol: str
    side: str
    type: str
    qty: str
    filled: str
    status: str
    price: str = ""
    trigger: str = ""
    reduce_only: bool = False


class LaneStatus(Struct, frozen=True, kw_only=True):
    """How a lane stands.

    halts: who keeps it from opening risk, and why; of a symbol alone under "who SYMBOL".  positions: those that are not
    flat, base units as text.  open_orders: how many.  orders: those of strategies and panics, oldest first.
    panic: how far one is, `closing`, `proving` or `done`; empty without one.  remote: the account at a venue; None for
    a simulated one.
    """

    lane: str
    account: str
    halts: dict[str, str]
    equity: float
    positions: dict[str, str]
    open_orders: int
    orders: tuple[OpenOrder, ...] = ()
    panic: str = ""
    remote: RemoteStatus | None = None


class Status(Struct, frozen=True, kw_only=True):
    """How a run stands. pid: of its process.  inputs: so far.  now: time of the run, ISO 8601 UTC.

    silent_s: seconds of the world since each source spoke last: `market`, the private stream and the answers of each
    account; one that never did is missing.
    """

    run: str
    mode: str
    pid: int
    inputs: int
    now: str
    lanes: tuple[LaneStatus, ...]
    silent_s: dict[str, float] = {}


class Refusal(Struct, frozen=True):
    """Why a request was not taken, and what to do about it."""

    error: str
    cure: str
