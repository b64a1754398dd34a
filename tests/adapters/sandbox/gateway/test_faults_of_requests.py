"""Trouble of requests: each rule does what it says, to the requests it means, and the truth log knows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.sandbox.gateway.messages import HttpAnswer, Lost
from tests.adapters.sandbox.gateway.world import (
    CANCEL,
    CREATE,
    REALTIME,
    UID,
    World,
    limit_order,
    market_order,
    plan_of,
)


def troubled(*rules: dict[str, Any], seed: int = 0, **tables: Any) -> World:
    return World(plan_of(requests=list(rules), seed=seed, **tables))


def resting(world: World) -> list[str]:
    orders = world.gateway.venue.answer(UID, "GET", REALTIME, {"category": "linear", "symbol": "BTCUSDT"}, world.now)
    rows: Any = orders.result["list"]
    return sorted(row["orderLinkId"] for row in rows)


def test_an_answer_is_lost_with_the_order_taken_or_dropped() -> None:
    world = troubled(
        {"when": {"route": CREATE, "nth": [1]}, "lose": {"accepted": True}},
        {"when": {"route": CREATE, "nth": [2]}, "lose": {"accepted": False, "how": "silence"}},
    )
    assert world.ask("POST", CREATE, limit_order("taken")) == Lost(how="reset")
    assert world.ask("POST", CREATE, limit_order("dropped")) == Lost(how="silence")
    assert world.post(CREATE, limit_order("plain"))["retCode"] == 0
    assert resting(world) == ["plain", "taken"]
    assert [(one["decision"], one["told"]) for one in world.truth("answer")] == [
        ("accepted", "lost"),
        ("not carried out", "lost"),
        ("accepted", 0),
    ]
    assert [(one["kind"], one["rule"], one["request"]) for one in world.truth("fault")] == [
        ("requests", "requests[0]", 1),
        ("requests", "requests[1]", 2),
    ]


def test_a_delayed_answer_is_carried_out_at_once_and_told_later() -> None:
    world = troubled({"when": {"route": CREATE}, "delay_ms": 700})
    answered = world.ask("POST", CREATE, limit_order("a"))
    assert isinstance(answered, HttpAnswer)
    assert answered.delay_ms == 700
    assert resting(world) == ["a"]


def test_a_repeated_request_is_carried_out_twice_and_answered_with_the_first_outcome() -> None:
    world = troubled({"when": {"route": CREATE}, "repeat": 1})
    assert world.post(CREATE, limit_order("a"))["retCode"] == 0
    assert world.post(CREATE, limit_order("") | {"orderLinkId": ""})["retCode"] == 0
    assert resting(world) == ["", "", "a"]
    assert [one["codes"] for one in world.truth("answer")] == [[0, 110072], [0, 0]]


@pytest.mark.parametrize("accepted", [False, True])
@pytest.mark.parametrize(
    ("forged", "status", "body"),
    [
        ({"code": 10016, "message": "Server error."}, 200, None),
        ({"code": 10000}, 200, None),
        ({"code": "10006"}, 200, None),
        ({"http": 403, "body": "<html>403 Forbidden</html>"}, 403, b"<html>403 Forbidden</html>"),
        ({"http": 502, "body": "<html>502 Bad Gateway</html>"}, 502, b"<html>502 Bad Gateway</html>"),
        ({"body": '{"retCode":0,"re'}, 200, b'{"retCode":0,"re'),
        ({"body": ""}, 200, b""),
    ],
)
def test_a_forged_answer_says_what_the_plan_wants(
    accepted: bool, forged: dict[str, Any], status: int, body: bytes | None
) -> None:
    world = troubled({"when": {"route": CREATE}, "answer": forged | {"accepted": accepted}})
    answered = world.ask("POST", CREATE, limit_order("a"))
    assert isinstance(answered, HttpAnswer)
    assert answered.status == status
    if body is None:
        assert json.loads(answered.body)["retCode"] == forged["code"]
    else:
        assert answered.body == body
    assert resting(world) == (["a"] if accepted else [])


def test_a_forged_rate_limit_comes_with_the_headers_of_one() -> None:
    world = troubled({"when": {"route": CREATE}, "answer": {"code": 10006, "message": "Too many visits."}})
    answered = world.ask("POST", CREATE, limit_order("a"))
    assert isinstance(answered, HttpAnswer)
    assert answered.headers["X-Bapi-Limit-Status"] == "0"
    assert int(answered.headers["X-Bapi-Limit-Reset-Timestamp"]) == world.now + 1000


def test_a_lagging_replica_hides_a_fresh_order_for_a_while() -> None:
    world = troubled({"when": {"route": REALTIME}, "hide_ms": 3000})
    world.post(CREATE, limit_order("a"))
    assert world.rows(REALTIME, symbol="BTCUSDT") == []
    world.pass_to(world.now + 2999)
    assert world.rows(REALTIME, symbol="BTCUSDT") == []
    world.pass_to(world.now + 1)
    assert [row["orderLinkId"] for row in world.rows(REALTIME, symbol="BTCUSDT")] == ["a"]


def test_a_position_query_lies_once() -> None:
    world = troubled(
        {"when": {"route": "/v5/position/list", "nth": [1]}, "lie": "flat"},
        {"when": {"route": "/v5/position/list", "nth": [2]}, "lie": "empty"},
    )
    world.post(CREATE, market_order("a"))
    sizes = [[row["size"] for row in world.rows("/v5/position/list", symbol="BTCUSDT")] for _ in range(3)]
    assert sizes == [["0"], [], ["0.010"]]


def test_rules_mean_accounts_symbols_and_ways() -> None:
    lose = {"answer": {"code": 10016}}
    world = troubled(
        {"when": {"route": CREATE, "uid": "100002"}} | lose,
        {"when": {"route": CREATE, "symbol": "ETHUSDT"}} | lose,
        {"when": {"route": CREATE, "via": "trade"}} | lose,
        {"when": {"route": "/v5/order/c*l", "symbol": "BTCUSDT"}} | lose,
    )
    assert world.post(CREATE, limit_order("a"))["retCode"] == 0
    second = {"key": "sandbox-key-2", "secret": "sandbox-secret-2"}
    assert world.post(CREATE, limit_order("a"), **second)["retCode"] == 10016
    assert world.post(CREATE, limit_order("b", symbol="ETHUSDT"))["retCode"] == 10016
    assert world.post(CANCEL, {"category": "linear", "symbol": "BTCUSDT", "orderLinkId": "a"})["retCode"] == 10016


def codes(world: World, count: int) -> list[int]:
    return [world.post(CREATE, {"category": "linear"})["retCode"] for _ in range(count)]


def test_rules_count_space_out_and_stop() -> None:
    forged = {"answer": {"code": 10016}}
    assert codes(troubled({"when": {"route": CREATE, "every": 3}} | forged), 7) == [10001, 10001, 10016] * 2 + [10001]
    assert codes(troubled({"when": {"route": CREATE, "count": 2}} | forged), 4) == [10016, 10016, 10001, 10001]
    assert codes(troubled({"when": {"route": CREATE, "nth": [2, 4]}} | forged), 4) == [10001, 10016, 10001, 10016]


def test_rules_hold_within_their_time() -> None:
    world = troubled({"when": {"route": CREATE, "from_s": 10, "until_s": 20}, "answer": {"code": 10016}})
    start = world.market.start_ms
    for at_s, code in ((9, 10001), (10, 10016), (19, 10016), (20, 10001)):
        world.pass_to(start + at_s * 1000)
        assert codes(world, 1) == [code]


def test_chances_are_those_of_the_seed() -> None:
    def run(seed: int) -> list[int]:
        world = troubled({"when": {"route": CREATE, "probability": 0.5}, "answer": {"code": 10016}}, seed=seed)
        return codes(world, 10)

    assert run(1) == run(1)
    assert len({tuple(run(seed)) for seed in range(5)}) > 1
    assert 10016 in run(1)
    assert 10001 in run(1)


def test_a_skewed_clock_shows_in_every_answer_and_refuses_who_trusts_his_own() -> None:
    world = World(plan_of(clock=[{"skew_ms": 20_000, "from_s": 60, "until_s": 120}]))
    assert world.post(CREATE, limit_order("a"))["retCode"] == 0
    world.pass_to(world.market.start_ms + 60_000)
    assert world.get("/v5/market/time")["time"] == world.now + 20_000
    refused = world.post(CREATE, limit_order("b"))
    assert (refused["retCode"], refused["time"]) == (10002, world.now + 20_000)
    world.pass_to(world.market.start_ms + 120_000)
    assert world.post(CREATE, limit_order("b"))["retCode"] == 0


def test_maintenance_is_announced_refuses_closes_and_ends() -> None:
    world = World(plan_of(maintenance=[{"from_s": 60, "until_s": 120, "title": "upgrade"}]))
    session = world.private("order")
    status = world.rows("/v5/system/status")[0]
    assert (status["state"], status["title"]) == ("scheduled", "upgrade")
    world.pass_to(world.market.start_ms + 60_000)
    assert world.rows("/v5/system/status")[0]["state"] == "ongoing"
    assert world.post(CREATE, limit_order("a"))["retCode"] == 10016
    assert world.get("/v5/market/tickers")["retCode"] == 10016
    assert world.heard(session) == []
    assert session.ending is not None
    assert session.ending.code == 1001
    assert world.gateway.admit_stream("/v5/private", "p", world.now) == 503
    world.pass_to(world.market.start_ms + 120_000)
    assert world.post(CREATE, limit_order("a"))["retCode"] == 0
    assert world.gateway.admit_stream("/v5/private", "p", world.now) == 101
    assert world.rows("/v5/system/status")[0]["state"] == "completed"
    assert [one["kind"] for one in world.truth("fault")] == ["maintenance"]


def test_market_routes_can_fail_too() -> None:
    world = troubled({"when": {"route": "/v5/market/*"}, "answer": {"http": 502, "body": "<html>"}})
    answered = world.ask("GET", "/v5/market/time")
    assert isinstance(answered, HttpAnswer)
    assert (answered.status, answered.content_type) == (502, "text/html")


def test_headers_of_the_limit_can_be_absurd_or_missing() -> None:
    world = troubled({"when": {"route": CREATE}, "headers": {"X-Bapi-Limit": "-7", "X-Bapi-Limit-Status": ""}})
    answered = world.ask("POST", CREATE, limit_order("a"))
    assert isinstance(answered, HttpAnswer)
    assert answered.headers["X-Bapi-Limit"] == "-7"
    assert set(answered.headers) == {"X-Bapi-Limit", "X-Bapi-Limit-Reset-Timestamp"}


def test_a_cancel_is_accepted_in_word_only() -> None:
    world = troubled({"when": {"route": CANCEL}, "answer": {"code": 0, "message": "OK"}})
    world.post(CREATE, limit_order("a"))
    assert world.post(CANCEL, {"category": "linear", "symbol": "BTCUSDT", "orderLinkId": "a"})["retCode"] == 0
    assert resting(world) == ["a"]
