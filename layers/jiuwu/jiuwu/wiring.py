"""How a function reaches the platform: the client and the members' tokens, each made when first asked for.

Importing httpx and pydantic and making a TLS context takes as long as making all of a function's AWS clients, so a
function that can do some of its work without the platform asks here when it needs it, not when it starts.
"""

import time
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from jiuwu.aws import clients, telemetry
from jiuwu.aws.secrets import SecretReader
from jiuwu.aws.settings import PlatformSettings
from jiuwu.platform import profile
from jiuwu.platform.errors import BadParameters, ScopeMissing, TokenInvalid

if TYPE_CHECKING:
    import httpx

    from jiuwu.members.tokens import MemberToken, Tokens
    from jiuwu.platform.client import CallRecord, PlatformClient, WriteRecord
    from jiuwu.platform.models import RemoteOrder
    from jiuwu.platform.oauth import OAuthClient
    from jiuwu.trade.orders import Order
    from jiuwu.trade.points import PointsLedger

# KMS: the ciphertext was not made under this key for this member.
_UNREADABLE = ("InvalidCiphertextException", "IncorrectKeyException")


class Platform:
    """One app's way to the platform; one per process. The profile is read at once: a wrong one is refused at start.

    `http` is another connection pool than the process's own, and `clock` another clock, for tests.
    """

    def __init__(
        self,
        environment: PlatformSettings,
        *,
        http: "httpx.Client | None" = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._environment, self._http, self._clock = environment, http, clock
        self.profile = profile.load(environment.jiuwu_profile)

    @cached_property
    def client(self) -> "PlatformClient":
        """The platform's calls."""
        from jiuwu.platform.client import PlatformClient

        made = PlatformClient(self.profile, **self._caller)
        made.tell = tell
        return made

    @cached_property
    def _caller(self) -> dict[str, Any]:
        secrets = SecretReader(clients.client("secretsmanager"), self._environment.app_secret_name)
        return {
            "base_url": self._environment.platform_url,
            "app_id": self._environment.app_id,
            "secrets": secrets,
            "http": self._http,
            "clock": self._clock,
            "observe": observe,
        }


class MembersPlatform(Platform):
    """A way to the platform that also speaks for members."""

    def __init__(  # noqa: PLR0913 -- what it speaks with, and two hooks for tests
        self,
        environment: PlatformSettings,
        *,
        members_table: str,
        token_key_id: str,
        points_table: str = "",
        http: "httpx.Client | None" = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(environment, http=http, clock=clock)
        self._members_table, self._token_key_id, self._points_table = members_table, token_key_id, points_table

    @cached_property
    def oauth(self) -> "OAuthClient":
        """The platform's OAuth calls."""
        from jiuwu.platform.oauth import OAuthClient

        return OAuthClient(self.profile, **self._caller)

    @cached_property
    def tokens(self) -> "Tokens":
        """The tokens of all members."""
        from jiuwu.members.tokens import Tokens

        dynamodb, kms = clients.client("dynamodb"), clients.client("kms")
        return Tokens(dynamodb, self._members_table, kms, self._token_key_id, self.oauth, clock=self._clock)

    def token(self, member_id: str) -> "MemberToken":
        """The member's token for a call of `client`; nothing is read before the call asks for it."""
        return self.tokens.source(member_id)

    @cached_property
    def ledger(self) -> "PointsLedger":
        """The members' points, for a function that has the points table."""
        from jiuwu.trade.points import PointsLedger

        return PointsLedger(clients.client("dynamodb"), self._points_table)

    def place(self, order: "Order", *, left: Callable[[], float]) -> "RemoteOrder":
        """Our order at the platform, for its member; `left` is how many seconds the caller still has. Points that pay
        for it are reserved first: the platform takes such an order as paid at once.

        Raises PlatformError, and NotPlaceable for what the member has to mend, or nobody can.
        """
        from jiuwu.members.grants import RecordMalformed
        from jiuwu.members.tokens import TokenBusy, TokenUnavailable
        from jiuwu.trade.placing import NotPlaceable, place, reserve

        if order.points:
            reserve(self.ledger, order, at=int(self._clock()))
        try:
            return place(self.client, order, self.token(order.member_id), left=left)
        except TokenBusy as busy:
            raise NotPlaceable("token_busy") from busy
        except (TokenUnavailable, TokenInvalid, ScopeMissing) as ended:
            raise NotPlaceable("login_needed") from ended
        except BadParameters as refused:
            raise NotPlaceable("refused") from refused
        except (RecordMalformed, ClientError) as fault:
            if isinstance(fault, ClientError) and fault.response["Error"].get("Code") not in _UNREADABLE:
                raise
            # one damaged record must not end a run for all; a new login replaces the tokens
            telemetry.logger.error("a member's tokens cannot be read", member_id=order.member_id)
            raise NotPlaceable("login_needed") from fault


def observe(record: "CallRecord") -> None:
    """Each attempt of a call as a metric; its SampleCount is the number of attempts."""
    telemetry.milliseconds("PlatformCallMilliseconds", record.milliseconds, call=record.name, outcome=record.outcome)


def tell(record: "WriteRecord") -> None:
    """Each write about an order as a line of that order's story."""
    say = telemetry.logger.info if record.outcome == "ok" else telemetry.logger.warning
    told = {
        "call": record.name,
        "order_no": record.subject.order_no,
        "effect_id": record.subject.effect_id,
        "outcome": record.outcome,
        "milliseconds": round(record.milliseconds),
        "request_id": record.request_id,
    }
    say("platform call", extra={name: value for name, value in told.items() if value != ""})
