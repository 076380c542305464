"""At whatever crash point of whatever scenario a process crashes, every promise holds at rest."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.proof.crash_points.enumeration import each_crash_point, run_scenario, second_crash_points
from tests.proof.crash_points.report import BEGIN, END, table
from tests.proof.crash_points.scenarios import SCENARIOS, Scenario

_MONEY_PATH = ("WebhookIntake", "OrderProcessor", "EffectDispatcher")
_NAMES = [scenario.name for scenario in SCENARIOS]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=_NAMES)
def test_without_a_crash_every_promise_holds(scenario: Scenario) -> None:
    run = run_scenario(scenario)

    assert () == run.problems
    assert run.calls


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=_NAMES)
def test_every_promise_holds_at_each_crash_point(scenario: Scenario) -> None:
    plain = run_scenario(scenario)
    calls = {call.number: call for call in plain.calls}
    for point in each_crash_point(plain.calls):
        run = run_scenario(scenario, [point])
        where = f"crashes {point.phase} {calls[point.number]}"

        assert () == run.problems, where
        # a call to a platform that is down, or a write that its condition refuses, has no "after"
        assert run.crashed or (point.phase == "after" and point.number not in plain.effective), where


@pytest.mark.proof
@pytest.mark.timeout(1200)
def test_every_promise_holds_at_each_pair_of_crash_points_of_a_payment() -> None:
    payment = next(scenario for scenario in SCENARIOS if scenario.name == "new payment")
    longer = replace(payment, seconds=500)  # until the queues have redelivered what the first crash left
    walked = 0
    for first in each_crash_point(run_scenario(payment).calls):
        for crash_points in second_crash_points(first, run_scenario(longer, [first]).calls, _MONEY_PATH):
            run = run_scenario(longer, crash_points)
            walked += 1
            assert (2, ()) == (len(run.crashed), run.problems), crash_points

    assert walked > 100


@pytest.mark.proof
def test_the_documented_numbers_of_crash_points_are_those_of_this_code(project: Path) -> None:
    text = (project / "docs" / "proof.md").read_text("utf-8")

    assert table() == text.partition(BEGIN)[2].partition(END)[0].strip()
