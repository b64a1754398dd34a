"""What stands between a client and the sandbox's accounts: keys, signatures, limits, streams, trouble on purpose.

Nothing here does I/O or reads a clock: requests and frames come in with their time, answers and frames go out. The
server carries them over sockets; a simulation hands them over itself.
"""
