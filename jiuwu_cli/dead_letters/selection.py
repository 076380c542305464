"""Select dead letters by id or by filters."""

import time

from jiuwu.dead_letters.dead_letter import DeadLetter
from jiuwu.dead_letters.failed_message import Kind
from jiuwu.dead_letters.repository import DeadLetterRepository
from jiuwu_cli.terminal import times
from jiuwu_cli.terminal.errors import CommandError

_MAX_ID = 64  # characters; DynamoDB refuses an empty key or a very long one


def select(
    repository: DeadLetterRepository,
    kind: Kind | None,
    since: str | None,
    reason: str | None,
    *,
    everything: bool = False,
) -> list[DeadLetter]:
    """Return the dead letters that match the filters, the latest first; redriven ones only with `everything`."""
    after = times.parse_since(since, time.time()) if since else 0
    kinds = [kind] if kind else list(Kind)
    found = (
        dead_letter
        for one in kinds
        for dead_letter in repository.of_kind(one, since=after)
        if _has_reason(dead_letter, reason or "") and (everything or dead_letter.state != "redriven")
    )
    return sorted(found, key=lambda dead_letter: (dead_letter.last_at, dead_letter.dead_letter_id), reverse=True)


def _has_reason(dead_letter: DeadLetter, prefix: str) -> bool:
    return any(text.startswith(prefix) for text in (dead_letter.reason, dead_letter.detail))


def get(repository: DeadLetterRepository, dead_letter_id: str) -> DeadLetter:
    """Return the dead letter of this id. Raise CommandError if there is none."""
    dead_letter = (
        repository.get(dead_letter_id) if 0 < len(dead_letter_id) <= _MAX_ID and dead_letter_id.isascii() else None
    )
    if dead_letter is None:
        raise CommandError(
            f"there is no dead letter {dead_letter_id[:_MAX_ID]!r}", "`jiuwu dead-letters list --all` lists the ids"
        )
    return dead_letter
