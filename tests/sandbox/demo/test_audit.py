"""What the demo reads of a sandbox, over tables in memory."""

from types import SimpleNamespace
from typing import cast

from sandbox.demo.audit import SandboxAudit
from sandbox.environment import Sandbox
from sandbox.simulation.aws.account import Account


def test_drift_is_counted_over_the_reports_among_other_records() -> None:
    dynamodb = Account.of_template(lambda: 0.0).client("dynamodb")
    counts = {"counts": {"M": {"missed_notification": {"N": "2"}}}}
    for record, item in {"run 1": counts, "run 2": counts, "cursor": {}}.items():
        dynamodb.put_item(TableName="ReconciliationTable", Item=item | {"record": {"S": record}})
    stack = SimpleNamespace(outputs={"ReconciliationTable": "ReconciliationTable"})

    audit = SandboxAudit(cast("Sandbox", SimpleNamespace(stack=stack, aws=lambda _service: dynamodb)))

    assert {"missed_notification": 4} == audit.drift()
