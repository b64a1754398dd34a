from __future__ import annotations

import pytest

from adapters.bybit.hosts import DEMO, ENVIRONMENTS, MAINNET, TESTNET, custom_environment, environment, is_loopback
from daemon.core.errors import ConfigError


def test_the_table_holds_bybits_real_hosts() -> None:
    assert MAINNET.rest == "https://api.bybit.com"
    assert MAINNET.public_linear == "wss://stream.bybit.com/v5/public/linear"
    assert TESTNET.private == "wss://stream-testnet.bybit.com/v5/private"
    assert DEMO.rest == "https://api-demo.bybit.com"


def test_demo_reads_the_public_stream_of_mainnet() -> None:
    assert DEMO.public_linear == MAINNET.public_linear
    assert DEMO.private != MAINNET.private


def test_only_mainnet_trades_real_money() -> None:
    assert [one.name for one in ENVIRONMENTS.values() if one.real_money] == ["mainnet"]


def test_an_environment_is_found_by_name() -> None:
    assert environment("testnet") is TESTNET


def test_an_unknown_environment_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="mainnet, testnet, demo"):
        environment("prod")


def custom(
    name: str = "sandbox",
    rest: str = "http://127.0.0.1:8080/",
    public: str = "ws://localhost:8080/v5/public/linear",
    private: str = "ws://[::1]:8080/v5/private",
) -> bool:
    return custom_environment(name, rest=rest, public_linear=public, private=private).real_money


def test_a_sandbox_on_loopback_may_be_unencrypted_and_risks_no_money() -> None:
    assert custom() is False


def test_any_other_server_is_assumed_to_trade_real_money() -> None:
    assert custom(rest="https://api.bybit.nl") is True


@pytest.mark.parametrize(
    "rest", ["http://api.bybit.com", "api.bybit.com", "ftp://localhost", "https://", "", "http://[::1", "wss://a.com"]
)
def test_an_address_that_is_none_or_unencrypted_off_loopback_is_refused(rest: str) -> None:
    with pytest.raises(ConfigError, match=r"environment\.sandbox\.rest"):
        custom(rest=rest)


def test_a_custom_environment_cannot_take_a_name_of_bybit() -> None:
    with pytest.raises(ConfigError, match="mainnet"):
        custom(name="mainnet")


def test_a_trailing_slash_is_dropped() -> None:
    made = custom_environment(
        "x", rest="http://localhost:1/", public_linear="ws://localhost/", private="ws://localhost/"
    )
    assert made.rest == "http://localhost:1"


def test_loopback_is_told_by_the_host_alone() -> None:
    assert is_loopback("ws://127.0.0.1:9/x")
    assert not is_loopback("wss://localhost.example.com/127.0.0.1")
