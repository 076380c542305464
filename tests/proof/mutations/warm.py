"""Mutants of functions, tried in a process that has loaded the code and collected the tests: the change is exchanged in
the functions themselves, and only the tests run that come to its line."""

import ast
import gc
import signal
import sys
import time
import types
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import Phase, settings

from .cold import OPTIONS
from .mutation import ROOT
from .operators import Mutant
from .processes import forked, quiet, shared
from .verdict import Verdict

# Tests of the rooms, without those that need a local AWS or much time: hundreds of mutants come to the same line.
FOLDERS = (
    *("orders", "reconciliation", "effects", "throttling", "statements", "points", "catalogue", "checkout", "intake"),
    *("platform", "members"),
)
_APART = {"cloud", "sandbox"}
_MAX_SECONDS = 2.0
_TOOL = sys.monitoring.OPTIMIZER_ID

type Tests = dict[str, tuple[float, frozenset[tuple[str, int]]]]


class _TooLong(BaseException):
    """A test takes more time than hundreds of mutants have for it."""


@dataclass
class Warm:
    """Pytest's plugin that runs the tests in its own way: once to learn where they come, and then for each mutant."""

    mutants: Sequence[Mutant]
    trees: Mapping[str, ast.Module]
    processes: int
    deadline: float
    done: Callable[[Verdict], None]
    _items: dict[str, pytest.Item] = field(default_factory=dict)
    _tests: Tests = field(default_factory=dict)
    _functions: dict[str, list[types.FunctionType]] = field(default_factory=dict)

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Take the place of pytest's loop."""
        self._items = {item.nodeid: item for item in session.items if not _APART & set(_fixtures(item))}
        for item in self._items.values():
            _draw_only(item)
        self._functions = _functions({mutant.mutation.path for mutant in self.mutants})
        names = list(self._items)
        parts = [
            names[n * len(names) // self.processes : (n + 1) * len(names) // self.processes]
            for n in range(self.processes)
        ]
        with ThreadPoolExecutor(self.processes) as threads:
            for tests in threads.map(lambda part: forked(partial(self._learn, part), cpu_seconds=900), parts):
                self._tests |= tests or {}
        gc.freeze()
        jobs = range(len(self.mutants))
        shared(jobs, self._judged, self.processes, lambda _, verdict: self.done(verdict) if verdict else None)
        return True

    def _learn(self, names: Sequence[str]) -> Tests:
        quiet()
        tests: Tests = {}
        lines: set[tuple[str, int]] = set()
        paths = {str(ROOT / path): path for path in self._functions}

        def line(code: types.CodeType, number: int) -> None:
            lines.add((code.co_filename, number))

        sys.monitoring.use_tool_id(_TOOL, "mutations")
        sys.monitoring.register_callback(_TOOL, sys.monitoring.events.LINE, line)
        for function in (one for many in self._functions.values() for one in many):
            for code in _codes(function.__code__):
                sys.monitoring.set_local_events(_TOOL, code, sys.monitoring.events.LINE)
        signal.signal(signal.SIGVTALRM, _too_long)
        for name, item, following in _with_next({name: self._items[name] for name in names}):
            lines.clear()
            began = time.process_time()
            signal.setitimer(signal.ITIMER_VIRTUAL, _MAX_SECONDS)
            runtestprotocol(item, log=False, nextitem=following)
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            if (seconds := time.process_time() - began) < _MAX_SECONDS:
                tests[name] = seconds, frozenset((paths[file], number) for file, number in lines)
        return tests

    def _judged(self, number: int) -> Verdict:
        mutant = self.mutants[number]
        tests = self._tests_of(mutant)
        if time.monotonic() > self.deadline:
            return Verdict(number, killed=False, tests=(), tried=False)
        if not tests or not mutant.scope.is_function:
            return Verdict(number, killed=False, tests=tests)
        killed = forked(partial(self._kills, mutant, tests), cpu_seconds=30)
        return Verdict(number, killed=killed is not False, tests=tests, error=killed if isinstance(killed, str) else "")

    def _tests_of(self, mutant: Mutant) -> tuple[str, ...]:
        """Those that come to its lines, the quickest first. Of what stands outside of functions the module's own
        tests, and then those that come into the module."""
        path = mutant.mutation.path
        if mutant.scope.is_function:
            wanted = {(path, line) for line in mutant.lines}
            found = [(seconds, name) for name, (seconds, lines) in self._tests.items() if wanted & lines]
            return tuple(name for _, name in sorted(found))
        own = own_tests(path)
        ranked = [
            (not name.startswith(own), seconds, name)
            for name, (seconds, lines) in self._tests.items()
            if name.startswith(own) or any(path == one for one, _ in lines)
        ]
        return tuple(name for _, _, name in sorted(ranked))

    def _kills(self, mutant: Mutant, tests: Sequence[str]) -> bool | str:
        quiet()
        try:
            mutant.place.put(mutant.node)
            tree, path = self.trees[mutant.mutation.path], str(ROOT / mutant.mutation.path)
            self._exchange(mutant.mutation.path, compile(tree, path, "exec"))
        except Exception as error:  # noqa: BLE001 -- shown as it is
            return f"{type(error).__name__}: {error}"
        chosen = {name: self._items[name] for name in tests}
        for _, item, following in _with_next(chosen):
            if any(report.failed for report in runtestprotocol(item, log=False, nextitem=following)):
                return True
        return False

    def _exchange(self, path: str, module: types.CodeType) -> None:
        new = {(code.co_qualname, code.co_firstlineno): code for code in _codes(module)}
        for function in self._functions[path]:
            code = new.get((function.__code__.co_qualname, function.__code__.co_firstlineno))
            if code and len(code.co_freevars) == len(function.__code__.co_freevars):
                function.__code__ = code


def own_tests(path: str) -> str:
    """Return how the node ids of a module's own tests begin: layers/jiuwu/jiuwu/orders/ids.py has
    tests/orders/test_ids…"""
    room, _, name = path.removeprefix("layers/jiuwu/jiuwu/").removesuffix(".py").rpartition("/")
    return f"tests/{room}/test_{name}"


def _too_long(*_: object) -> None:
    raise _TooLong


def _functions(paths: Iterable[str]) -> dict[str, list[types.FunctionType]]:
    found: dict[str, list[types.FunctionType]] = {path: [] for path in paths}
    files = {str(ROOT / path): path for path in paths}
    for one in gc.get_objects():
        if isinstance(one, types.FunctionType) and one.__code__.co_filename in files:
            found[files[one.__code__.co_filename]].append(one)
    return found


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    yield code
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            yield from _codes(constant)


def _with_next(items: dict[str, pytest.Item]) -> Iterator[tuple[str, pytest.Item, pytest.Item | None]]:
    names = list(items)
    for name, following in zip(names, [*names[1:], None], strict=True):
        yield name, items[name], items[following] if following else None


def _fixtures(item: pytest.Item) -> Sequence[str]:
    return getattr(item, "fixturenames", ())


def _draw_only(item: pytest.Item) -> None:
    """A property test that fails need not look for the smallest input."""
    test = getattr(getattr(item, "obj", None), "__func__", getattr(item, "obj", None))
    if chosen := getattr(test, "_hypothesis_internal_use_settings", None):
        only = settings(chosen, phases=(Phase.explicit, Phase.generate), database=None)
        test._hypothesis_internal_use_settings = only  # type: ignore[union-attr]


def collect(warm: Warm) -> None:
    """Load everything, collect the tests and try the mutants, in this process."""
    folders = [str(ROOT / "tests" / folder) for folder in FOLDERS]
    pytest.main([*OPTIONS, "-s", "--no-summary", *folders], plugins=[warm])
