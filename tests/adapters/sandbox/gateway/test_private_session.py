from __future__ import annotations

import json

import pytest

from adapters.sandbox.gateway.stream import idle_ms_of
from tests.adapters.sandbox.gateway.world import CREATE, SECRET, Message, World, auth_frame, limit_order, market_order


def ask(world: World, session: object, **frame: object) -> Message:
    said = world.say(session, json.dumps(frame))  # type: ignore[arg-type]
    assert len(said) == 1
    return said[0]


def test_auth_subscribe_and_ping_are_answered_as_bybit_words_them() -> None:
    world = World()
    session = world.gateway.open_private("c1")
    assert world.say(session, auth_frame(world.now)) == [
        {"success": True, "ret_msg": "", "op": "auth", "conn_id": "c1"}
    ]
    assert ask(world, session, op="subscribe", req_id=6, args=["order"]) == {
        "success": True,
        "ret_msg": "",
        "conn_id": "c1",
        "req_id": 6,
        "op": "subscribe",
    }
    pong = ask(world, session, op="ping", req_id="1")
    assert pong == {"req_id": "1", "op": "pong", "args": [str(world.now)], "conn_id": "c1"}
    assert ask(world, session, op="ping")["req_id"] == ""


def test_a_wrong_key_is_told_and_the_stream_may_try_again() -> None:
    world = World()
    session = world.gateway.open_private("c1")
    assert world.say(session, auth_frame(world.now, key="nobody", req_id="7")) == [
        {"op": "auth", "success": False, "retCode": 10003, "retMsg": "Invalid apikey", "connId": "c1", "req_id": "7"}
    ]
    assert world.say(session, auth_frame(world.now, secret="wrong"))[0]["retCode"] == 10004
    assert not world.gateway.awake
    assert world.say(session, auth_frame(world.now))[0]["success"] is True
    assert world.gateway.awake


def test_nothing_can_be_subscribed_before_auth() -> None:
    world = World()
    session = world.gateway.open_private("c1")
    assert ask(world, session, op="subscribe", args=["order"])["success"] is False
    world.post(CREATE, limit_order("a"))
    assert world.heard(session) == []


@pytest.mark.parametrize(
    ("topics", "reason"),
    [
        (["foo"], "error:handler not found,topic:foo"),
        (["order.moon"], "error:handler not found,topic:order.moon"),
        (["wallet.linear"], "error:handler not found,topic:wallet.linear"),
        (["order", "order.linear"], "error:topics conflict,topic:order.linear"),
        (["order", "foo"], "error:handler not found,topic:foo"),
        (["execution.fast"], "error:handler not found,topic:execution.fast"),
        ([], "error:args is empty"),
    ],
)
def test_bad_topics_refuse_the_whole_subscription(topics: list[str], reason: str) -> None:
    world = World()
    session = world.private()
    refused = ask(world, session, op="subscribe", req_id="r", args=topics)
    assert (refused["success"], refused["ret_msg"], refused["req_id"]) == (False, reason, "r")
    assert session.topics == {}


def test_a_topic_cannot_be_subscribed_twice_and_ends_when_unsubscribed() -> None:
    world = World()
    session = world.private("order")
    assert "already" in ask(world, session, op="subscribe", args=["order"])["ret_msg"]
    assert ask(world, session, op="unsubscribe", args=["order", "position"])["success"] is True
    world.post(CREATE, limit_order("a"))
    assert world.heard(session) == []


def test_texts_that_are_no_requests_are_refused_and_the_stream_goes_on() -> None:
    world = World()
    session = world.private("order")
    for text in ("{", "[]", '{"op":5}', '{"op":"dance"}', "\x00"):
        assert world.say(session, text)[0]["success"] is False
    world.post(CREATE, limit_order("a"))
    assert world.heard(session)[0]["topic"] == "order"


def test_a_suffixed_topic_is_pushed_under_its_name() -> None:
    world = World()
    session = world.private("order.linear", "position.linear")
    world.post(CREATE, limit_order("a"))
    assert {message["topic"] for message in world.heard(session)} == {"order.linear", "position.linear"}


def test_greeks_and_disconnect_protection_are_accepted_and_silent() -> None:
    world = World(personality="live")
    session = world.private("greeks", "dcp.future")
    world.post(CREATE, market_order("a"))
    assert world.heard(session) == []


def test_the_fast_executions_are_short_and_have_no_id() -> None:
    world = World(personality="live")
    session = world.private("execution.fast")
    world.post(CREATE, market_order("taken"))
    message = world.heard(session)[0]
    assert "id" not in message
    assert (message["topic"], message["data"][0]["orderLinkId"]) == ("execution.fast", "taken")
    assert "execFee" not in message["data"][0]


def test_pushes_come_after_the_subscription_only_and_each_has_an_id_of_its_own() -> None:
    world = World()
    world.post(CREATE, limit_order("before"))
    session = world.private("order")
    world.post(CREATE, limit_order("after"))
    world.post(CREATE, limit_order("later"))
    heard = world.heard(session)
    assert [message["data"][0]["orderLinkId"] for message in heard] == ["after", "later"]
    assert len({message["id"] for message in heard}) == 2


def test_a_closed_stream_gets_nothing_more() -> None:
    world = World()
    session = world.private("order")
    world.gateway.close(session)
    world.gateway.close(session)
    world.post(CREATE, limit_order("a"))
    assert world.heard(session) == []
    assert [one["event"] for one in world.truth("stream")] == ["open", "auth", "subscribe", "close"]


@pytest.mark.parametrize(
    ("wish", "seconds"),
    [
        ("", 600),
        ("30s", 30),
        ("1m", 60),
        ("600s", 600),
        ("5s", 30),
        ("20m", 600),
        ("soon", 600),
        ("s", 600),
        ("1h", 600),
    ],
)
def test_how_long_a_stream_may_be_silent_is_bounded(wish: str, seconds: int) -> None:
    assert idle_ms_of(wish) == seconds * 1000


def test_no_secret_is_in_what_the_streams_leave_behind() -> None:
    world = World()
    world.private("order")
    assert SECRET not in json.dumps(world.gateway.truth.entries)
