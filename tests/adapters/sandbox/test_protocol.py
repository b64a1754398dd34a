from __future__ import annotations

import json

import pytest

from adapters.sandbox.protocol import ARGS_CHARS_MAX, Session

OFFERED = {"orderbook.50.BTCUSDT", "publicTrade.BTCUSDT", "tickers.BTCUSDT"}


def session() -> Session:
    return Session("c-1", OFFERED)


def ask(session: Session, **request: object) -> dict[str, object]:
    answer: dict[str, object] = json.loads(session.handle(json.dumps(request)).answer)
    return answer


@pytest.mark.parametrize("req_id", ["e79a029a-5c42", 1, "1"])
def test_an_ack_echoes_the_request_id_in_its_own_type(req_id: str | int) -> None:
    assert ask(session(), op="subscribe", req_id=req_id, args=["tickers.BTCUSDT"]) == {
        "success": True,
        "ret_msg": "",
        "conn_id": "c-1",
        "req_id": req_id,
        "op": "subscribe",
    }


@pytest.mark.parametrize(("req_id", "echoed"), [({}, ""), ({"req_id": 10}, 10), ({"req_id": "1"}, "1")])
def test_a_ping_is_answered_by_the_public_form_of_pong(req_id: dict[str, object], echoed: object) -> None:
    assert ask(session(), op="ping", **req_id) == {
        "success": True,
        "ret_msg": "pong",
        "conn_id": "c-1",
        "req_id": echoed,
        "op": "ping",
    }


def test_an_unknown_topic_is_refused_in_the_exchanges_words_and_nothing_is_subscribed() -> None:
    client = session()
    outcome = client.handle('{"op":"subscribe","args":["tickers.BTCUSDT","foo"]}')
    answer = json.loads(outcome.answer)
    assert (answer["success"], answer["ret_msg"]) == (False, "error:handler not found,topic:foo")
    assert (outcome.added, client.topics) == ((), {})


def test_a_topic_that_is_already_subscribed_is_refused() -> None:
    client = session()
    ask(client, op="subscribe", args=["tickers.BTCUSDT"])
    answer = ask(client, op="subscribe", args=["tickers.BTCUSDT"])
    assert (answer["success"], answer["ret_msg"]) == (False, "error:already subscribed,topic:tickers.BTCUSDT")


def test_a_topic_can_be_subscribed_again_after_it_was_unsubscribed() -> None:
    client = session()
    client.handle('{"op":"subscribe","args":["tickers.BTCUSDT","publicTrade.BTCUSDT"]}')
    assert client.handle('{"op":"unsubscribe","args":["tickers.BTCUSDT"]}').removed == ("tickers.BTCUSDT",)
    assert list(client.topics) == ["publicTrade.BTCUSDT"]
    assert client.handle('{"op":"subscribe","args":["tickers.BTCUSDT"]}').added == ("tickers.BTCUSDT",)


def test_unsubscribing_what_is_not_subscribed_succeeds_without_effect() -> None:
    outcome = session().handle('{"op":"unsubscribe","args":["tickers.BTCUSDT","tickers.BTCUSDT"]}')
    assert (json.loads(outcome.answer)["success"], outcome.removed) == (True, ())


def test_the_arguments_of_a_connection_are_limited_in_characters() -> None:
    names = [f"kline.1.SYMBOL{number:05d}USDT" for number in range(ARGS_CHARS_MAX // 20)]
    client = Session("c-1", frozenset(names))
    assert ask(client, op="subscribe", args=names[:500])["success"] is True
    refused = ask(client, op="subscribe", args=names[500:])
    assert (refused["success"], len(client.topics)) == (False, 500)


@pytest.mark.parametrize(
    "text",
    ["", "ping", "[]", '{"op":5}', '{"op":"subscribe","args":"x"}', '{"op":"dance"}', '{"op":"subscribe","args":[]}',
     '{"op":"subscribe","args":[{"a":1}]}', b"\xff\xfe"],
)  # fmt: skip
def test_what_is_no_request_is_answered_with_a_refusal(text: str | bytes) -> None:
    answer = json.loads(session().handle(text).answer)
    assert answer["success"] is False
    assert answer["ret_msg"].startswith("error:")


def test_strange_and_repeated_arguments_do_no_harm() -> None:
    client, topic = session(), "tickers.BTCUSDT"
    assert client.handle(json.dumps({"op": "subscribe", "args": [topic, topic]})).added == (topic,)
    assert client.handle(json.dumps({"op": "unsubscribe", "args": [{"a": 1}, topic, topic]})).removed == (topic,)
    assert client.topics == {}
