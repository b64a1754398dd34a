"""A small run as records."""

from __future__ import annotations

from decimal import Decimal

from daemon.core.events import Side
from daemon.core.records import (
    Action,
    Choice,
    Context,
    DecisionLine,
    FillLine,
    HaltLine,
    OrderLine,
    OrderStatus,
    OrderType,
    Record,
    TimeInForce,
    TransferLine,
    Verdict,
    Window,
)
from daemon.journal import Code, Manifest, Seal, StreamSeal

NOON = 1_746_532_800 * 10**9
MANIFEST = Manifest(
    run_id="run-1",
    lineage="0" * 20,
    mode="shadow",
    created="2025-05-06T12:00:00Z",
    config_digest="c1",
    code=Code(version="0.1.0", commit="abc", dirty=True, digest="d1"),
    strategies={"baseline_perps": "s1"},
    seal=Seal(
        inputs=StreamSeal(count=100, crc="11111111"),
        decisions=StreamSeal(count=9, crc="22222222"),
        ended="2025-05-06T13:00:00Z",
        reason="stopped",
    ),
)


def decision(
    seq: int, *, action: str = "hold", ts: int = NOON, equity: float = 10_000.5, allow: bool = True, lane: str = "main"
) -> DecisionLine:
    return DecisionLine(
        seq=seq,
        cause=seq,
        ts=ts,
        lane=lane,
        strategy="baseline",
        symbol="BTCUSDT",
        evaluation=seq,
        context=Context(94_000.5, Decimal(0), Decimal(0), equity, "flat", {"fast": 1.0}, Window(30, "00000000")),
        decision=Choice(Action(action), Decimal("0.01"), None, "crossed"),
        verdicts=(Verdict("leverage", allow, "OK" if allow else "LEVERAGE_ABOVE_LIMIT", 1.0, 5.0),),
    )


def order(
    seq: int, order_id: str, *, decision: int, status: OrderStatus, filled: str = "0", reason: str = ""
) -> OrderLine:
    return OrderLine(
        seq=seq,
        cause=seq,
        ts=NOON + seq,
        lane="main",
        order_id=order_id,
        decision=decision,
        symbol="BTCUSDT",
        side=Side.BUY,
        type=OrderType.MARKET,
        time_in_force=TimeInForce.GTC,
        qty=Decimal("0.010"),
        price=None,
        reduce_only=False,
        status=status,
        filled_qty=Decimal(filled),
        reason=reason,
    )


def fill(seq: int, order_id: str, *, decision: int) -> FillLine:
    return FillLine(
        seq=seq,
        cause=seq,
        ts=NOON + seq,
        lane="main",
        order_id=order_id,
        decision=decision,
        fill_id=f"{order_id}-1",
        symbol="BTCUSDT",
        side=Side.BUY,
        price=Decimal("94000.10"),
        qty=Decimal("0.010"),
        fee=Decimal("0.5170005500"),
        maker=False,
        realised_pnl=Decimal("0E-18"),
        position=Decimal("0.010"),
        cash=Decimal("9999.482999450000000001"),
    )


def records() -> list[Record]:
    return [
        TransferLine(1, 1, NOON, "main", Decimal(10_000), Decimal(10_000), "start"),
        decision(2),
        decision(3, action="buy"),
        order(4, "o1", decision=3, status=OrderStatus.SUBMITTED),
        order(5, "o1", decision=3, status=OrderStatus.FILLED, filled="0.010"),
        fill(6, "o1", decision=3),
        decision(7, action="sell", allow=False, ts=NOON + 60 * 10**9, equity=9_999.25),
        HaltLine(8, 8, NOON, "main", halted=True, reason="operator"),
        decision(9, action="close", lane="other"),
    ]
