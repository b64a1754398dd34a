"""The pure engine: facts in, decision records out; no clock, no I/O, no chance."""
