"""Mutations chosen by hand, because the safeguard that each removes looks after more than its own module."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from . import cold
from .mutation import Mutation, StaleAddress

# How a test that notices ends. Anything else (an import that fails, a name that is missing, a timeout) shows that the
# change was clumsy, and not that the test looks after the safeguard.
_ASSERTION = ("assert", "AssertionError", "Failed: DID NOT RAISE")


@dataclass(frozen=True, slots=True)
class Chosen:
    """`killed_by` are the node ids of tests that must each fail then; `promise` is the number of the promise in
    docs/proof.md. `ends_in` is how a killing test may end besides an assertion: the error that the change leads to."""

    name: str
    promise: int
    mutation: Mutation
    killed_by: tuple[str, ...]
    ends_in: str = ""


def _read(file: Path) -> Iterable[Chosen]:
    for row in tomllib.loads(file.read_text("utf-8"))["mutation"]:
        parts = {name: row[name] for name in ("path", "scope", "old", "new", "number") if name in row}
        yield Chosen(row["name"], row["promise"], Mutation(**parts), tuple(row["killed_by"]), row.get("ends_in", ""))


CHOSEN = tuple(one for file in sorted(Path(__file__).with_name("safeguards").glob("*.toml")) for one in _read(file))


def problem(chosen: Chosen) -> str:
    """Why the mutation is not killed by each of its tests; empty when it is."""
    try:
        chosen.mutation.tree()
    except StaleAddress as stale:
        return str(stale)
    ends = cold.run(chosen.mutation, chosen.killed_by)
    if ends is None:
        return "the tests came to no end"
    return "; ".join(filter(None, map(partial(_survived, chosen, ends), chosen.killed_by)))


def _survived(chosen: Chosen, ends: dict[str, set[str]], test: str) -> str:
    found = ends.get(test, {"did not run"})
    expected = (*_ASSERTION, chosen.ends_in) if chosen.ends_in else _ASSERTION
    if any(end.startswith(expected) for end in found):
        return ""
    other = sorted(end.splitlines()[0][:120] for end in found if end)
    return f"{test}: {'fails for another reason: ' + other[0] if other else 'passes all the same'}"


def failing(chosen: Iterable[Chosen]) -> list[str]:
    """The killing tests that do not pass while nothing is changed: nothing is shown by those."""
    tests = sorted({test for one in chosen for test in one.killed_by})
    ends = cold.run(None, tests, cpu_seconds=600) or {}
    return [test for test in tests if ends.get(test) != {""}]
