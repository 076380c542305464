"""`jiuwu order`: one order's timeline from the table, the log, the dead letters and the drift reports."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from jiuwu.dead_letters.failed_message import EFFECTS
from jiuwu.dead_letters.repository import DeadLetterRepository
from jiuwu.reconciliation.drift import Drift, Finding, Report
from jiuwu.reconciliation.repository import Records
from jiuwu_cli.deployment.stack import Stack
from tests.cli.conftest import Jiuwu, complaint
from tests.cli.deployed_stack import deploy, fresh
from tests.dead_letters.failed_messages import a_failed_message
from tests.functions.trade_messages import an_order, number
from tests.orders.lives import COMPLETED, NOW, PAID

SHANGHAI = time.strftime("%m-%d %H:%M:%S", time.gmtime(NOW + 8 * 3600))


@pytest.fixture(scope="module")
def deployed(aws: Callable[[str], Any], cloud: object) -> Stack:
    return deploy(aws)


@pytest.fixture
def order_command(
    jiuwu: Jiuwu, deployed: Stack, make_table: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Any]:
    """order_command("JW…") runs the command on that stack."""
    fresh(deployed, make_table, "DeadLettersTable", "OrdersTable", "ReconciliationTable")
    monkeypatch.setattr("jiuwu_cli.deployment.stack.find", lambda name: {"the-stack": deployed}[name])
    return lambda *arguments: jiuwu("order", *arguments, "--stack", "the-stack")


def log(stack: Stack, *lines: dict[str, Any], stream: str = "s") -> None:
    """Lines of the functions; `at` of each is its time in Unix seconds."""
    logs, group = stack.client("logs"), stack.output("Logs")
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    events = [{"timestamp": int(line.pop("at")) * 1000, "message": json.dumps(line)} for line in lines]
    logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def event(at: int, event_id: str, outcome: str, **more: Any) -> dict[str, Any]:
    said = {"message": "order event", "event_type": "order.paid", "event_id": event_id, "order_no": number(0)}
    return {"at": at, "level": "INFO", **said, "outcome": outcome, **more}


def accepted(at: int, event_id: str, delivery_id: str) -> dict[str, Any]:
    """The line of WebhookIntake, which knows no order."""
    said = {"message": "notification", "outcome": "accepted", "event_type": "order.paid", "event_id": event_id}
    return {"at": at, "level": "INFO", **said, "delivery_id": delivery_id}


def logged(paid: str) -> list[dict[str, Any]]:
    """A payment, its duplicate, another order's payment, and a failed attempt at an effect."""
    effect = {"message": "effect", "order_no": number(0), "effect_id": f"{number(0)}:ship"}
    return [
        accepted(NOW + 9, paid, "d-1"),
        accepted(NOW + 9, "evt-9", "d-9"),
        event(NOW + 10, paid, "applied", transition="paid", delivery_id="d-1"),
        event(NOW + 20, "evt-2", "ignored", reason="duplicate_payment", duplicate_of=paid, delivery_id="d-2"),
        event(NOW + 21, "evt-9", "applied", transition="paid") | {"order_no": "JWANOTHER"},
        {"at": NOW + 25, "outcome": "failed", "reason": "InternalFailure", **effect},
    ]


def test_the_timeline_has_everything_in_the_sequence_of_time(
    order_command: Callable[..., Any], deployed: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("jiuwu_cli.orders.log_search._KEPT_SECONDS", 10**10)  # the example's times are long ago
    order = deployed.store.create(an_order(base=PAID))
    paid = order.history[-1].idempotency_key
    log(deployed, *logged(paid))
    shelf = DeadLetterRepository(deployed.client("dynamodb"), deployed.output("DeadLettersTable"))
    body = json.dumps({"order_no": order.order_no})
    dead_letter = shelf.keep(
        a_failed_message(
            body, source=EFFECTS, effect="ship", kind="exhausted", reason="Busy: 32", attempts="32", now=NOW + 30
        )
    )
    finding = Finding(Drift.PLATFORM_BEHIND, order.order_no, "shipped here, paid there")
    records = Records(deployed.client("dynamodb"), deployed.output("ReconciliationTable"))
    records.save_report(
        Report(NOW + 40, 1, (finding, Finding(Drift.AMOUNT_DIFFERS, "JWX", "x"))), now=NOW + 40, part="3#0"
    )

    result = order_command(order.order_no)

    assert 0 == result.exit_code, result.output
    top, _, below = result.stdout.partition("history (times in Asia/Shanghai, +08:00):\n")
    assert f"{order.order_no}  paid, 12.34 yuan" in top
    day, *lines = below.splitlines()
    assert day == time.strftime("  %Y-%m-%d", time.gmtime(NOW + 8 * 3600))
    moments = [line[12:] for line in lines]
    assert f"order         paid by {paid}" in moments
    assert [
        f"notification  order.paid {paid} accepted, answered 200 (delivery d-1)",
        f"event         order.paid evt-2 (delivery d-2) ignored: duplicate_payment, duplicate of {paid} (delivery d-1)",
        "effect        ship failed: InternalFailure",
        f"dead letter   {dead_letter.dead_letter_id} exhausted, waiting: ship, 32 tries: Busy: 32",
        "drift         platform_behind: shipped here, paid there",
    ] == [moment for moment in moments if not moment.startswith("order  ")]
    assert sorted(line[:10] for line in lines) == [line[:10] for line in lines]
    assert "JWX" not in result.stdout
    assert "evt-9" not in result.stdout


def test_the_same_for_programs(order_command: Callable[..., Any], deployed: Stack) -> None:
    order = deployed.store.create(an_order(base=COMPLETED))

    found = json.loads(order_command(order.order_no, "--json").stdout)

    assert (order.order_no, "completed", 1234) == tuple(found["order"][n] for n in ("order_no", "status", "amount_fen"))
    assert [line.kind for line in order.history][-1] in found["timeline"][-1]["what"]


def test_since_leaves_out_what_was_before(order_command: Callable[..., Any], deployed: Stack) -> None:
    order = deployed.store.create(an_order(base=COMPLETED))

    assert order_command(order.order_no, "--since", "1s").stdout.splitlines()[-1].startswith("history (")


def test_an_unknown_order_shows_its_dead_letters(order_command: Callable[..., Any], deployed: Stack) -> None:
    shelf = DeadLetterRepository(deployed.client("dynamodb"), deployed.output("DeadLettersTable"))
    dead_letter = shelf.keep(a_failed_message(kind="poison", reason="order_unknown: out_order_no"))

    result = order_command(dead_letter.order_no)

    assert f"{dead_letter.order_no}  is not in the orders table" == result.stdout.splitlines()[0]
    assert dead_letter.dead_letter_id in result.stdout


def test_an_order_of_which_nothing_is_known_is_said_so(order_command: Callable[..., Any]) -> None:
    assert "there is no order JWNOBODY; check the number" in complaint(order_command("JWNOBODY"))


@pytest.mark.parametrize("text", ["", "订单", "x" * 65, 'a"b', "\x1b[2J"])
def test_what_is_no_number_is_refused(order_command: Callable[..., Any], text: str) -> None:
    result = order_command(text)

    assert "is not an order number; copy it" in complaint(result)
    assert 2 == result.exit_code


def test_the_command_explains_itself_with_an_example(jiuwu: Jiuwu) -> None:
    assert "jiuwu order JW" in jiuwu("order", "--help").stdout.split("Example", 1)[1]
