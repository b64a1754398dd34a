from __future__ import annotations

import json
from typing import Any

import pytest

from adapters.sandbox.gateway.accounts import Account, ApiKey
from adapters.sandbox.gateway.limits import LimitSettings
from adapters.sandbox.gateway.messages import HttpAnswer, HttpRequest
from tests.adapters.sandbox.gateway.world import (
    CANCEL,
    CREATE,
    REALTIME,
    SECRET,
    TOPICS,
    UID,
    World,
    limit_order,
    market_order,
    signed_headers,
)

QUERY_API = "/v5/user/query-api"
MONEY = "/v5/account/demo-apply-money"
BATCH = "/v5/order/create-batch"


def raw(world: World, request: HttpRequest) -> HttpAnswer:
    answered = world.gateway.handle(request, world.now)
    assert isinstance(answered, HttpAnswer)
    return answered


def test_a_signed_order_is_carried_out_and_its_account_sees_it_and_nobody_else() -> None:
    world = World()
    assert world.post(CREATE, limit_order("mine"))["retCode"] == 0
    assert [row["orderLinkId"] for row in world.rows(REALTIME, symbol="BTCUSDT")] == ["mine"]
    other = world.answer(
        "GET", REALTIME, {"category": "linear", "symbol": "BTCUSDT"}, key="sandbox-key-2", secret="sandbox-secret-2"
    )
    assert other["result"]["list"] == []


def test_a_fill_is_pushed_on_every_topic_of_its_account_only() -> None:
    world = World()
    mine = world.private(*TOPICS)
    others = world.private(*TOPICS, key="sandbox-key-2", secret="sandbox-secret-2")
    world.post(CREATE, market_order("a"))
    heard = world.heard(mine)
    assert {message["topic"] for message in heard} == set(TOPICS)
    assert world.heard(others) == []
    execution = next(message for message in heard if message["topic"] == "execution")
    assert execution["data"][0]["orderLinkId"] == "a"
    assert execution["creationTime"] == world.now


def test_a_request_without_signing_headers_is_unauthorized_and_a_wrong_one_refused_in_the_body() -> None:
    world = World()
    bare = raw(world, HttpRequest(method="GET", path=REALTIME, raw_query="category=linear"))
    assert (bare.status, json.loads(bare.body)["retCode"]) == (401, 10007)
    assert world.answer("GET", REALTIME, key="nobody")["retCode"] == 10003
    assert world.answer("GET", REALTIME, secret="wrong")["retCode"] == 10004
    assert [entry["code"] for entry in world.truth("answer")] == [10007, 10003, 10004]


def test_a_signature_holds_for_the_query_as_it_was_sent_percent_signs_and_all() -> None:
    world = World()
    query = "category=linear&symbol=BTCUSDT&cursor=a%253Ab"
    headers = signed_headers(query, world.now)
    request = HttpRequest(method="GET", path=REALTIME, raw_query=query, headers=headers)
    assert json.loads(raw(world, request).body)["retCode"] != 10004


def test_a_body_of_another_spacing_is_accepted_and_one_that_is_no_object_refused() -> None:
    world = World()
    for body, code in ((json.dumps(limit_order("a"), indent=3), 0), ("[1]", 10001), ('{"a":', 10001)):
        headers = signed_headers(body, world.now)
        answered = raw(world, HttpRequest(method="POST", path=CREATE, headers=headers, body=body.encode()))
        assert json.loads(answered.body)["retCode"] == code


def test_a_get_with_a_body_is_forbidden() -> None:
    world = World()
    assert raw(world, HttpRequest(method="GET", path=REALTIME, body=b"{}")).status == 403


def test_every_answer_carries_the_rate_limit_headers() -> None:
    world = World()
    for answered in (
        world.ask("POST", CREATE, limit_order("a")),
        raw(world, HttpRequest(method="GET", path="/v5/market/time")),
        raw(world, HttpRequest(method="GET", path="/v5/no/such")),
    ):
        assert isinstance(answered, HttpAnswer)
        assert {"X-Bapi-Limit", "X-Bapi-Limit-Status", "X-Bapi-Limit-Reset-Timestamp"} == set(answered.headers)


def test_the_eleventh_order_of_a_second_is_refused_with_the_time_of_recovery() -> None:
    world = World()
    for place in range(10):
        assert world.post(CREATE, limit_order(f"o{place}"))["retCode"] == 0
    refused = world.ask("POST", CREATE, limit_order("o10"))
    assert isinstance(refused, HttpAnswer)
    assert (refused.status, json.loads(refused.body)["retCode"]) == (200, 10006)
    assert refused.headers["X-Bapi-Limit-Status"] == "0"
    assert int(refused.headers["X-Bapi-Limit-Reset-Timestamp"]) == world.now + 1000
    assert len(world.rows(REALTIME, symbol="BTCUSDT")) == 10
    world.pass_to(world.now + 1000)
    assert world.post(CREATE, limit_order("o10"))["retCode"] == 0


def test_orders_of_a_batch_that_do_not_fit_into_the_second_are_refused_one_by_one() -> None:
    world = World()
    batch = {"category": "linear", "request": [limit_order(f"b{place}") for place in range(12)]}
    body = world.post(BATCH, batch)
    codes = [row["code"] for row in body["retExtInfo"]["list"]]
    assert (body["retCode"], codes) == (0, [0] * 10 + [10006] * 2)
    assert [row["orderLinkId"] for row in body["result"]["list"]] == [f"b{place}" for place in range(12)]
    assert len(world.rows(REALTIME, symbol="BTCUSDT")) == 10
    assert world.post(BATCH, batch)["retCode"] == 10006


def test_an_address_that_asks_too_much_gets_a_403_that_is_no_json() -> None:
    world = World(limits=LimitSettings(ip_requests=2))
    request = HttpRequest(method="GET", path="/v5/market/time")
    assert [raw(world, request).status for _ in range(3)] == [200, 200, 403]
    assert raw(world, request).body == b"access too frequent"


def account_with(**key: Any) -> tuple[Account, ...]:
    return (Account(uid=UID, name="main", keys=(ApiKey(key="sandbox-key-1", secret=SECRET, **key),)),)


def test_a_key_that_may_only_read_reads_and_does_not_act() -> None:
    world = World(accounts=account_with(read_only=True))
    assert world.get(REALTIME, symbol="BTCUSDT")["retCode"] == 0
    assert world.post(CREATE, limit_order("a"))["retCode"] == 10005
    assert world.get(QUERY_API)["result"]["readOnly"] == 1


def test_a_key_without_the_permission_of_a_route_is_refused_there() -> None:
    world = World(accounts=account_with(permissions={"ContractTrade": ("Position",)}))
    assert world.post(CREATE, limit_order("a"))["retCode"] == 10005
    assert world.get("/v5/position/list", symbol="BTCUSDT")["retCode"] == 0


def test_a_key_of_another_environment_is_unknown() -> None:
    accounts = account_with(personality="live")
    assert World(accounts=accounts).get(QUERY_API)["retCode"] == 10003
    assert World(accounts=accounts, personality="live").get(QUERY_API)["retCode"] == 0


def test_key_info_says_whose_key_it_is_and_what_it_may_do() -> None:
    info = World().get(QUERY_API)["result"]
    assert (info["userID"], info["uta"], info["readOnly"], info["ips"]) == (100001, 1, 0, ["*"])
    assert info["permissions"]["ContractTrade"] == ["Order", "Position"]
    assert (info["isMaster"], info["secret"], info["deadlineDay"]) == (True, "", -2)
    day = 86_400_000
    world = World(accounts=account_with(expires_ms=World().market.start_ms + 10 * day + 6_000))
    info = world.get(QUERY_API)["result"]
    assert (info["deadlineDay"], info["expiredAt"]) == (10, "2025-05-16T00:00:06Z")


def balance(world: World) -> str:
    return str(
        world.get("/v5/account/wallet-balance", accountType="UNIFIED")["result"]["list"][0]["totalWalletBalance"]
    )


def test_demo_money_comes_once_a_minute_and_up_to_a_sum() -> None:
    world = World()
    wish = {"adjustType": 0, "utaDemoApplyMoney": [{"coin": "USDT", "amountStr": "500"}]}
    assert world.post(MONEY, wish)["retCode"] == 0
    assert balance(world) == "10500"
    assert world.post(MONEY, wish)["retCode"] == 10006
    world.pass_to(world.now + 60_000)
    assert world.post(MONEY, wish | {"adjustType": 1})["retCode"] == 0
    assert balance(world) == "10000"
    world.pass_to(world.now + 60_000)
    assert world.post(MONEY, {})["retCode"] == 0
    assert balance(world) == "20000"


def test_demo_money_comes_at_any_time_when_limits_are_off() -> None:
    world = World(limits=LimitSettings(enabled=False))
    assert [world.post(MONEY, {})["retCode"] for _ in range(3)] == [0, 0, 0]
    assert balance(world) == "40000"


@pytest.mark.parametrize(
    "wish",
    [
        {"adjustType": 2, "utaDemoApplyMoney": [{"coin": "USDT", "amountStr": "1"}]},
        {"adjustType": 0, "utaDemoApplyMoney": [{"coin": "USDT", "amountStr": "100001"}]},
        {"adjustType": 0, "utaDemoApplyMoney": [{"coin": "DOGE", "amountStr": "1"}]},
        {"adjustType": 0, "utaDemoApplyMoney": [{"coin": "USDT", "amountStr": "NaN"}]},
        {"adjustType": 0, "utaDemoApplyMoney": "much"},
        {"adjustType": 0, "utaDemoApplyMoney": [7]},
    ],
)
def test_demo_money_is_refused_for_wishes_that_make_no_sense(wish: dict[str, Any]) -> None:
    world = World()
    assert world.post(MONEY, wish)["retCode"] == 10001
    assert balance(world) == "10000"


def test_what_an_environment_lacks_is_not_there() -> None:
    demo, live = World(), World(personality="live")
    assert demo.get("/v5/account/fee-rate")["retCode"] == 10017
    assert live.get("/v5/account/fee-rate")["retCode"] == 0
    assert live.post(MONEY, {})["retCode"] == 10017
    assert demo.gateway.admit_stream("/v5/trade", "p", demo.now) == 404
    assert live.gateway.admit_stream("/v5/trade", "p", live.now) == 101


def test_the_venue_sleeps_until_somebody_shows_a_key_and_wakes_to_the_market_as_it_is() -> None:
    world = World()
    world.step(3)
    assert not world.gateway.awake
    assert world.post(CREATE, market_order("a"))["retCode"] == 0
    assert world.gateway.awake
    fill = world.rows("/v5/execution/list", symbol="BTCUSDT")[0]
    ticker = world.market.ticker("BTCUSDT")
    assert float(fill["execPrice"]) >= float(ticker["ask1Price"])


def test_time_passes_for_a_request_although_the_market_took_no_step() -> None:
    world = World()
    before = world.post(CREATE, limit_order("a"))["time"]
    world.now += 700
    assert world.post(CANCEL, {"category": "linear", "symbol": "BTCUSDT", "orderLinkId": "a"})["time"] == before + 700


def test_the_truth_names_every_request_with_what_was_decided() -> None:
    world = World()
    world.post(CREATE, limit_order("a"))
    world.post(CREATE, limit_order("a"))
    requests, answers = world.truth("request"), world.truth("answer")
    assert [(one["request"], one["route"], one["uid"], one["order_link_id"]) for one in requests] == [
        (1, CREATE, UID, "a"),
        (2, CREATE, UID, "a"),
    ]
    assert [(one["request"], one["decision"], one["code"]) for one in answers] == [
        (1, "accepted", 0),
        (2, "refused", 110072),
    ]
    assert [entry["n"] for entry in world.gateway.truth.entries] == list(range(1, len(world.gateway.truth.entries) + 1))
    assert SECRET not in json.dumps(world.gateway.truth.entries, default=str)
