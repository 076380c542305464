"""`jiuwu circuit`: what it shows is what the functions go by, and its word reaches them."""

import json
import re
import time
from collections.abc import Callable
from typing import Any

import pytest

from jiuwu.platform.profile import load
from jiuwu.throttling import lane as lanes
from jiuwu.throttling.lane import Lane, LeaseRequest, OutcomeCounts
from jiuwu.throttling.limiter import Lanes
from jiuwu.throttling.platform_lanes import lane_rules
from jiuwu.throttling.repository import LaneTable
from jiuwu_cli.deployment.lanes import is_forced_open
from jiuwu_cli.deployment.stack import Stack
from tests.cli.conftest import Jiuwu, complaint
from tests.cli.deployed_stack import deploy, fresh

RULES = lane_rules(load())


@pytest.fixture(scope="module")
def deployed(aws: Callable[[str], Any], cloud: object) -> Stack:
    return deploy(aws)


@pytest.fixture
def table(deployed: Stack, make_table: Callable[[str], str]) -> LaneTable:
    fresh(deployed, make_table, "LimitsTable")
    return LaneTable(deployed.client("dynamodb"), deployed.output("LimitsTable"))


@pytest.fixture
def circuit(jiuwu: Jiuwu, deployed: Stack, table: LaneTable, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """circuit("show") runs the command on that stack."""
    monkeypatch.setattr("jiuwu_cli.deployment.stack.find", lambda name: {"the-stack": deployed}[name])
    return lambda *arguments, **how: jiuwu("circuit", *arguments, "--stack", "the-stack", **how)


def shown(circuit: Callable[..., Any]) -> dict[str, dict[str, str]]:
    result = circuit("show", "--json")
    assert 0 == result.exit_code, result.output
    found: dict[str, dict[str, str]] = json.loads(result.stdout)
    return found


def refused(table: LaneTable, lane: str, *, fallback: bool = False) -> str:
    """The answer to a function that starts now."""
    return Lanes(table, RULES, on_event=lambda *_: None).acquire(lane, max_wait_seconds=0.0, fallback=fallback).refused


@pytest.mark.parametrize("command", ["show", "open", "close", "reset"])
def test_every_command_explains_itself_with_an_example(jiuwu: Jiuwu, command: str) -> None:
    result = jiuwu("circuit", command, "--help")

    assert 0 == result.exit_code
    assert f"jiuwu circuit {command}" in result.stdout.split("Example", 1)[1]


def test_a_lane_that_nobody_used_is_closed(circuit: Callable[..., Any]) -> None:
    assert {lane: {"primary": "closed", "fallback": "closed"} for lane in RULES} == shown(circuit)


def test_failures_an_open_circuit_and_a_pause_are_shown(circuit: Callable[..., Any], table: LaneTable) -> None:
    def report(name: str, failures: int) -> None:
        ask = LeaseRequest(1, primary_outcomes=OutcomeCounts(30, failures))
        table.change(name, lambda lane: lanes.lease(lane, ask, time.time(), RULES[name])[0])

    report("money", 30)
    report("reading", 3)
    table.change("products", lambda lane: lanes.paused(lane, time.time(), 50.0))

    states = shown(circuit)
    assert states["money"]["primary"].startswith("open until ")
    assert "closed (3 of the last 30 calls failed)" == states["reading"]["primary"]
    assert states["products"]["paused"].startswith("by the platform until ")
    assert states["money"]["primary"].endswith(" UTC")
    assert re.search(r"^money +primary: open until \d{4}-.* \+08:00  ", circuit("show").stdout, re.MULTILINE)


def test_open_stops_the_functions_and_auto_lets_them_go(circuit: Callable[..., Any], table: LaneTable) -> None:
    assert 0 == circuit("open", "--all", "--yes").exit_code
    assert {"circuit"} == {refused(table, lane, fallback=True) for lane in RULES}
    assert "open by an operator" == shown(circuit)["login"]["primary"]
    assert 0 == circuit("reset").exit_code

    assert {""} == {refused(table, lane) for lane in RULES}


def test_one_lane_and_one_address_can_be_stopped(circuit: Callable[..., Any], table: LaneTable) -> None:
    assert 0 == circuit("open", "--lane", "products", "--address", "primary", "--yes").exit_code

    assert ("circuit", "") == (refused(table, "products"), refused(table, "products", fallback=True))
    assert "" == refused(table, "money")


@pytest.mark.parametrize(
    ("chosen", "asks"),
    [
        (("--lane", "money"), "Block the calls of the lane money in "),
        (("--all",), "Block the calls of every lane, including money, in "),
    ],
)
def test_calls_are_held_back_only_when_a_person_says_yes(
    circuit: Callable[..., Any], table: LaneTable, terminal: None, chosen: tuple[str, ...], asks: str
) -> None:
    declined = circuit("open", *chosen, stdin="n\n")
    assert (130, True, "") == (declined.exit_code, asks in declined.stderr, refused(table, "money"))

    assert (0, "circuit") == (circuit("open", *chosen, stdin="y\n").exit_code, refused(table, "money"))


@pytest.mark.parametrize("stdin", ["", "y\n"])
def test_without_a_terminal_calls_are_held_back_only_by_yes(
    circuit: Callable[..., Any], table: LaneTable, stdin: str
) -> None:
    result = circuit("open", "--all", stdin=stdin)

    assert "give --yes" in complaint(result)
    assert (1, "") == (result.exit_code, refused(table, "money"))


def test_close_keeps_it_closed(circuit: Callable[..., Any], table: LaneTable) -> None:
    assert 0 == circuit("close", "--lane", "money").exit_code
    ask = LeaseRequest(1, primary_outcomes=OutcomeCounts(100, 100))
    table.change("money", lambda lane: lanes.lease(lane, ask, time.time(), RULES["money"])[0])

    assert "" == refused(table, "money")
    assert Lane() != table.read("money").lane


def test_an_unknown_lane_is_a_misuse_that_names_those_there_are(circuit: Callable[..., Any]) -> None:
    result = circuit("open", "--lane", "gold")

    assert 2 == result.exit_code
    assert "money, login, reading, products" in complaint(result)


def test_opening_asks_which_lane(circuit: Callable[..., Any]) -> None:
    result = circuit("open")

    assert 2 == result.exit_code
    assert "give --lane NAME, or --all" in complaint(result)


def test_a_lane_is_held_by_an_operator_from_open_until_auto(
    circuit: Callable[..., Any], deployed: Stack, table: LaneTable
) -> None:
    seen = []
    for word in (("open", "--lane", "products", "--yes"), ("reset", "--lane", "products")):
        circuit(*word)
        seen.append([is_forced_open(deployed, lane) for lane in ("products", "money")])

    assert [[True, False], [False, False]] == seen
