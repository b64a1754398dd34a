"""Compares two decision streams: first as bytes, then, from the first difference on, row by row."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from itertools import chain, zip_longest

from msgspec import Struct, field

from replay.compare.align import Alignment, Pair, rows
from replay.compare.audit import walk
from replay.compare.causes import Attribution
from replay.compare.facts import Circumstances, Limits, RunFacts, between, why_not
from replay.compare.result import (
    EXIT_CODES,
    Cause,
    Comparison,
    Difference,
    Divergence,
    Mismatch,
    Verdict,
)
from replay.compare.rows import DECISION_MARK, Row, parse

MISMATCHES_KEPT = 100
LATEST = 64
RENUMBERED = ("decision", "order_id", "fill_id")
DECIDED = ("decision.action", "decision.qty", "decision.terms", "verdicts")


def compare(
    left: Iterable[bytes],
    right: Iterable[bytes],
    facts_left: RunFacts,
    facts_right: RunFacts,
    *,
    limits: Limits | None = None,
    window: tuple[int, int] | None = None,
    irrelevant: tuple[str, ...] = (),
    keep: int = MISMATCHES_KEPT,
) -> Comparison:
    """Compare two runs by their decision streams.

    Memory holds the rows that have no partner yet and the first `keep` mismatches; the streams are walked once.

    Args:
        left: lines of the left stream, with or without line end and checksum.
        right: lines of the right stream.
        facts_left: what the manifest of the left run says.
        facts_right: what the manifest of the right run says.
        limits: what still counts as agreement; without it only equal streams pass.
        window: compare only rows with first <= ts < last, nanoseconds UTC; both runs must cover it.
        irrelevant: paths of the configuration that may differ without being a cause.
        keep: how many mismatches to keep; all are counted.
    """
    circumstances = between(facts_left, facts_right, irrelevant)
    reasons = tuple(why_not(facts_left, facts_right, window))
    if reasons:
        return _cannot_tell(reasons, circumstances)
    if window is not None:
        left, right = _within(left, window), _within(right, window)
    tally = _Tally(circumstances, limits, keep, whole=window is None)
    tally.walk(iter(left), iter(right))
    return tally.result()


def _cannot_tell(reasons: tuple[str, ...], circumstances: Circumstances) -> Comparison:
    return Comparison(
        verdict=Verdict.CANNOT_TELL,
        exit_code=EXIT_CODES[Verdict.CANNOT_TELL],
        reasons=reasons,
        configuration=circumstances.configuration,
    )


def _within(lines: Iterable[bytes], window: tuple[int, int]) -> Iterator[bytes]:
    first, last = window
    ts = 0
    for raw in lines:
        ts = parse(raw, 0, ts=ts).head.ts
        if first <= ts < last:
            yield raw


class _Counts(Struct):
    """Rows of both streams so far."""

    lines_left: int = 0
    lines_right: int = 0
    decisions_left: int = 0
    decisions_right: int = 0
    compared: int = 0
    matched: int = 0
    mismatches: int = 0
    follows: int = 0
    verdicts: int = 0
    causes: Counter[Cause] = field(default_factory=Counter)
    trades_left: Counter[str] = field(default_factory=Counter)
    trades_right: Counter[str] = field(default_factory=Counter)


class _Tally:
    """One comparison while it is made."""

    def __init__(self, circumstances: Circumstances, limits: Limits | None, keep: int, *, whole: bool) -> None:
        self._circumstances = circumstances
        self._limits = limits
        self._keep = keep
        self._whole = whole
        self._base = 0
        self._attribution = Attribution(circumstances)
        self._alignment = Alignment()
        self._counts = _Counts()
        self._mismatches: list[Mismatch] = []
        self._first: Divergence | None = None

    def walk(self, left: Iterator[bytes], right: Iterator[bytes]) -> None:
        """Skip what is equal to the byte, then align the rest."""
        parted = self._skip_equal(left, right)
        if parted is None:
            return
        head_left = [parted[0]] if parted[0] is not None else []
        head_right = [parted[1]] if parted[1] is not None else []
        start = self._counts.lines_left + 1
        if head_left and head_right:
            self._look_at_first(parse(head_left[0], start), parse(head_right[0], start))
        lefts = self._read(rows(chain(head_left, left), start), left=True)
        rights = self._read(rows(chain(head_right, right), start), left=False)
        for pair in self._alignment.pairs(lefts, rights):
            self._judge(pair)

    def _skip_equal(self, left: Iterator[bytes], right: Iterator[bytes]) -> tuple[bytes | None, bytes | None] | None:
        lines = decisions = 0
        parted = None
        latest: deque[bytes] = deque(maxlen=LATEST)
        for raw_left, raw_right in zip_longest(left, right):
            if raw_left != raw_right:
                parted = (raw_left, raw_right)
                break
            lines += 1
            latest.append(raw_left)
            if raw_left.startswith(DECISION_MARK):
                decisions += 1
        counts = self._counts
        counts.lines_left = counts.lines_right = lines
        counts.decisions_left = counts.decisions_right = counts.compared = counts.matched = decisions
        for raw in latest if parted is not None else ():
            row = parse(raw, 0)
            self._attribution.note(row, left=True)
            self._attribution.note(row, left=False)
            self._attribution.agree(row)
        return parted

    def _look_at_first(self, left: Row, right: Row) -> None:
        """Checksums are chained: behind a first difference they all differ, but on equal rows one of them is wrong.

        Not so in a window, before which anything may have differed, the count of rows too.
        """
        if not self._whole:
            self._base = right.head.seq - left.head.seq
        elif left.content == right.content and left.crc and right.crc and left.crc != right.crc:
            crcs = (left.crc.decode("latin-1"), right.crc.decode("latin-1"))
            self._record(Pair(left, right), (Difference("crc", *crcs),))

    def _read(self, stream: Iterator[Row], *, left: bool) -> Iterator[Row]:
        counts = self._counts
        for row in stream:
            head = row.head
            if left:
                counts.lines_left += 1
                counts.decisions_left += head.kind == "decision"
            else:
                counts.lines_right += 1
                counts.decisions_right += head.kind == "decision"
            if head.kind == "fill":
                (counts.trades_left if left else counts.trades_right)[f"{head.lane}/{head.symbol}"] += 1
            self._attribution.note(row, left=left)
            yield row

    def _judge(self, pair: Pair) -> None:
        found = _differences(pair, self._base)
        row = pair.left or pair.right
        assert row is not None
        is_decision = row.head.kind == "decision"
        self._counts.compared += is_decision
        self._counts.verdicts += any(item.path.startswith("verdicts") for item in found)
        if self._agrees(found, is_decision=is_decision):
            self._counts.matched += is_decision
            self._attribution.agree(row)
        else:
            self._record(pair, found)

    def _agrees(self, found: tuple[Difference, ...], *, is_decision: bool) -> bool:
        if not found or self._limits is None or self._limits.match == "record" or not is_decision:
            return not found
        return not any(item.path.startswith((*DECIDED, "(row)", "(bytes)")) for item in found)

    def _record(self, pair: Pair, found: tuple[Difference, ...]) -> None:
        row = pair.left or pair.right
        assert row is not None
        waits = self._alignment.waiting_lanes[row.head.lane] > 0
        cause, follows = self._attribution.blame(pair, found, money_waits=waits)
        mismatch = _mismatch(pair, row, cause, follows=follows, found=found)
        counts = self._counts
        counts.mismatches += 1
        counts.follows += follows
        if not follows:
            counts.causes[cause] += 1
        self._keep_mismatch(mismatch)
        if self._first is None or mismatch.line < self._first.mismatch.line:
            self._first = Divergence(mismatch, _decoded(pair.left), _decoded(pair.right))

    def _keep_mismatch(self, mismatch: Mismatch) -> None:
        """Rows without a partner are known late, so twice as many are kept as are shown, then cut by their place."""
        self._mismatches.append(mismatch)
        if len(self._mismatches) > 2 * self._keep:
            self._mismatches.sort(key=lambda item: item.line)
            del self._mismatches[self._keep :]

    def result(self) -> Comparison:
        """Everything that was found."""
        counts = self._counts
        verdict, reasons = self._verdict()
        kept = sorted(self._mismatches, key=lambda item: item.line)[: self._keep]
        lanes = sorted(counts.trades_left.keys() | counts.trades_right.keys())
        return Comparison(
            verdict=verdict,
            exit_code=EXIT_CODES[verdict],
            reasons=reasons,
            lines_left=counts.lines_left,
            lines_right=counts.lines_right,
            decisions=counts.compared,
            matched=counts.matched,
            rate=counts.matched / counts.compared if counts.compared else 0.0,
            first=self._first,
            mismatches=tuple(kept),
            mismatches_total=counts.mismatches,
            follows_total=counts.follows,
            causes={cause.value: counts.causes[cause] for cause in Cause if counts.causes[cause]},
            configuration=self._circumstances.configuration,
            trades={lane: (counts.trades_left[lane], counts.trades_right[lane]) for lane in lanes},
        )

    def _verdict(self) -> tuple[Verdict, tuple[str, ...]]:
        counts = self._counts
        for side, decisions in (("left", counts.decisions_left), ("right", counts.decisions_right)):
            if not decisions:
                return Verdict.CANNOT_TELL, (f"the {side} stream holds no decisions; nothing was compared",)
        if not counts.mismatches:
            plain = self._limits is None or self._limits.match == "record"
            return (Verdict.EQUAL if plain else Verdict.WITHIN_LIMITS), ()
        if self._limits is None:
            return Verdict.DIFFERENT, ()
        broken = tuple(_broken(self._limits, counts))
        return (Verdict.DIFFERENT if broken else Verdict.WITHIN_LIMITS), broken


def _broken(limits: Limits, counts: _Counts) -> Iterator[str]:
    rate = counts.matched / counts.compared if counts.compared else 0.0
    if rate < limits.min_rate:
        yield f"{rate:.4%} of the decisions match, at least {limits.min_rate:.4%} must"
    if limits.same_verdicts and counts.verdicts:
        yield f"guard verdicts differ in {counts.verdicts} decisions"
    for lane in sorted(counts.trades_left.keys() | counts.trades_right.keys()):
        apart = abs(counts.trades_left[lane] - counts.trades_right[lane])
        if apart > limits.max_trade_difference:
            yield f"{lane}: {apart} fills more in one run, at most {limits.max_trade_difference} may be"


def _differences(pair: Pair, base: int) -> tuple[Difference, ...]:
    left, right = pair.left, pair.right
    if left is None or right is None:
        return (Difference("(row)", left and left.head.seq, right and right.head.seq),)
    if left.content == right.content or (left.body == right.body and left.head.kind == right.head.kind):
        found: list[Difference] = []
        if not _numbers_fit(left, right, base):
            found.append(Difference("seq", left.head.seq, right.head.seq))
        elif left.content != right.content and left.head.seq == right.head.seq:
            found.append(
                Difference("(bytes)", left.content.decode("utf-8", "replace"), right.content.decode("utf-8", "replace"))
            )
    else:
        found = _value_differences(left, right, base, renumbered=pair.renumbered)
    if pair.reordered:
        found.append(Difference("(order)", left.line, right.line))
    return tuple(found)


def _value_differences(left: Row, right: Row, base: int, *, renumbered: bool) -> list[Difference]:
    decoded_left, decoded_right = left.decoded(), right.decoded()
    if isinstance(decoded_left, str) or isinstance(decoded_right, str):
        return [Difference("(bytes)", str(decoded_left), str(decoded_right))]
    found = list(walk("", decoded_left, decoded_right))
    told = bool(found)
    if _numbers_fit(left, right, base):
        found = [item for item in found if item.path != "seq"]
    if renumbered:
        found = [item for item in found if not _is_number(item.path, decides=left.head.kind == "decision")]
    if not told:
        found = [
            Difference("(bytes)", left.content.decode("utf-8", "replace"), right.content.decode("utf-8", "replace"))
        ]
    return found


def _is_number(path: str, *, decides: bool) -> bool:
    """Whether a value of a renumbered row is derived from the numbers of its stream."""
    return path.startswith("decision.terms.orders[") if decides else path in RENUMBERED


def _numbers_fit(left: Row, right: Row, base: int) -> bool:
    """Whether numbers are equal but for where they begin, or as far apart as the rows, one stream having more."""
    apart = right.head.seq - left.head.seq - base
    return apart in (0, right.line - left.line)


def _mismatch(pair: Pair, row: Row, cause: Cause, *, follows: bool, found: tuple[Difference, ...]) -> Mismatch:
    head = row.head
    return Mismatch(
        seq_left=pair.left.head.seq if pair.left else None,
        seq_right=pair.right.head.seq if pair.right else None,
        line=row.line,
        kind=head.kind,
        ts=head.ts,
        lane=head.lane,
        strategy=head.strategy,
        symbol=head.symbol,
        evaluation=head.evaluation,
        cause=cause,
        follows=follows,
        differences=found,
    )


def _decoded(row: Row | None) -> dict[str, object] | str | None:
    return None if row is None else row.decoded()
