"""What the naive bot is made of: what it remembers, and its line to the venue."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

from msgspec import Struct, field

from daemon.core.account_events import Answered, Op
from daemon.core.remote.requests import Call, Request

SYMBOL = "BTCUSDT"
ZERO = Decimal(0)
Row: TypeAlias = dict[str, Any]


class Reply(Struct, frozen=True):
    """An answer: the venue's code and result, or why there is none."""

    code: int | None
    result: Row
    error: str = ""


class Order(Struct):
    """An order as the bot keeps it. status: sending, open, filled, cancelled or failed."""

    name: str
    side: str
    qty: Decimal
    price: float | None = None
    reduce_only: bool = False
    stop_at: float | None = None
    then_stop_at: float | None = None
    status: str = "sending"
    filled: Decimal = ZERO
    venue_id: str = ""
    misses: int = 0
    acked: bool = False


class Memory(Struct):
    """What a bot holds; kept over a restart unless it forgets."""

    orders: dict[str, Order] = field(default_factory=dict)
    fills: list[tuple[str, Decimal]] = field(default_factory=list)
    booked: set[str] = field(default_factory=set)
    position: Decimal = ZERO
    target: Decimal = ZERO
    sent: int = 0


class Line:
    """Sends requests and reads their answers.

    strict: a text that is no JSON is an error of its own; otherwise it is no answer.
    """

    def __init__(self, outbox: list[Request], *, strict: bool) -> None:
        self._outbox = outbox
        self._strict = strict
        self._waiting: dict[str, Callable[[Reply], None]] = {}
        self._count = 0

    def post(self, path: str, then: Callable[[Reply], None], **body: Any) -> None:
        op = {"create": Op.CREATE, "cancel": Op.CANCEL, "amend": Op.AMEND}.get(path.rpartition("/")[2], Op.PROTECT)
        self._send(op, Call("POST", path, json.dumps({"category": "linear", "symbol": SYMBOL} | body)), then)

    def ask(self, path: str, then: Callable[[Reply], None], **query: Any) -> None:
        text = "&".join(f"{key}={value}" for key, value in {"category": "linear", **query}.items())
        self._send(Op.ORDER, Call("GET", path, text), then)

    def hear(self, answered: Answered) -> None:
        self._waiting.pop(answered.request)(self._reply(answered))

    def _send(self, op: Op, call: Call, then: Callable[[Reply], None]) -> None:
        self._count += 1
        request = Request(id=f"q{self._count}", account="demo", op=op, call=call)
        self._waiting[request.id] = then
        self._outbox.append(request)

    def _reply(self, answered: Answered) -> Reply:
        if answered.error:
            return Reply(None, {}, answered.error)
        try:
            body = json.loads(answered.body)
        except ValueError:
            if self._strict:
                raise
            return Reply(None, {}, f"HTTP {answered.status}")
        return Reply(int(body["retCode"]), body.get("result") or {}, body.get("retMsg", ""))
