"""From configuration to lanes: strategies loaded, exchanges built, everything wired into one engine."""

from __future__ import annotations

from pathlib import Path

import msgspec
from msgspec import Struct

from adapters.bybit.capabilities import capabilities
from adapters.bybit.decoder import FrameDecoder
from adapters.bybit.dialect import BybitDialect
from adapters.bybit.router import VenueDecoder
from adapters.simulated.exchange import SimulatedExchange
from daemon.app.strategies import load_strategy
from daemon.config import TWIN, Config, LaneSettings
from daemon.core.desk import Emit
from daemon.core.engine import Engine
from daemon.core.lane import Lane, Runner
from daemon.core.remote.exchange import RemoteExchange
from daemon.core.remote.requests import Request
from daemon.loop import Pipeline
from daemon.ports import Decoder


class Plan(Struct, frozen=True):
    """A configuration and the folder that its relative paths start from.

    trade: lanes whose accounts are at a venue trade there, or read what it answered when they did; otherwise they are
    simulated like all others.
    """

    config: Config
    base: Path
    trade: bool = False

    def without_lanes(self) -> Plan:
        """The same feed with nothing to decide."""
        return msgspec.structs.replace(self, config=msgspec.structs.replace(self.config, lanes=()))

    @property
    def remote_lanes(self) -> tuple[LaneSettings, ...]:
        """Active lanes that trade at a venue, in the file's order."""
        accounts = self.config.accounts
        lanes = self.config.active_lanes if self.trade else ()
        return tuple(lane for lane in lanes if accounts[lane.account].venue == "bybit")


def build_pipeline(plan: Plan, emit: Emit | None, lineage: str = "") -> Pipeline:
    """A fresh decoder and engine for a configuration; what the engine concludes goes to `emit`.

    lineage: of the journal, from which the names of orders at a venue are made.

    Raises:
        ConfigError: a strategy cannot be loaded or its settings do not fit.
    """
    outbox: list[Request] = []
    lanes: list[Lane] = []
    for lane in plan.config.active_lanes:
        if lane not in plan.remote_lanes:
            lanes.append(_paper_lane(plan, lane, lane.name))
            continue
        lanes.append(_remote_lane(plan, lane, lineage, outbox))
        if lane.twin:
            lanes.append(_paper_lane(plan, lane, lane.name + TWIN))
    return Pipeline(_decoder(plan), Engine(lanes, emit, plan.config.symbols), outbox)


def _decoder(plan: Plan) -> Decoder:
    accounts = [lane.account for lane in plan.remote_lanes]
    return VenueDecoder(accounts) if accounts else FrameDecoder()


def strategy_digests(plan: Plan) -> dict[str, str]:
    """SHA-256 of the source of each strategy in use, by `lane.strategy`."""
    return {
        f"{lane.name}.{strategy.name}": load_strategy(strategy.use, base=plan.base, where=strategy.name).digest
        for lane in plan.config.active_lanes
        for strategy in lane.strategies
    }


def _paper_lane(plan: Plan, lane: LaneSettings, name: str) -> Lane:
    account = plan.config.accounts[lane.account]
    exchange = SimulatedExchange(account.exchange, balance=account.balance_usdt, leverage=account.leverage)
    return Lane(name, exchange, _build_runners(plan, lane), lane.guards)


def _remote_lane(plan: Plan, lane: LaneSettings, lineage: str, outbox: list[Request]) -> Lane:
    runners = _build_runners(plan, lane)
    venue = plan.config.venue
    history_days = capabilities(venue.environment).history_days
    exchange = RemoteExchange(
        plan.config.accounts[lane.account].remote(speed=venue.speed, history_days=history_days),
        account=lane.account,
        lane=lane.name,
        symbols=list(dict.fromkeys(runner.symbol for runner in runners)),
        lineage=lineage,
        dialect=BybitDialect(),
        outbox=outbox,
    )
    return Lane(lane.name, exchange, runners, lane.guards, account=lane.account)


def _build_runners(plan: Plan, lane: LaneSettings) -> list[Runner]:
    runners: list[Runner] = []
    for index, strategy in enumerate(lane.strategies):
        where = f"lanes.{lane.name}.strategies[{index}]"
        loaded = load_strategy(strategy.use, base=plan.base, where=f"{where}.use")
        for symbol in plan.config.symbols_of(strategy):
            built = loaded.build(strategy.settings, symbol, f"{where}.settings")
            runners.append(Runner(strategy.name, symbol, built, share=strategy.weight))
    return runners
