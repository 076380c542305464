"""Wherever a process dies, and whatever scenario it dies in: in the end every promise holds."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.crash.enumeration import each_death, live, second_deaths
from tests.crash.report import BEGIN, END, table
from tests.crash.scenarios import SCENARIOS, Scenario

_MONEY_PATH = ("WebhookIntake", "OrderProcessor", "EffectDispatcher")
_NAMES = [scenario.name for scenario in SCENARIOS]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=_NAMES)
def test_when_nobody_dies_every_promise_holds(scenario: Scenario) -> None:
    lived = live(scenario)

    assert () == lived.problems
    assert lived.calls


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=_NAMES)
def test_every_promise_holds_wherever_a_process_dies(scenario: Scenario) -> None:
    plain = live(scenario)
    calls = {call.number: call for call in plain.calls}
    for death in each_death(plain.calls):
        lived = live(scenario, [death])
        where = f"dies {death.phase} {calls[death.number]}"

        assert () == lived.problems, where
        # a call to a platform that is down, or a write that its condition refuses, has no "after"
        assert lived.died or (death.phase == "after" and death.number not in plain.effective), where


@pytest.mark.proof
@pytest.mark.timeout(1200)
def test_every_promise_holds_wherever_two_processes_die_over_a_payment() -> None:
    payment = next(scenario for scenario in SCENARIOS if scenario.name == "new payment")
    longer = replace(payment, seconds=500)  # until the queues have handed out again what the first death left
    walked = 0
    for first in each_death(live(payment).calls):
        for deaths in second_deaths(first, live(longer, [first]).calls, _MONEY_PATH):
            lived = live(longer, deaths)
            walked += 1
            assert (2, ()) == (len(lived.died), lived.problems), deaths

    assert walked > 100


@pytest.mark.proof
def test_the_documented_numbers_of_places_to_die_are_those_of_this_code(project: Path) -> None:
    text = (project / "docs" / "proof.md").read_text("utf-8")

    written = table()
    total = int(written.rpartition("| **")[2].removesuffix("** |"))

    assert written == text.partition(BEGIN)[2].partition(END)[0].strip()
    assert ["README.md", "README.zh-CN.md"] == [
        page for page in ("README.md", "README.zh-CN.md") if f" {total:,} " in (project / page).read_text("utf-8")
    ]
