"""Cards that hold a small position for some seconds: fills, protections, what the venue says they are worth."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal

from daemon.app.acceptance.card import Notes, Spec
from daemon.app.acceptance.desk import Desk
from daemon.app.acceptance.reply import Reply
from daemon.core.account_events import Executed, Op, OrderSeen, PositionSeen
from daemon.core.events import Side
from daemon.core.orders import Protection, TradingStop
from daemon.core.remote.requests import Call
from daemon.core.units import NS_PER_MS

PATIENCE_S = 8.0
POLL_S = 0.1
NOTHING_CHANGED = 34040
WAITING = "Untriggered"
LOG_MINUTES = 60


@asynccontextmanager
async def held(desk: Desk, notes: Notes, *, parts: int = 1) -> AsyncIterator[PositionSeen | None]:
    """Hold a long position of a smallest order, or so many of them, and close it; None when it cannot be opened."""
    qty = desk.quantity((await desk.prices()).bid, parts=parts)
    began = desk.monotonic()
    link, reply = await desk.create(Side.BUY, qty)
    notes.expect_code("market buy", reply, 0)
    try:
        yield await _opened(desk, notes, link, began) if reply.code == 0 else None
    finally:
        position = await desk.position()
        if position is not None and position.qty:
            _, reply = await desk.create(Side.SELL, abs(position.qty), reduce_only=True)
            notes.expect_code("market sell, reduce-only", reply, 0)
            await _until_flat(desk)


async def _opened(desk: Desk, notes: Notes, link: str, began: int) -> PositionSeen | None:
    fill = await desk.hear(Executed, lambda row: row.link_id == link, since=began, seconds=PATIENCE_S)
    if not notes.expect(fill is not None, "the stream told no execution of the market order") or fill is None:
        return None
    notes.see("push of the execution", ms=desk.ms_between(began, fill.at))
    push = await desk.hear(PositionSeen, lambda row: bool(row.qty), since=began, seconds=PATIENCE_S)
    notes.expect(push is not None, "the stream told no position")
    if push is not None:
        notes.see("push of the position", ms=desk.ms_between(began, push.at))
    while desk.ms_between(began, desk.monotonic()) < PATIENCE_S * 1000:
        position = await desk.position()
        if position is not None and position.qty:
            notes.see("position/list shows it", ms=desk.ms_between(began, desk.monotonic()))
            return position
        await asyncio.sleep(POLL_S)
    notes.expect(False, "position/list did not show the position")
    return None


async def _until_flat(desk: Desk) -> bool:
    for _ in range(int(PATIENCE_S / POLL_S)):
        position = await desk.position()
        if position is not None and not position.qty:
            return True
        await asyncio.sleep(POLL_S)
    return False


async def play_market(desk: Desk, notes: Notes) -> None:
    """In and out at market; stream, executions and transaction log must agree."""
    began, since = desk.monotonic(), desk.venue_now
    async with held(desk, notes) as position:
        if position is None:
            return
    notes.expect(await _until_flat(desk), "the position is not flat after its close")
    await _compare_executions(desk, notes, began, since)


async def _compare_executions(desk: Desk, notes: Notes, began: int, since: int) -> None:
    streamed = _streamed(desk, began)
    asked = await _asked(desk, since, streamed)
    for row in streamed.values():
        rate = "" if row.fee_rate is None else f"{row.fee_rate:f}"
        notes.see(
            "execution", side=row.side, qty=f"{row.qty:f}", price=f"{row.price:f}", fee=f"{row.fee:f}", feeRate=rate
        )
    notes.expect(len(streamed) >= 2, f"{len(streamed)} executions were pushed where two or more were expected")
    notes.expect(set(asked) == set(streamed), "execution/list and the stream tell different executions")
    differing = [one for one in asked if one in streamed and _money(asked[one]) != _money(streamed[one])]
    notes.expect(not differing, f"{len(differing)} executions differ between execution/list and the stream")


def _streamed(desk: Desk, began: int) -> dict[str, Executed]:
    heard = [one.fact for one in desk.heard if one.at >= began]
    return {row.exec_id: row for row in heard if isinstance(row, Executed) and row.symbol == desk.symbol}


async def _asked(desk: Desk, since: int, wanted: dict[str, Executed]) -> dict[str, Executed]:
    """Executions by query, asked until the wanted ones are there."""
    found: dict[str, Executed] = {}
    for _ in range(int(PATIENCE_S / POLL_S)):
        call = desk.dialect.executions(since - 1000 * NS_PER_MS, desk.venue_now + 1000 * NS_PER_MS, "")
        reply = await desk.ask(Op.EXECUTIONS, call)
        rows = [row for row in reply.facts if isinstance(row, Executed) and row.symbol == desk.symbol]
        found = {row.exec_id: row for row in rows if row.ts >= since - 100 * NS_PER_MS}
        if set(wanted) <= set(found):
            break
        await asyncio.sleep(POLL_S)
    return found


def _money(row: Executed) -> tuple[str, Decimal, Decimal, Decimal]:
    return row.side, row.qty, row.price, row.fee


async def play_log(desk: Desk, notes: Notes) -> None:
    """Executions of this run against the transaction log."""
    trades = [one.fact for one in desk.heard if isinstance(one.fact, Executed) and one.fact.symbol == desk.symbol]
    fees = sum((row.fee for row in trades), Decimal(0))
    if not trades:
        notes.cannot_tell("nothing was traded in this run")
        return
    start = desk.venue_now // NS_PER_MS - LOG_MINUTES * 60_000
    text = f"accountType=UNIFIED&category=linear&currency=USDT&type=TRADE&startTime={start}&limit=50"
    ids = {row.exec_id for row in trades}
    reply = await _logged(desk, text, ids)
    rows = [row for row in reply.rows if row.get("tradeId") in ids]
    notes.expect_code("account/transaction-log", reply, 0, rows=len(reply.rows), of_this_run=len(rows))
    logged = sum((Decimal(str(row.get("fee") or 0)) for row in rows), Decimal(0))
    notes.see("fees, USDT", executions=f"{fees:f}", log=f"{logged:f}", executed=len(ids))
    notes.expect(len(rows) == len(ids), f"{len(rows)} of {len(ids)} executions stand in the log by tradeId")
    notes.expect(logged == fees, "fees differ between the executions and the log")
    wrong = [row for row in rows if not _adds_up(row)]
    notes.expect(not wrong, f"{len(wrong)} rows in which change is not cashFlow + funding - fee")


async def _logged(desk: Desk, text: str, ids: set[str]) -> Reply:
    """A page of the transaction log, asked for until all of these trades are in it."""
    call = Call("GET", "/v5/account/transaction-log", text)
    began = desk.monotonic()
    while True:
        reply = await desk.ask(Op.WALLET, call)
        found = {str(row.get("tradeId")) for row in reply.rows}
        late = desk.ms_between(began, desk.monotonic()) > PATIENCE_S * 1000
        if ids <= found or late or reply.code != 0:
            return reply
        await asyncio.sleep(POLL_S)


def _adds_up(row: dict[str, object]) -> bool:
    change, cash, funding, fee = (Decimal(str(row.get(key) or 0)) for key in ("change", "cashFlow", "funding", "fee"))
    return change == cash + funding - fee


async def play_liquidation(desk: Desk, notes: Notes) -> None:
    """Where the venue says that the position is liquidated, against the formula."""
    async with held(desk, notes) as position:
        if position is None:
            return
        shown = position.liquidation_price
        tier = desk.instrument.risk_tiers[0] if desk.instrument.risk_tiers else None
        isolated = desk.grounds.settings.exchange.margin_mode == "isolated"
        notes.see(
            "position",
            qty=f"{position.qty:f}",
            entry=f"{position.entry:f}",
            leverage=f"{position.leverage:f}",
            liqPrice=str(shown),
        )
        if shown is None or tier is None or not isolated:
            notes.cannot_tell("no liqPrice is shown, or the margin mode is not isolated")
            return
        exact = position.entry * (1 - 1 / position.leverage) / (1 - tier.maintenance_rate)
        off = (shown - exact) / desk.instrument.tick
        notes.see("formula for the first tier", liqPrice=f"{exact:.6f}", ticks_off=f"{off:.3f}")
        notes.expect(abs(off) <= 1, f"liqPrice is {off:.2f} ticks from the formula")
        rounding = "up" if shown >= exact else "down"
        notes.record(f"liqPrice {shown} where the formula gives {exact:.4f}: a long's is rounded {rounding}")


async def play_partial(desk: Desk, notes: Notes) -> None:
    """Partial take-profit and stop-loss, and what becomes of them when the position is closed."""
    began = desk.monotonic()
    async with held(desk, notes, parts=2) as position:
        if position is None:
            return
        half = position.qty / 2
        protection = Protection(
            take_profit=desk.on_tick(position.entry * Decimal("1.05"), up=True),
            stop_loss=desk.on_tick(position.entry * Decimal("0.95")),
            partial=True,
            qty=half,
        )
        began = desk.monotonic()
        reply = await desk.protect(TradingStop(desk.symbol, protection))
        if not notes.expect_code("trading-stop Partial of half the position", reply, 0):
            return
        await desk.until(lambda: len(_stops(desk, began, WAITING)) >= 2, PATIENCE_S)
        stops = _stops(desk, began, WAITING)
        for row in stops:
            notes.see(
                "order of the protection",
                stopOrderType=row.stop_order_type,
                createType=row.create_type,
                qty=f"{row.qty:f}",
            )
        kinds = {row.stop_order_type for row in stops}
        notes.expect({"PartialTakeProfit", "PartialStopLoss"} <= kinds, f"the stream told orders of {sorted(kinds)}")
    await desk.until(lambda: len(_gone(desk, began)) >= 2, PATIENCE_S)
    for row in _gone(desk, began):
        notes.see("after the close", status=row.status, stopOrderType=row.stop_order_type, cancelType=row.cancel_type)
    left = await desk.open_orders()
    notes.expect(not left, f"{len(left)} orders of the protection are left after the close")


def _stops(desk: Desk, began: int, status: str) -> list[OrderSeen]:
    """The protective orders that the stream told of in one state."""
    heard = [one.fact for one in desk.heard if one.at >= began]
    rows = [row for row in heard if isinstance(row, OrderSeen) and row.stop_order_type.startswith("Partial")]
    return list({row.venue_id: row for row in rows if row.status == status}.values())


def _gone(desk: Desk, began: int) -> list[OrderSeen]:
    return _stops(desk, began, "Deactivated") + _stops(desk, began, "Cancelled")


async def play_trailing(desk: Desk, notes: Notes) -> None:
    """A stop-loss and a trailing stop of the whole position: set, the same again, removed."""
    async with held(desk, notes) as position:
        if position is None:
            return
        distance = desk.on_tick(position.entry * Decimal("0.03"))
        full = Protection(stop_loss=desk.on_tick(position.entry * Decimal("0.95")), trailing_stop=distance)
        stop = TradingStop(desk.symbol, full)
        notes.expect_code("trading-stop Full with stopLoss and trailingStop", await desk.protect(stop), 0)
        await asyncio.sleep(0.3)
        shown = await desk.position()
        if shown is not None:
            notes.see("position/list", stopLoss=f"{shown.stop_loss:f}", trailingStop=f"{shown.trailing_stop:f}")
            notes.expect(shown.stop_loss == full.stop_loss, f"stopLoss shows {shown.stop_loss}")
            notes.expect(shown.trailing_stop == distance, f"trailingStop shows {shown.trailing_stop}")
        again = await desk.protect(TradingStop(desk.symbol, Protection(stop_loss=full.stop_loss)))
        notes.expect_code("the same stop-loss again", again, NOTHING_CHANGED)
        none = Protection(stop_loss=Decimal(0), trailing_stop=Decimal(0))
        notes.expect_code("removed with zeros", await desk.protect(TradingStop(desk.symbol, none)), 0)
        await asyncio.sleep(0.3)
        shown = await desk.position()
        gone = shown is not None and not shown.stop_loss and not shown.trailing_stop
        notes.expect(gone, "a protection is still there after it was removed")


MARKET = Spec(
    name="market",
    title="In and out at market",
    does="buys the smallest quantity at market and sells it reduce-only",
    expects="executions and position by stream and by query, equal; flat afterwards",
    play=play_market,
    trades=True,
)
LIQUIDATION = Spec(
    name="liquidation_price",
    title="The liquidation price",
    does="holds a small isolated long and compares liqPrice with the formula",
    expects="within a tick",
    settles="how the liquidation price is rounded",
    play=play_liquidation,
    trades=True,
)
PARTIAL = Spec(
    name="partial_protection",
    title="Partial take-profit and stop-loss",
    does="protects half of a position, then closes it",
    expects="two untriggered orders, PartialTakeProfit and PartialStopLoss, gone after the close",
    play=play_partial,
    trades=True,
)
TRAILING = Spec(
    name="trading_stop",
    title="Stop-loss and trailing stop of a position",
    does="sets both, sets the stop-loss again, removes both",
    expects="0, 34040, 0; position/list shows them, then none",
    play=play_trailing,
    trades=True,
)
LOG = Spec(
    name="transaction_log",
    title="Executions and the transaction log",
    does="compares every execution of this run with account/transaction-log",
    expects="each by its tradeId, equal fees, change = cashFlow + funding - fee",
    play=play_log,
)
