"""REST at the gateway: from the bytes of a request to those of its answer.

HTTP statuses as Bybit uses them: 401 without signing headers, 403 for an address that asks too much and for a GET with
a body, 404 for an unknown route; anything else is 200 with a `retCode`.
"""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import parse_qsl

import msgspec

from adapters.sandbox.gateway.front import Call, Front, Outcome
from adapters.sandbox.gateway.messages import (
    HTML,
    JSON,
    HttpAnswer,
    HttpRequest,
    Instant,
    Lines,
    Lost,
    envelope,
    json_of,
)
from adapters.sandbox.gateway.services import Services
from adapters.sandbox.gateway.signing import NO_AUTH, signature_of
from adapters.sandbox.gateway.stream import OnAuth
from adapters.sandbox.refused import Refused

BAD_REQUEST = 10001
TOO_FREQUENT = "access too frequent"
FORBIDDEN_BODY = "Forbidden"


class RestDoor:
    """Answers HTTP requests.

    Args:
        services: keys, limits, truth.
        front: carries out what passes.
        private: (method, path) of the routes that need a signature.
        on_auth: told before a signed request is carried out.
    """

    def __init__(self, services: Services, front: Front, private: Collection[tuple[str, str]], on_auth: OnAuth) -> None:
        self._services = services
        self._front = front
        self._private = private
        self._on_auth = on_auth

    def handle(self, request: HttpRequest, now: Instant) -> HttpAnswer | Lost:
        """Answer a request."""
        if not self._services.guard.admits_request(request.peer, now.real_ms):
            self._services.truth.note("shut out", {"peer": request.peer, "route": request.path})
            return HttpAnswer(status=403, body=TOO_FREQUENT.encode(), content_type="text/plain")
        if request.method == "GET" and request.body:
            return HttpAnswer(status=403, body=FORBIDDEN_BODY.encode(), content_type="text/plain")
        if (request.method, request.path) in self._private:
            return self._signed(request, now)
        lines = _query(request)
        call = Call(via="rest", method=request.method, path=request.path, lines=lines)
        return self._answer(self._front.perform(call, now), now)

    def _signed(self, request: HttpRequest, now: Instant) -> HttpAnswer | Lost:
        headers = {name.lower(): value for name, value in request.headers.items()}
        signature = signature_of(headers)
        payload = request.raw_query.encode() if request.method == "GET" else request.body
        bare = Call(
            via="rest",
            method=request.method,
            path=request.path,
            lines={},
            signed_ts=headers.get("x-bapi-timestamp", ""),
        )
        if signature is None:
            outcome = self._front.refused(bare, Refused(NO_AUTH, "User authentication failed."))
            return self._answer(msgspec.structs.replace(outcome, status=401), now)
        server_ms = self._services.server_ms(now.market_ms)
        try:
            account, key = self._services.verifier.request(
                signature, payload, peer=request.peer, now_ms=server_ms, wall_ms=self._services.wall_ms(now.market_ms)
            )
            lines = _query(request) if request.method == "GET" else _body(request)
        except Refused as refused:
            return self._answer(self._front.refused(bare, refused), now)
        self._on_auth(now)
        call = Call(
            via="rest",
            method=request.method,
            path=request.path,
            lines=lines,
            account=account,
            key=key,
            signed_ts=signature.timestamp,
        )
        return self._answer(self._front.perform(call, now), now, call.signed_ts)

    def _answer(self, outcome: Outcome, now: Instant, signed_ts: str = "") -> HttpAnswer | Lost:
        if outcome.lost is not None:
            return outcome.lost
        services, allowance = self._services, outcome.allowance
        server_ms, reset_ms = services.server_ms(now.market_ms), allowance.reset_in_ms
        headers = {
            "X-Bapi-Limit": str(allowance.limit),
            "X-Bapi-Limit-Status": str(allowance.left),
            "X-Bapi-Limit-Reset-Timestamp": str(services.reset_ms(reset_ms, signed_ts, now.market_ms)),
        }
        headers = {name: text for name, text in {**headers, **outcome.headers}.items() if text}
        if outcome.body is not None:
            kind = HTML if outcome.body.lstrip().startswith("<") else JSON
            body = outcome.body.encode()
        else:
            kind = JSON
            body = json_of(envelope(outcome.code, outcome.message, outcome.result, outcome.ext, server_ms))
        return HttpAnswer(
            status=outcome.status, body=body, headers=headers, content_type=kind, delay_ms=outcome.delay_ms
        )


def _query(request: HttpRequest) -> Lines:
    return dict(parse_qsl(request.raw_query, keep_blank_values=True))


def _body(request: HttpRequest) -> Lines:
    """The JSON object of a POST; an empty body is an empty object.

    Raises:
        Refused: it is something else.
    """
    try:
        decoded = msgspec.json.decode(request.body or b"{}")
    except (msgspec.DecodeError, UnicodeError):
        decoded = None
    if not isinstance(decoded, dict):
        raise Refused(BAD_REQUEST, "Request parameter error.")
    return decoded
