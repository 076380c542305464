"""Run a Python module as a child that cannot outlive its parent: `python child_guard.py MODULE [ARGUMENT…]`.

The parent holds the other end of standard input. When the parent ends, by Ctrl-C, an error or kill -9, the pipe closes
and this process kills its whole group. Uses only the standard library, because it runs in the environments of other
tools.
"""

import os
import runpy
import signal
import sys
import threading


def _hold() -> None:
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    threading.Thread(target=_hold, daemon=True).start()
    del sys.argv[0]
    sys.path.insert(0, os.getcwd())  # as python -m does
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
