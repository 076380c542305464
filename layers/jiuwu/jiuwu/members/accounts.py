"""Members: people of the merchant's app, each linked to one community account."""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Literal

from jiuwu.aws.dynamodb import Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MEMBER_ID = re.compile(r"mb_[a-z2-7]{20}")

LinkStatus = Literal["active", "reauth_required", "unlinking", "unlinked"]


def member_id_for(app_id: str, open_id: str) -> str:
    """Return the member's id: always the same for one community account of one app."""
    digest = hashlib.sha256(f"{app_id}\n{open_id}".encode()).digest()
    return "mb_" + base64.b32encode(digest).decode().lower()[:20]


def is_member_id(text: str) -> bool:
    """Return whether `text` has the form of `member_id_for`."""
    return _MEMBER_ID.fullmatch(text) is not None


@dataclass(frozen=True)
class Member:
    """A member, and the state of the link to the community account."""

    member_id: str
    open_id: str
    nickname: str
    avatar_url: str
    link_status: LinkStatus

    @property
    def is_linked(self) -> bool:
        """Return whether the member has not taken the link back."""
        return self.link_status in {"active", "reauth_required"}


class Accounts:
    """Reads members; linking and unlinking them is the tokens' business (members/tokens.py)."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str) -> None:
        self._table = Table(dynamodb, table)

    def get(self, member_id: str) -> Member | None:
        """Return the member as last written, None if there is none."""
        item = self._table.get({"member_id": member_id})
        return _from_item(item) if item else None


_ATTRIBUTES = tuple(field.name for field in fields(Member))


def _from_item(item: Mapping[str, Any]) -> Member:
    return Member(**{name: item[name] for name in _ATTRIBUTES})
