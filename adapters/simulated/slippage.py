"""Slippage: how much worse than the price seen a taker is executed where there is no book to walk.

A model says what an execution costs on top of the price; `slipped` turns that into an executed price. A model of your
own is a class with the method `cost`, handed to the exchange or added to the list in `make_slippage`:

    class SizeBeyondLot:
        '''A basis point for every 10 base units.'''

        def cost(self, side: Side, price: Decimal, qty: Decimal, market: Market) -> Decimal:
            return multiply(price, multiply(qty, Decimal("0.00001")))

Assumptions:
- The costs of several models add up; the sum is rounded once, to the worse tick.
- Impact grows with the square root of the order's share of the volume of a minute, as metaorder studies find; an
  execution is the worse by it at once, and it leaves no trace in the market.
- The volume of a minute is that of the last bar, scaled to a minute. Without a bar the order counts as large as that
  volume; no volume at all counts as a hundredth of the order.

Known limits:
- Where an order fills within a bar, the last bar is that one: its volume was not known when it opened.
- Successive orders do not add their impact; to split an order hides it.
"""

# ruff: noqa: ARG002 - a slippage model takes what its protocol hands it

from __future__ import annotations

from decimal import Decimal
from math import sqrt
from typing import Protocol

from daemon.core.errors import InvariantBroken
from daemon.core.events import Side
from daemon.core.market import Market
from daemon.core.units import NS_PER_MINUTE, ZERO, add, multiply, price_down, price_up, subtract, to_decimal
from daemon.core.venue import ExchangeSettings

BASIS_POINT = Decimal("0.0001")
LARGEST_SHARE = 100.0


class SlippageModel(Protocol):
    """What a taker pays on top of the price seen. Pure: the same arguments give the same cost."""

    def cost(self, side: Side, price: Decimal, qty: Decimal, market: Market) -> Decimal:
        """USDT per base unit, at least zero, of an execution of `qty` base units at `price`."""
        ...


class Ticks:
    """A fixed number of ticks."""

    __slots__ = ("_ticks",)

    def __init__(self, ticks: int) -> None:
        self._ticks = Decimal(ticks)

    def cost(self, side: Side, price: Decimal, qty: Decimal, market: Market) -> Decimal:
        """So many ticks of the instrument, whatever price and quantity."""
        return multiply(_tick(market), self._ticks)


class BasisPoints:
    """A fixed share of the price: `bps` ten-thousandths of it."""

    __slots__ = ("_fraction",)

    def __init__(self, bps: float) -> None:
        self._fraction = multiply(to_decimal(bps), BASIS_POINT)

    def cost(self, side: Side, price: Decimal, qty: Decimal, market: Market) -> Decimal:
        """So many basis points of the price, whatever the quantity."""
        return multiply(price, self._fraction)


class SquareRootImpact:
    """A share of the price that grows with the square root of the order's size against a minute's volume.

    Args:
        coefficient: the share of the price, a fraction, for an order as large as the volume of a minute.
    """

    __slots__ = ("_coefficient",)

    def __init__(self, coefficient: float) -> None:
        self._coefficient = coefficient

    def cost(self, side: Side, price: Decimal, qty: Decimal, market: Market) -> Decimal:
        """Price * coefficient * sqrt(qty / volume of a minute), the quotient being at most `LARGEST_SHARE`."""
        return multiply(price, to_decimal(self._coefficient * sqrt(_share(qty, market))))


class Chain:
    """Several models whose costs add up."""

    __slots__ = ("_models",)

    def __init__(self, models: tuple[SlippageModel, ...]) -> None:
        self._models = models

    def cost(self, side: Side, price: Decimal, qty: Decimal, market: Market) -> Decimal:
        """The sum of the costs, each at the price seen."""
        cost = ZERO
        for model in self._models:
            cost = add(cost, model.cost(side, price, qty, market))
        return cost


def make_slippage(settings: ExchangeSettings) -> SlippageModel:
    """The models that the settings ask for, together."""
    models: list[SlippageModel] = []
    if settings.slippage_ticks:
        models.append(Ticks(settings.slippage_ticks))
    if settings.slippage_bps:
        models.append(BasisPoints(settings.slippage_bps))
    if settings.impact:
        models.append(SquareRootImpact(settings.impact))
    return Chain(tuple(models))


def slipped(model: SlippageModel, side: Side, price: Decimal, qty: Decimal, market: Market) -> Decimal:
    """What a taker pays (buy) or gets (sell) instead of `price`, on the tick grid, at least one tick.

    Raises:
        InvariantBroken: the model's cost is not a number of at least zero.
    """
    cost, tick = model.cost(side, price, qty, market), _tick(market)
    if not (cost.is_finite() and cost >= ZERO):
        raise InvariantBroken(f"{type(model).__name__}: slippage of {cost} for {side} {qty} at {price}")
    if side is Side.BUY:
        return max(tick, price_up(add(price, cost), tick))
    return max(tick, price_down(subtract(price, cost), tick))


def _share(qty: Decimal, market: Market) -> float:
    bar = market.bar
    if bar is None:
        return 1.0
    volume = bar.volume * NS_PER_MINUTE / bar.interval
    return LARGEST_SHARE if volume <= 0.0 else min(LARGEST_SHARE, float(qty) / volume)


def _tick(market: Market) -> Decimal:
    assert market.instrument is not None, "an order is taken only on a known instrument"
    return market.instrument.tick
