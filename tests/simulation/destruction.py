"""Every kill point, and two million damaged frames: what takes too long for every change; a part of `make campaign`.

python -m tests.simulation.destruction kills --workers 4
python -m tests.simulation.destruction restarts --shadows 10
python -m tests.simulation.destruction fuzz --texts 2000000 --seed 1
"""

from __future__ import annotations

import argparse
import multiprocessing
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from random import Random

import msgspec

from tests.adapters.bybit import fuzzing
from tests.simulation import kill_campaign
from tests.simulation.call_log import Death
from tests.simulation.kill_campaign import Outcome
from tests.simulation.restarts import kill_again_and_again

IN_A_ROW = 20
KILLS_OF_A_SHADOW = 60
LARGE_EACH = 20_000
SHARE = 50_000
Part = Callable[[argparse.Namespace], int]


def say(what: object) -> None:
    """A line of JSON on stdout."""
    sys.stdout.write(msgspec.json.encode(what).decode() + "\n")
    sys.stdout.flush()


def kills(options: argparse.Namespace) -> int:
    """Every kill point of the order scenario, or each `--every`-th from `--first` on; and rows of 20 deaths."""
    folder = Path(tempfile.mkdtemp(prefix="lockstep-kills-", dir=options.folder or None))
    calls = kill_campaign.reference(folder / "reference")
    random = Random(options.seed)
    points: list[tuple[Death, ...]] = [
        *list(kill_campaign.points_of(calls))[options.first :: options.every],
        *(kill_campaign.deaths_in_a_row(calls, IN_A_ROW, random) for _ in range(options.rows)),
    ]

    def told(outcome: Outcome) -> None:
        if outcome.problem or options.verbose:
            say(outcome)

    summary = kill_campaign.run_points(folder, calls, points, workers=options.workers, told=told)
    say(summary)
    return 1 if summary.failed else 0


def fuzz(options: argparse.Namespace) -> int:
    """Damaged frames and answers to the decoders, and damaged ones to whole engines; each share has its own seed."""
    context = multiprocessing.get_context("forkserver")
    seeds = range(options.seed, options.seed + max(1, options.texts // SHARE))
    engines = range(options.seed, options.seed + options.engines)
    with ProcessPoolExecutor(options.workers, mp_context=context) as pool:
        reports = list(pool.map(_fuzz_share, seeds))
        problems = [problem for found in pool.map(fuzzing.fuzz_engine, engines) for problem in found]
    problems += [problem for report in reports for problem in report.problems]
    for problem in problems:
        say(problem)
    say(_summary(reports) | {"seed": options.seed, "engines": len(engines), "problems": len(problems)})
    return 1 if problems else 0


def _fuzz_share(seed: int) -> fuzzing.Report:
    return fuzzing.fuzz(seed, SHARE, large=LARGE_EACH)


def _summary(reports: list[fuzzing.Report]) -> dict[str, object]:
    kinds: dict[str, int] = {}
    for report in reports:
        for kind, count in report.kinds.items():
            kinds[kind] = kinds.get(kind, 0) + count
    return {
        "texts": sum(report.texts for report in reports),
        "facts": sum(report.facts for report in reports),
        "worst_s": max(report.worst for report in reports),
        "grown_mb": max(report.grown_mb for report in reports),
        "kinds": kinds,
    }


def restarts(options: argparse.Namespace) -> int:
    """Rows of 60 kills of a shadow daemon, each row one run."""
    failed = 0
    for seed in range(options.seed, options.seed + options.shadows):
        folder = Path(tempfile.mkdtemp(prefix="lockstep-restarts-", dir=options.folder or None))
        try:
            kill_again_and_again(folder, KILLS_OF_A_SHADOW, Random(seed))
        except AssertionError as error:
            failed += 1
            say({"seed": seed, "folder": str(folder), "problem": str(error)})
        else:
            shutil.rmtree(folder)
    say({"rows": options.shadows, "kills": options.shadows * KILLS_OF_A_SHADOW, "failed": failed})
    return 1 if failed else 0


PARTS: dict[str, Part] = {"kills": kills, "restarts": restarts, "fuzz": fuzz}


def main() -> int:
    """Run the parts that are named, all of them when none is."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all of them when none is named")
    parser.add_argument("--folder", default="", help="where runs that fail are kept")
    parser.add_argument("--workers", type=int, default=2, help="processes at once")
    parser.add_argument("--first", type=int, default=0, help="first kill point, counted from 0")
    parser.add_argument("--every", type=int, default=1, help="each n-th kill point")
    parser.add_argument(
        "--rows", type=int, default=10, help=f"rows of {IN_A_ROW} deaths, most of them while recovering"
    )
    parser.add_argument("--shadows", type=int, default=10, help=f"rows of {KILLS_OF_A_SHADOW} kills of a shadow daemon")
    parser.add_argument("--texts", type=int, default=2_000_000, help=f"damaged frames and answers, in {SHARE}s")
    parser.add_argument("--engines", type=int, default=200, help="engines that are told 400 damaged texts each")
    parser.add_argument("--seed", type=int, default=0, help="of the damage")
    parser.add_argument("--verbose", action="store_true", help="tell every kill point, not only those that fail")
    options = parser.parse_args()
    if unknown := [part for part in options.parts if part not in PARTS]:
        parser.error(f"no such part: {', '.join(unknown)}")
    code = 0
    for part in options.parts or PARTS:
        begun = time.monotonic()
        failed = PARTS[part](options)
        say({"part": part, "seconds": round(time.monotonic() - begun, 1), "failed": bool(failed)})
        code |= failed
    return code


if __name__ == "__main__":
    sys.exit(main())
