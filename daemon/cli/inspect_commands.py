"""Commands that look at runs: compare, verify, explain, report, runs, index."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from daemon.app.catalog import add_parity, rebuild
from daemon.app.explain import explain as explain_decision
from daemon.app.parity import compare_runs
from daemon.app.report import report_run, write_html
from daemon.app.run_folders import find_run, overview
from daemon.cli import render
from daemon.cli.exits import Exit
from daemon.cli.options import AsJson, RunName, parse_time
from daemon.cli.output import bar, show, talk
from daemon.core.errors import ConfigError
from daemon.journal import verify_run
from replay.compare import Limits

LogsFolder = Annotated[Path, typer.Option(help="Where runs lie.")]
LOGS = Path("logs")


def add(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(compare)
    app.command()(verify)
    app.command()(explain)
    app.command()(report)
    app.command()(runs)
    app.command()(index)


def compare(
    left: RunName,
    right: RunName,
    min_rate: Annotated[float, typer.Option(min=0.0, max=1.0, help="Share of decisions that must match.")] = 1.0,
    max_trade_difference: Annotated[int, typer.Option(min=0, help="Fills a symbol may differ by.")] = 0,
    any_verdicts: Annotated[bool, typer.Option("--any-verdicts", help="Verdicts of guards may differ.")] = False,
    since: Annotated[str, typer.Option(help="Compare from this time on, ISO 8601.")] = "",
    until: Annotated[str, typer.Option(help="Compare up to this time, ISO 8601; needs --since.")] = "",
    logs: LogsFolder = LOGS,
    as_json: AsJson = False,
) -> int:
    """Compare two runs decision by decision. Exit 0: equal or within limits, 1: different, 2: cannot tell."""
    limits = None
    if min_rate < 1.0 or max_trade_difference or any_verdicts:
        limits = Limits(
            min_rate=min_rate,
            max_trade_difference=max_trade_difference,
            same_verdicts=not any_verdicts,
            match="decision",
        )
    if bool(since) != bool(until):
        raise ConfigError("--since and --until go together", cure="name both, or neither")
    window = (parse_time("--since", since), parse_time("--until", until)) if since else None
    left_dir, right_dir = find_run(left, logs), find_run(right, logs)
    found = compare_runs(left_dir, right_dir, limits=limits, window=window)
    add_parity(left_dir, right_dir, found)
    show(found, lambda: render.comparison(found, left, right), as_json=as_json)
    return found.exit_code


def verify(run: RunName, logs: LogsFolder = LOGS, as_json: AsJson = False) -> int:
    """Check every line of a run: chain, order, seal. Exit 0: sound, 1: the first bad place is named."""
    found = verify_run(find_run(run, logs))
    show(found, lambda: render.verification(found), as_json=as_json)
    return Exit.OK if found.ok else Exit.DIFFERENT


def explain(
    run: RunName,
    seq: Annotated[int, typer.Argument(min=1, help="Number of a decision line.")],
    logs: LogsFolder = LOGS,
    as_json: AsJson = False,
) -> int:
    """Rebuild the full context of one decision from the inputs. Exit 1 if that gives another line than recorded."""
    with bar("explain: folding the inputs") as step:
        found = explain_decision(find_run(run, logs), seq, progress=step)
    show(found, lambda: render.explanation(found), as_json=as_json)
    return Exit.OK if found.reproduced else Exit.DIFFERENT


def report(
    run: RunName,
    html: Annotated[Path | None, typer.Option(help="Also write the report with pictures into this file.")] = None,
    logs: LogsFolder = LOGS,
    as_json: AsJson = False,
) -> int:
    """Summarise a run: decisions, orders, fills, fees, profit, drawdown."""
    run_dir = find_run(run, logs)
    found = report_run(run_dir)
    if html is not None:
        write_html(run_dir, found, html)
        talk.print(f"report: wrote {html}")
    show(found, lambda: render.report(found), as_json=as_json)
    return Exit.OK


def runs(logs: LogsFolder = LOGS, as_json: AsJson = False) -> int:
    """List the runs below a folder, oldest first."""
    found = overview(logs)
    show(found, lambda: render.runs(found), as_json=as_json)
    return Exit.OK


def index(logs: LogsFolder = LOGS, as_json: AsJson = False) -> int:
    """Make index.db (runs, orders, fills, equity, parity as SQLite tables) anew from the runs of a folder."""
    found = rebuild(logs)
    show(found, lambda: render.rebuilt(found, logs), as_json=as_json)
    return Exit.OK if not found.skipped else Exit.DIFFERENT
