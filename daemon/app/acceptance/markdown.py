"""The report as people read it."""

from __future__ import annotations

from collections.abc import Iterator

from daemon.app.acceptance.card import Card, Report, Seen, Verdict


def to_markdown(report: Report) -> str:
    """A summary, the answers to open questions, then every card."""
    return "\n".join([*_head(report), *_table(report), *_answers(report), *_cards(report)]) + "\n"


def _head(report: Report) -> Iterator[str]:
    yield "# Demo acceptance"
    yield ""
    counts = [(verdict, sum(card.verdict is verdict for card in report.cards)) for verdict in Verdict]
    yield f"lockstep {report.version}, {report.began}, environment {report.environment}, account {report.account},"
    yield f"{report.symbol}. {', '.join(f'{count} {verdict}' for verdict, count in counts if count)}."
    yield "At the end no order and no position was left." if report.flat else "**Orders or positions may be left.**"
    yield ""


def _table(report: Report) -> Iterator[str]:
    yield "| | card | verdict | |"
    yield "|---|---|---|---|"
    for card in report.cards:
        yield f"| {card.number} | `{card.name}` | {card.verdict} | {_cell(_short(card))} |"
    yield ""


def _answers(report: Report) -> Iterator[str]:
    told = [card for card in report.cards if card.settles]
    if told:
        yield "## Open questions"
        yield ""
    for card in told:
        answer = card.conclusion or f"{card.verdict}, see card {card.number}"
        yield f"- {card.settles[0].upper()}{card.settles[1:]}: {answer}."
    if told:
        yield ""


def _cards(report: Report) -> Iterator[str]:
    for card in report.cards:
        yield f"## {card.number}. {card.title}"
        yield ""
        yield f"`{card.name}`, {card.verdict}, {card.seconds:.1f} s."
        yield ""
        yield f"- Done: {card.does}."
        yield f"- Expected: {card.expects}."
        if card.conclusion:
            yield f"- Concluded: {card.conclusion}."
        for difference in card.differences:
            yield f"- **Different**: {difference}"
        yield ""
        if card.seen:
            yield "| ms | seen | retCode | retMsg | took ms | values |"
            yield "|---|---|---|---|---|---|"
        for seen in card.seen:
            yield _row(seen)
        yield ""


def _row(seen: Seen) -> str:
    code = "" if seen.code is None else str(seen.code)
    took = "" if seen.ms is None else f"{seen.ms:.1f}"
    values = ", ".join(f"{name} {'-' if value is None else value}" for name, value in seen.detail.items())
    cells = (f"{seen.at_ms:.0f}", seen.what, code, seen.message, took, values)
    return "| " + " | ".join(map(_cell, cells)) + " |"


def _short(card: Card) -> str:
    return card.differences[0] if card.differences else card.conclusion


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
