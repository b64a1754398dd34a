"""What the parts of a remote exchange share: time, the way out for reports and requests, and what is held.

One object per account. Everything in it is a function of the inputs handled so far.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import TypeAlias

from msgspec import Struct

from daemon.core.account_events import Op, Outcome, OutcomeKind, Row
from daemon.core.ledger import Ledger
from daemon.core.remote.requests import Call, Dialect, Request
from daemon.core.remote.settings import RemoteSettings
from daemon.core.remote.tracked import Orders
from daemon.core.units import NEVER, NS_PER_MS
from daemon.core.venue import GateReport, Report, SendReport


class Answer(Struct, frozen=True):
    """The end of a request: its outcome, and the rows that came with it. A request that nobody answered has none."""

    request: Request
    outcome: Outcome | None
    rows: tuple[Row, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the venue answered and did not refuse."""
        return self.outcome is not None and self.outcome.kind is OutcomeKind.ACCEPTED


Done: TypeAlias = Callable[[Answer], None]


class _Asked(Struct):
    request: Request
    due: int
    done: Done
    rows: list[Row]


class Context:
    """See the module.

    now: time of the input being handled, nanoseconds UTC.  offset: the venue's clock minus ours, nanoseconds.
    began: when this account was first heard of; executions before are not ours to book.
    held: our books, a mirror of the lane's.  reports: what the lane is to be told by the call in progress.
    halted_by: commands that keep what carries risk from being sent again.
    """

    def __init__(
        self,
        settings: RemoteSettings,
        *,
        account: str,
        lane: str,
        symbols: Sequence[str],
        lineage: str,
        dialect: Dialect,
        outbox: list[Request],
    ) -> None:
        self.settings = settings
        self.account = account
        self.lane = lane
        self.symbols = tuple(dict.fromkeys(symbols))
        self.lineage = lineage
        self.dialect = dialect
        self.orders = Orders()
        self.held = Ledger()
        self.now = 0
        self.offset = 0
        self.began = 0
        self.reports: list[Report] = []
        self.halted_by: set[str] = set()
        self._outbox = outbox
        self._asked: dict[str, _Asked] = {}
        self._requests = 0
        self._gates: dict[tuple[str, str], str] = {}

    # Time

    def span(self, ms: float) -> int:
        """Nanoseconds of a time limit, stretched as the venue's clock is."""
        return int(ms * NS_PER_MS * self.settings.time_scale)

    @property
    def venue_now(self) -> int:
        """The venue's time, as well as we know it."""
        return self.now + self.offset

    # Telling

    def tell(self, report: Report) -> None:
        """Let the lane know."""
        self.reports.append(report)

    def take_reports(self) -> list[Report]:
        """What the lane is to be told, once."""
        taken, self.reports = self.reports, []
        return taken

    def shut(self, who: str, reason: str, symbol: str = "") -> None:
        """Shut the way for new risk, of one symbol where it is given."""
        if self._gates.get((who, symbol)) != reason:
            self._gates[who, symbol] = reason
            self.tell(GateReport(who, True, reason, symbol))

    def open(self, who: str, reason: str, symbol: str = "") -> None:
        """Open a way that `who` had shut."""
        if self._gates.pop((who, symbol), None) is not None:
            self.tell(GateReport(who, False, reason, symbol))

    def is_shut(self, who: str, symbol: str = "") -> bool:
        """Whether a gate is shut."""
        return (who, symbol) in self._gates

    @property
    def gates(self) -> dict[tuple[str, str], str]:
        """Gates that are shut, by name and symbol, with their reasons."""
        return self._gates

    # Asking

    def send(
        self,
        op: Op,
        call: Call,
        done: Done,
        *,
        order_id: str = "",
        link_id: str = "",
        symbol: str = "",
        deadline: int = NEVER,
        urgent: bool = False,
    ) -> Request:
        """Put a request on its way; `done` is called once with how it ended, unless the daemon dies first."""
        self._requests += 1
        request = Request(
            id=f"{self.lane}-r{self._requests}",
            account=self.account,
            op=op,
            call=call,
            order_id=order_id,
            link_id=link_id,
            symbol=symbol,
            deadline=deadline,
            urgent=urgent,
        )
        latest = self.now + self.span(self.settings.entry_deadline_ms) if deadline == NEVER else deadline
        patience = self.span(2 * self.settings.answer_ms)
        self._asked[request.id] = _Asked(request, latest + patience, done, [])
        self._outbox.append(request)
        if request.acts:
            self.tell(SendReport(request))
        return request

    def collect(self, row: Row) -> None:
        """Keep a row of an answer until the answer is complete; rows of requests that were given up are dropped."""
        asked = self._asked.get(row.request)
        if asked is not None:
            asked.rows.append(row)

    def answered(self, outcome: Outcome) -> None:
        """Let whoever asked know how it ended; a late answer to a request that was given up changes nothing."""
        asked = self._asked.pop(outcome.request, None)
        if asked is not None:
            asked.done(Answer(asked.request, outcome, tuple(asked.rows)))

    def give_up(self) -> None:
        """Let whoever waits too long know that no answer came."""
        late = [asked for asked in self._asked.values() if asked.due <= self.now]
        for asked in late:
            if self._asked.pop(asked.request.id, None) is not None:
                asked.done(Answer(asked.request, None))

    def forget_requests(self) -> None:
        """The daemon was down: no answer to anything will come."""
        self._asked.clear()

    @property
    def in_flight(self) -> bool:
        """Whether a request that acts has not ended."""
        return any(asked.request.acts for asked in self._asked.values())

    @property
    def due(self) -> int:
        """When the next request is to be given up."""
        return min((asked.due for asked in self._asked.values()), default=NEVER)

    def position(self, symbol: str) -> Decimal:
        """Signed quantity that we hold, base units."""
        return self.held.position(symbol).qty
