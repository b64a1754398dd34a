"""Pins the golden runs anew, on purpose: `python -m tests.golden.repin`, or `make golden`."""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.golden.runs import GOLDEN, digest_of, read_pins, write_pins


def main() -> None:
    """Run everything golden, pin what comes out, and say what changed."""
    old = read_pins()
    new: dict[str, str] = {}
    with TemporaryDirectory() as folder:
        for name, run in GOLDEN.items():
            new[name] = digest_of(run(Path(folder) / name))
            changed = "unchanged" if old.get(name) == new[name] else f"was {old.get(name, 'not pinned')}"
            sys.stdout.write(f"{name}: {new[name]} ({changed})\n")
    write_pins(new)
    if new != old:
        sys.stdout.write("decisions have changed: say why in docs/CHANGELOG.md, in the same commit\n")


if __name__ == "__main__":
    main()
