"""Accounts at Bybit in a configuration: what must be there, what must not, and what is written down of them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from daemon.config import Config, OrderSettings, config_digest, config_document, config_from_document, fingerprint
from daemon.core.errors import ConfigError
from daemon.core.remote.settings import RemoteSettings
from tests.daemon.config.builders import LANE, parse

BYBIT: dict[str, Any] = {"venue": "bybit", "account_id": "100001", "consent": "100001"}
CUSTOM = {
    "environment": "custom",
    "clock": "venue",
    "speed": 60.0,
    "rest_url": "http://127.0.0.1:1",
    "public_url": "ws://127.0.0.1:1/v5/public/linear",
    "private_url": "ws://127.0.0.1:1/v5/private",
}


def document(**parts: Any) -> dict[str, Any]:
    """A lane called main on an account demo at Bybit."""
    lane = LANE | {"account": "demo"}
    return {"feed": {"symbols": ["BTCUSDT"]}, "accounts": {"demo": BYBIT}, "lanes": [lane], **parts}


def config(**parts: Any) -> Config:
    return parse(document(**parts))


def error_of(**parts: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        config(**parts)
    return str(caught.value)


def test_an_account_at_bybit_is_taken_in_each_environment() -> None:
    assert config().accounts["demo"].account_id == "100001"
    assert config(venue=CUSTOM).venue.speed == 60.0


def test_orders_are_the_settings_of_the_remote_exchange_but_for_what_the_account_says() -> None:
    beyond = {"leverage", "margin_mode", "history_days", "time_scale"}
    theirs = {each.name: each.default for each in msgspec.structs.fields(RemoteSettings)}
    ours = {each.name: each.default for each in msgspec.structs.fields(OrderSettings)}
    assert ours == {name: theirs[name] for name in theirs if name not in beyond}


def test_leverage_margin_mode_and_speed_reach_the_remote_exchange() -> None:
    orders = {"answer_ms": 700, "on_stop": "cancel"}
    account = BYBIT | {"leverage": "3", "exchange": {"margin_mode": "cross"}, "orders": orders}
    made = config(accounts={"demo": account}).accounts["demo"].remote(speed=60.0, history_days=7)
    assert (made.leverage, made.margin_mode, made.time_scale) == (Decimal(3), "cross", 60.0)
    assert (made.answer_ms, made.on_stop, made.history_days) == (700, "cancel", 7)


def test_nothing_that_is_written_down_holds_an_account_id_and_it_reads_back_as_written() -> None:
    written = config_document(config())
    assert "100001" not in str(written)
    assert written["accounts"]["demo"]["account_id"] == fingerprint("100001")
    again = config_from_document(written)
    assert config_document(again) == written
    assert config_digest(again) == config_digest(config())


def test_configurations_of_different_accounts_have_different_digests() -> None:
    other = BYBIT | {"account_id": "100002", "consent": "100002"}
    assert config_digest(config(accounts={"demo": other})) != config_digest(config())


def test_a_fingerprint_is_its_own_fingerprint() -> None:
    assert fingerprint(fingerprint("100001")) == fingerprint("100001") != fingerprint("100002")


@pytest.mark.parametrize(
    ("parts", "message", "cure"),
    [
        ({"accounts": {"demo": {"venue": "bybit"}}}, "accounts.demo.account_id: missing", "user id"),
        ({"accounts": {"demo": BYBIT | {"account_id": "me"}}}, "accounts.demo.account_id: ", "digits"),
        ({"accounts": {"demo": BYBIT | {"consent": "yes"}}}, "accounts.demo.consent: ", "digits"),
        ({"accounts": {"demo": BYBIT, "b": BYBIT}}, "accounts.b.account_id: the same account as 'demo'", "once"),
        ({"accounts": {"demo": BYBIT, "My Account": BYBIT | {"account_id": "2"}}}, "accounts.My Account: ", "a-z"),
        ({"accounts": {"demo": {"account_id": "1"}}}, "accounts.demo.account_id: given for a simulated", "bybit"),
        ({"accounts": {"demo": {"secrets": "k.toml"}}}, "accounts.demo.secrets: given for a simulated", "bybit"),
        ({"accounts": {"demo": {"orders": {"answer_ms": 1}}}}, "accounts.demo.orders: given for a", "bybit"),
        (
            {"accounts": {"demo": BYBIT | {"orders": {"answer": 1}}}},
            "accounts.demo.orders.answer: unknown",
            "answer_ms",
        ),
        ({"venue": CUSTOM | {"private_url": None}}, "venue.private_url: missing", "private_url for accounts"),
        ({"venue": {"private_url": "wss://a.b"}}, "venue.private_url: given for mainnet", "custom"),
        ({"venue": {"speed": 2.0}}, "venue.speed: given where", 'clock = "venue"'),
        ({"venue": CUSTOM | {"private_url": "ws://a.b/v5/private"}}, "venue.private_url: ws to a.b is not enc", "wss"),
    ],
)
def test_what_does_not_fit_is_refused_with_path_and_cure(parts: dict[str, Any], message: str, cure: str) -> None:
    found = error_of(**parts)
    assert message in found
    assert cure in found


def test_simulated_accounts_need_no_private_address() -> None:
    venue = {key: value for key, value in CUSTOM.items() if key != "private_url"}
    assert config(venue=venue, accounts={"demo": {}}).venue.private_url is None


def lane(**more: Any) -> dict[str, Any]:
    return LANE | {"account": "demo"} | more


def test_a_lane_at_bybit_may_have_a_twin() -> None:
    assert config(lanes=[lane(twin=True)]).lanes[0].twin


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"lanes": [lane(twin=True)], "accounts": {"demo": {}}}, "lanes[0].twin: the account 'demo' is simulated"),
        ({"lanes": [lane(twin=True, name="a" * 12)]}, "lanes[0].name: 'aaaaaaaaaaaa' is too long"),
        (
            {"lanes": [lane(twin=True), lane(name="main_twin", active=False)]},
            "lanes[0].twin: the twin of 'main' is called 'main_twin', which is a lane already",
        ),
    ],
)
def test_a_twin_that_cannot_be_is_refused(parts: dict[str, Any], message: str) -> None:
    assert message in error_of(**parts)
