"""Market facts out of history files: bars and trades from CSV, gzipped CSV and Parquet."""

from replay.history.description import FileDescription, describe
from replay.history.sequence import Gap, Gaps
from replay.history.settings import HistoryFile
from replay.history.source import HistorySource

__all__ = ["FileDescription", "Gap", "Gaps", "HistoryFile", "HistorySource", "describe"]
