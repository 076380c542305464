"""The long run: every promise is kept with the reconciler, not without it, and one seed gives one run."""

import json
import re
from pathlib import Path

import pytest

from sandbox.demo.scenario import Fate
from sandbox.invariants.checks import violations
from sandbox.simulation import report
from sandbox.simulation.__main__ import main
from sandbox.simulation.faults import KINDS
from sandbox.simulation.plot import Line, svg
from sandbox.simulation.run import ChaosOutcome, Plan, play
from sandbox.simulation.workload import SimulatedFate

ALL = frozenset(KINDS)
OFF = frozenset({"Reconciler"})


def run(orders: int, seed: int = 1, faults: frozenset[str] = ALL, off: frozenset[str] = frozenset()) -> ChaosOutcome:
    return play(Plan(seed, orders, faults, off), lambda *_: None)


@pytest.fixture(scope="module")
def five_hundred() -> ChaosOutcome:
    return run(500)


def test_five_hundred_orders_keep_every_promise(five_hundred: ChaosOutcome) -> None:
    assert [] == violations(five_hundred.facts)
    played = {*SimulatedFate, Fate.PAY_TWICE, Fate.PAY_PART, Fate.LEAVE}
    assert played <= five_hundred.fates.keys()
    assert 0 == five_hundred.curve[-1][2]


def test_the_days_statement_agrees(five_hundred: ChaosOutcome) -> None:
    assert five_hundred.statement["complete"]
    assert 0 == five_hundred.statement["orders_differing"]
    # an order that was cancelled before the platform heard of it is ours alone
    assert len(five_hundred.facts.remote) == five_hundred.statement["total"]["there"]["orders"] >= 495


def test_every_fault_was_injected(five_hundred: ChaosOutcome) -> None:
    injected = " ".join(five_hundred.faults)
    for fault in (
        "crashed before",
        "crashed after",
        "lost",
        "dynamodb throttled",
        "message repeated",
        "others ran meanwhile",
    ):
        assert fault in injected
    kinds = {name.split(",")[0] for name in five_hundred.notifications}
    assert {"duplicate", "simultaneous", "reordered", "delayed", "dropped", "forged_secret"} <= kinds


def test_the_same_seed_gives_the_same_run() -> None:
    one, again, other = run(60, seed=7), run(60, seed=7), run(60, seed=8)

    assert one.curve == again.curve
    assert (one.calls, one.units, one.faults) == (again.calls, again.units, again.faults)
    assert one.notifications != other.notifications


def test_without_the_reconciler_the_two_sides_drift_apart() -> None:
    outcome = run(200, off=OFF)

    assert any("placed here, paid there" in one.evidence for one in violations(outcome.facts))
    assert outcome.curve[-1][2] > 0


def test_without_faults_nothing_has_to_be_repaired() -> None:
    outcome = run(60, faults=frozenset())

    assert [] == violations(outcome.facts)
    assert not outcome.faults
    assert not outcome.failures
    assert not any("missed_notification" in name for name in outcome.metrics)


@pytest.mark.parametrize(("reconciler", "code"), [("on", 0), ("off", 1)])
def test_the_command_says_what_it_found(
    reconciler: str, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr("sandbox.simulation.__main__.SANDBOX", tmp_path / ".sandbox")
    monkeypatch.setenv("N", "150")
    monkeypatch.setenv("RECONCILER", reconciler)

    assert code == main()
    found = json.loads((tmp_path / ".sandbox" / "chaos.json").read_text())
    assert "broken" == found["without the reconciler"]["verdict"]
    assert "VERDICT" in capsys.readouterr().out
    drawing = (tmp_path / ".sandbox" / "chaos.svg").read_text()
    assert len(found) == len(re.findall("<polyline", drawing))


def test_alone_without_the_reconciler_a_run_that_breaks_nothing_ends_well(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("sandbox.simulation.__main__.SANDBOX", tmp_path / ".sandbox")
    for name, value in {"N": "1", "FAULTS": "none", "RECONCILER": "off", "SEED": "1"}.items():
        monkeypatch.setenv(name, value)

    assert 0 == main()


@pytest.mark.parametrize(("name", "value"), [("N", "-1"), ("SEED", "x"), ("FAULTS", "weather")])
def test_a_wrong_setting_is_named(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SystemExit, match=name):
        main()


def test_the_report_has_what_an_order_costs(five_hundred: ChaosOutcome) -> None:
    summary = report.summarize(five_hundred, seconds=2.0)

    assert 250 == summary["orders per second"]
    assert {"dynamodb requests", "sqs requests", "platform requests", "read units", "write units"} <= summary[
        "per order"
    ].keys()
    assert summary["requests"]["calls"]["dynamodb"]["batch_execute_statement"] > 500
    json.dumps(summary)


def test_a_line_ends_where_its_last_point_is() -> None:
    drawing = svg("t", [Line("a", [(0, 0), (8, 4)]), Line("b", [(0, 4)])], x_label="x", y_label="y")

    assert 'points="70.0,400.0 840.0,60.0"' in drawing
    assert ">b</text>" in drawing


@pytest.mark.proof
@pytest.mark.timeout(600)
@pytest.mark.parametrize("seed", range(2, 5))
def test_other_seeds_keep_every_promise_too(seed: int) -> None:
    assert [] == violations(run(800, seed=seed).facts)
