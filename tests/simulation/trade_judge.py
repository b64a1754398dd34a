"""The judge of a run at a venue: decided from the decision lines and the venue's truth log, and from nothing else.

It shares no code with the product: lines are read as JSON, money is `Decimal`, and each invariant is worked out anew.

    I1   every request that the venue got has an earlier send record of the same content
    I2   a name is accepted at most once, an intent is never executed beyond its quantity, nothing accepted is absent
    I4   the stream has no gap, an input leads to one set of decisions, an order ends once
    I5   a replay of the inputs writes the same bytes
    I6   the fills are the venue's executions, each once, with the same content, under the right order
    I7   positions and cash are exact: whatever the venue did to the account stands in the lines, and adds up
    I8   the orders held for open are those that are
    I9   no request that may open risk leaves while a gate of its symbol or lane is shut
    I10  after the trouble ended the account is ready within the bound
    I15  a position whose order or request carried a stop has one at the venue, a flat one has none
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

from msgspec import Struct

Entry: TypeAlias = dict[str, Any]
ZERO = Decimal(0)
OPEN = {"New", "PartiallyFilled", "Untriggered", "Triggered", "Submitted"}
PROTECTIONS = ("CreateByStopLoss", "CreateByTakeProfit", "CreateByTrailingStop")
PENNY = Decimal("1E-9")
MS = 1_000_000


class Evidence(Struct, frozen=True, kw_only=True):
    """What a run left behind. lines: the decision stream.  replayed: what a replay of its inputs wrote.

    calm_ms: when the trouble ended, milliseconds UTC.  bound_ms: how long the way back to READY may take.
    """

    lines: Sequence[bytes]
    replayed: Sequence[bytes]
    truth: Sequence[Entry]
    calm_ms: int
    bound_ms: int = 60_000


class Case:
    """The evidence, read."""

    def __init__(self, evidence: Evidence) -> None:
        self.evidence = evidence
        self.lines: list[Entry] = [json.loads(line) for line in evidence.lines]
        self.truth = list(evidence.truth)
        self.sends = self.of("send")
        self.created: dict[str, Entry] = {}
        for send in self.sends:
            if send["op"] == "create":
                self.created.setdefault(send["link_id"], send)
        self.accepted = [entry for entry in self.truth if entry["what"] == "accepted"]
        self.executions = [entry for entry in self.truth if entry["what"] == "execution"]
        self.traded = [entry for entry in self.executions if entry["exec_type"] != "Funding"]

    def of(self, *kinds: str) -> list[Entry]:
        return [line for line in self.lines if line["kind"] in kinds]

    def our_id(self, entry: Entry) -> str:
        """Our name of the order that an entry of the truth is about."""
        send = self.created.get(entry["order_link_id"])
        return str(entry["order_id"] if send is None else send["order_id"])


def judge(evidence: Evidence) -> list[str]:
    """Everything that is wrong with a run."""
    case = Case(evidence)
    return [f"{name}: {finding}" for name, check in CHECKS for finding in check(case)]


# The streams themselves


def check_stream(case: Case) -> Iterable[str]:
    """I4."""
    if [line["seq"] for line in case.lines] != list(range(1, len(case.lines) + 1)):
        yield "the numbers of the lines have a gap or stand twice"
    for name in ("ts", "cause"):
        values = [line[name] for line in case.lines]
        if values != sorted(values):
            yield f"{name} goes back"
    decided = Counter((line["cause"], line["strategy"], line["symbol"]) for line in case.of("decision"))
    yield from (f"decided twice on input {key}" for key, count in decided.items() if count > 1)
    ended: set[str] = set()
    for line in case.of("order"):
        if line["order_id"] in ended:
            yield f"order {line['order_id']} goes on after its end"
        if line["status"] not in OPEN:
            ended.add(line["order_id"])
    if [entry["n"] for entry in case.truth] != list(range(1, len(case.truth) + 1)):
        yield "the truth log has a gap"
    yield from (f"breach: {line['reason']}" for line in case.of("halt") if line["reason"].startswith("breach"))


def check_replay(case: Case) -> Iterable[str]:
    """I5."""
    if list(case.evidence.lines) != list(case.evidence.replayed):
        yield "the replay concludes something else"


# What was asked for


def check_requests(case: Case) -> Iterable[str]:
    """I1."""
    sent: dict[str, list[int]] = defaultdict(list)
    for send in case.sends:
        sent[_content(send["path"], json.loads(send["text"]))].append(send["ts"])
    got: dict[str, list[int]] = defaultdict(list)
    for entry in case.truth:
        if entry["what"] == "request" and entry["method"] == "POST":
            got[_content(entry["route"], entry["lines"])].append(entry["ts"] * MS)
    for content, times in got.items():
        records = sorted(sent.get(content, []))
        if len(records) < len(times):
            yield f"{len(times)} requests with {len(records)} send records: {content}"
        elif any(record > time for record, time in zip(records, sorted(times), strict=False)):
            yield f"a request came before its send record: {content}"
    for entry in case.accepted:
        if entry["order_link_id"].startswith("ls-"):
            yield from _unlike(case.created.get(entry["order_link_id"]), entry)


def _content(path: str, body: Entry) -> str:
    return path + json.dumps({key: str(value) for key, value in body.items()}, sort_keys=True)


def _unlike(send: Entry | None, entry: Entry) -> Iterable[str]:
    if send is None:
        yield f"accepted without a send record: {entry['order_link_id']}"
        return
    asked = json.loads(send["text"])
    pairs = [
        (asked.get("symbol"), entry["symbol"]),
        (asked.get("side"), entry["side"]),
        (asked.get("orderType"), entry["type"]),
        (Decimal(asked.get("qty", 0)), Decimal(entry["qty"])),
        (Decimal(asked.get("price", 0)), Decimal(entry["price"] or 0) if entry["type"] == "Limit" else ZERO),
        (Decimal(asked.get("triggerPrice", 0)), Decimal(entry["trigger_price"] or 0)),
        (asked.get("reduceOnly", False), entry["reduce_only"]),
    ]
    if any(wanted != taken for wanted, taken in pairs):
        yield f"accepted with other content than was written down: {entry['order_link_id']} {pairs}"


def check_once(case: Case) -> Iterable[str]:
    """I2."""
    names = Counter(entry["order_link_id"] for entry in case.accepted if entry["order_link_id"])
    yield from (f"{name} was accepted {count} times" for name, count in names.items() if count > 1)
    orders: dict[str, set[str]] = defaultdict(set)
    for send in case.sends:
        if send["op"] == "create":
            orders[send["order_id"]].add(send["link_id"])
    yield from (f"order {order} left under {len(links)} names" for order, links in orders.items() if len(links) > 1)
    most: dict[str, Decimal] = defaultdict(Decimal)
    for line in case.of("order"):
        most[line["order_id"]] = max(most[line["order_id"]], Decimal(line["qty"]))
    done: dict[str, Decimal] = defaultdict(Decimal)
    for entry in case.traded:
        done[case.our_id(entry)] += Decimal(entry["qty"])
    yield from (f"order {name} executed {qty} of {most[name]}" for name, qty in done.items() if qty > most[name])
    taken_at = {entry["order_link_id"]: entry["ts"] * MS for entry in case.accepted}
    for line in case.of("track"):
        if line["state"] in ("Absent", "Expired") and taken_at.get(line["link_id"], line["ts"]) < line["ts"]:
            yield f"declared absent, and accepted: {line['link_id']}"
        if line["state"] == "ClosedNoFill" and done[line["order_id"]]:
            yield f"closed without a fill, and executed: {line['link_id']}"


# What became of it


def check_fills(case: Case) -> Iterable[str]:
    """I6."""
    told: dict[str, Entry] = {}
    for line in case.of("fill"):
        if line["fill_id"] in told:
            yield f"fill {line['fill_id']} stands twice"
        told[line["fill_id"]] = line
    happened = {entry["exec_id"]: entry for entry in case.traded}
    if len(happened) != len(case.traded):
        yield "an execution stands twice in the truth log"
    yield from (f"execution {name} was never booked" for name in sorted(happened.keys() - told.keys()))
    yield from (f"fill {name} never happened" for name in sorted(told.keys() - happened.keys()))
    for name in told.keys() & happened.keys():
        line, entry = told[name], happened[name]
        same = all(line[key] == entry[key] for key in ("symbol", "side", "exec_type"))
        exact = all(Decimal(line[key]) == Decimal(entry[key]) for key in ("qty", "price", "fee"))
        if not (same and exact and line["order_id"] == case.our_id(entry)):
            yield f"fill {name} is not as it happened: {line} {entry}"
    yield from _uncounted(case)


def _uncounted(case: Case) -> Iterable[str]:
    """Per order the executions add up to what the venue counts."""
    sums: dict[str, Decimal] = defaultdict(Decimal)
    for entry in case.traded:
        sums[entry["order_id"]] += Decimal(entry["qty"])
    counted: dict[str, Decimal] = {}
    for entry in case.truth:
        if entry["what"] == "status":
            counted[entry["order_id"]] = Decimal(entry["cum_qty"])
    for order in sorted(sums.keys() | counted.keys()):
        if sums[order] != counted.get(order, ZERO):
            yield f"order {order} executed {sums[order]}, the venue counts {counted.get(order)}"


def check_positions(case: Case) -> Iterable[str]:
    """I7, positions."""
    ours: dict[str, Decimal] = defaultdict(Decimal)
    for line in case.of("fill", "adoption"):
        ours[line["symbol"]] += _signed(line)
        if ours[line["symbol"]] != Decimal(line["position"]):
            yield f"line {line['seq']}: position {line['position']}, the lines before say {ours[line['symbol']]}"
    theirs: dict[str, Decimal] = defaultdict(Decimal)
    sizes: dict[str, Decimal] = {}
    for entry in case.truth:
        if entry["what"] == "execution" and entry["exec_type"] != "Funding":
            theirs[entry["symbol"]] += _signed(entry)
        elif entry["what"] == "position":
            sizes[entry["symbol"]] = Decimal(entry["size"])
    for symbol in sorted(ours.keys() | theirs.keys() | sizes.keys()):
        if not ours[symbol] == theirs[symbol] == sizes.get(symbol, ZERO):
            yield f"{symbol}: ours {ours[symbol]}, executed {theirs[symbol]}, the venue holds {sizes.get(symbol)}"


def check_cash(case: Case) -> Iterable[str]:
    """I7, money: less what open positions cost it does not depend on the order in which executions were heard of."""
    ours, held = ZERO, Held()
    for line in case.of("fill", "adoption", "funding", "transfer"):
        if line["kind"] in ("fill", "adoption"):
            held.trade(line["symbol"], _signed(line), Decimal(line["price"]))
            ours -= _signed(line) * Decimal(line["price"])
        ours += Decimal(line.get("amount", 0)) - Decimal(line.get("fee", 0))
        if abs(Decimal(line["cash"]) - ours - held.cost) > PENNY:
            yield f"line {line['seq']}: cash {line['cash']}, the lines before say {ours + held.cost}"
    theirs, gifts, transfers = ZERO, ZERO, 0
    for entry in case.truth:
        if entry["what"] == "execution":
            theirs -= Decimal(entry["fee"])
            theirs -= _signed(entry) * Decimal(entry["price"]) if entry["exec_type"] != "Funding" else ZERO
        elif entry["what"] == "transfer":
            theirs += Decimal(entry["amount"])
            gifts += max(Decimal(entry["amount"]), ZERO) if transfers else ZERO
            transfers += 1
    # Money that nobody expected is not counted on; money that is missing is booked, as exactly as an average price is.
    slack = PENNY if transfers > 1 else ZERO
    if not -slack <= theirs - ours <= gifts + slack:
        yield f"ours {ours}, the venue's {theirs}, of which {gifts} came unexpected"


class Held:
    """What open positions cost, by average price; cost: the sum over symbols, USDT."""

    def __init__(self) -> None:
        self._qty: dict[str, Decimal] = defaultdict(Decimal)
        self._cost: dict[str, Decimal] = defaultdict(Decimal)

    @property
    def cost(self) -> Decimal:
        return sum(self._cost.values(), ZERO)

    def trade(self, symbol: str, qty: Decimal, price: Decimal) -> None:
        before = self._qty[symbol]
        after = before + qty
        if before == 0 or (before > 0) == (qty > 0):
            self._cost[symbol] += qty * price
        elif after == 0 or (after > 0) == (before > 0):
            self._cost[symbol] = self._cost[symbol] * after / before
        else:
            self._cost[symbol] = after * price
        self._qty[symbol] = after


def check_open_orders(case: Case) -> Iterable[str]:
    """I8."""
    theirs: dict[str, str] = {}
    for entry in case.truth:
        if entry["what"] in ("accepted", "placed"):
            theirs[case.our_id(entry)] = "New"
        elif entry["what"] == "status":
            theirs[case.our_id(entry)] = entry["status"]
    ours = {line["order_id"]: line["status"] for line in case.of("order")}
    there = {name for name, status in theirs.items() if status in OPEN}
    here = {name for name, status in ours.items() if status in OPEN}
    yield from (f"{name} is open at the venue and not here" for name in sorted(there - here))
    yield from (f"{name} is open here and not at the venue" for name in sorted(here - there))


# When it was allowed


def check_gates(case: Case) -> Iterable[str]:
    """I9."""
    shut: set[tuple[str, str]] = set()
    sent: set[str] = set()
    orders: dict[str, Entry] = {}
    for line in case.lines:
        match line["kind"]:
            case "halt":
                who = line["reason"].partition(": ")[0]
                gate = (who.removesuffix(" lifted"), line.get("symbol", ""))
                (shut.discard if who.endswith(" lifted") else shut.add)(gate)
            case "order":
                orders[line["order_id"]] = line
            case "send":
                in_the_way = {who for who, symbol in shut if symbol in ("", line["symbol"])}
                if line["link_id"] in sent:
                    in_the_way.discard("unknown_outcome")  # it is this order's own outcome that was settled
                if in_the_way and _opens_risk(line, orders.get(line["order_id"])):
                    yield f"line {line['seq']}: {line['op']} {line['text']} while shut: {sorted(in_the_way)}"
                sent.add(line["link_id"])


def _opens_risk(send: Entry, order: Entry | None) -> bool:
    body = json.loads(send["text"])
    if send["op"] == "create":
        return not body.get("reduceOnly", False)
    if send["op"] != "amend" or order is None or order["reduce_only"]:
        return False
    return Decimal(body.get("qty", 0)) > Decimal(order["qty"])


def check_recovery(case: Case) -> Iterable[str]:
    """I10."""
    calm, ready, at = case.evidence.calm_ms * MS, False, 0
    limit = calm + case.evidence.bound_ms * MS
    for line in case.of("reconcile"):
        if line["step"] == "ready":
            ready, at = True, line["ts"]
            if at >= calm:
                break
        elif line["step"] != "pass":
            ready = False
    if not ready:
        yield "never ready again"
    elif at > limit:
        yield f"ready {(at - calm) // MS} ms after the trouble ended"


def check_protection(case: Case) -> Iterable[str]:
    """I15."""
    wanted, held = _wanted_stops(case)
    stops: dict[str, tuple[str, str]] = {}
    for entry in case.truth:
        if entry["what"] == "placed" and entry["create_type"].startswith(PROTECTIONS):
            stops[entry["order_id"]] = (entry["symbol"], entry["create_type"])
        elif entry["what"] == "status" and entry["status"] not in OPEN:
            stops.pop(entry["order_id"], None)
    for symbol in sorted(held):
        kinds = [kind for on, kind in stops.values() if on == symbol]
        if held[symbol] and wanted.get(symbol) and "CreateByStopLoss" not in kinds:
            yield f"{symbol}: {held[symbol]} held without the stop that was wanted"
        if not held[symbol] and kinds:
            yield f"{symbol}: flat, with {kinds} left"


def _wanted_stops(case: Case) -> tuple[dict[str, bool], dict[str, Decimal]]:
    """By symbol: whether a stop was asked for and taken, and what is held at the end."""
    wanted: dict[str, bool] = {}
    held: dict[str, Decimal] = defaultdict(Decimal)
    asked = {entry["request"]: entry for entry in case.truth if entry["what"] == "request"}
    for entry in case.truth:
        if entry["what"] == "answer" and entry["decision"] == "accepted" and entry["code"] == 0:
            request = asked[entry["request"]]
            if request["route"] == "/v5/position/trading-stop" and "stopLoss" in request["lines"]:
                wanted[request["symbol"]] = Decimal(request["lines"]["stopLoss"]) != 0
        elif entry["what"] == "execution" and entry["exec_type"] != "Funding":
            symbol, before = entry["symbol"], held[entry["symbol"]]
            held[symbol] += _signed(entry)
            if before * held[symbol] <= 0:
                wanted[symbol] = False
            send = case.created.get(entry["order_link_id"])
            if send is not None and held[symbol] and "stopLoss" in json.loads(send["text"]):
                wanted[symbol] = True
    return wanted, held


def _signed(entry: Entry) -> Decimal:
    qty = Decimal(entry["qty"])
    return qty if entry["side"] == "Buy" else -qty


CHECKS: list[tuple[str, Callable[[Case], Iterable[str]]]] = [
    ("I1", check_requests),
    ("I2", check_once),
    ("I4", check_stream),
    ("I5", check_replay),
    ("I6", check_fills),
    ("I7", check_positions),
    ("I7", check_cash),
    ("I8", check_open_orders),
    ("I9", check_gates),
    ("I10", check_recovery),
    ("I15", check_protection),
]
