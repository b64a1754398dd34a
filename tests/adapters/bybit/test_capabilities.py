"""What each environment offers, and which hosts belong together."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from adapters.bybit.capabilities import capabilities, host_problems
from adapters.bybit.hosts import DEMO, ENVIRONMENTS, MAINNET, TESTNET, Environment, custom_environment
from tests.adapters.bybit.rest_venue import environment_at


def test_a_demo_account_can_do_less_but_has_money_for_the_asking() -> None:
    demo = capabilities(DEMO)
    assert (demo.order_socket, demo.fee_rate, demo.fast_executions) == (False, False, False)
    assert (demo.demo_funds, demo.real_market) == (True, True)
    assert capabilities(MAINNET).order_socket
    assert not capabilities(MAINNET).demo_funds
    assert not capabilities(TESTNET).real_market


def test_of_a_custom_server_only_the_least_is_expected() -> None:
    least = capabilities(environment_at("http://127.0.0.1:1"))
    assert (least.order_socket, least.fee_rate, least.demo_funds) == (False, False, False)


@pytest.mark.parametrize("name", ENVIRONMENTS)
@pytest.mark.parametrize("other", ENVIRONMENTS)
@pytest.mark.parametrize("field", ["rest", "public_linear", "private"])
def test_an_environment_has_exactly_its_own_hosts(name: str, other: str, field: str) -> None:
    environment = ENVIRONMENTS[name]
    mixed = replace(environment, **{field: getattr(ENVIRONMENTS[other], field)})
    assert bool(list(host_problems(mixed))) == (mixed != environment)


def custom(rest: str, public: str = "ws://127.0.0.1:1/p", private: str = "ws://127.0.0.1:1/v") -> Environment:
    return custom_environment("custom", rest=rest, public_linear=public, private=private)


def test_a_custom_environment_is_whole_and_none_of_bybits() -> None:
    assert list(host_problems(custom("http://127.0.0.1:1"))) == []
    assert len(list(host_problems(custom("https://proxy.example")))) == 1
    assert list(host_problems(custom("https://proxy.example", "wss://a.example", "wss://b.example"))) == []
    for known in ENVIRONMENTS.values():
        (first, *_) = host_problems(custom(known.rest))
        assert "name its environment" in first
    (first, *_) = host_problems(custom("https://API.bybit.com."))
    assert "name its environment" in first
