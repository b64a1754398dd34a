"""Are two runs the same? The comparison of two decision streams, and why they differ where they do."""

from replay.compare.audit import differences
from replay.compare.comparison import compare
from replay.compare.facts import Limits, RunFacts
from replay.compare.result import EXIT_CODES, Cause, Comparison, Difference, Divergence, Mismatch, Verdict

__all__ = [
    "EXIT_CODES",
    "Cause",
    "Comparison",
    "Difference",
    "Divergence",
    "Limits",
    "Mismatch",
    "RunFacts",
    "Verdict",
    "compare",
    "differences",
]
