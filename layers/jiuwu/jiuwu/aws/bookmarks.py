"""The place where the next run continues a pass over a table: one item per pass."""

from typing import TYPE_CHECKING

from .dynamodb import Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


class Bookmark:
    """The place of one pass, in the reconciliation table."""

    def __init__(self, dynamodb: "DynamoDBClient", table: str, name: str) -> None:
        self._table, self._key = Table(dynamodb, table), {"record": name}

    def place(self) -> str:
        """Return where the pass continues ("": at the beginning)."""
        item = self._table.get(self._key) or {}
        return str(item.get("place", ""))

    def save(self, place: str) -> None:
        """Store the place. Of two writers at once the later one wins: work done twice does no harm."""
        self._table.put({**self._key, "place": place})
