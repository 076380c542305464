"""A part of the sandbox that ends: whatever fails because of it, fails with its name."""

import sys
import time
from pathlib import Path

import pytest

from sandbox import processes
from sandbox.demo.scenario import run_concurrently
from sandbox.environment import Sandbox
from sandbox.processes import ProcessFailed


def sandbox_of(tmp_path: Path, code: str) -> Sandbox:
    """A sandbox with one part, which runs this code."""
    (tmp_path / "part.py").write_text(code)
    sandbox = Sandbox("parts", report=lambda _: None)
    child = processes.start(sys.executable, "part", log=tmp_path / "log", cwd=tmp_path, name="the shop")
    sandbox._children["shop"] = child
    sandbox._running.callback(child.stop)
    return sandbox


def fail(sandbox: Sandbox, fault: BaseException) -> None:
    """What a `with` statement does when its body fails."""
    sandbox.__exit__(type(fault), fault, None)
    raise fault


def test_what_fails_after_a_part_has_ended_fails_with_its_name(tmp_path: Path) -> None:
    sandbox = sandbox_of(tmp_path, "raise SystemExit('no room')")
    sandbox._children["shop"].process.wait()

    with pytest.raises(ProcessFailed, match=r"^the shop has ended \(status 1: no room\)"):
        fail(sandbox, ConnectionError("refused"))


def test_what_fails_while_all_parts_run_fails_as_it_does(tmp_path: Path) -> None:
    sandbox = sandbox_of(tmp_path, "import time; time.sleep(60)")

    with pytest.raises(ZeroDivisionError):
        fail(sandbox, ZeroDivisionError())
    assert sandbox._children["shop"].process.poll() is not None


def test_ctrl_c_is_no_part_that_has_ended(tmp_path: Path) -> None:
    sandbox = sandbox_of(tmp_path, "raise SystemExit('no room')")
    sandbox._children["shop"].process.wait()

    with pytest.raises(KeyboardInterrupt):
        fail(sandbox, KeyboardInterrupt())


def test_the_demo_waits_for_no_member_once_a_part_has_ended() -> None:
    checks: list[float] = []

    def check() -> None:
        checks.append(time.monotonic())
        if len(checks) == 2:
            raise ProcessFailed("the local AWS has ended", Path("log"))

    began = time.monotonic()
    with pytest.raises(ProcessFailed):
        run_concurrently(lambda _: time.sleep(5), until=lambda n: n >= 99, errors=[], tick=lambda: None, check=check)
    assert time.monotonic() - began < 4
