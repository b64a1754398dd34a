"""A card: one thing that is done at the venue, what is expected of it, and what was seen. The report's format."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct, field

if TYPE_CHECKING:
    from daemon.app.acceptance.desk import Desk
    from daemon.app.acceptance.reply import Reply

FORMAT = 1
Value: TypeAlias = str | int | float | bool | None


class Verdict(StrEnum):
    """How a card ended.

    PASSED: everything was as expected.  DIFFERENT: something was not, see its `differences`.  RECORDED: nothing is
    expected, because nobody documents it; the answer stands in `conclusion`.  CANNOT_TELL: the venue did not show it.
    """

    PASSED = "passed"
    DIFFERENT = "different"
    RECORDED = "recorded"
    CANNOT_TELL = "cannot tell"


class Seen(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing seen. at_ms: since the card began.  code, message: the venue's, as they came, None without an answer.

    ms: how long it took.  status: of HTTP.  detail: further values, by the venue's own names where it has some.
    """

    what: str
    at_ms: float
    code: int | None = None
    message: str = ""
    ms: float | None = None
    status: int = 0
    detail: dict[str, Value] = {}


class Card(Struct, frozen=True, kw_only=True):
    """A card that was played. settles: which open question it answers, empty for none."""

    number: int
    name: str
    title: str
    does: str
    expects: str
    settles: str
    verdict: Verdict
    conclusion: str
    differences: tuple[str, ...]
    seen: tuple[Seen, ...]
    seconds: float


class Report(Struct, frozen=True, kw_only=True):
    """A whole run. Ids of the account stand there as a fingerprint; keys and signatures nowhere.

    began: ISO 8601 UTC of this machine.  flat: whether it was proved at the end that no order and no position is left.
    """

    format: int
    version: str
    began: str
    environment: str
    account: str
    symbol: str
    flat: bool
    cards: tuple[Card, ...]

    @property
    def different(self) -> tuple[Card, ...]:
        """Cards that showed something else than expected."""
        return tuple(card for card in self.cards if card.verdict is Verdict.DIFFERENT)


class Notes:
    """What a card writes while it is played.

    Args:
        monotonic: nanoseconds of a clock that is never set.
    """

    def __init__(self, monotonic: Callable[[], int]) -> None:
        self.seen: list[Seen] = []
        self.differences: list[str] = []
        self.conclusion = ""
        self.verdict: Verdict | None = None
        self._monotonic = monotonic
        self._began = monotonic()

    @property
    def elapsed_ms(self) -> float:
        """Milliseconds since the card began."""
        return round((self._monotonic() - self._began) / 1e6, 3)

    def see(self, what: str, *, ms: float | None = None, **detail: Value) -> None:
        """Write down something seen."""
        self.seen.append(Seen(what=what, at_ms=self.elapsed_ms, ms=ms, detail=detail))

    def reply(self, what: str, reply: Reply, **detail: Value) -> None:
        """Write down an answer: its code, text and time as they came."""
        self.seen.append(
            Seen(
                what=what,
                at_ms=self.elapsed_ms,
                code=reply.code,
                message=reply.message,
                ms=reply.ms,
                status=reply.status,
                detail=detail,
            )
        )

    def expect(self, holds: bool, otherwise: str) -> bool:
        """Write down a difference unless something holds; says whether it does."""
        if not holds:
            self.differences.append(otherwise)
        return holds

    def expect_code(self, what: str, reply: Reply, *codes: int, **detail: Value) -> bool:
        """Write down an answer, and a difference unless its code is one of these."""
        self.reply(what, reply, **detail)
        wanted = " or ".join(map(str, codes))
        return self.expect(reply.code in codes, f"{what}: {reply.code} {reply.message!r} where {wanted} was expected")

    def record(self, conclusion: str) -> None:
        """The answer to a question to which none is documented."""
        self.conclusion = conclusion
        self.verdict = Verdict.RECORDED

    def cannot_tell(self, why: str) -> None:
        """The venue did not show it."""
        self.conclusion = why
        self.verdict = Verdict.CANNOT_TELL

    def judge(self) -> Verdict:
        """Differences count for more than what was recorded."""
        return Verdict.DIFFERENT if self.differences else self.verdict or Verdict.PASSED


class Spec(Struct, frozen=True, kw_only=True):
    """A card that may be played. trades: it may open a position for a moment."""

    name: str
    title: str
    does: str
    expects: str
    play: Callable[[Desk, Notes], Awaitable[None]] = field()
    settles: str = ""
    trades: bool = False
