"""Compares our simulated exchange with nautilus_trader's matching engine: `python -m tests.differential`.

Exit codes: 0 every difference is explained, 1 one is not, or an explanation was not needed; 2 nautilus_trader is not
installed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from time import perf_counter

import msgspec

from tests.differential.explanations import EXPLANATIONS
from tests.differential.run import SCENARIOS, Tally, compare, scenarios

SAME, DIFFERENT, CANNOT_TELL = 0, 1, 2
UNEXPLAINED_SHOWN = 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run all scenarios and print the tally: a table, JSON (--json), or the table of the documentation (--markdown)."""
    parser = argparse.ArgumentParser(prog="python -m tests.differential", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the tally as JSON")
    parser.add_argument("--markdown", action="store_true", help="print the table of docs/simulated-exchange.md")
    options = parser.parse_args(arguments)
    if find_spec("nautilus_trader") is None:
        sys.stderr.write("nautilus_trader is not installed here; run: make differential\n")
        return CANNOT_TELL
    tally = tally_all()
    if options.json:
        sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(as_json(tally))) + b"\n")
    elif options.markdown:
        sys.stdout.write(markdown(tally))
    else:
        sys.stdout.write(table(tally))
    return DIFFERENT if tally.unexplained or tally.unmet() else SAME


def tally_all() -> Tally:
    """Compare every scenario."""
    from tests.differential import theirs  # noqa: PLC0415 - only there nautilus_trader is needed

    tally, began = Tally(), perf_counter()
    for scenario in scenarios(SCENARIOS):
        compare(scenario, theirs.play, tally)
    sys.stderr.write(f"{tally.scenarios} scenarios in {perf_counter() - began:.0f} s\n")
    return tally


def as_json(tally: Tally) -> dict[str, object]:
    """The tally, with explanations that were not needed."""
    plain: dict[str, object] = msgspec.to_builtins(tally)
    return plain | {"unmet": tally.unmet()}


def summary(tally: Tally) -> str:
    """One sentence."""
    explained = tally.explained.total()
    return (
        f"{tally.scenarios} scenarios, {tally.orders} orders, {tally.fills} fills of ours: {tally.agreed} orders lived "
        f"the same life in both engines; {explained} differences are explained, {len(tally.unexplained)} are not."
    )


def table(tally: Tally) -> str:
    """The tally for a terminal."""
    lines = [f"{tally.explained[name]:>6}  {name}" for name in EXPLANATIONS]
    words = [f"{count:>6}  {text}" for text, count in tally.words.most_common()]
    lines = ["differences by explanation", *lines, "", "ends that only the words tell apart", *words, ""]
    lines += [f"unexplained: {one}" for one in tally.unexplained[:UNEXPLAINED_SHOWN]]
    lines += [f"not needed: {name}" for name in tally.unmet()]
    return "\n".join([*lines, summary(tally), ""])


def markdown(tally: Tally) -> str:
    """The table of counts by family."""
    families = list(tally.by_family)
    rows = [f"| | {' | '.join(families)} |", "|---" * (len(families) + 1) + "|"]
    for name in EXPLANATIONS:
        counts = [tally.by_family[family][name] for family in families]
        rows.append(f"| `{name}` | {' | '.join(str(count or '') for count in counts)} |")
    return "\n".join([summary(tally), "", *rows, ""])


if __name__ == "__main__":
    sys.exit(main())
