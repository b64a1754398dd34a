"""ccxt carries, we decide: nothing leaves that is not ours to the byte."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from ccxt.async_support.bybit import bybit
from hypothesis import given
from hypothesis import strategies as st

from adapters.bybit.carrier import Built, Carrier, Ticket, find_difference
from adapters.bybit.dialect import BybitDialect
from adapters.bybit.http_call import HttpAnswer, HttpClient
from adapters.bybit.signing import signed_headers
from daemon.core.remote.requests import Call
from daemon.core.units import NS_PER_MS, NS_PER_SECOND
from tests.adapters.bybit.rest_venue import CANCEL, CREATE, CREDENTIALS, INFO, ORDERS, environment_at, ok, rest_venue
from tests.adapters.bybit.test_dialect import limit, market

NOW = 1_700_000_000_123 * NS_PER_MS
HOST = environment_at("http://127.0.0.1:1")
EVERY = [CREATE, CANCEL, ORDERS, INFO]


class Overheard:
    """What a venue was sent."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, str, dict[str, str]]] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.requests.append((request.method, request.raw_path, await request.text(), dict(request.headers)))
        return ok({"orderId": "v-1"})


@asynccontextmanager
async def carrying(overheard: Overheard, now: Callable[[], int] = time.time_ns) -> AsyncIterator[Carrier]:
    async with rest_venue(overheard.handle) as rest:
        http = HttpClient(connect_seconds=2, seconds=4)
        try:
            yield Carrier(environment_at(rest), CREDENTIALS, venue_now_ns=now, http=http)
        finally:
            await http.close()


@pytest.mark.parametrize("call", EVERY, ids=[call.path for call in EVERY])
async def test_a_call_is_sent_exactly_as_written_down(call: Call) -> None:
    overheard = Overheard()
    ticket = Ticket(call, 3000)
    async with carrying(overheard, lambda: NOW) as carrier:
        answer = await carrier.carry(ticket)
    ((method, path, body, headers),) = overheard.requests
    query = f"?{call.text}" if call.method == "GET" and call.text else ""
    assert (method, path, body) == (call.method, call.path + query, call.text if call.method == "POST" else "")
    ours = signed_headers(CREDENTIALS, timestamp_ms=NOW // NS_PER_MS, window_ms=3000, text=call.text)
    assert {name: headers[name] for name in ours} == ours
    assert "Referer" not in headers
    assert "Cookie" not in headers
    assert (answer.status, answer.sent, ticket.signed) == (200, True, NOW)


async def test_an_answer_that_repeats_our_key_is_passed_on_without_it() -> None:
    """Bybit does so when it refuses a signature; what is journaled and shown of it must not hold the key."""
    key = CREDENTIALS.key
    body = {"retCode": 10004, "retMsg": f"error sign! origin_string[1700000000123{key}3000]", "result": {}}

    async def refuse(request: web.Request) -> web.StreamResponse:
        return web.json_response(body)

    async with rest_venue(refuse) as rest:
        http = HttpClient(connect_seconds=2, seconds=4)
        carrier = Carrier(environment_at(rest), CREDENTIALS, venue_now_ns=time.time_ns, http=http)
        answer = await carrier.carry(Ticket(ORDERS, 3000))
        await http.close()
    assert key not in answer.body
    assert json.loads(answer.body)["retMsg"] == "error sign! origin_string[1700000000123[key]3000]"


async def test_everything_that_the_dialect_says_can_be_carried() -> None:
    dialect = BybitDialect()
    calls = [
        dialect.create(limit(), "ls-1"),
        dialect.create(market(reduce_only=True), "ls-2"),
        dialect.cancel("BTCUSDT", link_id="ls-1"),
        dialect.cancel_all("BTCUSDT"),
        dialect.set_leverage("BTCUSDT", "5"),
        dialect.open_orders("page_args%3Dfd4300ae-7847%26symbol%3D6%26"),
        dialect.order("BTCUSDT", "ls-1"),
        dialect.order_history("BTCUSDT", "ls-1"),
        dialect.order_executions("BTCUSDT", "ls-1", "132766%3A2%2C132766%3A2"),
        dialect.executions(NOW - 7 * 86_400 * NS_PER_SECOND, NOW, "a+b/c=="),
        dialect.positions("1000PEPEUSDT"),
        dialect.wallet(),
        dialect.account(),
    ]
    overheard = Overheard()
    async with carrying(overheard) as carrier:
        for call in calls:
            answer = await carrier.carry(Ticket(call, 5000))
            assert (answer.error, answer.status) == ("", 200), call
    assert len(overheard.requests) == len(calls)


@pytest.mark.parametrize(
    ("evil", "complaint"),
    [
        (lambda made: made | {"url": made["url"].replace("127.0.0.1", "evil.example")}, "address"),
        (lambda made: made | {"url": made["url"] + "/../../v5/asset/withdraw"}, "address"),
        (lambda made: made | {"url": made["url"] + "&limit=1"}, "address"),
        (lambda made: made | {"method": "PUT"}, "method"),
        (lambda made: made | {"body": (made["body"] or "").replace("0.010", "10.00") + " "}, "body"),
        (lambda made: made | {"headers": made["headers"] | {"X-Evil": CREDENTIALS.secret.reveal()}}, "headers"),
        (lambda made: made | {"headers": made["headers"] | {"X-BAPI-SIGN": "0" * 64}}, "signature"),
        (lambda made: made | {"headers": made["headers"] | {"X-BAPI-RECV-WINDOW": "60000"}}, "window"),
        (lambda made: made | {"headers": made["headers"] | {"X-BAPI-TIMESTAMP": "1999999999999"}}, "time"),
        (lambda made: made | {"headers": made["headers"] | {"X-BAPI-API-KEY": "another"}}, "key"),
        (lambda made: made | {"headers": {}}, "headers"),
    ],
)
@pytest.mark.parametrize("call", [CREATE, ORDERS], ids=["post", "get"])
async def test_no_byte_leaves_when_the_library_was_tampered_with(
    monkeypatch: pytest.MonkeyPatch, evil: Callable[[dict[str, Any]], dict[str, Any]], complaint: str, call: Call
) -> None:
    honest = bybit.sign
    monkeypatch.setattr(bybit, "sign", lambda self, *args, **kwargs: evil(honest(self, *args, **kwargs)))
    overheard = Overheard()
    async with carrying(overheard) as carrier:
        answer = await carrier.carry(Ticket(call, 3000))
    assert overheard.requests == []
    assert (answer.sent, answer.status, answer.error) == (False, 0, f"not sent: ccxt's {complaint} is not ours")
    assert CREDENTIALS.secret.reveal() not in answer.error


async def test_a_changed_order_that_is_signed_correctly_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = bybit.sign

    def sign(self: Any, path: str, api: Any, method: str, params: dict[str, Any]) -> Any:
        return honest(self, path, api, method, params | {"qty": "10.00"})

    monkeypatch.setattr(bybit, "sign", sign)
    overheard = Overheard()
    async with carrying(overheard) as carrier:
        answer = await carrier.carry(Ticket(CREATE, 3000))
    assert (overheard.requests, answer.sent) == ([], False)


async def test_a_library_that_repeats_a_request_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = bybit.fetch2

    async def twice(self: Any, *args: Any, **kwargs: Any) -> Any:
        await honest(self, *args, **kwargs)
        return await honest(self, *args, **kwargs)

    monkeypatch.setattr(bybit, "fetch2", twice)
    overheard = Overheard()
    async with carrying(overheard) as carrier:
        await carrier.carry(Ticket(CREATE, 3000))
    assert len(overheard.requests) == 1


async def test_a_library_that_fails_before_sending_is_known_not_to_have_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*args: Any, **kwargs: Any) -> Any:
        raise KeyError(CREDENTIALS.secret.reveal())

    monkeypatch.setattr(bybit, "sign", fail)
    overheard = Overheard()
    async with carrying(overheard) as carrier:
        answer = await carrier.carry(Ticket(CREATE, 3000))
    assert answer == HttpAnswer(error="ccxt failed: KeyError", sent=False)


async def test_nothing_of_ccxt_acts_by_itself() -> None:
    http = HttpClient(connect_seconds=1, seconds=1)
    carrier = Carrier(HOST, CREDENTIALS, venue_now_ns=lambda: NOW, http=http)
    exchange = carrier._exchange
    assert (exchange.enableRateLimit, exchange.verbose, exchange.session) == (False, False, None)
    assert exchange.options["maxRetriesOnFailure"] == 0
    assert set(exchange.urls["api"].values()) == {HOST.rest}
    assert not exchange.markets
    await http.close()


@given(
    st.dictionaries(
        st.text(alphabet="abcdefXYZ", min_size=1, max_size=8),
        st.text(alphabet=st.characters(min_codepoint=32, max_codepoint=126)) | st.booleans() | st.integers(-9, 10**9),
        max_size=6,
    )
)
def test_what_ccxt_makes_of_any_body_is_that_body(body: dict[str, Any]) -> None:
    call = Call("POST", "/v5/order/create", json.dumps(body, separators=(",", ":")))
    exchange = bybit({"apiKey": CREDENTIALS.key, "secret": CREDENTIALS.secret.reveal()})
    exchange.urls["api"] = {"private": HOST.rest}
    exchange.nonce = lambda: NOW // NS_PER_MS
    exchange.options["recvWindow"] = 3000
    made = exchange.sign("v5/order/create", ["private"], "POST", json.loads(call.text))
    built = Built(made["url"], made["method"], made["headers"], made["body"])
    assert find_difference(built, call, HOST, CREDENTIALS, window_ms=3000, now=NOW) == ""


def test_the_public_half_does_not_pay_for_ccxt() -> None:
    modules = "feed router decoder account_decoder dialect private_feed instruments order_port key_identity venue_clock"
    program = f"import sys\nfor name in '{modules}'.split(): __import__('adapters.bybit.' + name)\n"
    program += "print(sorted(name for name in sys.modules if name.split('.')[0] == 'ccxt'))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
