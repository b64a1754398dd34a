"""Stops that rest at the venue, and are looked after: what protects a position while we cannot.

A protection is wanted from when an order that carries one fills, or a request to protect is granted, until the position
is flat. While it is wanted the venue must show one: a missing stop is placed again at once, one that stands elsewhere
was moved by somebody and is left alone. What the venue made of it (orders) is followed by the order machine.
"""

from __future__ import annotations

from decimal import Decimal

from daemon.core.account_events import Op, OutcomeKind, PositionSeen
from daemon.core.blotter import PROTECT
from daemon.core.orders import Protection, TradingStop
from daemon.core.remote.context import Answer, Context
from daemon.core.remote.tracked import Tracked
from daemon.core.units import NEVER, ZERO
from daemon.core.venue import GrantReport, MismatchReport, RefusalReport

K = OutcomeKind
GATE = "protection"
GRANTED = frozenset({K.ACCEPTED, K.NO_OP})
TRIES_MAX = 5
AGAIN_MS = 1_000


class Protector:
    """Sends protections of one account, and remembers which are wanted.

    due: when a protection is to be sent again, nanoseconds UTC.
    """

    def __init__(self, context: Context) -> None:
        self.due = NEVER
        self._context = context
        self._wanted: dict[str, Protection] = {}
        self._tries: dict[str, int] = {}
        self._again: dict[str, tuple[TradingStop, int]] = {}
        self._sent: dict[str, TradingStop] = {}

    def protect(self, stop: TradingStop) -> None:
        """Ask the venue for the protection of a position."""
        context = self._context
        self._again.pop(stop.symbol, None)
        self._sent[stop.symbol] = stop
        self._tries[stop.symbol] = self._tries.get(stop.symbol, 0) + 1
        context.send(
            Op.PROTECT,
            context.dialect.protect(stop),
            lambda answer: self._answered(stop, answer),
            symbol=stop.symbol,
            deadline=context.now + context.span(context.settings.exit_deadline_ms),
            urgent=True,
        )

    def _answered(self, stop: TradingStop, answer: Answer) -> None:
        context, outcome = self._context, answer.outcome
        is_last = self._sent.get(stop.symbol) is stop
        if is_last:
            del self._sent[stop.symbol]
        if outcome is not None and outcome.kind in GRANTED:
            self._tries.pop(stop.symbol, None)
            self._want(stop.symbol, stop.protection)
            context.open(GATE, "the protection stands", stop.symbol)
            if stop.decision:
                context.tell(GrantReport(PROTECT, stop.symbol))
        elif outcome is not None and outcome.kind is K.REFUSED:
            self._refused(stop, f"{outcome.code}: {outcome.reason}")
        elif not is_last:
            self._tell_refusal(stop, "not answered, and followed by another")  # to repeat it would undo the later one
        elif self._tries.get(stop.symbol, 0) < TRIES_MAX:
            self._send_later(stop)
        else:
            self._refused(stop, "the venue did not answer")

    def _refused(self, stop: TradingStop, reason: str) -> None:
        self._tries.pop(stop.symbol, None)
        self._tell_refusal(stop, reason)
        if not stop.decision and self._context.position(stop.symbol):
            self._context.shut(GATE, f"a missing protection could not be placed: {reason}", stop.symbol)

    def _tell_refusal(self, stop: TradingStop, reason: str) -> None:
        if stop.decision:
            self._context.tell(RefusalReport(PROTECT, "", stop.symbol, reason, stop.decision))

    def _send_later(self, stop: TradingStop) -> None:
        self._again[stop.symbol] = (stop, self._context.now + self._context.span(AGAIN_MS))
        self._reschedule()

    def wake(self) -> None:
        """Send again what may not have arrived; to set a protection twice is to set it once."""
        now = self._context.now
        for stop, due in list(self._again.values()):
            if due <= now and (stop.decision or self._context.position(stop.symbol)):
                self.protect(stop)
            elif due <= now:
                del self._again[stop.symbol]  # what it was to protect is gone
        self._reschedule()

    def _reschedule(self) -> None:
        self.due = min((due for _, due in self._again.values()), default=NEVER)

    # What is wanted

    def note_fill(self, order: Tracked) -> None:
        """An order filled; what it carries protects the position from now on, and a flat one needs nothing."""
        protection = order.request.protection
        if protection is not None and not protection.partial:
            self._want(order.symbol, protection)
        if not self._context.position(order.symbol):
            self._wanted.pop(order.symbol, None)
            self._context.open(GATE, "there is nothing to protect", order.symbol)

    def _want(self, symbol: str, asked: Protection) -> None:
        before = self._wanted.get(symbol, Protection())
        merged = Protection(
            take_profit=_merge(before.take_profit, asked.take_profit),
            stop_loss=_merge(before.stop_loss, asked.stop_loss),
            take_profit_by=asked.take_profit_by,
            stop_loss_by=asked.stop_loss_by,
            trailing_stop=_merge(before.trailing_stop, asked.trailing_stop),
            active_price=asked.active_price or before.active_price,
        )
        if merged.take_profit or merged.stop_loss or merged.trailing_stop:
            self._wanted[symbol] = merged
        else:
            self._wanted.pop(symbol, None)

    @property
    def wanted(self) -> tuple[str, ...]:
        """Symbols that must be protected at the venue."""
        return tuple(self._wanted)

    def check(self, row: PositionSeen) -> None:
        """Place again what is wanted and missing; only for a row that shows the position as we hold it."""
        context, wanted = self._context, self._wanted.get(row.symbol)
        held = context.position(row.symbol)
        if wanted is None or not held or row.qty != held or row.symbol in self._sent or row.symbol in self._again:
            return
        missing = Protection(
            take_profit=wanted.take_profit if wanted.take_profit and not row.take_profit else None,
            stop_loss=wanted.stop_loss if wanted.stop_loss and not row.stop_loss else None,
            take_profit_by=wanted.take_profit_by,
            stop_loss_by=wanted.stop_loss_by,
            trailing_stop=wanted.trailing_stop if wanted.trailing_stop and not row.trailing_stop else None,
            active_price=wanted.active_price,
        )
        if not (missing.take_profit or missing.stop_loss or missing.trailing_stop):
            context.open(GATE, "the venue shows the protection", row.symbol)
            return
        told = f"stop {wanted.stop_loss}, target {wanted.take_profit}, trailing {wanted.trailing_stop}"
        context.tell(MismatchReport("protection", row.symbol, "", told, "missing", "placed again"))
        self.protect(TradingStop(row.symbol, missing))

    def restart(self) -> None:
        """The daemon was down: what was under way will not be answered, and is sent again."""
        self._tries.clear()
        for stop in self._sent.values():
            self._send_later(stop)


def _merge(before: Decimal | None, asked: Decimal | None) -> Decimal | None:
    """What holds after a request: None leaves what was set, zero removes it."""
    if asked is None:
        return before
    return None if asked == ZERO else asked
