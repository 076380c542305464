"""Many orders fetched from the platform at once: one whose reply cannot be read does not hold up the others."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from jiuwu.deadline import NO_DEADLINE, Deadline
from jiuwu.platform.errors import BadReply

if TYPE_CHECKING:
    from jiuwu.platform.calls.client import PlatformClient
    from jiuwu.platform.models import RemoteOrder


# A query begun with fewer seconds remaining might outlive its caller, and what the other queries found would go
# unwritten: three attempts, each a wait for a turn and a reply that just comes in time.
_MARGIN_SECONDS = 10.0


def remotes(
    platform: "Callable[[], PlatformClient]",
    numbers: Sequence[str],
    *,
    deadline: Deadline = NO_DEADLINE,
) -> "tuple[dict[str, RemoteOrder], dict[str, str]]":
    """Return the orders that the platform has, and the reasons of those that could not be read, each by number. Raise
    PlatformError."""
    if not deadline.has(_MARGIN_SECONDS):
        return {}, {number: f"{number}: no time left" for number in numbers}
    try:
        return {remote.out_order_no: remote for remote in platform().query_orders(numbers)}, {}
    except BadReply as reply:
        if len(numbers) == 1:
            return {}, {numbers[0]: f"{numbers[0]}: {reply}"}
    half = len(numbers) // 2
    (found, unreadable), (more, more_unreadable) = (
        remotes(platform, part, deadline=deadline) for part in (numbers[:half], numbers[half:])
    )
    return found | more, unreadable | more_unreadable
