"""Explains one decision: runs the inputs again up to it and shows all that was known at that moment."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from daemon.app.fold import Progress, fold_run, no_progress
from daemon.app.lanes import build_pipeline
from daemon.app.run_folders import parent_dir
from daemon.app.runs import Mode, plan_of
from daemon.core.account_events import Answered
from daemon.core.errors import JournalError
from daemon.core.lane import Lane, Runner
from daemon.core.records import DecisionLine, OrderLine, Record, record_encoder
from daemon.core.venue_records import MismatchLine, SendLine, TrackLine
from daemon.journal import read_inputs, read_manifest, read_records
from daemon.loop import Pipeline, read_fact

LEVELS_SHOWN = 5
_encode = record_encoder().encode


class Explanation(Struct, frozen=True, kw_only=True):
    """A decision and its surroundings.

    recorded: the line as written; reproduced: whether running the inputs again gives the same line.
    marks: the strategy's window of marks, oldest first.  market: what was known of the symbol, with the book's top.
    position: of the strategy; account: cash, equity and positions of the lane.  cause: the input that led to it.
    consequences: lines that name this decision or an order of it, and what became of those that it cancels or amends.
    answers: what the venue answered to the requests among them, as received; empty where orders are simulated.
    previous: the strategy's decision before.
    """

    recorded: dict[str, Any]
    reproduced: bool
    marks: list[float]
    market: dict[str, Any]
    position: dict[str, Any]
    account: dict[str, Any]
    cause: dict[str, Any] | None
    consequences: list[dict[str, Any]]
    answers: list[dict[str, Any]]
    previous: dict[str, Any] | None


class _Found(Exception):
    """Stops the folding at the wanted decision."""


class _Witness(Struct):
    """What was seen while folding."""

    seq: int
    record: DecisionLine | None = None
    previous: DecisionLine | None = None
    last: dict[tuple[str, str, str], DecisionLine] = {}
    seen: dict[str, Any] = {}


def explain(run_dir: Path, seq: int, *, progress: Progress = no_progress) -> Explanation:
    """Rebuild the full context of decision `seq` of a run.

    Raises:
        JournalError: there is no such record, or it is not a decision; the message names the nearest ones.
    """
    recorded, consequences = _find(run_dir, seq)
    witness = _Witness(seq)
    pipeline: Pipeline

    def watch(record: Record) -> None:
        if isinstance(record, DecisionLine):
            key = (record.lane, record.strategy, record.symbol)
            if record.seq == seq:
                witness.record = record
                witness.previous = witness.last.get(key)
                witness.seen = _look(pipeline, record)
            else:
                witness.last[key] = record
        if record.seq >= seq:
            raise _Found

    manifest = read_manifest(run_dir)
    pipeline = build_pipeline(plan_of(manifest), watch, manifest.lineage)
    with suppress(_Found):
        fold_run(run_dir, pipeline, progress)
    return Explanation(
        recorded=msgspec.to_builtins(recorded),
        reproduced=witness.record is not None and _encode(witness.record) == _encode(recorded),
        cause=_cause(run_dir, recorded.cause),
        consequences=[msgspec.to_builtins(record) for record in consequences],
        answers=_answers(run_dir, recorded.cause, consequences),
        previous=msgspec.to_builtins(witness.previous) if witness.previous else None,
        **(witness.seen or {"marks": [], "market": {}, "position": {}, "account": {}}),
    )


def _find(run_dir: Path, seq: int) -> tuple[DecisionLine, list[Record]]:
    found: Record | None = None
    near: int | None = None
    consequences: list[Record] = []
    for record in read_records(run_dir, allow_torn_tail=True):
        if record.seq == seq:
            found = record
        elif isinstance(record, DecisionLine):
            near = record.seq if record.seq < seq or near is None else near
        elif getattr(record, "decision", None) == seq or _concerns(record, found) or _follows(record, consequences):
            consequences.append(record)
    if isinstance(found, DecisionLine):
        return found, consequences
    what = "is not in the run" if found is None else f"is of kind {found.__struct_config__.tag}, not a decision"
    near = getattr(found, "decision", None) or near
    cure = f"the nearest decision is {near}" if near else "the run has no decisions"
    raise JournalError(f"{run_dir.name}: record {seq} {what}", cure=cure)


def _concerns(record: Record, found: Record | None) -> bool:
    """Whether a later line is about an order that the decision names."""
    if not isinstance(found, DecisionLine) or found.decision.terms is None or record.lane != found.lane:
        return False
    return getattr(record, "order_id", None) in found.decision.terms.orders


def _follows(record: Record, consequences: list[Record]) -> bool:
    """Whether a later line tells of the way to the venue and back of an order that is among the consequences."""
    if not isinstance(record, SendLine | TrackLine | MismatchLine) or not record.order_id:
        return False
    return any(
        isinstance(each, OrderLine) and (each.lane, each.order_id) == (record.lane, record.order_id)
        for each in consequences
    )


def _answers(run_dir: Path, cause: int, consequences: list[Record]) -> list[dict[str, Any]]:
    """The inputs that answer the requests among some lines; `cause` is the first input that could."""
    waiting = {each.request for each in consequences if isinstance(each, SendLine)}
    manifest = read_manifest(run_dir)
    if manifest.mode == Mode.REPLAY:
        return _answers(parent_dir(run_dir, manifest), cause, consequences)
    found: list[dict[str, Any]] = []
    for record in read_inputs(run_dir, start=cause, allow_torn_tail=True) if waiting else ():
        if record.kind == "fact" and isinstance(fact := read_fact(record), Answered) and fact.request in waiting:
            found.append({"seq": record.seq, "ts_recv": record.ts_recv, **msgspec.to_builtins(fact)})
            waiting.discard(fact.request)
            if not waiting:
                break
    return found


def _look(pipeline: Pipeline, record: DecisionLine) -> dict[str, Any]:
    lane, runner = _runner(pipeline, record)
    market = runner.market
    book = market.book
    return {
        "marks": list(runner.window),
        "market": {
            "bid": market.bid,
            "ask": market.ask,
            "last": market.last,
            "mark": market.mark,
            "index": market.index,
            "funding_rate": market.funding_rate,
            "next_funding": market.next_funding,
            "stale_topics": list(market.stale_topics),
            "book_valid": book.valid,
            "bids": book.top_bids(LEVELS_SHOWN),
            "asks": book.top_asks(LEVELS_SHOWN),
            "bar": msgspec.to_builtins(market.bar) if market.bar else None,
        },
        "position": msgspec.to_builtins(runner.position),
        "account": {
            "cash": str(lane.ledger.cash),
            "equity": lane.equity(),
            "fees": str(lane.ledger.fees),
            "funding": str(lane.ledger.funding),
            "positions": {symbol: str(held.qty) for symbol, held in lane.ledger.positions.items()},
            "open_orders": [order.request.order_id for order, _ in lane.orders.values()],
            "halts": lane.halts,
        },
    }


def _runner(pipeline: Pipeline, record: DecisionLine) -> tuple[Lane, Runner]:
    for lane in pipeline.engine.lanes:
        for runner in lane.runners:
            if (lane.name, runner.name, runner.symbol) == (record.lane, record.strategy, record.symbol):
                return lane, runner
    raise JournalError(f"lane {record.lane} with strategy {record.strategy} is not in the run's configuration")


def _cause(run_dir: Path, seq: int) -> dict[str, Any] | None:
    """The input record of a seq; None for a backtest, whose inputs are rows of its files, or where a crash took it."""
    manifest = read_manifest(run_dir)
    if manifest.mode == Mode.REPLAY:
        return _cause(parent_dir(run_dir, manifest), seq)
    if manifest.mode == Mode.BACKTEST:
        return None
    record = next(read_inputs(run_dir, start=seq, allow_torn_tail=True), None)
    if record is None:
        return None
    return {
        "seq": record.seq,
        "ts_recv": record.ts_recv,
        "kind": record.kind,
        "source": record.source,
        "raw": record.payload.decode("utf-8", "backslashreplace"),
    }
