"""The key that the merchant's servers bring, and how many wrong ones a source may bring."""

import hmac
import math
from collections.abc import Callable
from functools import partial

from aws_lambda_powertools.event_handler import Response

from jiuwu.aws import clients, telemetry
from jiuwu.aws.http.errors import HttpError
from jiuwu.aws.http.request import Request
from jiuwu.aws.http.router import HttpApi, Next
from jiuwu.aws.secrets import AppSecrets, SecretReader
from jiuwu.runtime import Runtime
from jiuwu.throttling.reporting import on_lane_event
from jiuwu.throttling.repository import LaneTable
from jiuwu.throttling.source_limit import KEPT_SECONDS, SourceLimit, source_of

MIN_LENGTH, MAX_LENGTH = 32, 256  # longer ones than Request.bearer reads would open nothing


class MerchantKey:
    """Checks the key of a request; `secret` holds the current and the previous one."""

    def __init__(self, secret: Callable[[], AppSecrets], source_limit: SourceLimit) -> None:
        self._secret, self._source_limit = secret, source_limit

    @classmethod
    def of(cls, secret_name: str, limits_table: str, runtime: Runtime) -> "MerchantKey":
        """Return the check of the key of this name; its failures are counted in the limits table."""
        secrets = clients.client("secretsmanager")
        wrong_keys = LaneTable(clients.client("dynamodb"), limits_table, kept_seconds=KEPT_SECONDS, runtime=runtime)
        on_fault = partial(on_lane_event, "unavailable", "wrong_keys")
        return cls(
            SecretReader(secrets, secret_name, minimum=MIN_LENGTH, maximum=MAX_LENGTH),
            SourceLimit(wrong_keys, on_fault=on_fault, runtime=runtime),
        )

    def require(self, request: Request) -> None:
        """Raise HttpError unless the request brings a key that fits. One without a key costs no read of the secret."""
        given = request.bearer.encode()
        if not given:
            raise _key_required()
        keys = self._secret()
        source = source_of(request.source, keys.current)
        if wait := self._source_limit.wait(source):
            raise _slowed(wait)
        # every key is compared to its end, whichever fits
        if True not in [hmac.compare_digest(given, key.encode()) for key in keys.all]:
            wait = self._source_limit.note_failure(source)
            raise _slowed(wait) if wait else _key_wrong()


def authenticate(api: HttpApi, serve: Next) -> Response[str]:
    """Refuse a wrong key before anything else: a stranger does not even learn which paths exist."""
    request, dependencies, _ = api.context["call"]
    dependencies.key.require(request)
    return serve(api)


def _key_required() -> HttpError:
    challenge = {"WWW-Authenticate": "Bearer"}
    return HttpError(401, "merchant_key_required", "需要有效的商家密钥", "Authorization", headers=challenge)


def _key_wrong() -> HttpError:
    telemetry.count("MerchantKeyFailures")
    return _key_required()


def _slowed(wait: float) -> HttpError:
    telemetry.count("MerchantKeyFailures")
    later = {"Retry-After": str(math.ceil(wait))}
    return HttpError(429, "too_many_wrong_keys", "商家密钥错误次数过多，请稍后再试", "Authorization", headers=later)
