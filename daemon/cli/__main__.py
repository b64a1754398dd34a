"""`python -m daemon.cli` is the same as `lockstep`."""

from daemon.cli import main

if __name__ == "__main__":
    main()
