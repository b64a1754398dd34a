"""`logs/index.db`: runs, decisions, orders, fills (the blotter), equity, epochs and parity as SQLite tables.

A projection: the streams on disk are the truth, and deleting the file loses nothing that `Index.rebuild` and another
`compare` do not bring back.
"""

from __future__ import annotations

from daemon.index.index_file import Index, Parity, ReadRun, Rebuilt

__all__ = ["Index", "Parity", "ReadRun", "Rebuilt"]
