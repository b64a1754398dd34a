"""The conversation on a private connection."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.bybit.private_session import AUTH_REFUSED, AUTH_WAIT, TOPICS, PrivateSession
from adapters.bybit.settings import FeedSettings
from daemon.core.events import Link
from daemon.core.units import NS_PER_MS, NS_PER_SECOND
from tests.adapters.bybit.private_frames import SOURCE, execution_row, private_push

SETTINGS = FeedSettings()
T0 = 1_700_000_000 * NS_PER_SECOND
AUTH_OK = b'{"success":true,"ret_msg":"","op":"auth","conn_id":"c"}'
AUTH_BAD = b'{"op":"auth","success":false,"retCode":10003,"retMsg":"Invalid apikey","connId":"c"}'
PONG = b'{"req_id":"1","op":"pong","args":["1690884539181"],"conn_id":"c"}'


def session() -> PrivateSession:
    return PrivateSession("main", lambda: b"the auth frame", SETTINGS, Random(1))


def opened(now: int = T0) -> PrivateSession:
    one = session()
    one.opened(now)
    assert one.take_requests() == [b"the auth frame"]
    return one


def asked(one: PrivateSession) -> list[dict[str, Any]]:
    return [msgspec.json.decode(request) for request in one.take_requests()]


def ack(request: dict[str, Any], *, success: bool = True, text: str = "", req_id: str | None = None) -> bytes:
    name = request["req_id"] if req_id is None else req_id
    answer = {"success": success, "ret_msg": text, "op": "subscribe", "conn_id": "c", "req_id": name}
    return msgspec.json.encode(answer)


def up(now: int = T0) -> PrivateSession:
    one = opened(now)
    one.received(AUTH_OK, now)
    for request in asked(one):
        one.received(ack(request), now)
    assert one.ready
    one.take_facts()
    return one


def test_it_authenticates_first_and_subscribes_only_after_the_ack() -> None:
    one = opened()
    assert (one.take_requests(), one.take_facts(), one.ready) == ([], [], False)
    one.received(AUTH_OK, T0 + 1)
    requests = asked(one)
    assert [request["args"] for request in requests] == [[topic] for topic in TOPICS]
    assert len({request["req_id"] for request in requests}) == len(TOPICS)


def test_it_is_up_when_the_last_topic_is_acknowledged_and_says_so_once() -> None:
    one = opened()
    one.received(AUTH_OK, T0)
    *first, last = asked(one)
    for request in first:
        one.received(ack(request), T0)
        one.received(ack(request), T0)
    assert (one.take_facts(), one.ready) == ([], False)
    one.received(ack(last), T0)
    one.received(ack(last), T0)
    assert one.take_facts() == [Link(SOURCE, up=True, topics=TOPICS)]
    assert one.ready


def test_acks_without_an_id_answer_in_order() -> None:
    one = opened()
    one.received(AUTH_OK, T0)
    for request in asked(one):
        one.received(ack(request, req_id=""), T0)
    assert one.ready


@pytest.mark.parametrize(
    "refusal",
    [
        AUTH_BAD,
        b'{"success":false,"ret_msg":"Params Error","op":"auth","conn_id":"c"}',
        b'{"retCode":10004,"retMsg":"Error sign","op":"auth","connId":"c"}',
        b'{"op":"auth"}',
    ],
)
def test_a_refused_authentication_is_retried_three_times_a_minute_at_most(refusal: bytes) -> None:
    one = opened()
    one.received(refusal, T0)
    assert one.replace_reason.startswith(AUTH_REFUSED)
    attempts = 0
    now = T0
    while now < T0 + 60 * NS_PER_SECOND:
        one.closed(one.replace_reason, now)
        attempts += 1
        now = one.retry_at
        one.opened(now)
        one.received(refusal, now)
    assert attempts <= 3
    assert one.retry_at >= now - AUTH_WAIT
    facts = one.take_facts()
    assert facts == [Link(SOURCE, up=False, reason=one.replace_reason, topics=TOPICS)], "the same is told once"


def test_a_retcode_of_zero_is_an_ack_too() -> None:
    one = opened()
    one.received(b'{"retCode":0,"retMsg":"OK","op":"auth","connId":"c"}', T0)
    assert len(asked(one)) == len(TOPICS)


def test_a_refused_topic_costs_the_connection() -> None:
    one = opened()
    one.received(AUTH_OK, T0)
    request = asked(one)[2]
    one.received(ack(request, success=False, text="error:handler not found"), T0)
    assert one.replace_reason == "subscription of position refused: error:handler not found"
    assert not one.ready


@pytest.mark.parametrize("answers", [0, 3])
def test_an_answer_that_stays_away_costs_the_connection(answers: int) -> None:
    one = opened()
    if answers:
        one.received(AUTH_OK, T0)
        for request in asked(one)[:answers]:
            one.received(ack(request), T0)
    limit = T0 + SETTINGS.ack_ms * NS_PER_MS
    assert one.deadline == limit
    one.tick(limit - 1)
    assert not one.replace_reason
    one.tick(limit)
    expected = "subscription of wallet" if answers else "authentication"
    assert one.replace_reason == f"no answer to the {expected} within 5000 ms"


def test_it_pings_and_replaces_what_does_not_answer() -> None:
    one = up()
    due = T0 + SETTINGS.ping_ms * NS_PER_MS
    assert one.deadline == due
    one.tick(due)
    assert [request["op"] for request in asked(one)] == ["ping"]
    one.received(PONG, due + 1)
    one.tick(due + SETTINGS.pong_ms * NS_PER_MS)
    assert not one.replace_reason
    one.tick(due + SETTINGS.ping_ms * NS_PER_MS)
    one.tick(due + (SETTINGS.ping_ms + SETTINGS.pong_ms) * NS_PER_MS)
    assert str(one.replace_reason) == "no pong within 10000 ms"


def test_a_time_in_which_we_did_not_read_is_excused() -> None:
    one = up()
    due = T0 + SETTINGS.ping_ms * NS_PER_MS
    one.tick(due)
    one.excuse(NS_PER_SECOND)
    one.tick(due + SETTINGS.pong_ms * NS_PER_MS)
    assert not one.replace_reason


def test_data_is_no_answer_whatever_it_says() -> None:
    one = opened()
    one.received(private_push("execution", execution_row(symbol='"op":"auth"'), op="auth", success=True), T0)
    assert (one.take_requests(), one.replace_reason) == ([], "")


def test_every_loss_of_a_stream_that_was_up_is_told_and_failures_once() -> None:
    one = up()
    one.closed("connection closed: 1006", T0)
    one.failed("cannot connect: refused", T0)
    one.failed("cannot connect: refused", T0)
    assert [fact.reason for fact in one.take_facts() if isinstance(fact, Link)] == [
        "connection closed: 1006",
        "cannot connect: refused",
    ]


def test_waits_double_and_begin_anew_after_a_stable_connection() -> None:
    one = session()
    for _ in range(10):
        one.failed("no", T0)
    assert one.retry_at - T0 >= SETTINGS.backoff_max_ms * NS_PER_MS // 2
    one.opened(T0)
    one.take_requests()
    one.received(AUTH_OK, T0)
    for request in asked(one):
        one.received(ack(request), T0)
    end = T0 + SETTINGS.stable_ms * NS_PER_MS
    one.closed("cut", end)
    assert one.retry_at - end <= SETTINGS.backoff_first_ms * NS_PER_MS


def test_http_403_is_waited_out() -> None:
    one = session()
    one.failed("HTTP 403", T0, forbidden=True)
    assert one.retry_at >= T0 + SETTINGS.forbidden_ms * NS_PER_MS
    assert one.deadline == one.retry_at


@given(
    st.lists(
        st.binary(max_size=60) | st.sampled_from([AUTH_OK, AUTH_BAD, PONG, b'{"op":1}', b'{"op":"auth"']), max_size=20
    )
)
def test_no_frame_raises(frames: list[bytes]) -> None:
    one = opened()
    for number, frame in enumerate(frames):
        one.received(frame, T0 + number)
        one.tick(T0 + number)
    assert not one.ready
