"""Trouble of pushes and of the conversation on private streams, and what happens to accounts by the plan."""

from __future__ import annotations

import json
from itertools import permutations
from typing import Any

import pytest

from adapters.sandbox.faults import GARBAGE
from adapters.sandbox.gateway.messages import Ending
from adapters.sandbox.gateway.private_session import PrivateSession
from tests.adapters.sandbox.gateway.world import (
    CREATE,
    REALTIME,
    TOPICS,
    UID,
    Message,
    World,
    auth_frame,
    limit_order,
    market_order,
    plan_of,
)

POSITIONS = "/v5/position/list"


def pushed(*rules: dict[str, Any], topics: tuple[str, ...] = ("order",), seed: int = 0) -> tuple[World, PrivateSession]:
    world = World(plan_of(pushes=list(rules), seed=seed))
    return world, world.private(*topics)


def link_ids(messages: list[Message]) -> list[str]:
    return [message["data"][0]["orderLinkId"] for message in messages]


def place(world: World, *names: str) -> None:
    for name in names:
        assert world.post(CREATE, limit_order(name))["retCode"] == 0


def test_a_push_is_dropped_repeated_or_late() -> None:
    world, session = pushed(
        {"when": {"nth": [2]}, "drop": True},
        {"when": {"nth": [3]}, "copies": 1},
        {"when": {"nth": [1]}, "delay_ms": 50},
    )
    place(world, "a", "b", "c", "d")
    assert link_ids(world.heard(session)) == ["c", "c", "d"]
    assert session.due_ms == world.now + 50
    assert world.heard(session, 49) == []
    assert link_ids(world.heard(session, 50)) == ["a"]
    assert [one["fate"] for one in world.truth("push")] == ["delayed", "dropped", "sent", "sent"]
    assert [one["rule"] for one in world.truth("fault")] == ["pushes[2]", "pushes[0]", "pushes[1]"]


def test_a_muted_topic_is_silent_for_a_while_and_the_others_speak() -> None:
    world, session = pushed({"when": {"topic": "order", "until_s": 60}, "drop": True}, topics=("order", "position"))
    place(world, "a")
    assert {message["topic"] for message in world.heard(session)} == {"position"}
    world.pass_to(world.market.start_ms + 60_000)
    place(world, "b")
    assert {message["topic"] for message in world.heard(session)} == {"order", "position"}


def test_garbage_and_unknown_words_reach_the_client() -> None:
    world, session = pushed({"garbage": True, "fields": {"orderStatus": "Teleported", "positionIdx": 9}})
    place(world, "a")
    garbage, text = session.take_pushes(world.now)
    assert garbage == GARBAGE
    item = json.loads(text)["data"][0]
    assert (item["orderStatus"], item["positionIdx"], item["orderLinkId"]) == ("Teleported", 9, "a")
    assert world.rows(REALTIME, symbol="BTCUSDT")[0]["orderStatus"] == "New"


def test_a_late_cancel_yields_a_second_filled_and_any_text_can_take_the_place_of_a_push() -> None:
    late = {"cancelType": "CancelByUser", "rejectReason": "EC_OrigClOrdIDDoesNotExist"}
    world, session = pushed(
        {"when": {"status": "Filled"}, "echo": late}, {"when": {"status": "New"}, "text": '{"topic":7}'}
    )
    world.post(CREATE, market_order("a"))
    strange, filled, echo = world.heard(session)
    assert strange == {"topic": 7}
    assert filled["data"][0] | late == echo["data"][0]
    assert (filled["data"][0]["orderStatus"], filled["data"][0]["rejectReason"]) == ("Filled", "EC_NoError")


def test_rules_of_pushes_look_at_status_and_topic() -> None:
    world, session = pushed({"when": {"topic": "order", "status": "Filled"}, "drop": True}, topics=TOPICS)
    world.post(CREATE, market_order("a"))
    heard = world.heard(session)
    statuses = [message["data"][0]["orderStatus"] for message in heard if message["topic"] == "order"]
    assert statuses == ["New"]
    assert "execution" in {message["topic"] for message in heard}


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_four_pushes_come_in_any_order_that_is_wished(order: tuple[int, ...]) -> None:
    world, session = pushed({"permute": list(order)})
    place(world, "a", "b", "c")
    assert world.heard(session) == []
    place(world, "d")
    assert link_ids(world.heard(session)) == ["abcd"[one] for one in order]


def test_a_collection_that_stays_incomplete_goes_out_after_a_while() -> None:
    world, session = pushed({"permute": [2, 1, 0], "hold_ms": 200})
    place(world, "a", "b")
    assert session.due_ms == world.now + 200
    assert link_ids(world.heard(session, 200)) == ["b", "a"]
    assert session.due_ms is None


def test_shuffles_follow_the_seed_and_lose_nothing() -> None:
    def run(seed: int) -> list[str]:
        world, session = pushed({"shuffle": 5}, seed=seed)
        place(world, *"abcde")
        return link_ids(world.heard(session))

    assert sorted(run(1)) == list("abcde")
    assert run(1) == run(1)
    assert len({tuple(run(seed)) for seed in range(5)}) > 1


@pytest.mark.parametrize("code", [0, 1001, 4000])
def test_a_push_can_be_the_last_one(code: int) -> None:
    world, session = pushed({"when": {"nth": [2]}, "close": code})
    place(world, "a", "b", "c")
    assert link_ids(world.heard(session)) == ["a", "b"]
    assert session.ending == Ending(code)
    assert session.due_ms is None
    assert world.say(session, '{"op":"ping"}') == []


def test_a_stream_falls_silent_and_hears_nothing_any_more() -> None:
    world, session = pushed({"when": {"nth": [1]}, "silent": True})
    place(world, "a", "b")
    assert link_ids(world.heard(session)) == ["a"]
    assert world.say(session, '{"op":"ping"}') == []
    assert session.ending is None


def conversation(*rules: dict[str, Any]) -> tuple[World, PrivateSession]:
    world = World(plan_of(streams=list(rules)))
    return world, world.gateway.open_private("c1")


def test_auth_is_refused_once_and_late_the_second_time() -> None:
    world, session = conversation(
        {"when": {"op": "auth", "nth": [1]}, "refuse": 10003}, {"when": {"op": "auth", "nth": [2]}, "delay_ms": 300}
    )
    assert world.say(session, auth_frame(world.now))[0]["retCode"] == 10003
    assert world.say(session, auth_frame(world.now)) == []
    assert world.heard(session, 300)[0]["success"] is True


@pytest.mark.parametrize("effect", [False, True])
def test_an_ack_is_swallowed_with_or_without_its_subscription(effect: bool) -> None:
    world, session = conversation({"when": {"op": "subscribe"}, "swallow": True, "effect": effect})
    world.say(session, auth_frame(world.now))
    assert world.say(session, '{"op":"subscribe","args":["order"]}') == []
    place(world, "a")
    assert link_ids(world.heard(session)) == (["a"] if effect else [])


def test_a_subscription_is_refused_and_a_ping_ends_the_stream() -> None:
    world, session = conversation(
        {"when": {"op": "subscribe", "nth": [1]}, "refuse": 10016}, {"when": {"op": "ping"}, "close": 1011}
    )
    world.say(session, auth_frame(world.now))
    assert world.say(session, '{"op":"subscribe","args":["order"]}')[0]["success"] is False
    assert world.say(session, '{"op":"subscribe","args":["order"]}')[0]["success"] is True
    assert world.say(session, '{"op":"ping"}')[0]["op"] == "pong"
    assert session.ending == Ending(1011)


def test_connections_are_refused() -> None:
    world, _ = conversation({"when": {"op": "connect", "count": 1}, "refuse": 503})
    assert world.gateway.admit_stream("/v5/private", "p", world.now) == 503
    assert world.gateway.admit_stream("/v5/private", "p", world.now) == 101


# What happens by itself


def eventful(*events: dict[str, Any]) -> World:
    return World(plan_of(events=[{"uid": UID, "at_s": 60} | event for event in events]))


def size(world: World) -> str:
    return str(world.rows(POSITIONS, symbol="BTCUSDT")[0]["size"])


def after(world: World, at_s: int = 60) -> World:
    world.pass_to(world.market.start_ms + at_s * 1000)
    return world


def test_an_order_fills_by_hand_and_is_pushed() -> None:
    world = eventful({"fill": {"symbol": "BTCUSDT", "order_link_id": "a", "qty": "0.004", "price": "80000"}})
    session = world.private("execution")
    place(world, "a")
    after(world)
    execution = world.heard(session)[0]["data"][0]
    assert (execution["execQty"], execution["orderLinkId"]) == ("0.004", "a")
    assert world.rows(REALTIME, symbol="BTCUSDT")[0]["orderStatus"] == "PartiallyFilled"
    assert [one["outcome"] for one in world.truth("fault")] == ["done"]


def test_deleveraging_funding_and_transfers_happen() -> None:
    world = eventful(
        {"funding": {"symbol": "BTCUSDT", "rate": "0.001"}},
        {"transfer": "-250", "at_s": 70},
        {"adl": {"symbol": "BTCUSDT", "share": 0.5}, "at_s": 80},
    )
    world.post(CREATE, market_order("a"))
    after(world, 65)
    assert [row["execType"] for row in world.rows("/v5/execution/list", symbol="BTCUSDT")] == ["Funding", "Trade"]
    before = float(wallet(world))
    after(world, 70)
    assert float(wallet(world)) == before - 250
    after(world, 80)
    assert float(size(world)) == 0.005
    assert "AdlTrade" in {row["execType"] for row in world.rows("/v5/execution/list", symbol="BTCUSDT")}


def wallet(world: World) -> str:
    return str(
        world.get("/v5/account/wallet-balance", accountType="UNIFIED")["result"]["list"][0]["totalWalletBalance"]
    )


def test_the_owner_trades_by_hand_without_meeting_the_plans_rules() -> None:
    by_hand = market_order("by-hand", qty="0.02")
    world = World(
        plan_of(
            requests=[{"when": {"route": "*"}, "answer": {"code": 10016}}],
            events=[
                {"uid": UID, "at_s": 60, "request": {"path": CREATE, "body": by_hand}},
                {
                    "uid": UID,
                    "at_s": 60,
                    "request": {
                        "path": "/v5/position/set-leverage",
                        "body": {"category": "linear", "symbol": "BTCUSDT", "buyLeverage": "3", "sellLeverage": "3"},
                    },
                },
            ],
        )
    )
    after(world)
    answer = world.gateway.venue.answer(UID, "GET", POSITIONS, {"category": "linear", "symbol": "BTCUSDT"}, world.now)
    rows: Any = answer.result["list"]
    assert (rows[0]["size"], rows[0]["leverage"]) == ("0.020", "3")


def test_what_cannot_happen_is_said_in_the_truth() -> None:
    world = eventful({"fill": {"symbol": "BTCUSDT", "order_link_id": "none"}, "name": "nothing there"})
    after(world)
    assert [(one["rule"], one["outcome"][:6]) for one in world.truth("fault")] == [("nothing there", "110001")]


def test_a_restart_forgets_closed_orders() -> None:
    world = eventful({"forget": True})
    world.post(CREATE, market_order("a"))
    assert len(world.rows(REALTIME, symbol="BTCUSDT", openOnly=1)) == 1
    after(world)
    assert world.rows(REALTIME, symbol="BTCUSDT", openOnly=1) == []
    assert len(world.rows("/v5/order/history", symbol="BTCUSDT")) == 1


def test_streams_of_one_account_end_or_fall_silent_at_their_time() -> None:
    world = eventful({"disconnect": {"code": 1012}})
    mine, others = world.private("order"), world.private("order", key="sandbox-key-2", secret="sandbox-secret-2")
    after(world)
    assert world.heard(mine) == world.heard(others) == []
    assert (mine.ending, others.ending) == (Ending(1012), None)
    world = eventful({"disconnect": {"silent": True}})
    session = world.private("order")
    after(world)
    place(world, "a")
    assert world.heard(session) == []


def test_events_happen_in_the_order_of_their_times() -> None:
    world = eventful({"transfer": "1", "name": "second", "at_s": 61}, {"transfer": "2", "name": "first"})
    after(world, 300)
    assert [one["rule"] for one in world.truth("fault")] == ["first", "second"]
