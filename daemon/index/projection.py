"""Folds a run's decision stream into rows of the index, in memory that does not grow with the run's length."""

from __future__ import annotations

import json
from collections import OrderedDict
from decimal import Decimal
from typing import Any, TypeAlias, assert_never

from msgspec.structs import asdict

from daemon.core.orders import TRANSITIONS
from daemon.core.records import (
    AccountLine,
    Action,
    DecisionLine,
    FillLine,
    FundingLine,
    HaltLine,
    LiquidationLine,
    OrderLine,
    Record,
    RefusalLine,
    TransferLine,
)
from daemon.core.units import NS_PER_MINUTE
from daemon.core.venue_records import AdoptionLine, MismatchLine, ReconcileLine, SendLine, TrackLine
from daemon.index.schema import WRITTEN_DOWN, columns_of
from daemon.journal import Manifest

Row: TypeAlias = dict[str, Any]

EQUITY_POINTS_MAX = 2_000
REMEMBERED_MAX = 50_000
_COUNTERS = {
    Action.HOLD: "holds",
    Action.BUY: "buys",
    Action.SELL: "sells",
    Action.CLOSE: "closes",
    Action.CANCEL: "cancels",
    Action.AMEND: "amends",
    Action.PROTECT: "protects",
}
_COLUMNS = {table: columns_of(table) for table in WRITTEN_DOWN}


class EquityCurve:
    """Equity of one lane: the last value of each interval. The interval doubles when there are too many points."""

    __slots__ = ("_interval", "_points_max", "points")

    def __init__(self, points_max: int = EQUITY_POINTS_MAX) -> None:
        self.points: list[tuple[int, float]] = []
        self._interval = NS_PER_MINUTE
        self._points_max = points_max

    def add(self, ts: int, equity: float) -> None:
        """Take a value, USDT, at a time in nanoseconds; times never go back."""
        points = self.points
        if points and points[-1][0] // self._interval == ts // self._interval:
            points[-1] = (ts, equity)
            return
        points.append((ts, equity))
        if len(points) > self._points_max:
            self._interval *= 2
            self.points = list({point[0] // self._interval: point for point in points}.values())


class Projection:
    """Rows of one run. Feed it with `add`, empty it with `take` while it goes on, and `end` it."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._run_id = manifest.run_id
        self._counts = {"records": 0, "orders": 0, "fills": 0}
        self._decisions: dict[tuple[str, str, str], Row] = {}
        self._curves: dict[str, EquityCurve] = {}
        self._open_orders: dict[tuple[str, str], Row] = {}
        self._orders: list[Row] = []
        self._written: dict[str, list[Row]] = {table: [] for table in WRITTEN_DOWN}
        self._strategy_of: OrderedDict[int, str] = OrderedDict()

    @property
    def waiting(self) -> int:
        """Finished rows that were not taken yet."""
        return len(self._orders) + sum(map(len, self._written.values()))

    def add(self, record: Record) -> None:
        """Take the next record of the decision stream."""
        self._counts["records"] += 1
        match record:
            case DecisionLine():
                self._add_decision(record)
            case OrderLine():
                self._add_order(record)
            case FillLine():
                self._counts["fills"] += 1
                self._write_down("fills", record, self._strategy_of.get(record.decision))
            case RefusalLine():
                self._write_down("refusals", record, self._strategy_of.get(record.decision))
            case FundingLine():
                self._write_down("funding", record)
            case LiquidationLine():
                self._write_down("liquidations", record)
            case AccountLine():
                self._write_down("accounts", record)
            case TransferLine() | HaltLine() | AdoptionLine() | MismatchLine():
                pass  # few, and told by the report
            case SendLine() | TrackLine() | ReconcileLine():
                pass  # told by the stream itself, and by explain
            case _:
                assert_never(record)

    def take(self) -> dict[str, list[Row]]:
        """Rows by table that will not change any more."""
        taken = {"orders": self._orders, **self._written}
        self._orders = []
        self._written = {table: [] for table in WRITTEN_DOWN}
        return taken

    def end(self) -> dict[str, list[Row]]:
        """All rows that are left."""
        self._orders += self._open_orders.values()
        self._open_orders = {}
        return {
            **self.take(),
            "decisions": list(self._decisions.values()),
            "equity": self._equity_rows(),
            "runs": [self._run_row()],
        }

    def _add_decision(self, line: DecisionLine) -> None:
        key = (line.lane, line.strategy, line.symbol)
        row = self._decisions.get(key)
        if row is None:
            row = self._decisions[key] = self._new_counts(line)
        row["evaluations"] += 1
        row[_COUNTERS[line.decision.action]] += 1
        row["denied"] += not all(verdict.allow for verdict in line.verdicts)
        row["ts_last"] = line.ts
        if line.decision.action is not Action.HOLD:
            self._remember(line.seq, line.strategy)
        curve = self._curves.get(line.lane)
        if curve is None:
            curve = self._curves[line.lane] = EquityCurve()
        curve.add(line.ts, line.context.equity)

    def _new_counts(self, line: DecisionLine) -> Row:
        row: Row = {"run_id": self._run_id, "lane": line.lane, "strategy": line.strategy, "symbol": line.symbol}
        return {**row, "evaluations": 0, **dict.fromkeys(_COUNTERS.values(), 0), "denied": 0, "ts_first": line.ts}

    def _remember(self, decision: int, strategy: str) -> None:
        """Keep who decided, for the orders and fills to come; the oldest are forgotten."""
        self._strategy_of[decision] = strategy
        if len(self._strategy_of) > REMEMBERED_MAX:
            self._strategy_of.popitem(last=False)

    def _add_order(self, line: OrderLine) -> None:
        name = (line.lane, line.order_id)
        row = self._open_orders.get(name)
        if row is None:
            row = self._open_orders[name] = self._new_order(line)
            self._counts["orders"] += 1
        row |= {"status": str(line.status), "filled_qty": str(line.filled_qty), "ts_last": line.ts}
        row |= {"qty": str(line.qty), "price": _text(line.price), "trigger_price": _text(line.trigger_price)}
        row["reason"] = line.reason or row["reason"]
        if not TRANSITIONS[line.status]:
            self._orders.append(self._open_orders.pop(name))

    def _new_order(self, line: OrderLine) -> Row:
        return {
            "run_id": self._run_id,
            "order_id": line.order_id,
            "decision": line.decision,
            "lane": line.lane,
            "strategy": self._strategy_of.get(line.decision),
            "symbol": line.symbol,
            "side": str(line.side),
            "type": str(line.type),
            "time_in_force": str(line.time_in_force),
            "reduce_only": int(line.reduce_only),
            "stop_order_type": str(line.stop_order_type),
            "create_type": str(line.create_type),
            "reason": "",
            "ts_first": line.ts,
        }

    def _write_down(self, table: str, line: Record, strategy: str | None = None) -> None:
        """A line that never changes, in the types of its table."""
        columns = _COLUMNS[table]
        row = {"run_id": self._run_id, "strategy": strategy, **asdict(line)}
        self._written[table].append(
            {name: None if row[name] is None else kind(row[name]) for name, kind in columns.items()}
        )

    def _equity_rows(self) -> list[Row]:
        return [
            {"run_id": self._run_id, "lane": lane, "ts": ts, "equity": repr(equity)}
            for lane, curve in self._curves.items()
            for ts, equity in curve.points
        ]

    def _run_row(self) -> Row:
        manifest, seal = self._manifest, self._manifest.seal
        return {
            "run_id": manifest.run_id,
            "mode": manifest.mode,
            "created": manifest.created,
            "ended": seal.ended if seal else None,
            "reason": seal.reason if seal else None,
            "parent": manifest.parent,
            "lineage": manifest.lineage,
            "config_digest": manifest.config_digest,
            "code_digest": manifest.code.digest,
            "code_version": manifest.code.version,
            "code_commit": manifest.code.commit,
            "code_dirty": int(manifest.code.dirty),
            "strategies": json.dumps(manifest.strategies, sort_keys=True),
            "inputs": seal.inputs.count if seal else None,
            "decisions_crc": seal.decisions.crc if seal else None,
            **self._counts,
        }


def _text(number: Decimal | None) -> str | None:
    return None if number is None else str(number)
