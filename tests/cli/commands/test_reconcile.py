"""`jiuwu reconcile` on tables in the local AWS and a platform on the loopback: what it finds, says and leaves alone."""

import csv
import io
import json
import logging
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
import pytest
from typer.testing import Result

from jiuwu.orders.business_day import day_of, yesterday
from jiuwu.orders.events import Cancelled, Event, Paid, Placed
from jiuwu.orders.order import Line
from jiuwu.orders.placement import new_order
from jiuwu.orders.repository import OrderStore
from jiuwu.statements.report import Statement
from jiuwu.statements.totals import Discrepancy, SideSnapshot, Sums, Totals
from jiuwu_cli.deployment import stack
from jiuwu_cli.deployment.read_only import WriteRefused, read_only, refuse_writes
from jiuwu_cli.reconcile.comparison import print_statement
from sandbox.simulator import orders as simulated
from tests.cli.conftest import Jiuwu, Received, Receiver, complaint
from tests.functions.platform_stand_in import StandIn, down, refuses
from tests.orders.lives import after

TEMPLATE = """
Parameters:
  AppId: {Type: String, Default: sandbox-app}
  Profile: {Type: String, Default: jiuwu}
  PlatformUrl: {Type: String}
  AppSecretName: {Type: String}
  LatePayment: {Type: String, Default: refund}
  PaymentCheckSeconds: {Type: Number, Default: 180}
  OrderExpirySeconds: {Type: Number, Default: 0}
  Orders: {Type: String}
Resources:
  Queue: {Type: AWS::SQS::Queue}
Outputs:
  OrdersTable: {Value: !Ref Orders}
  Reconciler: {Value: no-such-function}
"""
TEA = (Line("tea", "龙井", 2, 617),)
MADE = int(time.time()) - 7200  # long ago enough for a difference to be one
READS = {"DescribeStacks", "Query", "BatchGetItem", "GetSecretValue"}


@dataclass
class Shop:
    """A deployment and its platform; `run` calls the command on it."""

    name: str
    store: OrderStore
    platform: StandIn
    jiuwu: Jiuwu
    clock: list[float] = field(default_factory=lambda: [float(MADE)])

    def run(self, *arguments: str) -> Result:
        return self.jiuwu("reconcile", *arguments, JIUWU_STACK=self.name)

    def order(self, key: str, *events: Event, there: bool = True) -> str:
        made = new_order("mb_1", "ou_1", key, TEA, now=MADE, check_seconds=180)
        if there:
            events = (Placed(MADE, self.there(made.order_no).platform_order_no), *events)
        self.store.create(after(made, *events))
        return made.order_no

    def there(self, number: str) -> simulated.Order:
        requested = simulated.NewOrder(number, 1234, (simulated.Item("tea", "龙井", 2, 617),))
        self.platform.orders[number] = simulated.place(requested, "ou_1", MADE)
        return self.platform.orders[number]


@pytest.fixture
def shop(aws: Callable[[str], Any], orders_table: str, app_secret: str, receiver: Receiver, jiuwu: Jiuwu) -> Shop:
    name, there = f"shop-{uuid4().hex[:8]}", StandIn(lambda: float(MADE))
    given = {"PlatformUrl": receiver.url, "AppSecretName": app_secret, "Orders": orders_table}
    aws("cloudformation").create_stack(
        StackName=name,
        TemplateBody=TEMPLATE,
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()],
    )

    def reply(request: Received) -> tuple[int, Any]:
        answer = there.http.request(request.method, f"http://platform{request.path}", content=request.body)
        return answer.status_code, answer.json()

    receiver.reply = reply
    return Shop(name, OrderStore(aws("dynamodb"), orders_table), there, jiuwu)


def paid(number: str) -> Paid:
    return Paid(f"evt-{number}", MADE + 60, "t1", 1234, MADE + 50)


def missed_payment(shop: Shop, key: str = "a") -> str:
    number = shop.order(key)
    shop.platform.pay(number)
    return number


# ── Verify ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_equal_books_are_summed_and_the_exit_code_is_0(shop: Shop) -> None:
    shop.platform.pay(shop.order("a", paid("a")))
    shop.order("b")

    result = shop.run("--verify")

    assert 0 == result.exit_code
    assert re.search(r"^all +both +2 +24\.68 +12\.34 +0\.00$", result.stdout, re.MULTILINE)
    assert "0 orders differ" in result.stdout
    assert "by result of the comparison" not in result.stdout


def test_the_table_fits_80_columns_and_its_rows_add_up_on_each_side(shop: Shop) -> None:
    shop.platform.pay(shop.order("equal", paid("equal")))
    missed_payment(shop, "missed")
    shop.order("never placed", Cancelled("evt-c", MADE + 60, "expired"), there=False)
    shop.order("missing there", there=False)
    shop.order("in flight", Cancelled("evt-f", int(time.time()), "by the member"))

    result = shop.run("--verify")

    table = result.stdout.partition("orders differ")[0].splitlines()
    assert all(len(line) <= 80 for line in table)
    states, parts = (_rows("\n".join(table).split("by result of the comparison:")[part]) for part in (0, 1))
    whole = states.pop("all")
    for rows in (states, parts):
        assert whole == {side: _added(row.get(side, row.get("both")) for row in rows.values()) for side in whole}
    assert {"equal", "differ", "in flight", "not placed"} == set(parts)
    assert {"here": (1, 1234, 0, 0), "there": (0, 0, 0, 0)} == parts["not placed"]


def _rows(table: str) -> dict[str, dict[str, tuple[int, ...]]]:
    """The rows of a table: numbers (sums in fen) by name and side."""
    rows: dict[str, dict[str, tuple[int, ...]]] = {}
    name = ""
    for line in table.splitlines():
        if found := re.fullmatch(r"(.{12})(here|there|both) +(\d+) +([\d.]+) +([\d.]+) +([\d.]+)", line):
            name = found[1].strip() or name
            sums = (int(text.replace(".", "")) for text in found.groups()[3:])
            rows.setdefault(name, {})[found[2]] = (int(found[3]), *sums)
    return rows


def _added(rows: Iterable[tuple[int, ...] | None]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*filter(None, rows), strict=True)))


def test_a_table_of_large_sums_fits_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    figures = Sums(99_999_999, 9_999_999_999_99, 9_999_999_999_99, 9_999_999_999_99)
    one = Discrepancy(
        "JW1",
        "in_flight",
        "pending: push:shipped",
        SideSnapshot("completed", figures),
        SideSnapshot("shipped", figures),
    )
    totals = Totals({"completed": figures}, {"shipped": figures}, waiting=1, in_flight=(one,))

    print_statement(Statement("x", 0, 86_400, 0, totals))

    assert all(len(line) <= 80 for line in capsys.readouterr().out.splitlines())


def test_drift_is_named_by_class_and_number_and_the_exit_code_is_1(shop: Shop) -> None:
    missed, missing = missed_payment(shop), shop.order("b", there=False)

    result = shop.run("--verify")

    assert 1 == result.exit_code
    assert re.search(
        rf"missed_notification +{missed} +paid:t1 +\(created paid 0\.00 here, paid paid 12\.34 there\)", result.stdout
    )
    assert re.search(rf"missing_there +{missing} .*absent there", result.stdout)


def test_a_platform_that_does_not_answer_is_exit_code_2_and_never_agreement(shop: Shop) -> None:
    shop.order("a")
    shop.platform.fail_always("orders.query", down)

    result = shop.run("--verify")

    assert 2 == result.exit_code
    assert "not compared: stopped early" in result.stdout


def test_a_secret_that_cannot_be_read_is_exit_code_2_and_not_shown(shop: Shop, aws: Callable[[str], Any]) -> None:
    shop.order("a")
    secret = stack.find(shop.name).parameters["AppSecretName"]
    aws("secretsmanager").put_secret_value(SecretId=secret, SecretString="hush-hush")

    result = shop.run("--verify")

    assert (2, False) == (result.exit_code, "hush-hush" in result.output)
    assert f"secret {secret}: expected JSON" in result.stdout


def test_drift_that_was_seen_counts_more_than_what_could_not_be_read(shop: Shop) -> None:
    missed_payment(shop)
    shop.platform.fail_always("orders.changed", down)

    assert 1 == shop.run("--verify").exit_code


def test_no_deployment_is_exit_code_2(jiuwu: Jiuwu, cloud: object) -> None:
    result = jiuwu("reconcile", "--verify", "--stack", "no-such-stack")

    assert (2, True) == (result.exit_code, "no-such-stack" in complaint(result))


def test_verifying_makes_no_call_that_writes(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    missed_payment(shop)
    shop.there("4711")
    before = shop.store.get_many(shop.platform.orders)
    caplog.set_level(logging.DEBUG, "botocore.endpoint")

    assert 1 == shop.run("--verify").exit_code

    called = re.findall(r"Making request for OperationModel\(name=(\w+)\)", caplog.text)
    assert (READS, set()) == (set(called), set(called) - READS)
    assert {"orders.query", "orders.changed"} == set(shop.platform.calls)
    assert before == shop.store.get_many(shop.platform.orders)


@pytest.mark.parametrize("service", ["dynamodb", "sqs", "lambda", "secretsmanager", "s3"])
def test_a_reading_client_refuses_every_call_that_is_not_known_to_read(service: str) -> None:
    model = boto3.client(service).meta.service_model  # type: ignore[call-overload]
    operations = [model.operation_model(name) for name in model.operation_names]
    refused = set()

    for operation in operations:
        try:
            refuse_writes(model=operation)
        except WriteRefused:
            refused.add(operation.name)

    assert refused
    assert {operation.name for operation in operations} - refused <= READS | {"GetItem"}


def test_a_reading_table_cannot_be_written(shop: Shop) -> None:
    number = shop.order("a")
    order = shop.store.get_many([number])[number]

    with pytest.raises(WriteRefused, match="BatchExecuteStatement"):
        read_only(stack.find(shop.name)).store.save_many([(order, after(order, paid("a")))])


def test_the_period_chooses_the_orders(shop: Shop) -> None:
    missed_payment(shop)

    assert 0 == shop.run("--verify", "--from", time.strftime("%FT%TZ", time.gmtime(MADE + 1))).exit_code
    assert 1 == shop.run("--verify", "--from", time.strftime("%FT%TZ", time.gmtime(MADE))).exit_code


def test_json_goes_to_standard_output_alone(shop: Shop) -> None:
    missed_payment(shop)

    report = json.loads(shop.run("--json").stdout)

    assert ({"missed_notification": 1}, True) == (report["classes"], report["complete"])


def test_csv_is_written_beside(shop: Shop, tmp_path: Path) -> None:
    number = missed_payment(shop)
    shop.run("--csv", str(tmp_path / "a.csv"))

    rows = list(csv.DictReader(io.StringIO((tmp_path / "a.csv").read_bytes().decode("utf-8-sig"))))

    assert [number] == [row["订单号"] for row in rows if row["类别"] == "差异"]


@pytest.mark.parametrize(
    ("period", "title"),
    [
        ((), ""),  # yesterday and today
        (("--from", "2026-11-23", "--to", "2026-11-24"), "2026-11-23 – 2026-11-24"),
        (("--from", "2026-11-23", "--to", "2026-11-23"), "2026-11-23"),
    ],
)
def test_the_period_of_a_csv_is_named_by_its_dates(
    shop: Shop, tmp_path: Path, period: tuple[str, ...], title: str
) -> None:
    title = title or f"{yesterday(time.time())} – {day_of(time.time())}"
    shop.run("--csv", str(tmp_path / "a.csv"), *period)

    total = (tmp_path / "a.csv").read_bytes().decode("utf-8-sig").splitlines()[1]

    assert ["合计", title] == total.split(",")[:2]


def test_a_file_that_cannot_be_written_is_said_on_one_line(shop: Shop, tmp_path: Path) -> None:
    result = shop.run("--csv", str(tmp_path / "no" / "a.csv"))

    assert (2, True) == (result.exit_code, "cannot be written" in complaint(result))


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("--verify", "--repair"), "both --verify and --repair are given"),
        (("--repair", "--json"), "leave out --json"),
        (("--from", "soon"), "is not a time"),
        (("--limit", "0"), "--limit"),
    ],
)
def test_a_command_line_that_cannot_be_meant_is_refused(jiuwu: Jiuwu, arguments: tuple[str, ...], problem: str) -> None:
    result = jiuwu("reconcile", *arguments)

    assert (2, True) == (result.exit_code, problem in complaint(result))


# ── Repair ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_without_yes_it_is_a_dry_run(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    number, missing = missed_payment(shop), shop.order("b", there=False)
    shop.there("4711")
    before = shop.store.get_many([number, missing])
    caplog.set_level(logging.DEBUG, "botocore.endpoint")

    result = shop.run("--repair")

    assert 1 == result.exit_code
    assert f"{number}  would: paid" in result.stdout
    assert f"{missing}  would: create it at the platform" in result.stdout
    assert "4711  no rule repairs it; a person decides, see docs/runbook.md" in result.stdout
    assert "nothing was changed" in result.stdout
    assert READS == set(re.findall(r"Making request for OperationModel\(name=(\w+)\)", caplog.text))
    assert before == shop.store.get_many([number, missing])


def test_the_limit_bounds_what_is_repaired(shop: Shop) -> None:
    for key in "abc":
        missed_payment(shop, key)

    result = shop.run("--repair", "--limit", "2")

    assert 2 == result.stdout.count("would:")
    assert "and 1 more beyond --limit" in result.stdout


def test_nothing_to_mend_asks_nothing(shop: Shop) -> None:
    shop.order("a")

    assert 0 == shop.run("--repair", "--yes").exit_code


def test_a_reconciler_that_cannot_be_reached_ends_it_on_one_line(shop: Shop) -> None:
    number = missed_payment(shop)

    result = shop.run("--repair", "--yes")

    assert 1 == result.exit_code
    assert f"{number}: AWS refused to invoke the Reconciler (ResourceNotFoundException)" in complaint(result)


def test_a_platform_that_does_not_answer_the_count_after_a_repair_is_exit_code_2_on_one_line(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    number = missed_payment(shop)

    def repaired_and_gone(order_no: str) -> dict[str, Any]:
        shop.platform.fail_always("orders.query", refuses(90001))
        return {"order_no": order_no, "did": ["paid"], "status": "paid"}

    monkeypatch.setattr("jiuwu_cli.commands.reconcile.invoke_reconciler", lambda _stack: repaired_and_gone)

    result = shop.run("--repair", "--yes")

    assert (2, True) == (result.exit_code, f"{number}  did: paid; now paid" in result.stdout)
    assert "the remaining differences are unknown: orders.query: PlatformBusy" in complaint(result)
    assert "the repairs are made" in complaint(result)
