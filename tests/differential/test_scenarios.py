from __future__ import annotations

from itertools import pairwise

import pytest

from daemon.core.orders import OrderRequest
from daemon.core.units import on_grid
from tests.differential.capture import capture_scenario
from tests.differential.random_scenarios import FAMILIES, random_scenario
from tests.differential.run import SCENARIOS
from tests.differential.scenario import Scenario


def made(family: str, seed: int) -> Scenario:
    return capture_scenario(seed) if family == "capture" else random_scenario(family, seed)


def test_every_family_is_run() -> None:
    assert set(SCENARIOS) == {*FAMILIES, "capture"}


@pytest.mark.parametrize("family", SCENARIOS)
def test_a_seed_gives_one_scenario(family: str) -> None:
    assert made(family, 3) == made(family, 3)
    assert made(family, 3).happenings != made(family, 4).happenings


@pytest.mark.parametrize("family", SCENARIOS)
def test_times_rise_and_orders_are_on_the_grid(family: str) -> None:
    for seed in range(5):
        scenario = made(family, seed)
        assert all(before < after for before, after in pairwise(scenario.times))
        assert len(scenario.orders()) == sum(isinstance(one, OrderRequest) for one in scenario.happenings) > 3
        for request in scenario.orders().values():
            assert on_grid(request.qty, scenario.instrument.step)
            assert request.price is None or on_grid(request.price, scenario.instrument.tick)
