from __future__ import annotations

import msgspec

from adapters.bybit.dialect import BybitDialect
from daemon.core.account_events import Op
from daemon.core.remote.requests import Call, Dialect, Request
from daemon.core.units import NEVER
from tests.daemon.core.remote.bench import PlainDialect, make_request

ACTING = {Op.CREATE, Op.AMEND, Op.CANCEL, Op.CANCEL_ALL, Op.PROTECT, Op.SET_LEVERAGE}


def test_a_request_acts_when_it_changes_something_at_the_venue() -> None:
    for op in Op:
        request = Request(id="main-r1", account="demo", op=op, call=Call("GET", "/", ""))
        assert request.acts == (op in ACTING), op
        assert (request.deadline, request.urgent) == (NEVER, False)


def test_a_request_survives_being_written_down() -> None:
    request = Request(id="main-r1", account="demo", op=Op.CREATE, call=Call("POST", "/x", '{"a":"1"}'), deadline=5)
    assert msgspec.json.decode(msgspec.json.encode(request), type=Request) == request


def test_the_same_order_has_the_same_words_every_time() -> None:
    dialects: list[Dialect] = [BybitDialect(), PlainDialect()]
    for dialect in dialects:
        assert dialect.create(make_request(), "ls-x") == dialect.create(make_request(), "ls-x")
        assert dialect.create(make_request(), "ls-x") != dialect.create(make_request(qty="2"), "ls-x")
