"""Secrets from Secrets Manager: the current one and, while a rotation lasts, the previous; the last good ones serve on
while no newer can be had."""

import re
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.aws import clients, telemetry
from jiuwu.runtime import SYSTEM, Runtime

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

# A rotated secret is known everywhere after this; until then the previous one still verifies.
_FRESH_SECONDS = 300.0
# After a failed read: with good secrets in hand nothing is in a hurry; without, the pause doubles.
_FIRST_PAUSE, _MAX_PAUSE_SECONDS = 1.0, 60.0
_VISIBLE = re.compile(r"[\x21-\x7e]+")
_MAX_CHARACTERS = 4096
_FORM = 'expected JSON {"current": "…", "previous": "…"}'


class SecretUnavailable(Exception):
    """There is no secret to use: names the secret and the problem, never its value."""


class SecretMalformed(SecretUnavailable):
    """The secret's value has not the form {"current": "…", "previous": "…"}, or holds what belongs in no secret."""


class AppSecrets(msgspec.Struct, frozen=True):
    """The app's secrets at the platform. Source of the form: README, "Deploy"."""

    current: str
    previous: str | None = None

    @property
    def all(self) -> tuple[str, ...]:
        """Return the current one, then the previous one if a rotation is under way."""
        return (self.current,) if not self.previous else (self.current, self.previous)

    def __repr__(self) -> str:
        return "AppSecrets(…)"


def count_failure(problem: SecretUnavailable, *, has_good: bool) -> None:
    """Count a read that failed, for the alarm SecretReadFailures, and log what is wrong."""
    telemetry.count("SecretReadFailures")
    serving = "last_good" if has_good else "none"
    telemetry.logger.error("secret", extra={"outcome": "unavailable", "serving": serving, "problem": str(problem)})


class SecretReader:
    """Read a secret and keep it for five minutes; safe to share between threads.

    The last good value stays in use while Secrets Manager fails or holds a malformed one. `on_failure` is called for
    each read that failed. A secret of fewer characters than `minimum` or more than `maximum` is malformed.
    """

    def __init__(  # noqa: PLR0913 -- the secret and its form, and two hooks
        self,
        secretsmanager: "SecretsManagerClient",
        name: str,
        *,
        minimum: int = 1,
        maximum: int = _MAX_CHARACTERS,
        on_failure: Callable[..., None] = count_failure,
        runtime: Runtime = SYSTEM,
    ) -> None:
        self._client, self._name, self._clock = secretsmanager, name, runtime.monotonic
        self._minimum, self._maximum, self._on_failure = minimum, maximum, on_failure
        self._lock = threading.Lock()
        self._next_read, self._pause = float("-inf"), _FIRST_PAUSE
        self._good: AppSecrets | None = None
        self._problem = SecretUnavailable(f"secret {name}: not read yet")

    def __call__(self) -> AppSecrets:
        """Return the secrets as last read well; raise SecretUnavailable, which names the secret, where there are
        none."""
        # with good ones in hand only one thread waits for newer ones
        if self._clock() >= self._next_read and self._lock.acquire(blocking=self._good is None):
            try:
                if self._clock() >= self._next_read:
                    self._read()
            finally:
                self._lock.release()
        if self._good is None:
            raise self._problem.with_traceback(None)
        return self._good

    def _read(self) -> None:
        try:
            self._good = _parse(self._name, self._fetch(), minimum=self._minimum, maximum=self._maximum)
        except SecretUnavailable as problem:
            self._problem = problem
            self._on_failure(problem, has_good=self._good is not None)
            self._next_read = self._clock() + (self._pause if self._good is None else _MAX_PAUSE_SECONDS)
            self._pause = min(2 * self._pause, _MAX_PAUSE_SECONDS)
        else:
            self._next_read, self._pause = self._clock() + _FRESH_SECONDS, _FIRST_PAUSE

    def _fetch(self) -> Any:  # noqa: ANN401 -- what AWS holds; _parse looks at it
        try:
            return self._client.get_secret_value(SecretId=self._name).get("SecretString")
        except (ClientError, BotoCoreError) as error:
            raise SecretUnavailable(f"secret {self._name}: cannot be read: {clients.describe_error(error)}") from None


def _parse(name: str, text: object, *, minimum: int, maximum: int) -> AppSecrets:
    if not isinstance(text, str):
        raise SecretMalformed(f"secret {name}: is stored as binary; {_FORM}")
    if text.startswith("\ufeff"):
        raise SecretMalformed(f"secret {name}: begins with a byte order mark (U+FEFF); store it without")
    try:
        secrets = msgspec.json.decode(text, type=AppSecrets)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        raise SecretMalformed(f"secret {name}: {_FORM}") from None
    _check(f"secret {name}: field current", secrets.current, minimum, maximum)
    if secrets.previous:
        _check(f"secret {name}: field previous", secrets.previous, minimum, maximum)
    return secrets


def _check(place: str, value: str, minimum: int, maximum: int) -> None:
    """Refuse invisible characters, which copying adds: no signature would fit, and nothing would say why."""
    if not value.strip():
        raise SecretMalformed(f"{place} is empty; put the secret there")
    if value != value.strip():
        raise SecretMalformed(f"{place} begins or ends with a blank or a line break; store the secret alone")
    if not _VISIBLE.fullmatch(value):
        raise SecretMalformed(
            f"{place} has a character that is not visible ASCII, such as a blank, a line break, a zero-width or a "
            "full-width one; store the secret as it was issued"
        )
    if not minimum <= len(value) <= maximum:
        raise SecretMalformed(f"{place} must have {minimum} to {maximum} characters")
