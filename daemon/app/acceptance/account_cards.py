"""Cards about the key, the clocks, the contract and the limits: nothing of them leaves an order behind."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from daemon.app.acceptance.card import Notes, Spec
from daemon.app.acceptance.desk import Desk
from daemon.app.acceptance.reply import Reply
from daemon.core.account_events import AccountSeen, Op, PositionSeen
from daemon.core.remote.requests import Call
from daemon.core.units import NS_PER_MS

MARGIN_MODES = {"isolated": "ISOLATED_MARGIN", "cross": "REGULAR_MARGIN"}
LIMIT_HEADERS = ("x-bapi-limit", "x-bapi-limit-status", "x-bapi-limit-reset-timestamp")
BURST = 16
UNKNOWN_LINK = "acc-there-is-no-such-order"
TOO_MANY, NOT_THERE, NOT_IN_TIME = 10006, 110001, 10002
NOT_MODIFIED = 110043


async def play_identity(desk: Desk, notes: Notes) -> None:
    """Whose key it is and what it may do."""
    from adapters.bybit.key_identity import key_problems  # noqa: PLC0415 - see `arming.build_port`

    found = desk.identity
    notes.see(
        "user/query-api and account/info",
        says_whose_the_key_is=bool(found.account_id),
        permissions=" ".join(f"{name}={'+'.join(words)}" for name, words in found.permissions.items() if words),
        read_only=found.read_only,
        bound_addresses=len(found.ips),
        unifiedMarginStatus=found.unified,
        marginMode=found.margin_mode,
        main_account=found.master,
        expires="never" if found.expires is None else f"{found.expires // NS_PER_MS} ms",
    )
    for problem in key_problems(found, real_money=False, unverified_id_accepted=True, now=desk.venue_now):
        notes.expect(False, f"{problem.code}: {problem.what}")


async def play_clock(desk: Desk, notes: Notes) -> None:
    """How well the venue's clock is known."""
    told = desk.venue_time
    if told is None:
        notes.expect(False, "the venue's clock could not be measured")
        return
    notes.see("offset against this machine", offset_ms=told.offset / NS_PER_MS, bound_ms=told.bound / NS_PER_MS)
    notes.expect(told.ok, f"the measurement is not good: {told.reason}")


async def play_instrument(desk: Desk, notes: Notes) -> None:
    """What the contract is."""
    one = desk.instrument
    notes.see(
        one.symbol,
        tick=str(one.tick),
        step=str(one.step),
        min_qty=str(one.min_qty),
        min_notional=str(one.min_notional),
        max_leverage=str(one.max_leverage),
        price_limit_ratio_x=str(one.price_limit_ratio_x),
        price_limit_ratio_y=str(one.price_limit_ratio_y),
        risk_tiers=len(one.risk_tiers),
    )
    notes.expect(one.status == "Trading", f"its status is {one.status}")
    notes.expect(bool(one.risk_tiers), "the venue names no risk tiers of it")
    notes.expect(one.price_limit_ratio_x is not None, "the venue names no price limit ratios of it")


async def play_settings(desk: Desk, notes: Notes) -> None:
    """How the account is set."""
    reply = await desk.ask(Op.ACCOUNT, desk.dialect.account())
    mode = next((row.margin_mode for row in reply.facts if isinstance(row, AccountSeen)), "")
    notes.expect_code("account/info", reply, 0, marginMode=mode)
    wanted = MARGIN_MODES[desk.grounds.settings.exchange.margin_mode]
    notes.expect(mode == wanted, f"margin mode is {mode}, the configuration wants {wanted}")
    reply = await desk.ask(Op.POSITIONS, desk.dialect.positions(desk.symbol))
    rows = [row for row in reply.facts if isinstance(row, PositionSeen)]
    notes.expect_code("position/list by symbol", reply, 0, rows=len(rows))
    notes.expect([row.idx for row in rows] == [0], "one flat row with positionIdx 0 was expected: one-way mode")


async def play_leverage(desk: Desk, notes: Notes) -> None:
    """Setting the leverage, once and again."""
    other = str(desk.leverage + 1 if desk.leverage < desk.instrument.max_leverage else desk.leverage - 1)
    first = await desk.ask(Op.SET_LEVERAGE, desk.dialect.set_leverage(desk.symbol, other))
    notes.expect_code(f"set-leverage {other}", first, 0, NOT_MODIFIED)
    second = await desk.ask(Op.SET_LEVERAGE, desk.dialect.set_leverage(desk.symbol, f"{desk.leverage:f}"))
    notes.expect_code(f"set-leverage {desk.leverage:f}", second, 0)
    third = await desk.ask(Op.SET_LEVERAGE, desk.dialect.set_leverage(desk.symbol, f"{desk.leverage:f}"))
    notes.expect_code("the same again", third, NOT_MODIFIED)
    position = await desk.position()
    shown = None if position is None else position.leverage
    notes.expect(shown == desk.leverage, f"position/list shows leverage {shown}, not {desk.leverage}")


async def play_window(desk: Desk, notes: Notes) -> None:
    """Which times of signing are taken."""
    call = desk.dialect.account()
    notes.expect_code("signed now, window 5000", await desk.raw(call), 0)
    notes.expect_code("signed 4 s ago, window 5000", await desk.raw(call, shift_ms=-4000), 0)
    notes.expect_code("signed 6 s ago, window 5000", await desk.raw(call, shift_ms=-6000), NOT_IN_TIME)
    notes.expect_code("signed 2 s ago, window 1000", await desk.raw(call, shift_ms=-2000, window_ms=1000), NOT_IN_TIME)
    notes.expect_code("signed 2 s ahead, window 5000", await desk.raw(call, shift_ms=2000), NOT_IN_TIME)


async def play_headers(desk: Desk, notes: Notes) -> None:
    """Whether answers say how many requests are left."""
    calls = (
        ("order/realtime", desk.dialect.order(desk.symbol, UNKNOWN_LINK)),
        ("position/list", desk.dialect.positions(desk.symbol)),
        ("execution/list", desk.dialect.order_executions(desk.symbol, UNKNOWN_LINK, "")),
        ("order/cancel", desk.dialect.cancel(desk.symbol, link_id=UNKNOWN_LINK)),
    )
    for what, call in calls:
        reply = await desk.raw(call)
        told = {name: reply.headers.get(name) for name in LIMIT_HEADERS}
        notes.reply(what, reply, **told)
        missing = [name for name, value in told.items() if value is None]
        notes.expect(not missing, f"{what}: no {', '.join(missing)}")


async def play_rate(desk: Desk, notes: Notes) -> None:
    """More cancels in a second than are allowed; each is of an order that does not exist."""
    await asyncio.sleep(1.2)  # what was sent before must not count
    call = desk.dialect.cancel(desk.symbol, link_id=UNKNOWN_LINK)
    began = desk.monotonic()
    replies = await asyncio.gather(*(desk.raw(call) for _ in range(BURST)))
    took = desk.ms_between(began, desk.monotonic())
    notes.see(f"{BURST} cancels at once", ms=took, codes=_count(replies))
    refused = [reply for reply in replies if reply.code == TOO_MANY]
    if refused:
        notes.reply("the first refused", refused[0], **{name: refused[0].headers.get(name) for name in LIMIT_HEADERS})
    await asyncio.sleep(1.2)
    notes.expect_code("one more after a second", await desk.raw(call), NOT_THERE)
    strange = {reply.code for reply in replies} - {TOO_MANY, NOT_THERE}
    notes.expect(not strange, f"codes that nobody expected: {strange}")
    notes.record(
        f"{len(refused)} of {BURST} were refused with 10006 within {took:.0f} ms"
        if refused
        else f"none of {BURST} in {took:.0f} ms was refused: the limit of 10 a second is not enforced here"
    )


async def play_funding(desk: Desk, notes: Notes) -> None:
    """When funding was executed, as far as this account has any."""
    end = desk.venue_now
    text = f"category=linear&symbol={desk.symbol}&execType=Funding&limit=20"
    reply = await desk.ask(Op.EXECUTIONS, Call("GET", "/v5/execution/list", text))
    notes.expect_code("execution/list of funding", reply, 0, rows=len(reply.rows))
    for row in reply.rows[:5]:
        late = int(str(row.get("execTime", "0"))) % 3_600_000
        fee = Decimal(str(row.get("execFee") or 0))
        notes.see(
            "funding",
            after_the_hour_ms=late,
            fee=f"{fee:f}",
            age_s=round((end // NS_PER_MS - int(row["execTime"])) / 1000),
        )
    if not reply.rows:
        why = "no funding in seven days: hold a position over 00:00, 08:00 or 16:00 UTC, then play this card alone"
        notes.cannot_tell(why)
        return
    worst = max(int(str(row["execTime"])) % 3_600_000 for row in reply.rows)
    notes.record(
        f"execTime of funding is at most {worst} ms after the hour; compare fills around it in the same second"
    )


def _count(replies: list[Reply]) -> str:
    codes = [reply.code for reply in replies]
    return ", ".join(f"{code}: {codes.count(code)}" for code in sorted(set(codes), key=str))


IDENTITY = Spec(
    name="identity",
    title="The key and its rights",
    does="asks user/query-api and account/info",
    expects="a unified account of version 2; a key that may trade contracts and cannot move money",
    settles="whether user/query-api answers on the demo service",
    play=play_identity,
)
CLOCK = Spec(
    name="clock",
    title="The venue's clock",
    does="eight questions to market/time; the quickest five count",
    expects="known to 250 ms",
    play=play_clock,
)
INSTRUMENT = Spec(
    name="instrument",
    title="The contract",
    does="asks market/instruments-info and market/risk-limit",
    expects="it is trading, with risk tiers and price limit ratios",
    play=play_instrument,
)
SETTINGS = Spec(
    name="settings",
    title="Modes of the account",
    does="asks account/info and position/list",
    expects="the margin mode of the configuration, one-way mode, one flat row by symbol",
    play=play_settings,
)
LEVERAGE = Spec(
    name="leverage",
    title="Leverage, and the same again",
    does="sets the leverage to another value, to the configured one, and to that again",
    expects="0, 0, then 110043",
    play=play_leverage,
)
WINDOW = Spec(
    name="recv_window",
    title="Old and early signatures",
    does="asks account/info signed now, in the past and in the future",
    expects="10002 outside of the window and from a second ahead on",
    play=play_window,
)
HEADERS = Spec(
    name="limit_headers",
    title="Headers about rate limits",
    does="asks four routes beside the port and reads the headers of the answers",
    expects="the three X-Bapi-Limit headers with each",
    play=play_headers,
)
RATE = Spec(
    name="rate_limit",
    title="Too many requests",
    does=f"{BURST} cancels of an order that does not exist, at once",
    expects="110001 up to the limit, 10006 beyond it, 110001 again a second later",
    settles="whether the demo service enforces the documented rate limits",
    play=play_rate,
)
FUNDING = Spec(
    name="funding",
    title="The moment of funding",
    does="asks for funding of the last seven days",
    expects="nothing: the stamps are recorded",
    settles="when funding is executed against fills of the same second",
    play=play_funding,
)
