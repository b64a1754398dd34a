"""What each environment offers, and which hosts belong together."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from adapters.bybit.capabilities import capabilities, host_problems
from adapters.bybit.hosts import DEMO, ENVIRONMENTS, MAINNET, TESTNET, Environment, custom_environment


def test_the_demo_service_forgets_sooner_and_may_not_say_whose_a_key_is() -> None:
    demo, real = capabilities(DEMO.name), capabilities(MAINNET.name)
    assert (demo.key_info, demo.history_days) == (False, 7)
    assert (real.key_info, real.history_days) == (True, 730)
    assert capabilities(TESTNET.name) == real


def test_a_server_of_ones_own_need_not_know_keys_and_forgets_nothing() -> None:
    own = capabilities("custom")
    assert (own.key_info, own.history_days) == (False, None)


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
