"""The app secret, from Secrets Manager: the current one and, while a rotation lasts, the previous."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

# A rotated secret is known everywhere after this; until then the previous one still verifies.
_FRESH_SECONDS = 300.0


class SecretMalformed(Exception):
    """The secret's value has not the form {"current": "…", "previous": "…"}; never shows it."""


class AppSecrets(msgspec.Struct, frozen=True):
    """The app's secrets at the platform. Source of the form: README, "Deploy"."""

    current: str
    previous: str | None = None

    @property
    def all(self) -> tuple[str, ...]:
        """Current first, then the previous one if a rotation is under way."""
        return (self.current,) if not self.previous else (self.current, self.previous)

    def __repr__(self) -> str:
        return "AppSecrets(…)"


class SecretReader:
    """Reads the app secret and keeps it for five minutes."""

    def __init__(
        self, secretsmanager: "SecretsManagerClient", name: str, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client, self._name, self._clock = secretsmanager, name, clock
        self._read_at = float("-inf")
        self._secrets: AppSecrets

    def __call__(self) -> AppSecrets:
        """The secrets; raises SecretMalformed naming the secret and the field."""
        if self._clock() - self._read_at > _FRESH_SECONDS:
            self._secrets = _parse(self._name, self._client.get_secret_value(SecretId=self._name)["SecretString"])
            self._read_at = self._clock()
        return self._secrets


def _parse(name: str, text: str) -> AppSecrets:
    try:
        secrets = msgspec.json.decode(text, type=AppSecrets)
    except (msgspec.DecodeError, msgspec.ValidationError):
        raise SecretMalformed(f'secret {name}: expected JSON {{"current": "…", "previous": "…"}}') from None
    if not secrets.current:
        raise SecretMalformed(f"secret {name}: field current is empty; put the app secret there")
    return secrets
