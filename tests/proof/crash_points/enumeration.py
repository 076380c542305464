"""Run a scenario with crashes, and enumerate its crash points."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.proof.crash_points.scenarios import HOUR, Scenario
from tests.proof.promises import broken
from tests.proof.stage import Call, CrashPoint, Stage, stage


@dataclass(frozen=True, slots=True)
class ScenarioRun:
    """One run of a scenario: the calls it made while crashes could happen, the numbers of those that took effect, the
    calls at which a process crashed, and the promises broken at rest."""

    calls: tuple[Call, ...]
    effective: frozenset[int]
    crashed: tuple[Call, ...]
    problems: tuple[str, ...]


def run_scenario(scenario: Scenario, crash_points: Sequence[CrashPoint] = ()) -> ScenarioRun:
    """Run the scenario with these crashes, then wait until everything has come to rest."""
    with stage(off=scenario.off, crash_points=crash_points, start=scenario.start) as found:
        scenario.prepare(found)
        found.watching = True
        scenario.act(found)
        found.advance(scenario.seconds)
        found.watching = False
        found.advance(scenario.hours * HOUR)
        problems = tuple(_problems(scenario, found))
        calls = tuple(call for call in found.watched if call.function not in scenario.idle)
        return ScenarioRun(calls, frozenset(found.effective), tuple(found.crashed), problems)


def _problems(scenario: Scenario, found: Stage) -> Iterator[str]:
    yield from broken(found, failed_permanently=scenario.failed_permanently)
    if scenario.ends and (status := found.order.status) is not scenario.ends:
        yield f"ends {status} instead of {scenario.ends}"
    if problem := scenario.also(found):
        yield problem
    if found.order_no:
        paid, back = (sum(entry.fen for entry in entries) for entries in (found.order.payments, found.order.refunds))
        wanted = paid if scenario.back_fen is None else scenario.back_fen
        if -back != wanted:
            yield f"{-back} fen went back of {paid}, instead of {wanted}"


def each_crash_point(calls: Sequence[Call]) -> Iterator[CrashPoint]:
    """Yield the points before and after each call."""
    for call in calls:
        yield CrashPoint(call.number, "before")
        yield CrashPoint(call.number, "after")


def second_crash_points(
    first: CrashPoint, calls: Sequence[Call], functions: Sequence[str]
) -> Iterator[tuple[CrashPoint, CrashPoint]]:
    """Yield the first crash together with each one that can follow it in these functions."""
    for call in calls:
        if call.number > first.number and call.function in functions:
            yield first, CrashPoint(call.number, "before")
            yield first, CrashPoint(call.number, "after")


def calls_by_function(calls: Sequence[Call]) -> dict[str, int]:
    """Return the number of calls of each function, in the order in which the functions first run."""
    return dict(Counter(call.function for call in calls))
