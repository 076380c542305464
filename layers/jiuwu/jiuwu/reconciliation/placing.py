"""An order placed at the platform for its member, with every reason why it cannot be."""

from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from jiuwu.aws import clients, telemetry
from jiuwu.deadline import Deadline
from jiuwu.members.encryption import UNREADABLE
from jiuwu.members.grants import RecordMalformed
from jiuwu.members.tokens import TokenBusy, TokenUnavailable
from jiuwu.orders.order import Order
from jiuwu.orders.placement import NotPlaceable, place
from jiuwu.platform.errors import BadParameters, ContentRefused, ScopeMissing, TokenInvalid

if TYPE_CHECKING:
    from jiuwu.platform.calls.client import PlatformClient, TokenSource
    from jiuwu.platform.models import RemoteOrder


def place_for_member(
    platform: "PlatformClient", order: Order, token: "TokenSource", *, deadline: Deadline
) -> "RemoteOrder":
    """Place our order at the platform with its member's token, before the deadline.

    Raise PlatformError, and NotPlaceable for what the member must resolve, or what no retry can.
    """
    try:
        return place(platform, order, token, deadline=deadline)
    except TokenBusy as busy:
        raise NotPlaceable("token_busy") from busy
    except (TokenUnavailable, TokenInvalid, ScopeMissing) as ended:
        raise NotPlaceable("login_needed") from ended
    except BadParameters as refused:
        raise NotPlaceable("refused") from refused
    except ContentRefused as verdict:
        raise NotPlaceable("content_refused") from verdict
    except (RecordMalformed, ClientError) as fault:
        if isinstance(fault, ClientError) and fault.response["Error"].get("Code") not in UNREADABLE:
            raise
        # one damaged record must not end a run for all; a new login replaces the tokens
        failed = clients.describe_error(fault)
        telemetry.logger.error("a member's tokens cannot be read", member_id=order.member_id, failed=failed)
        raise NotPlaceable("login_needed") from fault
