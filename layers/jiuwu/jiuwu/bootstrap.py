"""The way of a function to the platform: the client and the members' tokens, each made when first needed.

Importing httpx and pydantic and making a TLS context takes as long as making all of a function's AWS clients, so a
function that can do some of its work without the platform asks here when it needs it, not when it starts.
"""

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

from jiuwu.aws import clients, telemetry
from jiuwu.aws.secrets import AppSecrets, SecretReader, SecretUnavailable
from jiuwu.aws.settings import PlatformSettings
from jiuwu.deadline import Deadline
from jiuwu.platform import profile
from jiuwu.platform.errors import AppSecretUnavailable
from jiuwu.runtime import SYSTEM, Runtime

if TYPE_CHECKING:
    import httpx

    from jiuwu.members.tokens import MemberToken, Tokens
    from jiuwu.orders.order import Order
    from jiuwu.orders.settings import PlacingSettings
    from jiuwu.platform.calls.client import CallRecord, PlatformClient, WriteRecord
    from jiuwu.platform.calls.oauth import OAuthClient
    from jiuwu.platform.calls.permit import PermitSource
    from jiuwu.platform.models import RemoteOrder
    from jiuwu.points.ledger import PointsLedger


class Platform:
    """One app's way to the platform; one per process. The profile is read at once: a wrong one is refused at start.

    `http` replaces the process's own connection pool, and `runtime` its clock and randomness, for tests.
    """

    def __init__(
        self,
        environment: PlatformSettings,
        *,
        http: "httpx.Client | None" = None,
        runtime: Runtime = SYSTEM,
    ) -> None:
        self._environment, self._http, self._runtime = environment, http, runtime
        self.profile = profile.load(environment.jiuwu_profile)

    @cached_property
    def client(self) -> "PlatformClient":
        """Return the client of the platform's calls."""
        from jiuwu.platform.calls.client import PlatformClient

        made = PlatformClient(self.profile, **self._caller)
        made.on_write = on_write
        return made

    @cached_property
    def _caller(self) -> dict[str, Any]:
        secrets = SecretReader(clients.client("secretsmanager"), self._environment.app_secret_name)
        return {
            "base_url": self._environment.platform_url,
            "app_id": self._environment.app_id,
            "secrets": signing_secrets(secrets),
            "http": self._http,
            "runtime": self._runtime,
            "on_attempt": on_attempt,
            "permits": self.permits,
        }

    @cached_property
    def permits(self) -> "PermitSource":
        """Return what gives calls their permits, from the limits that all instances share."""
        from jiuwu.throttling.limiter import Lanes
        from jiuwu.throttling.platform_lanes import lane_rules, permit_source
        from jiuwu.throttling.reporting import on_lane_event
        from jiuwu.throttling.repository import LaneTable

        table = LaneTable(clients.client("dynamodb"), self._environment.limits_table, runtime=self._runtime)
        lanes = Lanes(table, lane_rules(self.profile), on_event=on_lane_event, runtime=self._runtime)
        return permit_source(self.profile, lanes)


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
        runtime: Runtime = SYSTEM,
    ) -> None:
        super().__init__(environment, http=http, runtime=runtime)
        self._members_table, self._token_key_id, self._points_table = members_table, token_key_id, points_table

    @classmethod
    def of(cls, settings: "PlacingSettings") -> "MembersPlatform":
        """Return the way of a function that places orders."""
        return cls(
            settings,
            members_table=settings.members_table,
            token_key_id=settings.token_key_id,
            points_table=settings.points_table,
        )

    @cached_property
    def oauth(self) -> "OAuthClient":
        """Return the client of the platform's OAuth calls."""
        from jiuwu.platform.calls.oauth import OAuthClient

        return OAuthClient(self.profile, **self._caller)

    @cached_property
    def tokens(self) -> "Tokens":
        """Return the tokens of all members."""
        from jiuwu.members.tokens import Tokens

        dynamodb, kms = clients.client("dynamodb"), clients.client("kms")
        return Tokens(dynamodb, self._members_table, kms, self._token_key_id, self.oauth, runtime=self._runtime)

    def token(self, member_id: str) -> "MemberToken":
        """Return the member's token for a call of `client`; nothing is read before the call needs it."""
        return self.tokens.source(member_id)

    @cached_property
    def ledger(self) -> "PointsLedger":
        """Return the members' points, for a function that has the points table."""
        from jiuwu.points.ledger import PointsLedger

        return PointsLedger(clients.client("dynamodb"), self._points_table)

    def place(self, order: "Order", *, deadline: Deadline) -> "RemoteOrder":
        """Place our order at the platform for its member, before the deadline.

        Points that pay for it are reserved first: the platform takes such an order as paid at once.

        Raise PlatformError and NotPlaceable.
        """
        from jiuwu.orders.placement import reserve
        from jiuwu.reconciliation.placing import place_for_member

        if order.points:
            reserve(self.ledger, order, at=int(self._runtime.clock()))
        return place_for_member(self.client, order, self.token(order.member_id), deadline=deadline)


def signing_secrets(read: SecretReader) -> Callable[[], AppSecrets]:
    """Return the secrets for calls; without any, a call is held back as by our own limit, which every caller knows."""

    def secrets() -> AppSecrets:
        try:
            return read()
        except SecretUnavailable as problem:
            raise AppSecretUnavailable("signing", problem=str(problem)) from None

    return secrets


def on_attempt(record: "CallRecord") -> None:
    """Record each attempt of a call as a metric; its SampleCount is the number of attempts."""
    telemetry.milliseconds("PlatformCallMilliseconds", record.milliseconds, call=record.name, outcome=record.outcome)


def on_write(record: "WriteRecord") -> None:
    """Log each write about an order, for the order's timeline."""
    write = telemetry.logger.info if record.outcome == "ok" else telemetry.logger.warning
    fields = {
        "call": record.name,
        "order_no": record.subject.order_no,
        "effect_id": record.subject.effect_id,
        "outcome": record.outcome,
        "milliseconds": round(record.milliseconds),
        "request_id": record.request_id,
    }
    write("platform call", extra={name: value for name, value in fields.items() if value != ""})
