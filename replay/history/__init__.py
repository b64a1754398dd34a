"""Market facts out of history files (CSV, also gzipped, and Parquet): bars, trades, quotes, mark prices, funding."""

from replay.history.description import FileDescription, describe
from replay.history.sequence import Gap, Gaps
from replay.history.settings import HistoryFile
from replay.history.source import HistorySource

__all__ = ["FileDescription", "Gap", "Gaps", "HistoryFile", "HistorySource", "describe"]
