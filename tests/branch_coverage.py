"""Branch coverage of the layer and the functions, as a pytest plugin: `python -m pytest -p tests.branch_coverage`.

Each process records by `sys.monitoring` which ways every conditional jump went, and stops recording a jump that went
both ways, so that measuring costs next to no time. coverage.py cannot measure branches by sys.monitoring before Python
3.14, and its tracer costs half of the tests' time again. What only runs in other processes, such as the sandbox's, is
not seen.
"""

import dis
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import CodeType
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = ("layers/jiuwu/jiuwu", "functions")
REPORT = ROOT / ".sandbox" / "branch-coverage.txt"
_PREFIXES = tuple(f"{ROOT / source}/" for source in SOURCES)
_JUMPS = ("POP_JUMP_IF_", "FOR_ITER")
# Jumps that the compiler adds for exceptions that nobody expects: another type, or a `with` that does not swallow it.
_CLEANUP = frozenset({"CHECK_EXC_MATCH", "WITH_EXCEPT_START"})
_MONITORING = sys.monitoring
_TOOL, _EVENTS = _MONITORING.COVERAGE_ID, _MONITORING.events


class Jump(NamedTuple):
    """A conditional jump: its file, its function's first line and name, its offset in the bytecode."""

    file: str
    first_line: int
    function: str
    offset: int


class Recorder:
    """The ways that jumps went, as offsets in the bytecode: one or two for each jump."""

    def __init__(self) -> None:
        self.ways: dict[Jump, set[int]] = {}

    def start(self) -> None:
        """Record from now on, in this process."""
        _MONITORING.use_tool_id(_TOOL, "branch coverage")
        _MONITORING.register_callback(_TOOL, _EVENTS.PY_START, self._started)
        _MONITORING.register_callback(_TOOL, _EVENTS.BRANCH, self._branched)
        _MONITORING.set_events(_TOOL, _EVENTS.PY_START)

    def stop(self) -> None:
        """Record no more."""
        _MONITORING.set_events(_TOOL, _EVENTS.NO_EVENTS)
        for event in (_EVENTS.PY_START, _EVENTS.BRANCH):
            _MONITORING.register_callback(_TOOL, event, None)
        _MONITORING.free_tool_id(_TOOL)

    def merge(self, ways: Iterable[tuple[tuple[Any, ...], list[int]]]) -> None:
        """Add what another process recorded, as `dumped` gives it."""
        for jump, went in ways:
            self.ways.setdefault(Jump(*jump), set()).update(went)

    def dumped(self) -> list[tuple[tuple[Any, ...], list[int]]]:
        """Return the ways in plain lists and tuples, which xdist can send."""
        return [(tuple(jump), sorted(went)) for jump, went in self.ways.items()]

    def _started(self, code: CodeType, _offset: int) -> object:
        if code.co_filename.startswith(_PREFIXES):
            _MONITORING.set_local_events(_TOOL, code, _EVENTS.BRANCH)
        return _MONITORING.DISABLE

    def _branched(self, code: CodeType, offset: int, destination: int) -> object:
        went = self.ways.setdefault(_jump(code, offset), set())
        went.add(destination)
        return _MONITORING.DISABLE if len(went) > 1 else None


def jumps(path: Path) -> dict[Jump, int]:
    """Return every conditional jump of a source file with its line."""
    text = path.read_text("utf-8")
    lines, found = text.splitlines(), dict[Jump, int]()
    for code in _codes(compile(text, str(path), "exec", dont_inherit=True)):
        for jump, line in _jumps_of(code):
            if "TYPE_CHECKING" not in lines[line - 1]:
                found[jump] = line
    return found


def _codes(code: CodeType) -> Iterator[CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _codes(constant)


def _jumps_of(code: CodeType) -> Iterator[tuple[Jump, int]]:
    before: list[str] = []
    for instruction in dis.get_instructions(code):
        conditional = instruction.opname.startswith(_JUMPS)
        if conditional and instruction.line_number and not _CLEANUP.intersection(before[-2:]):
            yield _jump(code, instruction.offset), instruction.line_number
        before.append(instruction.opname)


def _jump(code: CodeType, offset: int) -> Jump:
    return Jump(code.co_filename, code.co_firstlineno, code.co_qualname, offset)


def render(ways: dict[Jump, set[int]]) -> tuple[str, list[str]]:
    """Return the line that is printed, and a line `file:line function ways` for each jump that went not both ways."""
    files = [path for source in SOURCES for path in sorted((ROOT / source).rglob("*.py"))]
    known = [jump for path in files for jump in jumps(path).items()]
    taken = {jump: min(2, len(ways.get(jump, ()))) for jump, _ in known}
    missing = [
        f"{Path(jump.file).relative_to(ROOT)}:{line} {jump.function} {('never reached', 'always one way')[taken[jump]]}"
        for jump, line in known
        if taken[jump] < 2
    ]
    total, went = 2 * len(known), sum(taken.values())
    return f"branch coverage of {' and '.join(SOURCES)}: {went / total:.1%} ({went:,} of {total:,})", missing


_RECORDER = Recorder()


def pytest_configure(config: pytest.Config) -> None:
    """Record in this process, which may be a worker of xdist."""
    _RECORDER.start()


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any, error: object) -> None:
    """Add what a worker recorded."""
    _RECORDER.merge(getattr(node, "workeroutput", {}).get("branches", ()))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop; a worker of xdist hands its record to the controller."""
    _RECORDER.stop()
    if (output := getattr(session.config, "workeroutput", None)) is not None:
        output["branches"] = _RECORDER.dumped()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the coverage, and write what is not covered into .sandbox."""
    summary, missing = render(_RECORDER.ways)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text("\n".join(missing) + "\n", "utf-8")
    terminalreporter.write_line(f"{summary}; the rest is in {REPORT.relative_to(ROOT)}")
