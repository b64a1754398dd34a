"""From configuration to lanes: strategies loaded, exchanges built, everything wired into one engine."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from adapters.bybit.decoder import FrameDecoder
from adapters.simulated.exchange import SimulatedExchange
from daemon.app.strategies import load_strategy
from daemon.config import Config, LaneSettings
from daemon.core.desk import Emit
from daemon.core.engine import Engine
from daemon.core.lane import Lane, Runner
from daemon.loop import Pipeline


class Plan(Struct, frozen=True):
    """A configuration and the folder that its relative paths start from."""

    config: Config
    base: Path

    def without_lanes(self) -> Plan:
        """The same feed with nothing to decide."""
        return Plan(msgspec.structs.replace(self.config, lanes=()), self.base)


def build_pipeline(plan: Plan, emit: Emit | None) -> Pipeline:
    """A fresh decoder and engine for a configuration; what the engine concludes goes to `emit`.

    Raises:
        ConfigError: a strategy cannot be loaded or its settings do not fit.
    """
    lanes = [_build_lane(plan, lane) for lane in plan.config.active_lanes]
    return Pipeline(FrameDecoder(), Engine(lanes, emit, plan.config.symbols))


def strategy_digests(plan: Plan) -> dict[str, str]:
    """SHA-256 of the source of each strategy in use, by `lane.strategy`."""
    return {
        f"{lane.name}.{strategy.name}": load_strategy(strategy.use, base=plan.base, where=strategy.name).digest
        for lane in plan.config.active_lanes
        for strategy in lane.strategies
    }


def _build_lane(plan: Plan, lane: LaneSettings) -> Lane:
    account = plan.config.accounts[lane.account]
    exchange = SimulatedExchange(account.exchange, balance=account.balance_usdt, leverage=account.leverage)
    return Lane(lane.name, exchange, _build_runners(plan, lane), lane.guards)


def _build_runners(plan: Plan, lane: LaneSettings) -> list[Runner]:
    runners: list[Runner] = []
    for index, strategy in enumerate(lane.strategies):
        where = f"lanes.{lane.name}.strategies[{index}]"
        loaded = load_strategy(strategy.use, base=plan.base, where=f"{where}.use")
        for symbol in plan.config.symbols_of(strategy):
            built = loaded.build(strategy.settings, symbol, f"{where}.settings")
            runners.append(Runner(strategy.name, symbol, built, share=strategy.weight))
    return runners
