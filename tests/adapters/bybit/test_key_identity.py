"""Whose a key is and what it may do."""

from __future__ import annotations

import time
from typing import Any

import pytest
from aiohttp import web
from msgspec.structs import replace

from adapters.bybit.key_identity import KeyIdentity, expiry_warning, identify, key_problems
from daemon.core.errors import ArmingRefused
from daemon.core.units import NS_PER_DAY, NS_PER_SECOND
from tests.adapters.bybit.rest_venue import CREDENTIALS, environment_at, ok, rest_venue

NOW = 1_700_000_000 * NS_PER_SECOND
GOOD = KeyIdentity(
    account_id="100001",
    read_only=False,
    permissions={"ContractTrade": ("Order", "Position"), "Spot": ("SpotTrade",)},
    ips=("10.0.0.1",),
    expires=NOW + 90 * NS_PER_DAY,
    unified=5,
    asked=NOW,
)
INFO: dict[str, Any] = {
    "id": "13770661",
    "note": "bot",
    "apiKey": "loopback-key",
    "readOnly": 0,
    "permissions": {"ContractTrade": ["Order", "Position"], "Spot": [], "Wallet": [], "Options": None},
    "ips": ["192.168.0.1"],
    "type": 1,
    "deadlineDay": 83,
    "expiredAt": "2030-05-15T03:21:05Z",
    "uta": 1,
    "userID": 24617703,
    "isMaster": True,
}
ACCOUNT = {"marginMode": "ISOLATED_MARGIN", "unifiedMarginStatus": 6, "updatedTime": "1697078946000"}


async def ask(
    info: Any = None, *, code: int = 0, status: int = 200, account: Any = None, name: str = "custom", real: bool = False
) -> KeyIdentity:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path == "/v5/market/time":
            return ok({"timeSecond": "1700000000", "timeNano": str(NOW)})
        assert int(request.headers["X-BAPI-TIMESTAMP"]) - NOW // 1_000_000 < 5_000, "signed by the venue's time"
        if request.path == "/v5/account/info":
            return ok(ACCOUNT if account is None else account)
        if status != 200:
            return web.Response(status=status)
        return ok(INFO if info is None else info, code=code)

    async with rest_venue(handle) as rest:
        return await identify(replace(environment_at(rest), name=name, real_money=real), CREDENTIALS)


NOT_TOLD: list[dict[str, Any]] = [{"code": 10032}, {"status": 404}]


@pytest.mark.parametrize("how", NOT_TOLD)
async def test_the_demo_service_need_not_say_whose_a_key_is(how: dict[str, Any]) -> None:
    identity = await ask(name="demo", **how)
    assert (identity.account_id, identity.permissions, identity.unified) == ("", {}, 6)


@pytest.mark.parametrize("how", NOT_TOLD)
@pytest.mark.parametrize(("name", "real"), [("mainnet", True), ("testnet", False), ("custom", True)])
async def test_everywhere_else_the_venue_must_say_it(name: str, real: bool, how: dict[str, Any]) -> None:
    with pytest.raises(ArmingRefused, match="KEY_NOT_TOLD"):
        await ask(name=name, real=real, **how)


@pytest.mark.parametrize("code", [10003, 10004, 10005, 10016, 33004])
async def test_a_demo_key_that_is_refused_for_another_reason_is_none(code: int) -> None:
    with pytest.raises(ArmingRefused, match=str(code)):
        await ask(name="demo", code=code)


@pytest.mark.parametrize("response", [ok({}, code=10032), web.Response(status=404)])
async def test_a_service_that_does_not_tell_of_the_account_is_no_such_case(response: web.Response) -> None:
    async def handle(request: web.Request) -> web.StreamResponse:
        if request.path == "/v5/market/time":
            return ok({"timeSecond": "1700000000", "timeNano": str(NOW)})
        return response if request.path == "/v5/account/info" else ok(INFO)

    async with rest_venue(handle) as rest:
        with pytest.raises(ArmingRefused, match="KEY_UNKNOWN"):
            await identify(replace(environment_at(rest), name="demo"), CREDENTIALS)


async def test_the_venue_says_whose_key_it_is() -> None:
    identity = await ask()
    assert identity == KeyIdentity(
        account_id="24617703",
        read_only=False,
        permissions={"ContractTrade": ("Order", "Position")},
        ips=("192.168.0.1",),
        expires=1_905_045_665 * NS_PER_SECOND,
        master=True,
        margin_mode="ISOLATED_MARGIN",
        unified=6,
        asked=identity.asked,
    )
    assert abs(identity.asked - NOW) < NS_PER_SECOND
    assert list(key_problems(identity, real_money=True, unbound_ip_accepted=False)) == []


@pytest.mark.parametrize(("ips", "bound"), [(["*"], ()), ([], ()), (None, ()), (["1.2.3.4", "*"], ()), ([""], ())])
async def test_a_star_means_every_address(ips: Any, bound: tuple[str, ...]) -> None:
    assert (await ask(INFO | {"ips": ips})).ips == bound


@pytest.mark.parametrize("date", ["", "1970-01-01T00:00:00Z", "never"])
async def test_a_key_without_a_date_does_not_expire(date: str) -> None:
    assert (await ask(INFO | {"expiredAt": date})).expires is None


@pytest.mark.parametrize(
    ("code", "name", "words"),
    [
        (10003, "KEY_REFUSED", "mainnet or testnet or demo"),
        (10004, "KEY_REFUSED", "secret"),
        (10010, "KEY_REFUSED", "address"),
        (33004, "KEY_REFUSED", "expired"),
        (10016, "KEY_UNKNOWN", "code"),
    ],
)
async def test_a_refusal_says_what_to_do(code: int, name: str, words: str) -> None:
    with pytest.raises(ArmingRefused) as caught:
        await ask(code=code)
    assert caught.value.code == name
    assert words in caught.value.cure
    assert str(code) in caught.value.message
    assert "loopback" not in str(caught.value)


@pytest.mark.parametrize("info", [{}, {"userID": 0}, INFO | {"permissions": "all"}, INFO | {"readOnly": 7}])
async def test_an_answer_of_another_shape_names_nobody(info: Any) -> None:
    with pytest.raises(ArmingRefused, match="KEY_UNKNOWN"):
        await ask(info)


async def test_a_venue_that_cannot_be_reached_names_nobody() -> None:
    with pytest.raises(ArmingRefused, match="KEY_UNKNOWN"):
        await identify(environment_at("http://127.0.0.1:1"), CREDENTIALS)


def codes(identity: KeyIdentity, *, real_money: bool = True, accepted: bool = False, now: int = NOW) -> list[str]:
    problems = key_problems(identity, real_money=real_money, unbound_ip_accepted=accepted, now=now)
    return [problem.code for problem in problems]


@pytest.mark.parametrize(
    ("permissions", "expected"),
    [
        ({}, ["KEY_CANNOT_TRADE"]),
        ({"ContractTrade": ("Order",)}, ["KEY_CANNOT_TRADE"]),
        ({"ContractTrade": ("Order", "Position")}, []),
        ({"Derivatives": ("DerivativesTrade",)}, []),
        ({"Wallet": ("Withdraw",)}, ["KEY_MAY_WITHDRAW", "KEY_CANNOT_TRADE"]),
        ({"ContractTrade": ("Order", "Position"), "Wallet": ("AccountTransfer",)}, ["KEY_MAY_TRANSFER"]),
        ({"ContractTrade": ("Order", "Position"), "Wallet": ("SomethingNew",)}, ["KEY_MAY_TRANSFER"]),
        ({"ContractTrade": ("Order", "Position"), "Earn": ("Earn",)}, ["KEY_MAY_MORE"]),
    ],
)
def test_only_a_key_that_can_trade_and_move_no_money_is_taken(
    permissions: dict[str, tuple[str, ...]], expected: list[str]
) -> None:
    assert codes(replace(GOOD, permissions=permissions)) == expected


def test_a_key_of_nobody_known_is_taken_where_that_was_accepted_and_orders_cost_nothing() -> None:
    nobody = KeyIdentity(account_id="", read_only=False, permissions={}, unified=6)
    for real_money, accepted, expected in (
        (False, True, []),
        (False, False, ["KEY_NOT_TOLD"]),
        (True, True, ["KEY_NOT_TOLD"]),
        (True, False, ["KEY_NOT_TOLD"]),
    ):
        found = key_problems(nobody, real_money=real_money, unbound_ip_accepted=True, unverified_id_accepted=accepted)
        assert [problem.code for problem in found] == expected
    older = key_problems(replace(nobody, unified=3), real_money=False, unverified_id_accepted=True)
    assert [problem.code for problem in older] == ["ACCOUNT_NOT_UNIFIED"]


def test_a_read_only_key_is_of_no_use() -> None:
    assert codes(replace(GOOD, read_only=True)) == ["KEY_READ_ONLY"]


def test_an_unbound_key_is_refused_with_real_money_unless_accepted() -> None:
    unbound = replace(GOOD, ips=())
    assert codes(unbound) == ["KEY_NOT_BOUND"]
    assert codes(unbound, accepted=True) == []
    assert codes(unbound, real_money=False) == []


def test_other_rights_matter_with_real_money_only() -> None:
    more = replace(GOOD, permissions=dict(GOOD.permissions) | {"CopyTrading": ("CopyTrading",)})
    assert codes(more) == ["KEY_MAY_MORE"]
    assert codes(more, real_money=False) == []


@pytest.mark.parametrize(
    ("days", "code"),
    [(90, None), (3, None), (2, "KEY_EXPIRES"), (0.5, "KEY_EXPIRES"), (0, "KEY_EXPIRED"), (-1, "KEY_EXPIRED")],
)
def test_a_key_that_ends_soon_is_refused(days: float, code: str | None) -> None:
    ending = replace(GOOD, expires=NOW + int(days * NS_PER_DAY))
    assert codes(ending) == ([] if code is None else [code])
    assert codes(ending, now=0) == codes(ending), "the time of asking counts where no later one is given"


def test_an_end_within_two_weeks_is_worth_a_warning() -> None:
    assert expiry_warning(replace(GOOD, expires=NOW + 13 * NS_PER_DAY), NOW) == "the key expires in 13 days"
    assert expiry_warning(replace(GOOD, expires=NOW + 15 * NS_PER_DAY), NOW) == ""
    assert expiry_warning(replace(GOOD, expires=None), time.time_ns()) == ""


def test_an_account_of_an_older_kind_is_refused() -> None:
    assert codes(replace(GOOD, unified=3)) == ["ACCOUNT_NOT_UNIFIED"]


def test_every_problem_has_a_cure() -> None:
    worst = KeyIdentity(
        account_id="1", read_only=True, permissions={"Wallet": ("Withdraw", "X"), "NFT": ("Y",)}, expires=1
    )
    problems = list(key_problems(worst, real_money=True, unbound_ip_accepted=False, now=NOW))
    assert len(problems) == 7
    assert all(problem.what and problem.cure for problem in problems)
