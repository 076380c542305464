"""A member's record that someone else wrote or damaged is refused as a whole, with the attribute's name."""

from collections.abc import Callable
from typing import Any

import pytest

from jiuwu.members.grants import Grants, RecordMalformed
from jiuwu.members.tokens import Tokens
from tests.members.rotation import MEMBER

WRONG: dict[str, dict[str, Any]] = {
    "link_status": {"N": "1"},
    "token_version": {"BOOL": True},
    "access_encrypted": {"L": [{"S": "a text"}]},
    "refresh_encrypted": {"SS": ["a text"]},
    "token_expires_at": {"N": "1763800000.5"},
    "refresh_expires_at": {"NULL": True},
    "lease_id": {"NULL": True},
    "refresh_failures": {"S": "3"},
}


@pytest.mark.parametrize("name", WRONG)
def test_an_attribute_of_another_type_is_named(
    tokens: Tokens,
    dynamodb: Any,
    members_table: str,
    write: Callable[..., None],
    name: str,
) -> None:
    write(f"SET {name} = :wrong", wrong=WRONG[name])
    with pytest.raises(RecordMalformed, match=name):
        Grants(dynamodb, members_table).read(MEMBER)
