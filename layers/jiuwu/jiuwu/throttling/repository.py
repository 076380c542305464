"""Lanes in DynamoDB: one item each, under 1 KB, changed only by a write on the version that was read."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from jiuwu.aws.dynamodb import Table
from jiuwu.backoff import Contended
from jiuwu.runtime import SYSTEM, Runtime

from .lane import Lane

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

# An item that was not changed for so long expires (seconds): the lane begins anew, closed and with a full bucket.
_KEPT_SECONDS = 30 * 24 * 3600
# A writer that always comes second does not try for ever.
_TRIES = 10


class LaneMalformed(Exception):
    """An item that this code did not write; names the lane."""


class LaneContested(Contended):
    """Others changed the lane each time before we could; names the lane."""


@dataclass(frozen=True, slots=True)
class Stored:
    """A lane as the table has it; version 0: not stored."""

    lane: Lane
    version: int = 0


class LaneTable:
    """Reads and writes cost one unit each, also a write that came too late, which returns the standing lane."""

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        table: str,
        *,
        kept_seconds: int = _KEPT_SECONDS,
        runtime: Runtime = SYSTEM,
    ) -> None:
        self._table, self._kept_seconds, self._clock = Table(dynamodb, table), kept_seconds, runtime.clock

    def read(self, name: str) -> Stored:
        """Return the lane now; raise LaneMalformed and boto's errors."""
        return _stored(name, self._table.get({"lane": name}))

    def save(self, name: str, seen: Stored, lane: Lane) -> tuple[bool, Stored]:
        """Return whether `lane` was written over `seen`, and what the table has now; raise as `read` does."""
        item = {
            "lane": name,
            "version": seen.version + 1,
            "state": msgspec.json.encode(lane).decode(),
            "expires_at": int(self._clock()) + self._kept_seconds,
        }
        done, standing = (
            self._table.put_if(item, "version = :seen", seen=seen.version)
            if seen.version
            else self._table.put_if(item, "attribute_not_exists(lane)")
        )
        return (True, Stored(lane, seen.version + 1)) if done else (False, _stored(name, standing))

    def change(self, name: str, change: Callable[[Lane], Lane]) -> tuple[Stored, Stored]:
        """Return the lane before and after `change`, which may be called several times; raise LaneContested, and as
        `read` does."""
        seen = self.read(name)
        for _ in range(_TRIES):
            wanted = change(seen.lane)
            if wanted == seen.lane:
                return seen, seen
            won, now = self.save(name, seen, wanted)
            if won:
                return seen, now
            seen = now
        raise LaneContested(name)


def _stored(name: str, item: dict[str, Any] | None) -> Stored:
    if not item:
        return Stored(Lane())
    try:
        return Stored(msgspec.json.decode(item["state"], type=Lane), int(item["version"]))
    except (KeyError, ValueError, TypeError, msgspec.DecodeError):
        raise LaneMalformed(name) from None
