"""A day's statement and `jiuwu reconcile` in the deployed sandbox: the real queue, bucket and Reconciler."""

import json
import subprocess
import sys
from typing import Any

import pytest
from botocore.exceptions import ClientError

from jiuwu.orders.business_day import bounds
from jiuwu.orders.ids import order_no_for
from jiuwu.orders.order import Line
from jiuwu.orders.placement import new_order
from jiuwu.orders.repository import OrderStore
from sandbox.environment import Sandbox
from tests.sandbox.test_up import eventually

pytestmark = [pytest.mark.sandbox, pytest.mark.xdist_group("sandbox"), pytest.mark.timeout(300, func_only=True)]

DAY = "2020-01-02"  # of no other test's orders


def reconcile(sandbox: Sandbox, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "jiuwu_cli.main", "reconcile", "--from", DAY, "--to", DAY, *arguments]
    return subprocess.run(command, cwd=sandbox.state_file.parent, capture_output=True, text=True, check=False)


def statement(sandbox: Sandbox) -> dict[str, Any]:
    """The day's report; empty while it is not there."""
    bucket = sandbox.stack.outputs["StatementsBucket"]
    try:
        found = sandbox.aws("s3").get_object(Bucket=bucket, Key=f"statements/{DAY}.json")
    except ClientError:
        return {}
    report: dict[str, Any] = json.loads(found["Body"].read())
    return report


def test_a_statement_names_what_differs_and_a_repair_ends_it(sandbox: Sandbox) -> None:
    made = new_order("mb_1", "ou_1", DAY, (Line("tea", "龙井", 2, 617),), now=bounds(DAY)[0], check_seconds=0)
    store = OrderStore(sandbox.aws("dynamodb"), sandbox.stack.outputs["OrdersTable"])
    store.create(made)

    begun = sandbox.stack.invoke("DailyStatement", {"day": DAY})
    report = eventually(lambda: statement(sandbox), seconds=180)
    verified = reconcile(sandbox, "--verify")
    repaired = reconcile(sandbox, "--repair", "--yes")

    assert (True, 1, begun["run"]) == (report["complete"], report["total"]["here"]["orders"], report["run"])
    assert [(order_no_for("mb_1", DAY), "missing_there")] == [
        (line["order_no"], line["class"]) for line in report["differences"]
    ]
    assert (1, True) == (verified.returncode, made.order_no in verified.stdout), verified
    assert (0, True) == (repaired.returncode, "did: cancelled" in repaired.stdout), repaired
    assert 0 == reconcile(sandbox, "--verify").returncode
