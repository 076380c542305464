"""Requests that both AWS answer alike: batches and transactions, and queues."""

from tests.sandbox.simulation.aws.requests import Steps, n, put, s

ENTRIES: dict[str, Steps] = {
    "a table with a range key": [
        *[put({"who": s("a"), "at": n(at), "day": s("d"), "fen": n(at * 10), "more": s("x")}) for at in (5, 1, 10, 3)],
        (
            "query",
            {
                "KeyConditionExpression": "who = :w AND #at BETWEEN :a AND :b",
                "ExpressionAttributeNames": {"#at": "at"},
                "ExpressionAttributeValues": {":w": s("a"), ":a": n(2), ":b": n(10)},
            },
        ),
        (
            "query",
            {
                "KeyConditionExpression": "who = :w",
                "ExpressionAttributeValues": {":w": s("a")},
                "ScanIndexForward": False,
                "Limit": 2,
            },
        ),
        (
            "query",
            {
                "KeyConditionExpression": "who = :w",
                "ExpressionAttributeValues": {":w": s("a")},
                "ExclusiveStartKey": {"who": s("a"), "at": n(3)},
            },
        ),
        (
            "query",
            {
                "IndexName": "days",
                "KeyConditionExpression": "#d = :d",
                "ExpressionAttributeNames": {"#d": "day"},
                "ExpressionAttributeValues": {":d": s("d"), ":least": n(40)},
                "FilterExpression": "fen > :least",
            },
        ),
        ("delete_item", {"Key": {"who": s("a"), "at": n(3)}}),
        (
            "query",
            {
                "KeyConditionExpression": "who = :w AND #at > :a",
                "ExpressionAttributeNames": {"#at": "at"},
                "ExpressionAttributeValues": {":w": s("a"), ":a": n(1)},
            },
        ),
        ("get_item", {"Key": {"who": s("a"), "at": n(5)}}),
    ],
}

QUEUES: dict[str, Steps] = {
    "a message comes again until it is deleted, and then to the dead letters": [
        (
            "send_message",
            {"MessageBody": "一", "MessageAttributes": {"kind": {"DataType": "String", "StringValue": "x"}}},
        ),
        *[
            (
                "receive_message",
                {
                    "VisibilityTimeout": 0,
                    "AttributeNames": ["ApproximateReceiveCount"],
                    "MessageAttributeNames": ["All"],
                },
            )
        ]
        * 3,
    ],
    "batches": [
        ("send_message_batch", {"Entries": [{"Id": str(i), "MessageBody": f"b{i}"} for i in range(3)]}),
        ("send_message_batch", {"Entries": [{"Id": "0", "MessageBody": "later", "DelaySeconds": 900}]}),
        ("send_message_batch", {"Entries": [{"Id": "0", "MessageBody": "a"}, {"Id": "0", "MessageBody": "b"}]}),
        ("receive_message", {"MaxNumberOfMessages": 10, "VisibilityTimeout": 900}),
        ("receive_message", {"MaxNumberOfMessages": 10}),
        (
            "get_queue_attributes",
            {"AttributeNames": ["ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]},
        ),
    ],
}
