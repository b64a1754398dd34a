"""Specifications of instruments in a configuration file."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct

from daemon.config.ranges import MONEY_MAX, check_range
from daemon.core.events import Instrument, RiskTier
from daemon.core.tiers import deduction_after, find_fault
from daemon.core.units import ZERO

ONE = Decimal(1)
MINUS_ONE = Decimal(-1)
LEVERAGE_MAX = Decimal(125)
SMALLEST = Decimal("1e-12")


class RiskTierSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One risk tier; fields as in `daemon.core.events.RiskTier`.

    deduction: USDT; where it is left out, the one that lets maintenance margin grow without a step.
    """

    limit: Decimal
    maintenance_rate: Decimal
    initial_rate: Decimal
    max_leverage: Decimal
    deduction: Decimal | None = None

    def __post_init__(self) -> None:
        check_range("limit", self.limit, SMALLEST, MONEY_MAX)
        check_range("initial_rate", self.initial_rate, SMALLEST, ONE)
        check_range("maintenance_rate", self.maintenance_rate, SMALLEST, self.initial_rate)
        check_range("max_leverage", self.max_leverage, ONE, LEVERAGE_MAX)
        if self.deduction is not None:
            check_range("deduction", self.deduction, ZERO, MONEY_MAX)

    def tier(self, before: RiskTier | None) -> RiskTier:
        """The tier after `before`."""
        deduction = self.deduction
        if deduction is None:
            deduction = ZERO if before is None else deduction_after(before, self.maintenance_rate)
        return RiskTier(self.limit, self.maintenance_rate, self.initial_rate, self.max_leverage, deduction)


class InstrumentSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Specification of a USDT perpetual where the venue cannot be asked; fields as in `daemon.core.events.Instrument`.

    Source: Bybit `/v5/market/instruments-info` (priceFilter, lotSizeFilter, leverageFilter, riskParameters) and
    `/v5/market/risk-limit`.
    """

    tick: Decimal
    step: Decimal
    min_qty: Decimal
    max_qty: Decimal
    max_market_qty: Decimal
    min_notional: Decimal = Decimal(5)
    max_leverage: Decimal = Decimal(100)
    funding_interval_min: Annotated[int, Meta(ge=1, le=1440)] = 480
    min_leverage: Decimal = ONE
    leverage_step: Decimal = Decimal("0.01")
    price_limit_ratio_x: Decimal | None = None
    price_limit_ratio_y: Decimal | None = None
    upper_funding_rate: Decimal | None = None
    lower_funding_rate: Decimal | None = None
    risk_tiers: tuple[RiskTierSettings, ...] = ()

    def __post_init__(self) -> None:
        for name in ("tick", "step", "min_qty", "max_qty", "max_market_qty"):
            check_range(name, getattr(self, name), SMALLEST, MONEY_MAX)
        check_range("min_notional", self.min_notional, ZERO, MONEY_MAX)
        check_range("max_leverage", self.max_leverage, ONE, LEVERAGE_MAX)
        check_range("min_leverage", self.min_leverage, ONE, self.max_leverage)
        check_range("leverage_step", self.leverage_step, Decimal("0.001"), LEVERAGE_MAX)
        for name in ("max_qty", "max_market_qty"):
            if getattr(self, name) < self.min_qty:
                raise ValueError(f"{name} is below min_qty: {getattr(self, name)} < {self.min_qty}")
        self._check_rates()
        if fault := find_fault(self._tiers()):
            raise ValueError(f"risk_tiers: {fault}")

    def instrument(self, symbol: str) -> Instrument:
        """The specification as a fact."""
        return Instrument(
            symbol=symbol,
            tick=self.tick,
            step=self.step,
            min_qty=self.min_qty,
            max_qty=self.max_qty,
            max_market_qty=self.max_market_qty,
            min_notional=self.min_notional,
            max_leverage=self.max_leverage,
            funding_interval_min=self.funding_interval_min,
            min_leverage=self.min_leverage,
            leverage_step=self.leverage_step,
            price_limit_ratio_x=self.price_limit_ratio_x,
            price_limit_ratio_y=self.price_limit_ratio_y,
            upper_funding_rate=self.upper_funding_rate,
            lower_funding_rate=self.lower_funding_rate,
            risk_tiers=self._tiers(),
        )

    def _check_rates(self) -> None:
        pairs = (("price_limit_ratio_x", "price_limit_ratio_y"), ("upper_funding_rate", "lower_funding_rate"))
        for first, second in pairs:
            if (getattr(self, first) is None) != (getattr(self, second) is None):
                raise ValueError(f"{first} and {second} go together: give both or neither")
        for name in pairs[0]:
            if (ratio := getattr(self, name)) is not None:
                check_range(name, ratio, SMALLEST, ONE)
        if self.upper_funding_rate is not None and self.lower_funding_rate is not None:
            check_range("upper_funding_rate", self.upper_funding_rate, MINUS_ONE, ONE)
            check_range("lower_funding_rate", self.lower_funding_rate, MINUS_ONE, self.upper_funding_rate)

    def _tiers(self) -> tuple[RiskTier, ...]:
        tiers: list[RiskTier] = []
        for settings in self.risk_tiers:
            tiers.append(settings.tier(tiers[-1] if tiers else None))
        return tuple(tiers)
