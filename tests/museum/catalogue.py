"""The museum's catalogue, docs/incidents.md: made from the incidents themselves, so that it cannot be out of date.

python -m tests.museum.catalogue > docs/incidents.md
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from tests.museum.feeds import FEEDS
from tests.museum.incident import Incident
from tests.museum.incidents import asking, changing, holding, listening, placing, starting
from tests.museum.streams import STREAMS

HEAD = """# Incidents of other bots

Each row is something that happened to a public trading bot or client, told in its issues, and played again in the
tests (`tests/museum`): on a deliberately naive bot that does what the cited one did, where it must come to the same
harm, and on Lockstep, where it must not. Both meet the same exchange (the sandbox), the same requests and pushes, the
same virtual time. What counts as harm is decided from the exchange's own log of what it took and executed, by a judge
that shares no code with the product.

Each incident of the first six tables is played five times: with the trouble on the naive bot (harmed), on the same bot
without that naive habit (not harmed so), on Lockstep (no harm; ready in the end, or halted for the stated reason), and
without the trouble on both (no harm). The trouble must have been seen to happen.

A citation is `owner/repository#number`, of an issue or a pull request (`PR#`). The incidents happened at many venues;
here each is set at Bybit's v5 interface, and its test bears the name of the fault that is played and of the citation.
"""
COLUMNS = "| incident | what happened | what the naive code does | what Lockstep does | test |\n|---|---|---|---|---|"
TITLES = (
    ("Placing an order", placing.INCIDENTS),
    ("Changing an order", changing.INCIDENTS),
    ("Listening to the stream", listening.INCIDENTS),
    ("Holding a position", holding.INCIDENTS),
    ("Starting again", starting.INCIDENTS),
    ("Asking the venue", asking.INCIDENTS),
)


def catalogue() -> str:
    """The whole page."""
    parts = [HEAD]
    for title, incidents in TITLES:
        rows = [
            (
                one.cite,
                one.happened,
                _sentence("; ".join(sorted(habit.value for habit in one.habits))),
                one.ours,
                one.id,
            )
            for one in incidents
        ]
        parts.append(_table(title, rows))
    feeds = [(one.cite, one.happened, _sentence(one.naive), one.ours, one.id) for one in FEEDS]
    streams = [(one.cite, one.happened, _sentence(one.naive), one.ours, one.id) for one in STREAMS]
    parts += [_table("Market data", feeds), _table("Connections", streams)]
    return "\n".join(parts)


def _habits(incident: Incident) -> str:
    return _sentence("; ".join(sorted(habit.value for habit in incident.habits)))


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:] + "."


def _table(title: str, rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {cite} | {happened} | {naive} | {ours} | `{test}` |" for cite, happened, naive, ours, test in rows]
    return "\n".join([f"## {title}\n", COLUMNS, *lines]) + "\n"


if __name__ == "__main__":
    sys.stdout.write(catalogue())
