"""What happens to a request after its signature held: permission, rate limit, the venue, trouble on purpose.

The same for REST and for the order socket. The plan may keep a request from being carried out, carry it out twice,
hide parts of its answer, put another one in its place, or lose it; the truth log says what was really done.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from adapters.sandbox.gateway.accounts import Account, ApiKey, permits
from adapters.sandbox.gateway.lies import hide_young, lie
from adapters.sandbox.gateway.limits import OTHERWISE, PER_SECOND, Allowance
from adapters.sandbox.gateway.matching import Subject
from adapters.sandbox.gateway.messages import Instant, Lines, Lost
from adapters.sandbox.gateway.plan import Forged, RequestFault
from adapters.sandbox.gateway.services import Services
from adapters.sandbox.gateway.signing import NO_PERMISSION
from adapters.sandbox.gateway.status import STATUS_PATH
from adapters.sandbox.refused import Refused

SERVER_ERROR, TOO_MANY = 10016, 10006
TOO_MANY_TEXT = "Too many visits. Exceeded the API Rate Limit."
BATCH_MAX = 20


class Call(Struct, frozen=True, kw_only=True):
    """A request. via: "rest" or "trade".  signed_ts: the client's timestamp.  account, key: None for public routes."""

    via: str
    method: str
    path: str
    lines: Lines
    account: Account | None = None
    key: ApiKey | None = None
    signed_ts: str = ""

    @property
    def uid(self) -> str:
        """User id; empty for public routes."""
        return self.account.uid if self.account is not None else ""


class Outcome(Struct, frozen=True, kw_only=True):
    """What is to be answered, before it has a transport.

    body: the whole body, when the plan forges it.  headers: in place of those of the limit; empty ones go.
    lost: there is no answer.
    """

    code: int | str = 0
    message: str = "OK"
    result: Mapping[str, object] = {}
    ext: Mapping[str, object] = {}
    status: int = 200
    allowance: Allowance = Allowance(1, OTHERWISE, OTHERWISE - 1, 0)
    body: str | None = None
    headers: Mapping[str, str] = {}
    delay_ms: int = 0
    lost: Lost | None = None


Serve: TypeAlias = Callable[[Call, Instant], Outcome]
"""Carries out a request; raises `Refused`."""


class Front:
    """Takes requests of known senders.

    Args:
        services: limits, rules, truth.
        serve: what stands behind the limits.
    """

    def __init__(self, services: Services, serve: Serve) -> None:
        self._services = services
        self._serve = serve
        self._count = 0

    def perform(self, call: Call, now: Instant) -> Outcome:
        """Carry out a request, or do with it what the plan wants."""
        services = self._services
        self._count += 1
        number = self._count
        services.truth.note("request", {"request": number} | _record(call))
        met = services.request_rules.met(_subject(call), services.elapsed_s(now)) if services.request_rules else []
        services.note_faults("requests", met, request=number)
        faults = [counted.rule for counted in met]
        times = 1 + sum(fault.repeat for fault in faults) if _carried_out(faults) else 0
        outcomes = [self._carry_out(call, now) for _ in range(times)]
        outcome = self._troubled(call, outcomes[0] if outcomes else Outcome(), faults, now)
        services.truth.note("answer", {"request": number, "times": times} | _verdict(outcomes, outcome))
        return outcome

    def refused(self, call: Call, refused: Refused) -> Outcome:
        """The answer to a request that was refused before anything else, such as for its signature."""
        self._count += 1
        truth = self._services.truth
        truth.note("request", {"request": self._count} | _record(call))
        outcome = _refusal(refused)
        truth.note("answer", {"request": self._count, "times": 0} | _verdict([outcome], outcome))
        return outcome

    def _carry_out(self, call: Call, now: Instant) -> Outcome:
        services = self._services
        if call.path != STATUS_PATH and services.maintenance(now) is not None:
            return Outcome(code=SERVER_ERROR, message="Server error.")
        if call.account is None:
            return self._served(call, now)
        orders = _orders_of(call.lines) if call.path.endswith("-batch") else []
        allowance = services.limiter.take(call.uid, call.path, max(1, len(orders)), now.real_ms)
        if not allowance.granted:
            return Outcome(code=TOO_MANY, message=TOO_MANY_TEXT, allowance=allowance)
        if allowance.granted < len(orders) <= BATCH_MAX:
            outcome = self._served(_first_orders(call, orders[: allowance.granted]), now)
            outcome = _with_refused_orders(outcome, call.lines, orders[allowance.granted :])
        else:
            outcome = self._served(call, now)
        return replace(outcome, allowance=allowance)

    def _served(self, call: Call, now: Instant) -> Outcome:
        try:
            if call.key is not None:
                check_permission(call.key, call.method, call.path)
            return self._serve(call, now)
        except Refused as refused:
            return _refusal(refused)

    def _troubled(self, call: Call, outcome: Outcome, faults: Sequence[RequestFault], now: Instant) -> Outcome:
        if not faults:
            return outcome
        result = outcome.result
        for fault in faults:
            if fault.hide_ms:
                result = hide_young(result, now.market_ms - fault.hide_ms)
            result = lie(result, fault.lie)
        headers = {name: text for fault in faults for name, text in fault.headers.items()}
        outcome = replace(outcome, result=result, headers=headers, delay_ms=sum(fault.delay_ms for fault in faults))
        forged = next((fault.answer for fault in faults if fault.answer is not None), None)
        if forged is not None:
            outcome = _forged(outcome, forged, call.path)
        lose = next((fault.lose for fault in faults if fault.lose is not None), None)
        if lose is not None:
            outcome = replace(outcome, lost=Lost(how=lose.how, delay_ms=outcome.delay_ms))
        return outcome


def check_permission(key: ApiKey, method: str, path: str) -> None:
    """Refuse what a key may not do.

    Raises:
        Refused: it may only read, or lacks the permission of the route.
    """
    acts = method != "GET"
    wanted = "Position" if path.startswith("/v5/position/") else "Order" if path.startswith("/v5/order/") else ""
    if (acts and key.read_only) or (wanted and not permits(key.permissions, wanted)):
        raise Refused(NO_PERMISSION, "Permission denied, please check your API key permissions.")


def _carried_out(faults: Sequence[RequestFault]) -> bool:
    return all(
        (fault.lose is None or fault.lose.accepted) and (fault.answer is None or fault.answer.accepted)
        for fault in faults
    )


def _refusal(refused: Refused) -> Outcome:
    return Outcome(code=refused.code, message=refused.message, result=refused.result)


def _forged(outcome: Outcome, forged: Forged, path: str) -> Outcome:
    outcome = replace(outcome, status=forged.http, body=forged.body, result={}, ext={}, message=forged.message)
    if forged.code is None:
        return outcome
    allowance = outcome.allowance
    if str(forged.code) == str(TOO_MANY):
        allowance = Allowance(0, PER_SECOND.get(path, OTHERWISE), 0, 1000)
    return replace(outcome, code=forged.code, allowance=allowance)


def _subject(call: Call) -> Subject:
    symbols = [str(order.get("symbol", "")) for order in _orders_of(call.lines)] or [str(call.lines.get("symbol", ""))]
    return Subject(route=call.path, via=call.via, uid=call.uid, symbols=symbols)


def _orders_of(lines: Lines) -> list[dict[str, object]]:
    orders = lines.get("request")
    return [order for order in orders if isinstance(order, dict)] if isinstance(orders, list) else []


def _first_orders(call: Call, orders: list[dict[str, object]]) -> Call:
    return replace(call, lines={**call.lines, "request": orders})


def _with_refused_orders(outcome: Outcome, lines: Lines, orders: list[dict[str, object]]) -> Outcome:
    """The answer of a batch of which only the first orders fitted into the second."""
    rows = [
        {
            "category": lines.get("category", ""),
            "symbol": order.get("symbol", ""),
            "orderId": "",
            "orderLinkId": order.get("orderLinkId", ""),
            "createAt": "",
        }
        for order in orders
    ]
    codes = [{"code": TOO_MANY, "msg": TOO_MANY_TEXT} for _ in orders]
    done, said = outcome.result.get("list"), outcome.ext.get("list")
    if not isinstance(done, list) or not isinstance(said, list):
        return outcome
    return replace(
        outcome, result={**outcome.result, "list": [*done, *rows]}, ext={**outcome.ext, "list": [*said, *codes]}
    )


def _record(call: Call) -> dict[str, object]:
    """What the truth says about a request; never the secret or the signature."""
    return {
        "via": call.via,
        "method": call.method,
        "route": call.path,
        "uid": call.uid,
        "key": call.key.key if call.key is not None else "",
        "signed_ts": call.signed_ts,
        "order_link_id": call.lines.get("orderLinkId", ""),
        "order_id": call.lines.get("orderId", ""),
        "symbol": call.lines.get("symbol", ""),
        "lines": call.lines,
    }


def _verdict(outcomes: Sequence[Outcome], outcome: Outcome) -> dict[str, object]:
    """What was really decided, and what the client is told."""
    told = "lost" if outcome.lost is not None else "forged" if outcome.body is not None else outcome.code
    if not outcomes:
        return {"decision": "not carried out", "code": None, "told": told, "delay_ms": outcome.delay_ms}
    codes: Collection[int | str] = [each.code for each in outcomes]
    return {
        "decision": "accepted" if outcomes[0].code == 0 else "refused",
        "code": outcomes[0].code,
        "codes": codes,
        "told": told,
        "delay_ms": outcome.delay_ms,
    }
