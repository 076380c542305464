"""The branch coverage that `make test` prints: which ways a jump went, of every jump of the sources."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests import branch_coverage
from tests.branch_coverage import Jump, Recorder, jumps, render

SOURCE = """
def sign(number):
    if number < 0:
        return "-"
    return "+" if number else ""

def close(things):
    for thing in things:
        with thing:
            try:
                thing.close()
            except OSError:
                pass
"""
RUN = """
import sys
sys.path[:0] = [{root!r}, {folder!r}]
from tests import branch_coverage as c
c._PREFIXES = ({folder!r},)
recorder = c.Recorder()
recorder.start()
from toy import sign
for number in {numbers}:
    sign(number)
recorder.stop()
for jump, ways in recorder.dumped():
    print(jump[2], len(ways))
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "toy.py"
    path.write_text(SOURCE, "utf-8")
    monkeypatch.setattr(branch_coverage, "ROOT", tmp_path)
    return path


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [([-1], "sign 1"), ([-1, 1], "sign 2\nsign 1"), ([-1, 1, 0], "sign 2\nsign 2"), ([0] * 1000, "sign 1\nsign 1")],
)
def test_each_way_of_a_jump_is_recorded(toy: Path, project: Path, numbers: list[int], expected: str) -> None:
    code = RUN.format(root=str(project), folder=str(toy.parent), numbers=numbers)

    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert expected == ended.stdout.strip()


def test_every_decision_is_a_jump_and_what_handles_unexpected_exceptions_is_none(toy: Path) -> None:
    assert [("sign", 3), ("sign", 5), ("close", 8)] == [(jump.function, line) for jump, line in jumps(toy).items()]


def test_records_of_several_processes_are_merged() -> None:
    jump, recorder = Jump("a.py", 1, "f", 2), Recorder()
    recorder.merge([(tuple(jump), [4])])
    recorder.merge([(tuple(jump), [6])])

    assert {jump: {4, 6}} == recorder.ways


def test_what_went_one_way_only_is_listed(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(branch_coverage, "SOURCES", (".",))
    first, second, third = jumps(toy)

    summary, missing = render({first: {1, 2}, second: {3}})

    assert summary.endswith("50.0% (3 of 6)")
    assert ["toy.py:5 sign always one way", "toy.py:8 close never reached"] == missing
    assert third.function == "close"
