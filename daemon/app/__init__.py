"""The composition root: the only place that knows concrete parts, and where a mode is chosen.

Each module here is one job of the daemon (shadow, replay, backtest, ...) put together from parts that do not know
each other. The command line calls these and renders what they return.
"""
