"""A payment processed in the usual way: Powertools' batch processor, its idempotency, and an update of the state."""

import json
from typing import Any

import boto3
from aws_lambda_powertools.utilities.batch import BatchProcessor, EventType, process_partial_response
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.idempotency import DynamoDBPersistenceLayer, IdempotencyConfig, idempotent_function

from bench.payment_writes import Event, attach

# One write of the same evidence; without it, a crash between the two writes would leave a record and no state.
_UPDATE = (
    "SET #status = :paid, ledger = list_append(if_not_exists(ledger, :none), :entry), effects = :effects, "
    "history = list_append(if_not_exists(history, :none), :line), version = version + :one"
)


class Peer:
    """A handler of SQS events that creates its idempotency table in the local AWS."""

    def __init__(self, orders_table: str) -> None:
        dynamodb = attach(boto3.client("dynamodb"))
        table = f"{orders_table}-idempotency"
        dynamodb.create_table(
            TableName=table,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        )
        self._dynamodb, self._table = dynamodb, orders_table
        config = IdempotencyConfig(event_key_jmespath="event_id")
        store = DynamoDBPersistenceLayer(table_name=table, boto3_client=dynamodb)
        self._process = idempotent_function(
            self._pay, data_keyword_argument="body", persistence_store=store, config=config
        )
        self._processor = BatchProcessor(event_type=EventType.SQS)

    def __call__(self, event: Event) -> Any:  # noqa: ANN401 -- Powertools' own
        """Return the reply to an SQS event."""
        return process_partial_response(event, self._record, self._processor)

    def _record(self, record: SQSRecord) -> object:
        return self._process(body=json.loads(record.body))

    def _pay(self, body: dict[str, Any]) -> dict[str, str]:
        data = body["data"]
        entry = [{"S": data["transaction_id"]}, {"N": "8800"}, {"N": str(data["paid_at"])}]
        line = [{"N": str(body["occurred_at"])}, {"S": "paid"}, {"S": body["event_id"]}]
        self._dynamodb.update_item(
            TableName=self._table,
            Key={"order_no": {"S": data["out_order_no"]}},
            UpdateExpression=_UPDATE,
            ExpressionAttributeNames={"#status": "status"},
            ExpressionAttributeValues={
                ":paid": {"S": "paid"},
                ":entry": {"L": [{"L": entry}]},
                ":line": {"L": [{"L": line}]},
                ":effects": {"L": [{"L": [{"S": "ship"}, {"N": "0"}]}]},
                ":none": {"L": []},
                ":one": {"N": "1"},
            },
        )
        return {"status": "paid"}
