"""ccxt carries, we decide: its bybit class builds and signs a request, and nothing leaves that is not ours to the byte.

The request was written down before it came here. ccxt is told to make the same one; what it made is compared with the
record and with our own signature, and is then sent by our own HTTP client, once. So a faulty or hostile library can
refuse to work, but cannot change an order, name another host or follow a redirect with our headers.
See docs/adr/0016-ccxt-carries.md.

ccxt takes half a second to import. Only a carrier does, when it is built.
"""

from __future__ import annotations

import hmac
import importlib
import json
from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from adapters.bybit.hosts import Environment
from adapters.bybit.http_call import HttpAnswer, HttpClient
from adapters.bybit.signing import Credentials, sign_request
from daemon.core.remote.requests import Call
from daemon.core.units import NS_PER_MS

_MODULE = "ccxt.async_support.bybit"
_STAMP_MS = 1000
_SIGNED = ("X-BAPI-API-KEY", "X-BAPI-TIMESTAMP", "X-BAPI-RECV-WINDOW", "X-BAPI-SIGN")
# What ccxt adds and we leave out: its referral.
_LEFT_OUT = frozenset({"Referer"})
_CONTENT_TYPE = "Content-Type"
KEY_LEFT_OUT = "[key]"


class Built(Struct, frozen=True):
    """A request as ccxt made it."""

    url: str
    method: str
    headers: Mapping[str, str]
    body: str


class Ticket(Struct):
    """Leave to send one call, once.

    window_ms: for how long the venue may take it.  signed: nanoseconds of the venue's clock that it was stamped with, 0
    while it was not.  used: whether ccxt has brought it to the point where it is sent.
    """

    call: Call
    window_ms: int
    signed: int = 0
    used: bool = False


class Carrier:
    """Signs and sends calls to one environment with one key.

    Args:
        environment: where to.
        credentials: with whose key.
        venue_now_ns: the venue's time, nanoseconds UTC; asked when a call is signed.
        http: sends what was checked.
    """

    def __init__(
        self, environment: Environment, credentials: Credentials, *, venue_now_ns: Callable[[], int], http: HttpClient
    ) -> None:
        self._environment = environment
        self._credentials = credentials
        self._venue_now_ns = venue_now_ns
        self._http = http
        self._ticket: Ticket | None = None
        self._exchange = _make_exchange(environment, credentials)
        self._exchange.nonce = self._stamp
        self._exchange.fetch = self._fetch

    async def carry(self, ticket: Ticket) -> HttpAnswer:
        """Sign a call now and send it once.

        ccxt reaches `_fetch` without giving up its turn, so that no two calls meet in between.
        """
        self._ticket = ticket
        call = ticket.call
        self._exchange.options["recvWindow"] = ticket.window_ms
        try:
            path = call.path.removeprefix("/")
            answer: HttpAnswer = await self._exchange.request(path, ["private"], call.method, _parameters(call))
        except Exception as error:  # noqa: BLE001 - whatever a library does to a request, its end must be told
            self._ticket = None
            return HttpAnswer(error=f"ccxt failed: {type(error).__name__}", sent=ticket.used)
        return answer

    async def _fetch(self, url: str, method: str = "GET", headers: Any = None, body: Any = None) -> HttpAnswer:
        """In place of ccxt's own: check, then send; a second time for the same call is refused."""
        ticket, self._ticket = self._ticket, None
        if ticket is None:
            return HttpAnswer(error="not sent: ccxt asked to send something twice", sent=False)
        built = Built(url, method, dict(headers or {}), body or "")
        window_ms, now = ticket.window_ms, self._venue_now_ns()
        problem = find_difference(
            built, ticket.call, self._environment, self._credentials, window_ms=window_ms, now=now
        )
        if problem:
            return HttpAnswer(error=f"not sent: {problem}", sent=False)
        ticket.used = True
        kept = {name: value for name, value in built.headers.items() if name not in _LEFT_OUT}
        answer = await self._http.send(ticket.call.method, _url(self._environment, ticket.call), kept, built.body)
        return without_key(answer, self._credentials.key)

    def _stamp(self) -> int:
        """In place of ccxt's nonce: the venue's time in milliseconds."""
        milliseconds = self._venue_now_ns() // NS_PER_MS
        if self._ticket is not None:
            self._ticket.signed = milliseconds * NS_PER_MS
        return milliseconds


def without_key(answer: HttpAnswer, key: str) -> HttpAnswer:
    """An answer that does not say our key: Bybit repeats it where it refuses a signature (10004, `origin_string[...]`).

    What is journaled or shown of an answer must not hold it.
    """
    if key not in answer.body:
        return answer
    return msgspec.structs.replace(answer, body=answer.body.replace(key, KEY_LEFT_OUT))


def find_difference(
    built: Built, call: Call, environment: Environment, credentials: Credentials, *, window_ms: int, now: int
) -> str:
    """What ccxt made otherwise than it should, in words that hold nothing of it; empty when it is as it should be.

    Args:
        built: what ccxt made.
        call: what was written down.
        environment: where it must go.
        credentials: whose key signs it.
        window_ms: how long the venue may take it.
        now: the venue's time, nanoseconds UTC.
    """
    headers = built.headers
    stamp = str(headers.get("X-BAPI-TIMESTAMP", ""))
    stamped = int(stamp) if stamp.isascii() and stamp.isdigit() and len(stamp) == len("1700000000000") else 0
    signature = sign_request(credentials, timestamp_ms=stamped, window_ms=window_ms, text=call.text)
    checks = (
        ("method", built.method == call.method),
        ("address", built.url.removesuffix("?") == _url(environment, call)),
        ("body", built.body == (call.text if call.method == "POST" else "")),
        ("headers", set(headers) - _LEFT_OUT == {*_SIGNED, _CONTENT_TYPE}),
        ("kind of content", headers.get(_CONTENT_TYPE) == "application/json"),
        ("key", headers.get("X-BAPI-API-KEY") == credentials.key),
        ("window", headers.get("X-BAPI-RECV-WINDOW") == str(window_ms)),
        ("time", abs(stamped - now // NS_PER_MS) <= _STAMP_MS),
        ("signature", hmac.compare_digest(signature.encode(), str(headers.get("X-BAPI-SIGN")).encode())),
    )
    return next((f"ccxt's {what} is not ours" for what, same in checks if not same), "")


def _url(environment: Environment, call: Call) -> str:
    query = f"?{call.text}" if call.method == "GET" and call.text else ""
    return f"{environment.rest}{call.path}{query}"


def _parameters(call: Call) -> dict[str, Any]:
    """The text of a call as ccxt wants it; in order, and with nothing decoded."""
    if call.method == "POST":
        parameters: dict[str, Any] = json.loads(call.text)
        return parameters
    return dict(part.partition("=")[::2] for part in call.text.split("&")) if call.text else {}


def _make_exchange(environment: Environment, credentials: Credentials) -> Any:
    """The bybit of ccxt, with everything off that acts by itself, and that checked."""
    exchange = importlib.import_module(_MODULE).bybit(
        {
            "apiKey": credentials.key,
            "secret": credentials.secret.reveal(),
            "enableRateLimit": False,
            "options": {"maxRetriesOnFailure": 0, "maxRetriesOnFailureDelay": 0, "timeDifference": 0},
        }
    )
    exchange.urls["api"] = dict.fromkeys(exchange.urls["api"], environment.rest)
    exchange.logger.disabled = True
    exchange.verbose = False
    assert exchange.options["maxRetriesOnFailure"] == 0, "ccxt must not retry"
    assert not exchange.enableRateLimit, "the quotas are ours"
    return exchange
