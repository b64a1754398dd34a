"""Latency: how long each message travels between us and the exchange.

Assumptions:
- Each message draws for itself, from a constant or from recorded delays, whatever those were.
- The draws follow from the seed alone, in the order of the messages, and are the same in every process.

Known limits:
- Draws are independent: recorded delays come in bursts, these do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Protocol

from daemon.core.units import NS_PER_MS


class Latency(Protocol):
    """How long the next message travels."""

    def draw(self) -> int:
        """Nanoseconds, at least zero."""
        ...


class Constant:
    """Every message travels as long: `ns` nanoseconds."""

    __slots__ = ("_ns",)

    def __init__(self, ns: int) -> None:
        self._ns = ns

    def draw(self) -> int:
        """The constant, nanoseconds."""
        return self._ns


class Sampled:
    """Every message travels as long as one of the recorded delays, each as likely as it stands among them.

    Args:
        samples_ms: recorded delays, milliseconds, at least one; a delay that stands there twice comes twice as often.
        seed: text that all draws follow from.
    """

    __slots__ = ("_random", "_samples")

    def __init__(self, samples_ms: Sequence[float], seed: str) -> None:
        self._samples = [round(sample * NS_PER_MS) for sample in samples_ms]
        self._random = Random(seed)  # noqa: S311 - simulation, seeded on purpose

    def draw(self) -> int:
        """One of the delays, nanoseconds."""
        # random() is the one method whose sequence Python promises to keep for a seed.
        return self._samples[int(self._random.random() * len(self._samples))]


def make_latency(constant_ms: int, samples_ms: Sequence[float], seed: int, name: str) -> Latency:
    """The samples, where there are any, or else the constant. `name` keeps the draws of several latencies apart."""
    return Sampled(samples_ms, f"{seed}/{name}") if samples_ms else Constant(constant_ms * NS_PER_MS)
