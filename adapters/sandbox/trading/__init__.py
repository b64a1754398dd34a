"""What an account can do at the sandbox: Bybit's private half, without transport."""

from adapters.sandbox.refused import Refused
from adapters.sandbox.trading.spec import AccountSpec, Answer, Note, Push, Result
from adapters.sandbox.trading.venue import TradingVenue

__all__ = ["AccountSpec", "Answer", "Note", "Push", "Refused", "Result", "TradingVenue"]
