"""`python -m benchmarks.replaying RUN LOGS` replays a run and prints the peak of its own memory in MB."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

from daemon.app.offline import replay

STATUS = Path("/proc/self/status")
PEAK = re.compile(r"VmHWM:\s+([0-9]+) kB")


def peak_mb() -> float:
    """Peak resident memory of this process.

    Where the system tells it: `ru_maxrss` begins with that of the process which started this one.
    """
    found = PEAK.search(STATUS.read_text(encoding="ascii")) if STATUS.exists() else None
    return int(found[1]) / 1024 if found else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    replay(Path(sys.argv[1]), Path(sys.argv[2]))
    print(peak_mb())
