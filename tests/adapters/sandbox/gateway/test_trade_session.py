from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.sandbox.gateway.messages import Ending
from adapters.sandbox.gateway.trade_session import TradeSession
from tests.adapters.sandbox.gateway.world import CREATE, REALTIME, Message, World, auth_frame, limit_order, plan_of


def frame(world: World, op: str, *args: Message, req: str | None = "1", **header: object) -> str:
    words: dict[str, Any] = {"op": op, "args": list(args), "header": {"X-BAPI-TIMESTAMP": str(world.now)} | header}
    return json.dumps(words if req is None else words | {"reqId": req})


def live(**more: Any) -> tuple[World, TradeSession]:
    world = World(personality="live", **more)
    return world, world.trade()


def test_orders_are_made_amended_and_cancelled_over_the_socket() -> None:
    world, session = live()
    made = world.say(session, frame(world, "order.create", limit_order("a")))[0]
    assert (made["reqId"], made["retCode"], made["op"], made["connId"]) == ("1", 0, "order.create", "t1")
    assert made["data"]["orderLinkId"] == "a"
    assert made["header"]["X-Bapi-Limit-Status"] == "9"
    assert made["header"]["Timenow"] == str(world.now)
    ids = {"category": "linear", "symbol": "BTCUSDT", "orderLinkId": "a"}
    assert world.say(session, frame(world, "order.amend", ids | {"price": "81000"}, req="2"))[0]["retCode"] == 0
    assert world.rows(REALTIME, symbol="BTCUSDT")[0]["price"].startswith("81000")
    assert world.say(session, frame(world, "order.cancel", ids, req="3"))[0]["retCode"] == 0
    assert world.say(session, frame(world, "order.cancel", ids, req="4"))[0]["retCode"] == 110001


def test_a_batch_answers_order_by_order() -> None:
    world, session = live()
    batch = {"category": "linear", "request": [limit_order("a"), limit_order("a"), limit_order("c")]}
    said = world.say(session, frame(world, "order.create-batch", batch))[0]
    assert [row["code"] for row in said["retExtInfo"]["list"]] == [0, 110072, 0]


def test_socket_and_rest_share_one_allowance() -> None:
    world, session = live()
    for place in range(6):
        world.post(CREATE, limit_order(f"r{place}"))
    codes = [
        world.say(session, frame(world, "order.create", limit_order(f"s{place}"), req=f"{place}"))[0]["retCode"]
        for place in range(5)
    ]
    assert codes == [0, 0, 0, 0, 10006]


def test_refusals_of_the_conversation_have_their_codes() -> None:
    world = World(personality="live")
    session = world.gateway.open_trade("t1")
    assert world.say(session, frame(world, "order.create", limit_order("a")))[0]["retCode"] == 10003
    assert world.say(session, auth_frame(world.now, secret="wrong"))[0]["retCode"] == 10004
    assert world.say(session, auth_frame(world.now))[0] == {"retCode": 0, "retMsg": "OK", "op": "auth", "connId": "t1"}
    assert world.say(session, auth_frame(world.now))[0]["retCode"] == 20001
    assert world.say(session, frame(world, "order.dance", limit_order("a")))[0]["retCode"] == 10404
    assert world.say(session, frame(world, "order.create", limit_order("a"), req="x"))[0]["retCode"] == 0
    assert world.say(session, frame(world, "order.create", limit_order("b"), req="x"))[0]["retCode"] == 20006
    assert world.say(session, frame(world, "order.create", limit_order("b"), req="y" * 37))[0]["retCode"] == 20006
    assert world.say(session, "{")[0]["retCode"] == 10001
    assert len(world.rows(REALTIME, symbol="BTCUSDT")) == 1


def test_the_clock_window_holds_here_too_and_times_may_be_numbers() -> None:
    world, session = live()
    early = {"X-BAPI-TIMESTAMP": world.now - 9000}
    assert world.say(session, frame(world, "order.create", limit_order("a"), req=None, **early))[0]["retCode"] == 10002
    wide = early | {"X-BAPI-RECV-WINDOW": 9000}
    assert world.say(session, frame(world, "order.create", limit_order("a"), req=None, **wide))[0]["retCode"] == 0


def test_a_ping_is_answered_with_the_time() -> None:
    world, session = live()
    assert world.say(session, '{"op":"ping"}') == [
        {"retCode": 0, "retMsg": "OK", "op": "pong", "data": [str(world.now)], "connId": "t1"}
    ]


@pytest.mark.parametrize("how", ["reset", "silence"])
def test_a_lost_answer_leaves_the_order_and_cuts_or_says_nothing(how: str) -> None:
    world, session = live(plan=plan_of(requests=[{"when": {"via": "trade"}, "lose": {"accepted": True, "how": how}}]))
    assert world.say(session, frame(world, "order.create", limit_order("a"))) == []
    assert session.ending == (Ending(0) if how == "reset" else None)
    assert [row["orderLinkId"] for row in world.rows(REALTIME, symbol="BTCUSDT")] == ["a"]
