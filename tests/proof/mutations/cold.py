"""Tests run against a change in a process that has loaded nothing of ours yet."""

from collections import defaultdict
from collections.abc import Iterable
from functools import partial

import pytest

from .mutation import ROOT, Mutation
from .processes import forked, load_changed, quiet

# Whatever the configuration says: no cache, no fixed order of workers; Hypothesis draws as in CI.
_LOADED_BEFORE = "ignore::pytest.PytestAssertRewriteWarning"
OPTIONS = ("-q", "-W", _LOADED_BEFORE, "-p", "no:cacheprovider", "-o", "timeout=100", f"--rootdir={ROOT}")


class _Ends:
    """How each test ended, by node id without parameters: "" or the first words of its failure."""

    def __init__(self) -> None:
        self.ends: dict[str, set[str]] = defaultdict(set)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the failure of each phase, and that the call passed."""
        if report.when == "call" or not report.passed:
            crash = getattr(report.longrepr, "reprcrash", None)
            end = "" if report.passed else getattr(crash, "message", "") or str(report.longrepr)[-200:] or "no reason"
            self.ends[report.nodeid.partition("[")[0]].add(end)


def _run(mutation: Mutation | None, tests: Iterable[str], more: tuple[str, ...]) -> dict[str, set[str]]:
    quiet()
    if mutation:
        path = ROOT / mutation.path
        load_changed(path, compile(mutation.tree(), str(path), "exec"))
    ends = _Ends()
    code = pytest.main([*OPTIONS, *more, *tests], plugins=[ends])
    if code and not ends.ends:  # tests that cannot even be loaded notice a change as well
        ends.ends[""].add(f"the tests cannot be loaded, {pytest.ExitCode(code)!r}")
    return dict(ends.ends)


def run(
    mutation: Mutation | None, tests: Iterable[str], *more: str, cpu_seconds: int = 60
) -> dict[str, set[str]] | None:
    """Return how the tests ended; None when they came to no end."""
    return forked(partial(_run, mutation, list(tests), more), cpu_seconds=cpu_seconds)
