"""`lockstep accept`: the first run on a real demo account, in numbered cards."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from daemon.app.acceptance.card import Card, Report, Verdict
from daemon.app.acceptance.runner import AcceptOptions, play, prepare, verdict_of
from daemon.cli.exits import Exit
from daemon.cli.options import AsJson, ConfigFile, plan_from
from daemon.cli.output import show, talk
from daemon.config import require_active_lane

CODES = {Verdict.PASSED: Exit.OK, Verdict.DIFFERENT: Exit.DIFFERENT, Verdict.CANNOT_TELL: Exit.CANNOT_TELL}
QUESTION = "Place, fill and cancel small orders on {symbol} at {where} with account {account}?"


def add(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(accept)


def accept(
    config: ConfigFile,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before the first order.")] = False,
    symbol: Annotated[str, typer.Option(help="Contract to trade; the first of the configuration by default.")] = "",
    only: Annotated[list[str] | None, typer.Option(help="Play this card only; may be given several times.")] = None,
    out: Annotated[Path, typer.Option(help="Folder of the report; `acceptance` by default.")] = Path("acceptance"),
    as_json: AsJson = False,
) -> int:
    """Play the acceptance cards on a demo account and write a report. Refuses real money, always."""
    plan = plan_from(config)
    require_active_lane(plan.config, str(config))
    prepared = prepare(plan, AcceptOptions(symbol=symbol, only=tuple(only or ())))
    host = prepared.grounds.host
    question = QUESTION.format(symbol=prepared.symbol, where=host.rest, account=prepared.grounds.account)
    if not yes:
        typer.confirm(question, abort=True, err=True)
    report = play(prepared, out, _tell)
    show(report, lambda: _summary(report, out), as_json=as_json)
    return CODES[verdict_of(report)]


def _tell(card: Card) -> None:
    """A line while it goes on."""
    text = card.differences[0] if card.differences else card.conclusion
    talk.print(f"{card.number:2} {card.name:20} {card.verdict:12} {text}", markup=False, soft_wrap=True)


def _summary(report: Report, out: Path) -> str:
    left = "flat at the end" if report.flat else "NOT FLAT at the end: look at the account"
    return f"{len(report.cards)} cards, {len(report.different)} different, {left}\n{out / 'report.md'}"
