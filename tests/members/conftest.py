"""Tokens of one member on the local AWS, with a platform and a clock of the test's own."""

from collections.abc import Callable
from typing import Any

import pytest

from jiuwu.members.tokens import Tokens
from jiuwu.runtime import Runtime
from tests.members.rotation import MEMBER, USER, Clock, Platform


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
def dynamodb(aws: Callable[[str], Any]) -> Any:
    return aws("dynamodb")


@pytest.fixture
def kms(aws: Callable[[str], Any]) -> Any:
    return aws("kms")


@pytest.fixture
def make_tokens(
    aws: Callable[[str], Any], members_table: str, token_key: str, platform: Platform, clock: Clock
) -> Callable[..., Tokens]:
    stores = {"dynamodb": aws("dynamodb"), "kms": aws("kms")}

    def make(**replaced: Any) -> Tokens:
        parts = stores | {"oauth": platform, "runtime": Runtime(clock=clock, sleep=clock.sleep)} | replaced
        return Tokens(table=members_table, key_id=token_key, **parts)

    return make


@pytest.fixture
def tokens(make_tokens: Callable[..., Tokens], platform: Platform) -> Tokens:
    """The tokens with one member linked, whose access token is at_1."""
    tokens = make_tokens()
    tokens.link(MEMBER, USER, platform.consent())
    return tokens


@pytest.fixture
def record(dynamodb: Any, members_table: str) -> Callable[[], dict[str, Any]]:
    """The member's item as it stands."""
    return lambda: dict(dynamodb.get_item(TableName=members_table, Key={"member_id": {"S": MEMBER}})["Item"])


@pytest.fixture
def write(dynamodb: Any, members_table: str) -> Callable[..., None]:
    """write("SET …", **{":value": …}) changes the member's item behind everybody's back."""

    def change(expression: str, **values: Any) -> None:
        found = {"ExpressionAttributeValues": {f":{name}": value for name, value in values.items()}} if values else {}
        dynamodb.update_item(
            TableName=members_table, Key={"member_id": {"S": MEMBER}}, UpdateExpression=expression, **found
        )

    return change


@pytest.fixture
def leased_by_another(write: Callable[..., None], clock: Clock) -> None:
    """Someone else is refreshing the member, for a minute."""
    write("SET lease_id = :id, lease_until = :until", id={"S": "other"}, until={"N": str(int(clock.now) + 60)})
