"""The local AWS and what tests and sandbox build on it."""

from collections.abc import Callable
from typing import Any


def test_every_test_gets_tables_of_its_own(make_table: Callable[[str], str], aws: Callable[[str], Any]) -> None:
    first, second = make_table("OrdersTable"), make_table("OrdersTable")

    aws("dynamodb").put_item(TableName=first, Item={"order_no": {"S": "JW1"}})

    assert first != second
    assert aws("dynamodb").scan(TableName=second)["Count"] == 0


def test_a_table_has_the_index_of_the_template(orders_table: str, aws: Callable[[str], Any]) -> None:
    table = aws("dynamodb").describe_table(TableName=orders_table)["Table"]

    assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == ["due"]


def test_a_message_sent_is_received(order_queue: str, aws: Callable[[str], Any]) -> None:
    aws("sqs").send_message(QueueUrl=order_queue, MessageBody="hello")

    received = aws("sqs").receive_message(QueueUrl=order_queue)

    assert [message["Body"] for message in received["Messages"]] == ["hello"]
