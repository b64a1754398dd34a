"""The first tenths of a second of the command."""

from __future__ import annotations

import subprocess
import sys

from daemon import __version__
from daemon.cli.exits import Exit
from daemon.entry import INTERRUPTED

INTERRUPTED_WHILE_LOADING = """
import sys

class Impatient:
    def find_spec(self, name, path, target=None):
        if name == "daemon.cli":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Impatient())
from daemon.entry import main
main()
"""


def test_ctrl_c_while_the_command_is_loaded_shows_no_stack() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED_WHILE_LOADING], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (Exit.INTERRUPTED, "", "")
    assert INTERRUPTED == Exit.INTERRUPTED


def test_loaded_it_is_the_command_line() -> None:
    code = "import sys; sys.argv = ['lockstep', '--version']; from daemon.entry import main; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (Exit.OK, f"lockstep {__version__}\n", "")
