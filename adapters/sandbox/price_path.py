"""How a recorded minute is played: the path of its price and the share of its volume in each step.

Path: a bar that closes at or above its open goes open -> low -> high -> close, a falling one open -> high -> low ->
close. The four points stand at steps 0, a third, two thirds and last; between them the price runs straight with a
little seeded noise and never leaves [low, high]. Bars made of the played prices therefore equal the recorded ones.
Known limit: what really happened within the minute is not in a bar; this is one plausible way.
"""

from __future__ import annotations

from collections.abc import Callable

from adapters.sandbox.market_data import MinuteBar

STEPS_MIN = 4
NOISE = 0.1

Chance = Callable[[], float]
"""Draws from [0, 1)."""


def waypoint_steps(steps: int) -> tuple[int, int, int, int]:
    """Steps at which open, first extreme, second extreme and close are reached."""
    return 0, (steps - 1) // 3, 2 * (steps - 1) // 3, steps - 1


def minute_prices(bar: MinuteBar, steps: int, chance: Chance) -> list[int]:
    """Price of each step, in ticks."""
    first, second = (bar.low, bar.high) if bar.close >= bar.open else (bar.high, bar.low)
    places = waypoint_steps(steps)
    points = (bar.open, first, second, bar.close)
    wobble = (bar.high - bar.low) * NOISE
    prices = [bar.open]
    for leg in range(3):
        length, rise = places[leg + 1] - places[leg], points[leg + 1] - points[leg]
        for done in range(1, length):
            price = points[leg] + rise * done / length + (chance() - 0.5) * wobble
            prices.append(min(bar.high, max(bar.low, int(price + 0.5))))
        prices.append(points[leg + 1])
    return prices


def minute_lots(lots: int, steps: int, chance: Chance) -> list[int]:
    """Volume of each step, in lots; they sum to `lots`. The four waypoints come first, one lot each."""
    shares = [0] * steps
    opened, first, second, closed = waypoint_steps(steps)
    for place in (opened, closed, first, second)[:lots]:
        shares[place] += 1
    rest = max(0, lots - 4)
    weights = [0.5 + chance() for _ in range(steps)]
    scale, done, given = rest / sum(weights), 0.0, 0
    for step, weight in enumerate(weights[:-1]):
        done += weight
        upto = int(done * scale)
        shares[step] += upto - given
        given = upto
    shares[-1] += rest - given
    return shares


def split_lots(lots: int, chance: Chance) -> list[int]:
    """Cut a step's volume into one to three trades of at least one lot each."""
    trades: list[int] = []
    for _ in range(int(chance() * 3)):
        if lots < 2:
            break
        part = 1 + int(chance() * (lots - 1))
        trades.append(part)
        lots -= part
    trades.append(lots)
    return trades
