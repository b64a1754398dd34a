"""Plays the cards: what must agree before, in which order, what is left at the end, and where the report goes."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from adapters.bybit.instruments import fetch_instruments
from adapters.bybit.signing import Credentials
from daemon.app.acceptance import account_cards, order_cards, position_cards, stream_cards
from daemon.app.acceptance.card import FORMAT, Card, Notes, Report, Spec, Verdict
from daemon.app.acceptance.crash_card import Child, crash_card
from daemon.app.acceptance.desk import Desk
from daemon.app.acceptance.markdown import to_markdown
from daemon.app.account_lock import lock_account
from daemon.app.arming import Grounds, check_grounds, check_identity, check_plan
from daemon.app.credentials import account_credentials
from daemon.app.lanes import Plan
from daemon.app.runs import Mode
from daemon.app.venue import venue_environment
from daemon.clock import SystemClock
from daemon.config import fingerprint, iso_time
from daemon.core.errors import ArmingRefused, ConfigError, LockstepError
from daemon.journal import FileLock

CARD_S = 180.0
CARDS: tuple[Spec, ...] = (
    account_cards.IDENTITY,
    account_cards.CLOCK,
    account_cards.INSTRUMENT,
    account_cards.SETTINGS,
    account_cards.LEVERAGE,
    account_cards.WINDOW,
    account_cards.HEADERS,
    order_cards.RESTING,
    order_cards.LAG,
    order_cards.REJECTS,
    order_cards.BAND,
    order_cards.DUPLICATE_CARD,
    order_cards.CONDITIONAL,
    order_cards.ORDER_MARGIN,
    position_cards.MARKET,
    position_cards.LIQUIDATION,
    position_cards.PARTIAL,
    position_cards.TRAILING,
    stream_cards.RECONNECT,
    stream_cards.FAST_EXECUTIONS,
    account_cards.FUNDING,
    position_cards.LOG,
    account_cards.RATE,
)
LAST: tuple[Spec, ...] = (order_cards.DUPLICATE_LATER,)
NAMES = (*(spec.name for spec in CARDS), "killed", *(spec.name for spec in LAST), "messages")


class AcceptOptions(Struct, frozen=True, kw_only=True):
    """What to play. symbol: empty for the first of the configuration.  only: names of cards, empty for all."""

    symbol: str = ""
    only: tuple[str, ...] = ()


class Prepared(Struct, frozen=True, kw_only=True):
    """A run that may begin once its owner says so."""

    plan: Plan
    grounds: Grounds
    credentials: Credentials
    symbol: str
    only: tuple[str, ...]


Told = Callable[[Card], None]


def prepare(plan: Plan, options: AcceptOptions, variables: MutableMapping[str, str] = os.environ) -> Prepared:
    """Refuse what can be refused before the venue is asked; real money always.

    Raises:
        ArmingRefused: something does not agree, or orders there cost money.
        ConfigError: a card or a symbol is unknown, or the venue's clock is not that of the world.
    """
    plan = msgspec.structs.replace(plan, trade=True)
    host = venue_environment(plan.config)
    if host.real_money:
        cure = 'write environment = "demo" into [venue], with a key of the demo service'
        raise ArmingRefused(f"orders at {host.rest} cost real money", code="REAL_MONEY", cure=cure)
    if plan.config.venue.speed != 1:
        raise ConfigError("venue.speed: the cards go by real time", cure="start the sandbox with --speed 1")
    if unknown := [name for name in options.only if name not in NAMES]:
        raise ConfigError(f"--only: there is no card {unknown[0]!r}", cure=f"cards are {', '.join(NAMES)}")
    check_plan(plan, ())
    lane = plan.remote_lanes[0]
    settings = plan.config.accounts[lane.account]
    grounds = Grounds(mode=Mode.TRADE, host=host, account=lane.account, settings=settings, consents=())
    check_grounds(grounds)
    symbols = plan.config.symbols
    symbol = options.symbol or symbols[0]
    if symbol not in symbols:
        raise ConfigError(f"--symbol: {symbol} is not in the configuration", cure=f"use one of {', '.join(symbols)}")
    logs = Path(plan.config.storage.directory)
    credentials = account_credentials(lane.account, settings, base=plan.base, logs=logs, variables=variables)
    return Prepared(plan=plan, grounds=grounds, credentials=credentials, symbol=symbol, only=options.only)


def play(prepared: Prepared, folder: Path, told: Told) -> Report:
    """Play the cards, clean up, and write `report.json` and `report.md` into a folder.

    A venue that does not say whose the key is leaves a report of one card.

    Raises:
        ArmingRefused: the key belongs to another account, or may not be traded with.
        LockstepError: the account is not flat before the first card, or the folder cannot be written.
    """
    folder = folder.resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise LockstepError(f"{folder}: {error.strerror}", cure="name a folder that you may write to") from None
    report = asyncio.run(_play(prepared, folder, told))
    credentials = prepared.credentials
    hidden = {
        prepared.grounds.account_id: report.account,
        credentials.key: "(hidden)",
        credentials.secret.reveal(): "(hidden)",
    }
    report = hide(report, hidden)  # whatever the venue said: Bybit repeats the key where it refuses a signature
    _write(report, folder)
    return report


async def _play(prepared: Prepared, folder: Path, told: Told) -> Report:
    from adapters.bybit.key_identity import identify  # noqa: PLC0415 - see `arming.build_port`

    grounds = prepared.grounds
    lock = _Lock(grounds)
    lock.take()
    try:
        try:
            identity = await identify(grounds.host, prepared.credentials)
        except ArmingRefused as refusal:
            return _unidentified(prepared, refusal, told)
        check_identity(grounds, identity)
        [instrument] = await fetch_instruments(grounds.host.rest, [prepared.symbol])
        leverage = grounds.settings.leverage
        desk = Desk(grounds, identity, prepared.credentials, instrument, leverage=leverage)
        child = Child(config=prepared.plan.config, folder=folder, free=lock.free, take=lock.take)
        try:
            await desk.open()
            return await _all(desk, _chosen(prepared.only, child), told)
        finally:
            await desk.close()
    finally:
        lock.free()


def _chosen(only: Sequence[str], child: Child) -> list[Spec]:
    specs = [*CARDS, crash_card(child), *LAST, MESSAGES]
    return [spec for spec in specs if not only or spec.name in only]


async def _all(desk: Desk, specs: Sequence[Spec], told: Told) -> Report:
    began = SystemClock().now()
    await _check_flat(desk)
    cards: list[Card] = []
    flat = False
    try:
        for number, spec in enumerate(specs, start=1):
            card = await _one(desk, spec, number)
            cards.append(card)
            told(card)
    finally:
        flat = await desk.clean()
    return _report(desk.grounds, desk.symbol, began, cards, flat=flat)


def _unidentified(prepared: Prepared, refusal: ArmingRefused, told: Told) -> Report:
    """A venue that does not say whose the key is: nothing can be played, and that too is worth a report."""
    notes = Notes(SystemClock().monotonic)
    notes.expect(False, refusal.message)
    card = _card(account_cards.IDENTITY, 1, notes)
    told(card)
    return _report(prepared.grounds, prepared.symbol, SystemClock().now(), [card], flat=False)


def _report(grounds: Grounds, symbol: str, began: int, cards: Sequence[Card], *, flat: bool) -> Report:
    return Report(
        format=FORMAT,
        version=version("lockstep"),
        began=iso_time(began),
        environment=grounds.host.name,
        account=fingerprint(grounds.account_id),
        symbol=symbol,
        flat=flat,
        cards=tuple(cards),
    )


async def _check_flat(desk: Desk) -> None:
    """What belongs to somebody else must not be closed with what is ours."""
    position, orders = await desk.position(), await desk.open_orders()
    if position is None or position.qty or orders:
        what = f"{desk.symbol}: the account holds a position or open orders, or cannot be asked"
        raise LockstepError(what, cure="close them by hand first, or play on another symbol with --symbol")


async def _one(desk: Desk, spec: Spec, number: int) -> Card:
    notes = Notes(desk.monotonic)
    try:
        async with asyncio.timeout(CARD_S):
            await spec.play(desk, notes)
    except (LockstepError, TimeoutError) as error:
        notes.expect(False, f"the card broke off: {str(error) or type(error).__name__}")
    if notes.differences and spec.name not in {"identity", "clock", "instrument"}:
        notes.expect(await desk.clean(), "orders or a position were left after this card")
    return _card(spec, number, notes)


def _card(spec: Spec, number: int, notes: Notes) -> Card:
    return Card(
        number=number,
        name=spec.name,
        title=spec.title,
        does=spec.does,
        expects=spec.expects,
        settles=spec.settles,
        verdict=notes.judge(),
        conclusion=notes.conclusion,
        differences=tuple(notes.differences),
        seen=tuple(notes.seen),
        seconds=round(notes.elapsed_ms / 1000, 3),
    )


async def _play_messages(desk: Desk, notes: Notes) -> None:
    """Every code of this run with its text."""
    for path, codes in sorted(desk.answers.items()):
        for code, message in sorted(codes.items()):
            notes.see(path, retCode=code, retMsg=message)
    count = len({(code, text) for codes in desk.answers.values() for code, text in codes.items()})
    notes.record(f"{count} different codes and texts, listed below")


MESSAGES = Spec(
    name="messages",
    title="Codes and texts",
    does="lists every retCode of this run by path, with its text",
    expects="nothing: the texts are recorded",
    settles="the exact texts of refusals",
    play=_play_messages,
)


class _Lock:
    """Holds the account, and gives it free while a child trades it."""

    def __init__(self, grounds: Grounds) -> None:
        self._grounds = grounds
        self._lock: FileLock | None = None

    def take(self) -> None:
        one = self._grounds
        self._lock = lock_account(one.account, one.account_id, one.host, os.environ)

    def free(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None


def hide(report: Report, hidden: Mapping[str, str]) -> Report:
    """The report with other words in place of these, in every text of it; numbers stay what they are."""

    def clean(value: Any) -> Any:
        if isinstance(value, str):
            for secret, shown in hidden.items():
                value = value.replace(secret, shown)
            return value
        if isinstance(value, dict):
            return {key: clean(each) for key, each in value.items()}
        return [clean(each) for each in value] if isinstance(value, list | tuple) else value

    return msgspec.convert(clean(msgspec.to_builtins(report)), Report)


def _write(report: Report, folder: Path) -> None:
    document = msgspec.json.format(msgspec.json.encode(report), indent=2).decode()
    for name, text in (("report.json", document + "\n"), ("report.md", to_markdown(report))):
        (folder / name).write_text(text, encoding="utf-8")


def verdict_of(report: Report) -> Verdict:
    """The whole run: different if one card is or something is left; cannot tell if nothing else can be told."""
    if report.different or not report.flat:
        return Verdict.DIFFERENT
    told = any(card.verdict in (Verdict.PASSED, Verdict.RECORDED) for card in report.cards)
    return Verdict.PASSED if told else Verdict.CANNOT_TELL
