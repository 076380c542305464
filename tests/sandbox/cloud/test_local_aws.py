"""The local AWS and what tests and sandbox build on it."""

import os
import subprocess
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from sandbox.cloud import ministack, template


def test_every_test_gets_tables_of_its_own(make_table: Callable[[str], str], aws: Callable[[str], Any]) -> None:
    first, second = make_table("OrdersTable"), make_table("OrdersTable")

    aws("dynamodb").put_item(TableName=first, Item={"order_no": {"S": "JW1"}})

    assert first != second
    assert aws("dynamodb").scan(TableName=second)["Count"] == 0


def test_a_table_has_the_index_of_the_template(orders_table: str, aws: Callable[[str], Any]) -> None:
    table = aws("dynamodb").describe_table(TableName=orders_table)["Table"]

    assert ["changed", "days", "due", "member"] == sorted(
        index["IndexName"] for index in table["GlobalSecondaryIndexes"]
    )


def test_a_message_sent_is_received(order_queue: str, aws: Callable[[str], Any]) -> None:
    aws("sqs").send_message(QueueUrl=order_queue, MessageBody="hello")

    received = aws("sqs").receive_message(QueueUrl=order_queue)

    assert [message["Body"] for message in received["Messages"]] == ["hello"]


def test_the_templates_short_tags_are_spelled_out(tmp_path: Path) -> None:
    file = tmp_path / "template.yaml"
    file.write_text("a: !Ref Api\nb: !GetAtt Queue.Arn\nc: !If [Has, [1], !Ref AWS::NoValue]\nd: !Sub '${Api}/x'\n")

    assert template.load(file) == {
        "a": {"Ref": "Api"},
        "b": {"Fn::GetAtt": ["Queue", "Arn"]},
        "c": {"Fn::If": ["Has", [1], {"Ref": "AWS::NoValue"}]},
        "d": {"Fn::Sub": "${Api}/x"},
    }


def test_a_token_encrypted_for_one_member_opens_for_no_other(token_key: str, aws: Callable[[str], Any]) -> None:
    kms = aws("kms")
    encrypted = kms.encrypt(KeyId=token_key, Plaintext=b"token", EncryptionContext={"member_id": "mb_1"})[
        "CiphertextBlob"
    ]

    opened = kms.decrypt(CiphertextBlob=encrypted, EncryptionContext={"member_id": "mb_1"})["Plaintext"]

    assert opened == b"token"
    with pytest.raises(kms.exceptions.InvalidCiphertextException):
        kms.decrypt(CiphertextBlob=encrypted, EncryptionContext={"member_id": "mb_2"})


def test_one_of_32_writers_wins_a_conditional_write(orders_table: str, aws: Callable[[str], Any]) -> None:
    dynamodb = aws("dynamodb")
    dynamodb.put_item(TableName=orders_table, Item={"order_no": {"S": "JW1"}, "version": {"N": "1"}})

    def write(writer: int) -> bool:
        try:
            dynamodb.put_item(
                TableName=orders_table,
                Item={"order_no": {"S": "JW1"}, "version": {"N": "2"}, "writer": {"N": str(writer)}},
                ConditionExpression="version = :read",
                ExpressionAttributeValues={":read": {"N": "1"}},
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    with ThreadPoolExecutor(32) as pool:
        won = list(pool.map(write, range(32)))

    assert won.count(True) == 1


def test_the_memory_of_a_killed_local_aws_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen(["true"]) as ended:
        ended.wait()
    monkeypatch.setattr(ministack, "_MEMORY", tmp_path / "shm")
    left, kept = tmp_path / f"shm/jiuwu-{ended.pid}-0123", tmp_path / f"shm/jiuwu-{os.getppid()}-4567"
    for folder in (left, kept):
        folder.mkdir(parents=True)

    ministack.start(tmp_path).stop()

    assert list((tmp_path / "shm").iterdir()) == [kept]
