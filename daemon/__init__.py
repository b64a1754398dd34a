"""The Lockstep process and, below it in `daemon.core`, the pure engine."""

__version__ = "0.1.0"
