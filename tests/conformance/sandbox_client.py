"""A client of the sandbox: requests as our adapter words them, answers and pushes as it reads them. No sockets."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from adapters.bybit.account_decoder import AccountDecoder
from adapters.bybit.dialect import BybitDialect
from adapters.sandbox.gateway.gateway import Gateway
from adapters.sandbox.gateway.messages import HttpAnswer, HttpRequest
from daemon.core.account_events import Answered, Executed, Op, OrderSeen, Outcome, OutcomeKind, PositionSeen
from daemon.core.events import Fact
from daemon.core.records import OrderStatus
from daemon.core.remote.requests import Call
from tests.adapters.sandbox.gateway.world import TOPICS, auth_frame, signed_headers
from tests.conformance.venue import StatusView

NO_REASON = {"", "EC_NoError", "UNKNOWN"}
ROUNDS_MAX = 1000


class SandboxClient:
    """What one account's client asks and hears.

    statuses: told of each order, by our id, or by the venue's where we gave none.  executions: in their order.
    """

    def __init__(self, gateway: Gateway, now_ms: Callable[[], int]) -> None:
        self.dialect = BybitDialect()
        self.statuses: dict[str, list[StatusView]] = {}
        self.executions: list[Executed] = []
        self.venue_ids: dict[str, str] = {}
        self.symbols: dict[str, str] = {}
        self._seen: dict[str, tuple[str, Decimal]] = {}
        self._gateway = gateway
        self._now_ms = now_ms
        self._decoder = AccountDecoder("conformance")
        self._stream = gateway.open_private("conformance")
        for frame in (auth_frame(now_ms()), json.dumps({"op": "subscribe", "args": TOPICS})):
            (answer,) = self._stream.handle(frame, now_ms())
            assert json.loads(answer)["success"] is True, answer

    # Requests

    def act(self, call: Call, op: Op) -> str | None:
        """Send a request that changes something; code and text when it was refused."""
        outcome = self._outcome(self._facts(call, op))
        self.listen()
        return None if outcome.kind is OutcomeKind.ACCEPTED else f"{outcome.code}: {outcome.reason}"

    def post(self, path: str, **body: object) -> str | None:
        """Send a request for which our adapter has no words."""
        answer = json.loads(self._sent(Call("POST", path, json.dumps(body))))
        self.listen()
        return None if answer["retCode"] == 0 else f"{answer['retCode']}: {answer['retMsg']}"

    def ask(self, call: Call, op: Op) -> list[Fact]:
        """Rows of one page."""
        facts = self._facts(call, op)
        assert self._outcome(facts).kind is OutcomeKind.ACCEPTED, facts
        return facts[:-1]

    def open_orders(self) -> list[OrderSeen]:
        """All open orders, newest first."""
        cursor, seen = "", list[Fact]()
        for _ in range(ROUNDS_MAX):
            facts = self._facts(self.dialect.open_orders(cursor), Op.OPEN_ORDERS)
            seen += facts[:-1]
            cursor = self._outcome(facts).cursor
            if not cursor:
                break
        return [each for each in seen if isinstance(each, OrderSeen)]

    def order(self, name: str) -> OrderSeen:
        """An order, open or closed."""
        ours = name in self.venue_ids and self.venue_ids[name] != name
        link_id, venue_id = (name, "") if ours else ("", name)
        for call, op in (
            (self.dialect.order(self.symbols[name], link_id, venue_id), Op.ORDER),
            (self.dialect.order_history(self.symbols[name], link_id, venue_id), Op.ORDER_HISTORY),
        ):
            for fact in self.ask(call, op):
                if isinstance(fact, OrderSeen):
                    return fact
        raise AssertionError(f"the sandbox does not know {name}")

    def positions(self, symbol: str) -> list[PositionSeen]:
        """The positions of a symbol."""
        facts = self.ask(self.dialect.positions(symbol), Op.POSITIONS)
        return [each for each in facts if isinstance(each, PositionSeen)]

    def result(self, call: Call) -> Any:
        """The result as it stands in the body, for what our adapter does not read."""
        return json.loads(self._sent(call))["result"]

    def _facts(self, call: Call, op: Op) -> list[Fact]:
        body = self._sent(call)
        answered = Answered(account="conformance", request="r", op=op, status=200, body=body)
        return list(self._decoder.observe(answered))

    def _outcome(self, facts: list[Fact]) -> Outcome:
        outcome = facts[-1]
        assert isinstance(outcome, Outcome)
        return outcome

    def _sent(self, call: Call) -> str:
        now_ms = self._now_ms()
        query, body = (call.text, "") if call.method == "GET" else ("", call.text)
        request = HttpRequest(
            method=call.method,
            path=call.path,
            raw_query=query,
            headers=signed_headers(call.text, now_ms),
            body=body.encode(),
        )
        answer = self._gateway.handle(request, now_ms)
        assert isinstance(answer, HttpAnswer)
        return answer.body.decode()

    # Pushes

    def listen(self) -> None:
        """Hear everything that was pushed by now."""
        for frame in self._stream.take_pushes(self._now_ms()):
            for fact in self._decoder.decode(frame, 0, self._decoder.source):
                self._hear(fact)

    def _hear(self, fact: Fact) -> None:
        match fact:
            case OrderSeen():
                self._note(fact)
            case Executed():
                self.executions.append(fact)

    def _note(self, order: OrderSeen) -> None:
        """Take down a status; a push that changed nothing of it tells an amendment."""
        name = order.link_id or order.venue_id
        self.venue_ids[name], self.symbols[name] = order.venue_id, order.symbol
        state = (order.status, order.filled)
        if self._seen.get(name) == state:
            return
        self._seen[name] = state
        reason = next((each for each in (order.cancel_type, order.reject_reason) if each not in NO_REASON), "")
        self.statuses.setdefault(name, []).append(StatusView(OrderStatus(order.status), reason))
