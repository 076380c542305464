"""The in-memory AWS answers what the local AWS answers, request by request."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from uuid import uuid4

import pytest
from botocore.exceptions import ClientError

from sandbox.simulation.aws.account import Account
from sandbox.simulation.aws.tables import Table
from tests.sandbox.simulation.aws.batch_requests import ENTRIES, QUEUES
from tests.sandbox.simulation.aws.requests import MEMBERS, TWO_KEYS, s


def named(request: Any, table: str) -> Any:
    """The request with the table's name where it says TABLE."""
    if isinstance(request, Mapping):
        return {table if key == "TABLE" else key: named(value, table) for key, value in request.items()}
    if isinstance(request, list):
        return [named(one, table) for one in request]
    return request.replace("TABLE", table) if isinstance(request, str) else request


def answer(client: Any, table: str, operation: str, request: dict[str, Any]) -> Any:
    """What a request comes to, without what differs from one AWS to the next."""
    whole = (
        {}
        if "RequestItems" in request or "Statements" in request or "TransactItems" in request
        else {"TableName": table}
    )
    try:
        reply = getattr(client, operation)(**whole, **named(request, table))
    except ClientError as error:
        found = error.response
        reasons = [
            {key: one[key] for key in ("Code", "Item") if key in one} for one in found.get("CancellationReasons", [])
        ]
        return {"code": found["Error"]["Code"], "item": plain(found.get("Item"), table), "reasons": reasons}
    kept = ("Attributes", "Item", "Items", "Count", "ScannedCount", "LastEvaluatedKey", "Responses", "UnprocessedKeys")
    return plain({key: reply[key] for key in kept if key in reply}, table)


def plain(value: Any, table: str) -> Any:
    """Sets in sequence, messages left out, the table's name as TABLE."""
    if isinstance(value, Mapping):
        value = {key: one for key, one in value.items() if key not in {"Message", "TableName"}}
        return {
            key.replace(table, "TABLE"): sorted(one) if key == "SS" else plain(one, table) for key, one in value.items()
        }
    if isinstance(value, list):
        return [plain(one, table) for one in value]
    return value


@pytest.mark.parametrize("case", MEMBERS)
def test_a_table_answers_as_the_local_aws(case: str, aws: Callable[[str], Any], members_table: str) -> None:
    ours = Account.of_template(lambda: 0.0).client("dynamodb")

    for operation, request in MEMBERS[case]:
        there = answer(aws("dynamodb"), members_table, operation, request)
        here = answer(ours, "MembersTable", operation, request)
        if operation == "batch_get_item":
            for one in (there, here):
                one["Responses"]["TABLE"].sort(key=str)
        assert there == here, (operation, request)


@pytest.mark.parametrize("case", ENTRIES)
def test_a_range_key_answers_as_the_local_aws(case: str, aws: Callable[[str], Any]) -> None:
    name = f"entries-{uuid4().hex}"
    aws("dynamodb").create_table(TableName=name, **TWO_KEYS)
    account = Account(lambda: 0.0)
    account.tables["entries"] = Table.defined("entries", TWO_KEYS)

    for operation, request in ENTRIES[case]:
        there = answer(aws("dynamodb"), name, operation, request)
        here = answer(account.client("dynamodb"), "entries", operation, request)
        assert there == here, (operation, request)


def heard(client: Any, url: str, operation: str, request: dict[str, Any]) -> Any:
    """What SQS says, without ids; messages of one reply come in no sequence."""
    try:
        reply = getattr(client, operation)(QueueUrl=url, **request)
    except ClientError as error:
        return error.response["Error"]["Code"].rpartition(".")[2]
    kept = ("Body", "MessageAttributes", "Attributes", "MD5OfBody")
    messages = [{key: one[key] for key in kept if key in one} for one in reply.get("Messages", [])]
    ids = [sorted(one["Id"] for one in reply.get(key, [])) for key in ("Successful", "Failed")]
    return sorted(messages, key=str), ids, reply.get("MD5OfMessageBody"), reply.get("Attributes")


@pytest.mark.parametrize("case", QUEUES)
def test_a_queue_answers_as_the_local_aws(case: str, aws: Callable[[str], Any]) -> None:
    name, there = uuid4().hex, aws("sqs")
    grave = there.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = there.get_queue_attributes(QueueUrl=grave, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    url = there.create_queue(QueueName=name, Attributes={"RedrivePolicy": redrive})["QueueUrl"]
    account = Account(lambda: 0.0)
    ours_dead = account.add_queue("dead", {})
    redriven = {"RedrivePolicy": {"deadLetterTargetArn": {"Fn::GetAtt": ["dead", "Arn"]}, "maxReceiveCount": 2}}
    ours = account.add_queue("queue", redriven)

    for operation, request in QUEUES[case]:
        expected = heard(there, url, operation, request)
        assert expected == heard(account.client("sqs"), ours.url, operation, request), (operation, request)

    assert heard(there, grave, "receive_message", {}) == heard(
        account.client("sqs"), ours_dead.url, "receive_message", {}
    )


def test_a_token_opens_for_its_member_only() -> None:
    kms = Account(lambda: 0.0).client("kms")
    encrypted = kms.encrypt(KeyId="k", Plaintext=b"token", EncryptionContext={"member_id": "a"})["CiphertextBlob"]

    assert b"token" not in encrypted
    assert (
        kms.decrypt(KeyId="k", CiphertextBlob=encrypted, EncryptionContext={"member_id": "a"})["Plaintext"] == b"token"
    )
    with pytest.raises(kms.exceptions.InvalidCiphertextException):
        kms.decrypt(KeyId="k", CiphertextBlob=encrypted, EncryptionContext={"member_id": "b"})


@pytest.mark.parametrize("word", ["shard", "status", "open", "Name"])
def test_a_reserved_word_is_refused_as_aws_refuses_it_and_the_local_aws_does_not(word: str) -> None:
    dynamodb = Account.of_template(lambda: 0.0).client("dynamodb")

    with pytest.raises(ClientError, match="reserved keyword"):
        dynamodb.update_item(
            TableName="MembersTable",
            Key={"member_id": s("m")},
            UpdateExpression=f"SET {word} = :x",
            ExpressionAttributeValues={":x": s("x")},
        )
