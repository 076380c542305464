"""Children of the sandbox: they end when told to, and also when nobody can tell them any more."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sandbox import processes
from sandbox.processes import ProcessFailed

SLEEPER = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
time.sleep(60)
"""


def gone(group: int, *, seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def sleeper(tmp_path: Path) -> str:
    """The name of a module that starts a process of its own and sleeps."""
    (tmp_path / "sleeper.py").write_text(SLEEPER)
    return "sleeper"


def test_a_stopped_child_takes_its_own_children_along(tmp_path: Path, sleeper: str) -> None:
    child = processes.start(sys.executable, sleeper, log=tmp_path / "log", cwd=tmp_path)

    child.stop()

    assert gone(child.pid)


def test_a_child_does_not_outlive_a_parent_that_was_killed(tmp_path: Path, sleeper: str) -> None:
    script = f"""
import sys, time
from pathlib import Path
from sandbox import processes
child = processes.start(sys.executable, {sleeper!r}, log=Path("log"), cwd=Path.cwd())
print(child.pid, flush=True)
time.sleep(60)
"""
    root = str(Path(processes.__file__).parents[1])
    command = [sys.executable, "-c", script]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, cwd=tmp_path, env=os.environ | {"PYTHONPATH": root}
    ) as parent:
        assert parent.stdout
        group = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)

    assert gone(group)


def test_a_child_that_does_not_come_up_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    (tmp_path / "broken.py").write_text("raise SystemExit('the port is taken')")
    child = processes.start(sys.executable, "broken", log=tmp_path / "log", cwd=tmp_path)

    with pytest.raises(ProcessFailed, match=r"did not come up[\s\S]*the port is taken"):
        child.wait_for("http://127.0.0.1:9/")


def test_a_failing_command_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('no such stack'); raise SystemExit(3)"]

    with pytest.raises(ProcessFailed, match=r"status 3[\s\S]*no such stack"):
        processes.run(command, log=tmp_path / "log", env=os.environ, cwd=tmp_path)
