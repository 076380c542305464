"""Every mutant of the pure modules by the generic operators, and those that are known to change nothing."""

import ast
import tomllib
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path

from . import cold
from .mutation import ROOT, Mutation
from .operators import Mutant, mutants
from .processes import forked, shared
from .pure import PURE
from .verdict import Verdict

# One warm process and all its children; hours of a slow machine.
_CPU_SECONDS = 36_000
# Of a change outside of functions these many tests are asked, in a process that loads everything anew.
_MAX_TESTS = 300


def equivalents() -> dict[Mutation, str]:
    """Return the mutations that change nothing that a test could see, each with the reason."""
    rows = tomllib.loads(Path(__file__).with_name("equivalent.toml").read_text("utf-8"))
    found = {}
    for path, scopes in rows.items():
        for scope, entries in scopes.items():
            for old, new, reason, *number in entries:
                found[Mutation(path, scope, old, new, *number)] = reason
    return found


def trees(paths: Iterable[str] = PURE) -> dict[str, ast.Module]:
    """Return the parsed modules by path."""
    return {path: ast.parse((ROOT / path).read_text("utf-8")) for path in paths}


def every(parsed: dict[str, ast.Module]) -> list[Mutant]:
    """Return every mutant of these modules."""
    return [mutant for path, tree in parsed.items() for mutant in mutants(path, tree)]


def survivors(
    chosen: Sequence[Mutant], parsed: dict[str, ast.Module], *, processes: int, deadline: float
) -> tuple[list[Mutation], int]:
    """Return the mutations that no test kills, and how many were tried until the deadline (monotonic seconds)."""
    verdicts = forked(partial(_warm, chosen, parsed, processes, deadline), cpu_seconds=_CPU_SECONDS)
    if not verdicts:
        raise RuntimeError("the tests could not be collected, or none of them comes to a pure module")
    tried = [verdict for verdict in verdicts if verdict.tried]
    again = [(chosen[verdict.mutant].mutation, verdict.tests) for verdict in tried if not verdict.killed]
    alive: list[Mutation] = []
    shared(again, _survives, processes, lambda job, survived: alive.append(job[0]) if survived else None)
    return alive, len(tried)


def _warm(chosen: Sequence[Mutant], parsed: dict[str, ast.Module], processes: int, deadline: float) -> list[Verdict]:
    from . import warm  # it loads the code that is changed

    found: list[Verdict] = []
    warm.collect(warm.Warm(chosen, parsed, processes, deadline, found.append))
    return found


def _survives(job: tuple[Mutation, tuple[str, ...]]) -> bool:
    """In a process that loads the changed code: a warm one may hold what the unchanged code made."""
    mutation, tests = job
    ends = cold.run(mutation, tests[:_MAX_TESTS], "-x", cpu_seconds=120) if tests else {}
    return ends is not None and all(end == {""} for end in ends.values())
