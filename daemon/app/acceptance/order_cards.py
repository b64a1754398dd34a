"""Cards about orders that rest, are refused, or have a name that was used before."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from daemon.app.acceptance.card import Notes, Spec
from daemon.app.acceptance.desk import FINAL, Desk
from daemon.core.account_events import Op, OrderSeen
from daemon.core.events import Side
from daemon.core.orders import TriggerDirection
from daemon.core.records import TimeInForce

FAR = Decimal("0.93")
LAGS = 5
POLL_S = 0.04
LAG_S = 5.0
DUPLICATE, NOT_THERE, NO_POSITION, TOO_SMALL, BAD = 110072, 110001, 110017, 110094, 10001
BAND_CODES = (110003, 110120, 110121, 30208, 30209)


async def place_resting(desk: Desk, notes: Notes, *, link: str = "") -> tuple[str, Decimal, bool]:
    """An order far below the market; returns its name, its price, and whether it was taken."""
    price = desk.on_tick((await desk.prices()).bid * FAR)
    link, reply = await desk.create(
        Side.BUY, desk.quantity(price), price, link=link, time_in_force=TimeInForce.POST_ONLY
    )
    return link, price, notes.expect_code("order/create, a limit far below the market", reply, 0)


async def play_resting(desk: Desk, notes: Notes) -> None:
    """The life of an order that rests."""
    began = desk.monotonic()
    link, price, taken = await place_resting(desk, notes)
    if not taken:
        return
    await _expect_push(desk, notes, link, ("New",), began)
    began = desk.monotonic()
    moved = desk.on_tick(price * Decimal("0.99"))
    notes.expect_code("order/amend of the price", await desk.amend(link, moved), 0)
    push = await desk.hear(OrderSeen, lambda row: row.link_id == link and row.price == moved, since=began)
    if notes.expect(push is not None, "the stream told no order with the new price") and push is not None:
        notes.see("push after the amend", ms=desk.ms_between(began, push.at))
    began = desk.monotonic()
    notes.expect_code("order/cancel", await desk.cancel(link), 0)
    await _expect_push(desk, notes, link, ("Cancelled",), began)
    notes.expect_code("order/cancel again", await desk.cancel(link), NOT_THERE)


async def _expect_push(desk: Desk, notes: Notes, link: str, statuses: tuple[str, ...], began: int) -> OrderSeen | None:
    heard = await desk.hear_order(link, statuses, since=began)
    words = " or ".join(statuses)
    if heard is None or not isinstance(heard.fact, OrderSeen):
        notes.expect(False, f"the stream told no order in state {words}")
        return None
    row = heard.fact
    notes.see(
        f"push: {row.status}",
        ms=desk.ms_between(began, heard.at),
        cancelType=row.cancel_type,
        rejectReason=row.reject_reason,
        createType=row.create_type,
        stopOrderType=row.stop_order_type,
    )
    return row


async def play_lag(desk: Desk, notes: Notes) -> None:
    """How long until a query shows what was accepted."""
    shown: list[float] = []
    closed: list[float] = []
    for _ in range(LAGS):
        link, _, taken = await place_resting(desk, notes)
        if not taken:
            return
        shown.append(await _lag(desk, link, history=False))
        notes.see("order/realtime shows it after the answer", ms=shown[-1])
        await desk.cancel(link)
        closed.append(await _lag(desk, link, history=True))
        notes.see("order/history shows the cancel after the answer", ms=closed[-1])
    notes.expect(min(shown + closed) >= 0, f"a query did not show it within {LAG_S:g} s")
    notes.record(
        f"after the answer an order is seen by order/realtime within {max(shown):.0f} ms, a cancel by order/history "
        f"within {max(closed):.0f} ms; the fence waits 2,000 ms"
    )


async def _lag(desk: Desk, link: str, *, history: bool) -> float:
    """Milliseconds until a query shows an order, or its end; below zero when it does not."""
    dialect = desk.dialect
    call = dialect.order_history(desk.symbol, link) if history else dialect.order(desk.symbol, link)
    began = desk.monotonic()
    waited = 0.0
    while waited < LAG_S * 1000:
        reply = await desk.ask(Op.ORDER_HISTORY if history else Op.ORDER, call)
        waited = desk.ms_between(began, desk.monotonic())
        rows = [row for row in reply.facts if isinstance(row, OrderSeen)]
        if rows and (not history or rows[0].status in FINAL):
            return waited
        await asyncio.sleep(POLL_S)
    return -1.0


async def play_rejects(desk: Desk, notes: Notes) -> None:
    """Orders that must not be taken."""
    prices = await desk.prices()
    least = desk.instrument.min_qty
    low = desk.on_tick(desk.instrument.min_notional * Decimal("0.5") / least)
    if low < prices.bid:
        _, reply = await desk.create(Side.BUY, least, low)
        notes.expect_code("worth half of the minimum", reply, TOO_SMALL)
    qty = desk.quantity(prices.bid)
    _, reply = await desk.create(Side.SELL, qty, desk.on_tick(prices.ask), reduce_only=True)
    notes.expect_code("reduce-only without a position", reply, NO_POSITION)
    _, reply = await desk.create(Side.BUY, qty, desk.on_tick(prices.bid * FAR) + desk.instrument.tick / 2)
    notes.expect_code("a price between two ticks", reply, BAD)
    _, reply = await desk.create(Side.BUY, qty + desk.instrument.step / 2, desk.on_tick(prices.bid * FAR))
    notes.expect_code("a quantity between two steps", reply, BAD)
    began = desk.monotonic()
    link, reply = await desk.create(
        Side.BUY, qty, desk.on_tick(prices.ask * Decimal("1.003"), up=True), time_in_force=TimeInForce.POST_ONLY
    )
    if notes.expect_code("post-only that would take", reply, 0):
        row = await _expect_push(desk, notes, link, ("Cancelled", "Rejected"), began)
        reason = "" if row is None else row.reject_reason
        notes.expect(reason == "EC_PostOnlyWillTakeLiquidity", f"its rejectReason is {reason!r}")


async def play_band(desk: Desk, notes: Notes) -> None:
    """A limit price far beyond what the venue allows."""
    prices = await desk.prices()
    qty = desk.quantity(prices.bid)
    began = desk.monotonic()
    link, reply = await desk.create(
        Side.BUY, qty, desk.on_tick(prices.mark * Decimal("1.2")), time_in_force=TimeInForce.FOK
    )
    notes.reply("a buy 20 % above the mark", reply)
    if reply.code != 0:
        notes.expect(reply.code in BAND_CODES, f"refused with {reply.code}, not one of {BAND_CODES}")
        notes.record(f"refused with {reply.code} {reply.message!r}")
        return
    row = await _expect_push(desk, notes, link, tuple(FINAL), began)
    if row is None:
        return
    notes.see("its price then", price=None if row.price is None else str(row.price), filled=str(row.filled))
    notes.record(f"taken; it ended {row.status} ({row.reject_reason or 'no reason'}) with a price of {row.price}")


async def play_duplicate(desk: Desk, notes: Notes) -> None:
    """A name that an open order has, and one that a closed order had."""
    link, price, taken = await place_resting(desk, notes)
    if not taken:
        return
    qty = desk.quantity(price)
    _, reply = await desk.create(Side.BUY, qty, price, link=link, time_in_force=TimeInForce.POST_ONLY)
    notes.expect_code("the name of an open order", reply, DUPLICATE)
    await desk.cancel(link)
    await desk.hear_order(link, ("Cancelled",), since=0)
    for wait in (0.0, 2.0):
        await asyncio.sleep(wait)
        await _try_again(desk, notes, link, price, "the name of an order cancelled")


async def _try_again(desk: Desk, notes: Notes, link: str, price: Decimal, what: str) -> None:
    """Use a name again; what is taken is cancelled again."""
    age = next((desk.ms_between(at, desk.monotonic()) for at, each in desk.closed_links if each == link), None)
    qty = desk.quantity(price)
    _, reply = await desk.create(Side.BUY, qty, price, link=link, time_in_force=TimeInForce.POST_ONLY)
    notes.reply(what, reply, age_ms=age)
    seconds = (age or 0) / 1000
    if reply.code == 0:
        await desk.cancel(link)
        notes.record(f"{seconds:.1f} s after its end the name of an order is taken again: it is not unique for good")
    elif notes.expect(reply.code == DUPLICATE, f"{what}: {reply.code}, neither 0 nor {DUPLICATE}"):
        notes.record(f"refused with {DUPLICATE} still {seconds:.1f} s after its end")


async def play_duplicate_later(desk: Desk, notes: Notes) -> None:
    """The oldest name of this run again."""
    if not desk.closed_links:
        notes.cannot_tell("no order of this run was cancelled")
        return
    price = desk.on_tick((await desk.prices()).bid * FAR)
    await _try_again(desk, notes, desk.closed_links[0][1], price, "the name of the first order of this run")


async def play_conditional(desk: Desk, notes: Notes) -> None:
    """A conditional order that never triggers."""
    prices = await desk.prices()
    trigger = desk.on_tick(prices.mark * Decimal("1.05"))
    began = desk.monotonic()
    link, reply = await desk.create(Side.BUY, desk.quantity(prices.bid), trigger=(trigger, TriggerDirection.RISES))
    if not notes.expect_code("order/create, to buy when the price has risen by 5 %", reply, 0):
        return
    await _expect_push(desk, notes, link, ("Untriggered",), began)
    began = desk.monotonic()
    notes.expect_code("order/cancel", await desk.cancel(link), 0)
    row = await _expect_push(desk, notes, link, ("Cancelled", "Deactivated"), began)
    if row is not None:
        notes.record(f"a cancelled conditional order ends as {row.status}, cancelType {row.cancel_type}")
    wrong = (desk.on_tick(prices.mark * Decimal("0.95")), TriggerDirection.RISES)
    _, reply = await desk.create(Side.BUY, desk.quantity(prices.bid), trigger=wrong)
    notes.expect_code("a trigger that the price has passed already", reply, 110092, 110093)


async def play_order_margin(desk: Desk, notes: Notes) -> None:
    """What two resting orders of opposite sides reserve."""
    before = await _order_margin(desk)
    prices = await desk.prices()
    down, up = desk.on_tick(prices.bid * Decimal("0.97")), desk.on_tick(prices.ask * Decimal("1.03"))
    buy, reply = await desk.create(Side.BUY, desk.quantity(down, parts=2), down, time_in_force=TimeInForce.POST_ONLY)
    if not notes.expect_code("a buy of two parts", reply, 0):
        return
    with_buy = await _order_margin(desk)
    sell, reply = await desk.create(Side.SELL, desk.quantity(down), up, time_in_force=TimeInForce.POST_ONLY)
    notes.expect_code("a sell of one part", reply, 0)
    with_both = await _order_margin(desk)
    notes.see("totalOrderIM", before=str(before), with_buy=str(with_buy), with_both=str(with_both))
    await desk.cancel(buy)
    await desk.cancel(sell)
    notes.expect(with_buy > before, "a resting order reserved nothing")
    one = with_buy - before
    both = "the larger side only" if with_both - before <= one * Decimal("1.01") else "both sides"
    notes.record(f"in one-way mode open orders of opposite sides reserve {both}")


async def _order_margin(desk: Desk) -> Decimal:
    """Order margin in USDT as the wallet shows it; zero when it does not."""
    await asyncio.sleep(0.3)
    reply = await desk.ask(Op.WALLET, desk.dialect.wallet())
    coins = [coin for row in reply.rows for coin in row.get("coin", []) if coin.get("coin") == "USDT"]
    return Decimal(str(coins[0].get("totalOrderIM") or 0)) if coins else Decimal(0)


RESTING = Spec(
    name="resting_order",
    title="An order that rests",
    does="places a limit far below the market, moves it, cancels it, cancels it again",
    expects="0, 0, 0, then 110001; the stream tells New, the new price, Cancelled",
    play=play_resting,
)
LAG = Spec(
    name="query_lag",
    title="From acceptance to the queries",
    does=f"{LAGS} times: places an order and asks until order/realtime shows it; cancels, until order/history does",
    expects="well within the 2 s that the fence waits",
    settles="how long queries lag behind what was accepted",
    play=play_lag,
)
REJECTS = Spec(
    name="rejects",
    title="Orders that are refused",
    does="below the minimum value, reduce-only without a position, off the grid, post-only that would take",
    expects="110094, 110017, 10001, 10001; the last is taken and then cancelled with EC_PostOnlyWillTakeLiquidity",
    settles="the texts of refusals",
    play=play_rejects,
)
BAND = Spec(
    name="price_band",
    title="A price outside of the band",
    does="a fill-or-kill buy with a limit 20 % above the mark",
    expects="refused, or moved to the limit: the account's own setting decides",
    settles="what becomes of a price beyond the limit",
    play=play_band,
    trades=True,
)
DUPLICATE_CARD = Spec(
    name="duplicate_link",
    title="A name that was used before",
    does="creates a second order under the name of an open one, then of a cancelled one, at once and 2 s later",
    expects="110072 while it is open",
    settles="whether 110072 is answered for closed orders too, and whether the demo service enforces it",
    play=play_duplicate,
)
DUPLICATE_LATER = Spec(
    name="duplicate_later",
    title="The same, at the end of the run",
    does="uses the name of the first cancelled order of this run again",
    expects="nothing: the answer and its age are recorded",
    settles="for how long the name of a closed order stays taken",
    play=play_duplicate_later,
)
CONDITIONAL = Spec(
    name="conditional",
    title="A conditional order, cancelled",
    does="places one 5 % above the mark, cancels it; tries one whose trigger is passed already",
    expects="Untriggered, then Cancelled or Deactivated; 110092 or 110093 for the other",
    settles="which of Cancelled and Deactivated a cancelled conditional order shows",
    play=play_conditional,
)
ORDER_MARGIN = Spec(
    name="order_margin",
    title="Margin of opposite orders",
    does="places a buy of two parts and a sell of one, and reads totalOrderIM",
    expects="nothing: the numbers are recorded",
    settles="whether opposite orders are netted in one-way mode",
    play=play_order_margin,
)
