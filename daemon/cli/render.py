"""Pictures of results for people: tables and short texts. Everything here is also in the `--json` form."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from daemon.config import iso_time
from daemon.core.units import NS_PER_SECOND

if TYPE_CHECKING:
    from daemon.app.demo import DemoResult
    from daemon.app.doctor import Examination
    from daemon.app.explain import Explanation
    from daemon.app.run_folders import RunSummary
    from daemon.app.runs import RunResult
    from daemon.app.sandbox import SandboxReady
    from daemon.control import LaneStatus, OpenOrder, Status
    from daemon.core.remote.exchange import RemoteStatus
    from daemon.index import Rebuilt
    from daemon.journal import StreamVerification, Verification
    from replay.compare import Comparison, Divergence
    from replay.report import LaneReport, RunReport

BLOCKS = "▁▂▃▄▅▆▇█"
MARKS_SHOWN = 60
ORDERS_SHOWN = 20


def run_result(result: RunResult) -> RenderableType:
    """Summary of a run that ended."""
    table = _pairs()
    table.add_row("run", result.run + (" (continued)" if result.resumed else ""))
    table.add_row("inputs", f"{result.inputs:,} ({result.frames:,} frames, {result.quarantined:,} unreadable)")
    table.add_row("books lost", f"{result.books_lost:,} times")
    table.add_row("decision lines", f"{result.decision_lines:,}")
    table.add_row("ended", result.reason)
    table.add_row("took", f"{result.seconds:.1f} s")
    table.add_row("lies in", result.run_dir)
    return table


def demo(result: DemoResult, summary: RunReport, traded: int | None) -> RenderableType:
    """Verdict, table of symbols, where the runs lie, what to try next; `traded` is a decision worth explaining."""
    equal = result.parity["equal"]
    verdict = Text(
        f"parity: {'byte-identical' if equal else 'DIFFERENT'}, {result.parity['decisions']:,} decisions compared",
        style="bold green" if equal else "bold red",
    )
    parts: list[RenderableType] = [verdict]
    if not equal:
        parts.append(comparison(result.comparison, result.shadow_run, result.replay_run))
    run, replayed = result.shadow_dir, result.replay_dir
    commands = "\n".join(
        [
            f"  lockstep report {run} --html report.html",
            f"  lockstep explain {run} {traded or 1}",
            f"  lockstep verify {run}",
            f"  lockstep compare {run} {replayed}",
            "  lockstep shadow examples/shadow.toml      (the real Bybit market, no keys needed)",
            "  lockstep trade examples/demo.toml         (a demo account; docs/live.md tries it on the sandbox first)",
        ]
    )
    places = _pairs()
    lost, unreadable = result.shadow["books_lost"], result.shadow["quarantined"]
    places.add_row("feed", f"{result.shadow['frames']:,} frames, {unreadable} unreadable, books lost {lost} times")
    places.add_row("shadow run", run)
    places.add_row("its replay", replayed)
    return Group(*parts, "", report(summary), "", places, "", "try next:", commands)


def comparison(found: Comparison, left: str, right: str) -> RenderableType:
    """Verdict, rate, causes and the first divergence."""
    style = {"equal": "green", "within_limits": "green", "different": "red"}
    head = Text(f"{found.verdict}: {left} and {right}", style=f"bold {style.get(found.verdict, 'yellow')}")
    if found.verdict == "cannot_tell":
        return Group(head, *(f"  {reason}" for reason in found.reasons))
    table = _pairs()
    table.add_row("decisions", f"{found.matched:,} of {found.decisions:,} match ({found.rate:.4%})")
    table.add_row("lines", f"{found.lines_left:,} and {found.lines_right:,}")
    if found.mismatches_total:
        table.add_row(
            "mismatches", f"{found.mismatches_total:,}, of which {found.follows_total:,} follow from earlier ones"
        )
    for cause, count in found.causes.items():
        table.add_row(f"cause: {cause}", f"{count:,}")
    for item in found.configuration:
        table.add_row(f"config {item.path}", f"{item.left} | {item.right}")
    for reason in found.reasons:
        table.add_row("broken", reason)
    return Group(head, table, *(_divergence(found.first) if found.first else ()))


def _divergence(first: Divergence) -> Iterable[RenderableType]:
    mismatch = first.mismatch
    yield Text(
        f"first divergence: {mismatch.kind} of {mismatch.lane}/{mismatch.strategy}/{mismatch.symbol}, "
        f"evaluation {mismatch.evaluation}, at {iso_time(mismatch.ts)}, cause: {mismatch.cause}",
        style="bold",
    )
    table = Table("field", "left", "right", box=None, pad_edge=False)
    for item in mismatch.differences:
        table.add_row(item.path, str(item.left), str(item.right))
    yield table
    yield Text(f"left  {_line(first.left)}\nright {_line(first.right)}", overflow="fold")


def verification(found: Verification) -> RenderableType:
    """What was checked, and the first bad place of each stream."""
    head = Text(
        f"{'sound' if found.ok else 'NOT SOUND'}: {found.run_dir}", style=f"bold {'green' if found.ok else 'red'}"
    )
    table = Table("stream", "records", "segments", "chain", "kinds", "first bad place", box=None, pad_edge=False)
    for stream in (found.inputs, found.decisions):
        table.add_row(*_stream(stream))
    sealed = "sealed" if found.sealed else "not sealed: still running, or cut off"
    return Group(head, table, sealed, *(Text(problem, style="red") for problem in found.problems))


def _stream(stream: StreamVerification) -> tuple[str, ...]:
    kinds = ", ".join(f"{kind} {count:,}" for kind, count in stream.kinds.items())
    bad = "none"
    if stream.fault is not None:
        bad = f"{stream.fault.file}, byte {stream.fault.offset}, record {stream.fault.seq}: {stream.fault.reason}"
    return str(stream.stream), f"{stream.count:,}", str(stream.segments), stream.crc, kinds, bad


def explanation(found: Explanation) -> RenderableType:
    """One decision with everything that was known."""
    line = found.recorded
    context, decision = line["context"], line["decision"]
    head = Text(
        f"decision {line['seq']}: {decision['action']} {decision['qty']} {line['symbol']} at {iso_time(line['ts'])}",
        style="bold",
    )
    same = Text("running the inputs again gives the same line", style="green")
    if not found.reproduced:
        same = Text("running the inputs again gives ANOTHER line", style="bold red")
    table = _pairs()
    table.add_row("lane, strategy", f"{line['lane']}, {line['strategy']}, evaluation {line['evaluation']}")
    table.add_row("reason", decision["reason"])
    table.add_row("signal", context["signal"])
    table.add_row("indicators", ", ".join(f"{name} {value}" for name, value in context["indicators"].items()))
    table.add_row("target", str(decision["target_notional"]))
    if decision.get("terms"):
        table.add_row("terms", ", ".join(f"{name} {_line(value)}" for name, value in decision["terms"].items()))
    table.add_row("position", f"{context['position']} at {context['entry']}, equity {context['equity']:.2f}")
    for verdict in line["verdicts"]:
        word = "allows" if verdict["allow"] else f"DENIES {verdict['code']}"
        table.add_row(f"guard {verdict['guard']}", f"{word}: {verdict['value']:.6g} against {verdict['limit']:.6g}")
    market = found.market
    if market:
        table.add_row("touch", f"bid {market['bid']} ask {market['ask']} last {market['last']}")
        table.add_row("mark, index", f"{market['mark']}, {market['index']}, funding {market['funding_rate']}")
        table.add_row("book", f"bids {market['bids'][:3]} asks {market['asks'][:3]}")
    table.add_row("marks", f"{sparkline(found.marks[-MARKS_SHOWN:])}  {_ends(found.marks)}")
    table.add_row("account", _line(found.account))
    if found.cause is not None:
        raw = found.cause["raw"]
        table.add_row(f"input {found.cause['seq']}", f"{found.cause['source']}: {raw[:300]}{'...' * (len(raw) > 300)}")
    for label, text in _afterwards(found):
        table.add_row(label, text)
    return Group(head, same, table)


def _afterwards(found: Explanation) -> Iterable[tuple[str, str]]:
    """What followed from a decision, in the order of the inputs; an answer before what was concluded from it."""
    answers = [(row["seq"], 0, "answer", row) for row in found.answers]
    lines = [(row["cause"], 1, row["kind"], row) for row in found.consequences]
    began = found.recorded["ts"]
    for _, _, kind, row in sorted((*answers, *lines), key=lambda each: each[:2]):
        after = f"+{(row.get('ts', row.get('ts_recv', began)) - began) / NS_PER_SECOND:.3f} s"
        match kind:
            case "send":
                yield kind, f"{after} {row['request']}: {row['method']} {row['path']} {row['text']}"
            case "answer":
                how = f"HTTP {row['status']} {row['body'][:300]}" if row["status"] else row["error"]
                yield kind, f"{after} {row['request']}: {how}"
            case "track":
                why = f", {row['reason']}" if row["reason"] else ""
                yield kind, f"{after} {row['order_id']}: {row['state']}{why}"
            case _:
                yield kind, _line({key: row[key] for key in row if key not in ("kind", "lane", "cause", "ts")})


def report(found: RunReport) -> RenderableType:
    """Summary of a run, a row for each lane and symbol."""
    parts: list[RenderableType] = []
    for lane in found.lanes:
        table = Table(box=None, pad_edge=False, title=f"lane {lane.lane}", title_justify="left")
        for column in (
            "symbol",
            "decisions",
            "holds",
            "denied",
            "orders",
            "fills",
            "fees",
            "PnL",
            "funding",
            "turnover",
            "position",
        ):
            table.add_column(column, justify="left" if column == "symbol" else "right")
        for row in lane.symbols:
            table.add_row(
                row.symbol,
                f"{row.decisions:,}",
                f"{row.holds:,}",
                f"{sum(row.denied.values()):,}",
                f"{row.orders:,}",
                f"{row.fills:,}",
                f"{row.fees:.2f}",
                f"{row.realised_pnl - row.fees - row.funding:+.2f}",
                f"{row.funding:+.2f}",
                f"{row.turnover:,.0f}",
                str(row.position),
            )
        equity = [point.value for point in lane.equity]
        drawdown = f"worst drawdown {lane.max_drawdown:.2%} ({lane.max_drawdown_usdt:.2f} USDT)"
        parts += [table, f"equity {sparkline(equity)} {_ends(equity)}, {drawdown}", *_at_risk(lane)]
    parts.append("PnL is realised, after fees and funding; funding is above zero when paid; USDT")
    return Group(*parts)


def _at_risk(lane: LaneReport) -> Iterable[str]:
    """What an account should be looked at for, if there is any of it."""
    if lane.slippage:
        yield f"slippage {lane.slippage:.2f} USDT against the touch of each decision"
    if (venue := lane.venue) is not None:
        ready = "never ready" if venue.ready_after is None else f"ready after {venue.ready_after:.1f} s"
        settled = f" ({venue.settled:,} settled)" if venue.unknown else ""
        yield (
            f"venue: {venue.sent:,} orders sent, {venue.requests - venue.sent:,} other requests, "
            f"{venue.unknown:,} unknown outcomes{settled}, {venue.mismatches:,} mismatches, "
            f"{venue.adoptions:,} adoptions, {venue.reconciliations:,} reconciliations, {ready}"
        )
    if lane.refusals:
        yield f"{lane.refusals:,} requests to cancel, amend or protect were refused"
    if lane.margin_ratio is not None:
        yield f"worst margin ratio {lane.margin_ratio:.2%}; at 100% it is liquidated"
    if lane.liquidations:
        yield f"liquidated or deleveraged in {lane.liquidations:,} steps"


def runs(found: Sequence[RunSummary]) -> RenderableType:
    """List of runs."""
    table = Table("run", "mode", "created", "decision lines", "of", box=None, pad_edge=False)
    for run in found:
        count = f"{run.decision_lines:,}" if run.decision_lines is not None else "not sealed"
        table.add_row(run.run, run.mode, run.created, count, run.parent or "")
    return table if found else "no runs yet; make one with `lockstep demo`"


def rebuilt(found: Rebuilt, logs: Path) -> RenderableType:
    """What went into a new index."""
    parts: list[RenderableType] = [f"{logs / 'index.db'}: {len(found.runs)} runs"]
    parts += [Text(f"left out {run}: {reason}", style="yellow") for run, reason in found.skipped.items()]
    return Group(*parts)


def configuration(found: dict[str, Any]) -> RenderableType:
    """A checked configuration with all defaults."""
    text = msgspec.json.format(msgspec.json.encode(found["config"]), indent=2).decode()
    return Group(Text("the configuration is good", style="bold green"), text, f"digest {found['digest']}")


def status(found: Status) -> RenderableType:
    """How a running daemon stands: a row for each lane, who spoke when, why lanes are halted, what is open."""
    head = f"{found.run} ({found.mode}, process {found.pid}), {found.inputs:,} inputs, at {found.now}"
    table = Table("lane", "account", "phase", "halted", "equity", "positions", "orders", box=None, pad_edge=False)
    for lane in found.lanes:
        phase = "simulated" if lane.remote is None else lane.remote.phase
        held = ", ".join(f"{qty} {symbol}" for symbol, qty in lane.positions.items()) or "flat"
        halted = "yes" if lane.halts else "no"
        table.add_row(lane.lane, lane.account, phase, halted, f"{lane.equity:.2f}", held, str(lane.open_orders))
    heard = ", ".join(f"{source} {seconds:.1f} s ago" for source, seconds in found.silent_s.items())
    told = [Text(f"{lane.lane}: {text}") for lane in found.lanes for text in _lane_talk(lane)]
    return Group(head, table, f"heard from: {heard or 'nobody yet'}", *told)


def _lane_talk(lane: LaneStatus) -> Iterable[str]:
    """Why a lane is halted, what its account is not sure of, and what is open."""
    yield from (f"{who}: {why}" for who, why in lane.halts.items())
    if lane.remote is not None:
        yield from _doubts(lane.remote)
    yield from (_open_order(order) for order in lane.orders[:ORDERS_SHOWN])
    if len(lane.orders) > ORDERS_SHOWN:
        yield f"{len(lane.orders) - ORDERS_SHOWN} more open orders, see --json"


def _open_order(order: OpenOrder) -> str:
    terms = f" at {order.price}" * bool(order.price) + f" when {order.trigger}" * bool(order.trigger)
    what = f"{order.type} {order.side} {order.qty} {order.symbol}{terms}{', reduce-only' * order.reduce_only}"
    return f"order {order.order_id}: {what}: {order.status}, {order.filled} filled"


def _doubts(remote: RemoteStatus) -> Iterable[str]:
    """What the account at a venue is not sure of."""
    yield from (text for text in remote.differences if text not in remote.gates.values())
    if remote.unknown:
        yield f"{remote.unknown} outcomes are unknown and being asked for"


def examination(found: Examination) -> RenderableType:
    """Findings of the doctor."""
    table = Table("", "what", "found", "cure", box=None, pad_edge=False)
    for finding in found.findings:
        mark = Text("ok", style="green") if finding.ok else Text("BAD", style="bold red")
        table.add_row(mark, finding.name, finding.found, "" if finding.ok else finding.cure)
    return table


def sandbox_ready(where: SandboxReady) -> RenderableType:
    """Where a sandbox listens."""
    table = _pairs()
    table.add_row("rest_url", where.rest_url)
    table.add_row("public_url", where.public_url)
    if where.private_url:
        table.add_row("private_url", where.private_url)
    if where.trade_url:
        table.add_row("trade_url", where.trade_url)
    for key in where.keys:
        table.add_row(f"{key.account} ({key.uid})", f"key {key.key}, secret {key.secret}")
    return Group(Text('the sandbox is ready; put the addresses into [venue] with environment = "custom"'), table)


def sparkline(values: Sequence[float], width: int = MARKS_SHOWN) -> str:
    """A row of blocks that shows the course of numbers."""
    if not values:
        return ""
    stride = max(1, len(values) // width)
    shown = list(values[::stride])
    low, high = min(shown), max(shown)
    span = (high - low) or 1.0
    return "".join(BLOCKS[int((value - low) / span * (len(BLOCKS) - 1))] for value in shown)


def _ends(values: Sequence[float]) -> str:
    return f"{values[0]:.6g} to {values[-1]:.6g}" if values else ""


def _line(row: Any) -> str:
    return row if isinstance(row, str) else msgspec.json.encode(row).decode()


def _pairs() -> Table:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="cyan", no_wrap=True)
    table.add_column(overflow="fold")
    return table
