"""Our books beside what the venue says it holds: positions, money, settings; and what is done when they differ.

The venue is right. What it holds and we cannot explain is never made equal by an order of ours: its symbol takes no new
risk, or, where the configuration says so, the position is adopted with a record of its own. A difference counts only
when every execution is known, and in two looks in a row (`reconcile`, `checks`).
"""

from __future__ import annotations

from decimal import Decimal

from daemon.core.account_events import AccountSeen, Carried, Op, Origin, OutcomeKind, PositionSeen, WalletSeen
from daemon.core.events import Side
from daemon.core.remote.context import Answer, Context
from daemon.core.units import ZERO, multiply, subtract
from daemon.core.venue import AdoptionReport, MarginMode, MismatchReport, TransferReport

POSITION, SETTINGS = "position", "settings"
CASH_TOLERANCE = Decimal("0.01")
MARGIN_WORDS = {"ISOLATED_MARGIN": MarginMode.ISOLATED, "REGULAR_MARGIN": MarginMode.CROSS}


class Books:
    """What the venue showed last of one account.

    positions: by symbol, one-way.  balance: of the wallet, USDT, None before it was seen.
    adopting: whether an operator asked that what differs is adopted, until the account is ready.
    """

    def __init__(self, context: Context) -> None:
        self.positions: dict[str, PositionSeen] = {}
        self.balance: Decimal | None = None
        self.adopting = False
        self._context = context
        self._hedged: set[str] = set()
        self._margin_mode = ""
        self._opened = False
        self._gap = self._judged_gap = ZERO
        self._told: dict[str, tuple[str, str]] = {}
        self._leverage_asked: set[str] = set()
        self._carried: dict[str, Decimal] = {}
        self._carried_from = ""

    def restart(self) -> None:
        """The daemon was down: no answer will come, so a leverage that is not set yet is asked for again."""
        self._leverage_asked.clear()

    def see(self, row: PositionSeen | WalletSeen | AccountSeen) -> None:
        """Take note of what the venue holds."""
        match row:
            case PositionSeen():
                self._see_position(row)
            case WalletSeen(origin=Origin.QUERY):
                self.balance = row.balance
            case WalletSeen():
                pass  # pushed with each execution, while others may be on their way
            case AccountSeen():
                self._margin_mode = row.margin_mode

    def _see_position(self, row: PositionSeen) -> None:
        if row.symbol not in self._context.symbols:
            return
        if row.idx:
            self._hedged.add(row.symbol)
            return
        known = self.positions.get(row.symbol)
        if known is None or row.origin is Origin.QUERY or row.updated >= known.updated:
            self._hedged.discard(row.symbol)
            self.positions[row.symbol] = row

    def carry(self, fact: Carried) -> None:
        """Take note of what an earlier run of ours held: a position of that size is adopted without asking."""
        self._carried, self._carried_from = dict(fact.positions), fact.run

    # Comparing

    def compare(self) -> list[str]:
        """Positions that do not agree, in words; the opening balance is booked on the way."""
        self._open()
        return [text for symbol in self._context.symbols for text in self.compare_symbol(symbol)]

    def _open(self) -> None:
        if self._opened or self.balance is None:
            return
        self._opened = True
        context = self._context
        amount = subtract(self.balance, context.held.cash)
        context.held.transfer(amount)
        context.tell(TransferReport(amount, "opening balance"))

    def compare_symbol(self, symbol: str) -> list[str]:
        """What does not agree on one symbol, in words."""
        self._check_settings(symbol)
        ours, venue = self._context.position(symbol), self.position(symbol)
        if ours == venue:
            self._agree(symbol)
            return []
        if not ours and venue == self._carried.pop(symbol, ZERO):
            self._adopt(symbol, venue, f"carried over from {self._carried_from}")
            return []
        told = self._is_told(symbol, ours, venue)
        return [] if told else [f"position {symbol}: ours {ours}, venue {venue}"]

    def position(self, symbol: str) -> Decimal:
        """Signed quantity at the venue, base units; zero where it never showed one."""
        row = self.positions.get(symbol)
        return ZERO if row is None else row.qty

    def _agree(self, symbol: str) -> None:
        self._told.pop(symbol, None)
        self._context.open(POSITION, "our position and the venue's agree", symbol)

    def _is_told(self, symbol: str, ours: Decimal, venue: Decimal) -> bool:
        """Whether this very difference was judged already, and its policy carried out."""
        return self._told.get(symbol) == (str(ours), str(venue))

    def look_at_money(self) -> None:
        """Hold the venue's money against ours, as asked for together with every execution.

        What is compared is the wallet less what the open positions cost, which does not depend on the order in which
        executions were heard of, as the wallet itself does. Money is on its way while anything is executed: only the
        same gap in two looks in a row counts. What is missing is booked, so that nothing is risked that is not there;
        what is too much is not counted on.
        """
        context = self._context
        if self.balance is None or not self._opened:
            return
        if any(context.position(symbol) != self.position(symbol) for symbol in context.symbols):
            return  # what a position that is not in our books has cost is not known to them
        ours, venue = context.held.cash, self.balance
        for symbol in context.symbols:
            ours = subtract(ours, context.held.position(symbol).entry_value)
            row = self.positions.get(symbol)
            venue = venue if row is None else subtract(venue, multiply(row.qty, row.entry))
        gap = subtract(venue, ours)
        again, self._gap = gap == self._gap, gap
        if gap.copy_abs() <= CASH_TOLERANCE or not again or gap == self._judged_gap:
            return
        self._judged_gap = gap
        action = "booked as a transfer" if gap < 0 else "not counted on"
        context.tell(MismatchReport("wallet", "", "", f"{ours:f}", f"{venue:f}", action))
        if gap < 0:
            context.held.transfer(gap)
            context.tell(TransferReport(gap, "unexplained: the venue's wallet holds less"))

    # Policies

    def resolve(self) -> bool:
        """Carry out what is to be done about positions that still differ; returns whether anything was."""
        done = False
        adopt = self.adopting or self._context.settings.foreign_position == "adopt"
        for symbol in self._context.symbols:
            ours, venue = self._context.position(symbol), self.position(symbol)
            if ours != venue and not self._is_told(symbol, ours, venue):
                self.judge(symbol, adopt=adopt)
                done = True
        return done

    def adopt_all(self) -> None:
        """Take into our books what the next looks show beyond them, also what was judged before."""
        self.adopting = True
        self._told.clear()

    def judge(self, symbol: str, *, adopt: bool) -> None:
        """Adopt a position that we cannot explain, or halt its symbol."""
        context = self._context
        ours, venue = context.position(symbol), self.position(symbol)
        action = "adopted" if adopt else "halted the symbol"
        context.tell(MismatchReport(POSITION, symbol, "", str(ours), str(venue), action))
        if adopt:
            self._adopt(symbol, subtract(venue, ours), "held at the venue, not explained by our books")
            return
        self._told[symbol] = (str(ours), str(venue))
        reason = f"our position is {ours}, the venue's {venue}; flatten it, or set foreign_position to adopt"
        context.shut(POSITION, reason, symbol)

    def _adopt(self, symbol: str, change: Decimal, reason: str) -> None:
        context, row = self._context, self.positions.get(symbol)
        entry = context.held.position(symbol).entry
        price = (row.entry if row is not None and row.entry else ZERO) or entry
        side = Side.BUY if change > 0 else Side.SELL
        context.held.fill(symbol, side, price, change.copy_abs(), ZERO)
        context.tell(AdoptionReport(symbol, side, change.copy_abs(), price, reason))
        self._agree(symbol)

    # Settings

    def _check_settings(self, symbol: str) -> None:
        """Position mode, margin mode and leverage must be what the configuration says, or the symbol takes no risk."""
        wrong = self._wrong(symbol)
        if wrong is None:
            self._context.open(SETTINGS, "the account is set as configured", symbol)
        elif wrong:
            self._context.shut(SETTINGS, wrong, symbol)

    def _wrong(self, symbol: str) -> str | None:
        context, settings, row = self._context, self._context.settings, self.positions.get(symbol)
        if symbol in self._hedged:
            return "the symbol is in hedge mode: switch it to one-way"
        mode = MARGIN_WORDS.get(self._margin_mode)
        if mode is not settings.margin_mode:
            return (
                f"the account's margin mode is {self._margin_mode or 'unknown'}, configured is {settings.margin_mode}"
            )
        if row is None or row.leverage == settings.leverage:
            return None
        if row.qty or not settings.set_leverage or context.position(symbol):
            return f"leverage is {row.leverage}, configured is {settings.leverage}"
        self._set_leverage(symbol)
        return f"leverage is {row.leverage}, being set to {settings.leverage}"

    def _set_leverage(self, symbol: str) -> None:
        if symbol in self._leverage_asked:
            return
        self._leverage_asked.add(symbol)
        context = self._context
        call = context.dialect.set_leverage(symbol, f"{context.settings.leverage:f}")
        deadline = context.now + context.span(context.settings.entry_deadline_ms)
        context.send(Op.SET_LEVERAGE, call, self._leverage_set, symbol=symbol, deadline=deadline)

    def _leverage_set(self, answer: Answer) -> None:
        """A refusal stands until the daemon starts anew; whatever leaves doubt is asked for again at the next look."""
        outcome, symbol = answer.outcome, answer.request.symbol
        if outcome is not None and outcome.kind is OutcomeKind.REFUSED:
            why = f"{outcome.code}: {outcome.reason}"
            self._context.shut(SETTINGS, f"leverage could not be set: {why}", symbol)
        else:
            self._leverage_asked.discard(symbol)
