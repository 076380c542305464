"""Every place to die of a scenario, one after the other."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tests.crash.promises import broken
from tests.crash.scenarios import HOUR, Scenario
from tests.crash.stage import Call, CrashPoint, Stage, stage


@dataclass(frozen=True, slots=True)
class Lived:
    """One run of a scenario: the calls while deaths could come, the numbers of those that took effect, who died, and
    what does not hold at the end."""

    calls: tuple[Call, ...]
    effective: frozenset[int]
    died: tuple[Call, ...]
    problems: tuple[str, ...]


def live(scenario: Scenario, deaths: Sequence[CrashPoint] = ()) -> Lived:
    """The scenario with these deaths, and then time enough for everything to come to rest."""
    with stage(off=scenario.off, deaths=deaths, start=scenario.start) as found:
        scenario.prepare(found)
        found.watching = True
        scenario.act(found)
        found.pass_by(scenario.seconds)
        found.watching = False
        found.pass_by(scenario.hours * HOUR)
        problems = tuple(_problems(scenario, found))
        calls = tuple(call for call in found.watched if call.function not in scenario.idle)
        return Lived(calls, frozenset(found.effective), tuple(found.died), problems)


def _problems(scenario: Scenario, found: Stage) -> Iterator[str]:
    yield from broken(found, given_up=scenario.given_up)
    if scenario.ends and (status := found.order.status) is not scenario.ends:
        yield f"ends {status} instead of {scenario.ends}"
    if problem := scenario.also(found):
        yield problem
    if found.order_no:
        paid, back = (sum(entry.fen for entry in entries) for entries in (found.order.payments, found.order.refunds))
        wanted = paid if scenario.back_fen is None else scenario.back_fen
        if -back != wanted:
            yield f"{-back} fen went back of {paid}, instead of {wanted}"


def each_death(calls: Sequence[Call]) -> Iterator[CrashPoint]:
    """Before each call, and after it."""
    for call in calls:
        yield CrashPoint(call.number, "before")
        yield CrashPoint(call.number, "after")


def second_deaths(
    first: CrashPoint, calls: Sequence[Call], functions: Sequence[str]
) -> Iterator[tuple[CrashPoint, CrashPoint]]:
    """The first death together with each one that may follow it, among these functions."""
    for call in calls:
        if call.number > first.number and call.function in functions:
            yield first, CrashPoint(call.number, "before")
            yield first, CrashPoint(call.number, "after")


def by_function(calls: Sequence[Call]) -> dict[str, int]:
    """How many calls each function makes, in the sequence in which they come to work."""
    return dict(Counter(call.function for call in calls))
