"""Children of the sandbox: they end on request, and also when their parent is gone."""

import os
import signal
import socket
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


def test_a_child_that_ends_before_it_answers_is_named_on_one_line_with_its_last_words_and_its_log(
    tmp_path: Path,
) -> None:
    (tmp_path / "broken.py").write_text("raise SystemExit('the port is taken')")
    child = processes.start(sys.executable, "broken", log=tmp_path / "log", cwd=tmp_path, name="the shop")

    with pytest.raises(ProcessFailed) as failed:
        child.wait_for("http://127.0.0.1:9/")

    assert f"the shop has ended (status 1: the port is taken); its log is {tmp_path / 'log'}" == str(failed.value)


def test_a_port_in_use_is_the_reason_on_that_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "server.py").write_text(f"import socket; socket.create_server(('127.0.0.1', {port}))")
        child = processes.start(sys.executable, "server", log=tmp_path / "log", cwd=tmp_path)
        with pytest.raises(ProcessFailed, match=r"^server has ended \(status 1: OSError: .*Address already in use"):
            child.wait_for("http://127.0.0.1:9/")


def test_a_child_that_does_not_answer_in_time_is_ended_and_named(tmp_path: Path, sleeper: str) -> None:
    child = processes.start(sys.executable, sleeper, log=tmp_path / "log", cwd=tmp_path)

    with pytest.raises(ProcessFailed, match=r"^sleeper did not come up at http://127.0.0.1:9/ within 0 s; its log is"):
        child.wait_for("http://127.0.0.1:9/", seconds=0.2)

    assert gone(child.pid)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_a_child_whose_log_has_no_room_is_named(tmp_path: Path) -> None:
    (tmp_path / "talker.py").write_text("print('hello', flush=True)")
    child = processes.start(sys.executable, "talker", log=Path("/dev/full"), cwd=tmp_path)

    with pytest.raises(ProcessFailed, match=r"^talker has ended \(status \d+\).*; its log is /dev/full$"):
        child.wait_for("http://127.0.0.1:9/")


def test_a_child_that_was_killed_is_named_with_its_signal(tmp_path: Path, sleeper: str) -> None:
    child = processes.start(sys.executable, sleeper, log=tmp_path / "log", cwd=tmp_path, name="the local AWS")
    child.check()

    os.killpg(child.pid, signal.SIGKILL)
    child.process.wait()

    with pytest.raises(ProcessFailed, match=r"^the local AWS has ended \(killed by SIGKILL\); its log is .*log$"):
        child.check()
    child.stop()


def test_a_log_has_every_character_whatever_the_terminal_lacks(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('茶🍵')"]
    processes.run(command, log=tmp_path / "log", env=os.environ | {"PYTHONIOENCODING": "ascii"}, cwd=tmp_path)

    assert "茶🍵\n" == (tmp_path / "log").read_text("utf-8")


def test_a_failing_command_is_reported_with_the_end_of_its_log(tmp_path: Path) -> None:
    command = [sys.executable, "-c", "print('no such stack'); raise SystemExit(3)"]

    with pytest.raises(ProcessFailed, match=r"status 3; its log is .*log, which ends:\nno such stack"):
        processes.run(command, log=tmp_path / "log", env=os.environ, cwd=tmp_path)


def test_a_command_ends_as_soon_as_a_part_has_ended(tmp_path: Path) -> None:
    def check() -> None:
        raise ProcessFailed("the local AWS has ended", tmp_path / "log")

    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    began = time.monotonic()
    with pytest.raises(ProcessFailed, match="the local AWS has ended"):
        processes.run(command, log=tmp_path / "log", env=os.environ, cwd=tmp_path, check=check)

    assert time.monotonic() - began < 20
