"""What fails permanently in the whole sandbox becomes a dead letter, and the commands find it there."""

import json
import time
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from typer.testing import CliRunner

from jiuwu.orders.ids import order_no_for
from jiuwu_cli.main import app
from sandbox.demo.audit import SandboxAudit
from sandbox.environment import Sandbox

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("sandbox"), pytest.mark.timeout(300, func_only=True)]

type Jiuwu = Callable[..., str]


@pytest.fixture
def jiuwu(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Jiuwu:
    """jiuwu("dead-letters", "list") is what the command prints for the running sandbox."""
    monkeypatch.chdir(sandbox.state_file.parents[1])

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200", "TERM": "dumb"})
        assert 0 == result.exit_code, result.output
        return result.stdout

    return run


def dead_letters(jiuwu: Jiuwu, *, of: Callable[[dict[str, Any]], bool]) -> Sequence[dict[str, Any]]:
    """Return the dead letters that match, once there is one."""
    deadline = time.monotonic() + 60
    while not (found := [one for one in json.loads(jiuwu("dead-letters", "list", "--all", "--json")) if of(one)]):
        assert time.monotonic() < deadline, "no such dead letter within a minute"
        time.sleep(0.5)
    return found


def test_signed_garbage_is_acknowledged_kept_and_shown(jiuwu: Jiuwu, sandbox: Sandbox) -> None:
    jiuwu("trigger", "order.paid", "--body", "no envelope \x01")

    (dead_letter,) = dead_letters(jiuwu, of=lambda one: one["source"] == "WebhookIntake")

    assert ("quarantined", "body_not_json") == (dead_letter["kind"], dead_letter["reason"].split(":")[0])
    shown = jiuwu("dead-letters", "show", dead_letter["dead_letter_id"])
    assert "no envelope \\x01" in shown
    assert "X-Jiuwu-Nonce: " in shown
    dead = SandboxAudit(sandbox).dead_letters()
    assert (1, 0) == (dead["dead letters, quarantined"], dead["QuarantineQueue"])


def test_a_payment_of_an_order_that_nobody_knows_dies_again_when_it_is_sent_again(jiuwu: Jiuwu) -> None:
    number = order_no_for("mb_nobody", "dead letters")
    jiuwu("trigger", "order.paid", "--order", number)
    (dead_letter,) = dead_letters(jiuwu, of=lambda one: one.get("order_no") == number)
    assert ("poison", "OrderQueue", 1) == (dead_letter["kind"], dead_letter["source"], dead_letter["attempts"])

    jiuwu("dead-letters", "redrive", dead_letter["dead_letter_id"], "--yes")

    (again,) = dead_letters(jiuwu, of=lambda one: one.get("order_no") == number and one["failures"] == 2)
    assert (dead_letter["dead_letter_id"], "failed again") == (again["dead_letter_id"], again["state"])
    assert again["redriven_as"] == again["delivery_id"]
    timeline = jiuwu("order", number)
    assert f"{dead_letter['dead_letter_id']} poison, failed again" in timeline
    assert f"redriven_from {dead_letter['dead_letter_id']}" in timeline
