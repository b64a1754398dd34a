from __future__ import annotations

import os
import subprocess
import sys

from hypothesis import given
from hypothesis import strategies as st

from adapters.simulated.latency import Sampled, make_latency

RECORDED = (12.5, 20.0, 35.0, 250.0)
DRAW = """
from adapters.simulated.latency import make_latency
latency = make_latency(20, (12.5, 20.0, 35.0, 250.0), 7, "entry")
print([latency.draw() // 100_000 for _ in range(12)])
"""
DRAWN = [125, 200, 125, 2500, 125, 2500, 350, 350, 350, 200, 350, 125]


def test_without_samples_every_message_travels_as_long() -> None:
    latency = make_latency(20, (), 7, "entry")
    assert [latency.draw() for _ in range(3)] == [20_000_000] * 3


def test_samples_replace_the_constant_and_are_drawn_by_seed_the_same_in_every_process() -> None:
    latency = make_latency(20, RECORDED, 7, "entry")
    assert [latency.draw() // 100_000 for _ in range(12)] == DRAWN
    for hash_seed in ("0", "1"):
        environment = os.environ | {"PYTHONHASHSEED": hash_seed}
        answer = subprocess.check_output([sys.executable, "-c", DRAW], env=environment, text=True)
        assert answer.strip() == str(DRAWN)


def test_names_and_seeds_keep_draws_apart() -> None:
    latencies = [make_latency(0, RECORDED, seed, name) for seed, name in ((7, "entry"), (7, "response"), (8, "entry"))]
    draws = {tuple(latency.draw() for _ in range(20)) for latency in latencies}
    assert len(draws) == 3


def test_a_fraction_of_a_millisecond_counts() -> None:
    assert Sampled([0.0004], "seed").draw() == 400


@given(st.lists(st.floats(0, 60_000), min_size=1, max_size=20), st.text(max_size=10))
def test_every_draw_is_one_of_the_recorded_delays(samples: list[float], seed: str) -> None:
    latency = Sampled(samples, seed)
    recorded = {round(sample * 1e6) for sample in samples}
    assert all(latency.draw() in recorded for _ in range(30))


def test_a_delay_that_was_recorded_twice_comes_twice_as_often() -> None:
    latency = Sampled([1.0, 1.0, 2.0], "seed")
    draws = [latency.draw() for _ in range(3000)]
    assert 1900 < draws.count(1_000_000) < 2100
