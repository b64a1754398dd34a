"""Recorded dialogues of Bybit's sockets: our acks and pushes have the fields and JSON types of the real ones.

Of each dialogue the client's frames are said to our sessions, signed by a key of ours and with a topic that we play.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from adapters.sandbox.protocol import Session
from adapters.sandbox.synthetic_market import demo_market
from tests.adapters.sandbox.gateway.world import CREATE, Message, World, auth_frame, limit_order, market_order
from tests.adapters.sandbox.trading.test_shapes import NEWER, NEWER_IN_PUSHES, assert_same_fields

RECORDED = Path(__file__).parents[3] / "data" / "bybit" / "ws_dialogues_bybitnet.jsonl"

# Fields of the API as it is now that the dialogues are too old to have.
NEWER_PUBLIC = {
    "publicTrade": {"RPI", "seq"},
    "tickers": {
        "singleOpenInterest", "singleOpenInterestValue", "fundingIntervalHour", "fundingCap", "preOpenPrice", "preQty",
        "curPreListingPhase",
    },
}  # fmt: skip
NEWER_PRIVATE = {
    "order": NEWER["order"] | NEWER_IN_PUSHES["order"],
    "execution": NEWER["execution"] | NEWER_IN_PUSHES["execution"],
    "position": NEWER["position"] | NEWER_IN_PUSHES["position"],
    "wallet": NEWER["wallet"],
    "execution.fast": {"isMaker"},
}
# What the sandbox plays in the place of a topic that the recording has a mistake in.
PLAYED = {"kline_lt.M.BTCUSDT": "tickers.BTCUSDT"}


def dialogue(name: str) -> list[Any]:
    """The frames of a dialogue."""
    for line in RECORDED.read_text(encoding="utf-8").splitlines():
        each = json.loads(line)
        if each["name"] == name:
            return [frame["json"] for frame in each["frames"]]
    raise AssertionError(f"there is no dialogue {name}")


def rows(message: Message) -> Message:
    """A message without what it is about."""
    return {name: value for name, value in message.items() if name != "data"}


@pytest.mark.parametrize(("name", "topic"), [("Ticker", "tickers.BTCUSDT"), ("Trades", "publicTrade.BTCUSDT")])
def test_the_public_socket_talks_like_the_real_one(name: str, topic: str) -> None:
    asked, acknowledged, pushed = dialogue(f"Subscriptions/V5/Linear/{name}")
    market = demo_market(["BTCUSDT"], minutes=1)
    asked["args"] = [PLAYED.get(each, each) for each in asked["args"]]
    outcome = Session("c1", market.topics).handle(json.dumps(asked))
    assert_same_fields(json.loads(outcome.answer), acknowledged)
    assert json.loads(outcome.answer) | {"conn_id": ""} == acknowledged | {"conn_id": ""}
    frames = [json.loads(payload) for _ in range(12) for _, payload in market.advance({topic})]
    newer = NEWER_PUBLIC[topic.partition(".")[0]]
    assert_same_fields(rows(frames[0]), rows(pushed))
    theirs = pushed["data"]
    if isinstance(theirs, list):
        for row in [row for frame in frames for row in frame["data"]]:
            assert_same_fields(row, theirs[0], newer)
    else:
        snapshot = market.snapshot(topic)
        assert snapshot is not None
        assert_same_fields(json.loads(snapshot)["data"], theirs, newer)


def test_liquidations_can_be_subscribed_and_are_silent() -> None:
    asked, acknowledged, _ = dialogue("Subscriptions/V5/Linear/Liquidations")
    outcome = Session("c1", demo_market(["ETHUSDT"], minutes=1).topics).handle(json.dumps(asked))
    assert json.loads(outcome.answer) | {"conn_id": ""} == acknowledged | {"conn_id": ""}
    assert outcome.added == ("allLiquidation.ETHUSDT",)


@pytest.mark.parametrize(
    ("name", "topic"),
    [
        ("Balance", "wallet"),
        ("MinimalUserTrades", "execution.fast"),
        ("Order", "order"),
        ("Position", "position"),
        ("UserTrades", "execution"),
    ],
)
def test_the_private_socket_talks_like_the_real_one(name: str, topic: str) -> None:
    auth, authenticated, asked, acknowledged, pushed = dialogue(f"Subscriptions/V5/Private/{name}")
    world = World(personality="live")
    session = world.gateway.open_private("c1")
    (said,) = world.say(session, auth_frame(world.now, req_id=auth["req_id"]))
    assert said | {"conn_id": ""} == authenticated | {"conn_id": ""}
    (said,) = world.say(session, json.dumps(asked))
    assert_same_fields(said, acknowledged)
    assert said | {"conn_id": "", "ret_msg": ""} == acknowledged | {"conn_id": "", "ret_msg": ""}
    assert world.post(CREATE, market_order("a"))["retCode"] == 0
    messages = world.heard(session)
    assert messages
    for message in messages:
        assert_same_fields(rows(message), rows(pushed))
        for row in message["data"]:
            assert_same_fields(row, pushed["data"][0], NEWER_PRIVATE[topic])
            if topic == "wallet":
                assert_same_fields(row["coin"][0], pushed["data"][0]["coin"][0], NEWER["coin"])


@pytest.mark.parametrize(("topic", "taken"), [("greeks", True), ("spread.execution", False)])
def test_greeks_are_silent_and_spreads_are_not_traded_here(topic: str, *, taken: bool) -> None:
    world = World(personality="live")
    session = world.private()
    (said,) = world.say(session, json.dumps({"req_id": "1", "op": "subscribe", "args": [topic]}))
    assert said["success"] is taken
    world.post(CREATE, market_order("a"))
    assert world.heard(session) == []


@pytest.mark.parametrize("name", ["EditOrder", "CancelOrder"])
def test_the_order_socket_talks_like_the_real_one(name: str) -> None:
    auth, authenticated, asked, answered = dialogue(f"Socket/V5Api/Private/{name}")
    world = World(personality="live")
    session = world.gateway.open_trade("c1")
    (said,) = world.say(session, auth_frame(world.now, reqId=auth["reqId"]))
    assert said | {"connId": ""} == authenticated | {"connId": ""}
    assert world.post(CREATE, limit_order("mine"))["retCode"] == 0
    asked["args"] = [{"category": "linear", "symbol": "BTCUSDT", "orderLinkId": "mine", "qty": "0.02"}]
    asked["header"]["X-BAPI-TIMESTAMP"] = str(world.now)
    (said,) = world.say(session, json.dumps(asked))
    assert_same_fields(said, answered)
    assert_same_fields(said["header"], answered["header"])
    assert_same_fields(said["data"], answered["data"])
    assert (said["op"], said["retCode"], said["reqId"]) == (answered["op"], 0, answered["reqId"])
