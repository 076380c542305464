"""What tests of tokens share: a clock, the platform's token endpoint, and members."""

import time
from collections.abc import Callable

from jiuwu.platform.errors import InvalidGrant, PlatformError
from jiuwu.platform.models import TokenReply, UserProfile

MEMBER = "mb_aaaaaaaaaaaaaaaaaaaa"
USER = UserProfile(open_id="ou_1", nickname="小九", avatar_url="https://img.example.com/1.png", level=3, updated_at=7)
NOW = 1_763_800_000.25


class Clock:
    """Moves only when a test sets it, or sleeps on it."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


class Platform:
    """The contract's token endpoint: rotating refresh tokens, the previous one good until the new one is used."""

    def __init__(self) -> None:
        self.issued = 0
        self.previous = self.current = ""
        self.refreshes: list[str] = []
        self.revoked: list[str] = []
        self.fault: PlatformError | None = None
        self.revoke_fault: PlatformError | None = None
        self.before_reply: Callable[[], None] = lambda: None
        self.on_revoke: Callable[[str], None] = self.revoked.append
        self.names_a_new_refresh_token = True

    def consent(self) -> TokenReply:
        self.previous = ""
        return self._issue()

    def refresh(self, refresh_token: str) -> TokenReply:
        self.refreshes.append(refresh_token)
        if self.fault:
            raise self.fault
        if refresh_token not in {self.current, self.previous}:
            raise InvalidGrant("oauth.refresh")
        self.previous = refresh_token
        reply = self._issue()
        self.before_reply()
        return reply

    def revoke(self, token: str) -> None:
        if self.revoke_fault:
            raise self.revoke_fault
        self.on_revoke(token)

    def _issue(self) -> TokenReply:
        self.issued += 1
        refresh = f"rt_{self.issued}" if self.names_a_new_refresh_token else None
        self.current = refresh or self.previous
        return TokenReply(
            access_token=f"at_{self.issued}", refresh_token=refresh, expires_in=7200, refresh_expires_in=2592000
        )


class Ticking(Clock):
    """Starts at the tests' time and goes on by itself, for what really runs at once; slowly, for busy machines."""

    def __init__(self) -> None:
        super().__init__()
        self._started = time.monotonic()

    def __call__(self) -> float:
        return NOW + (time.monotonic() - self._started) / 20

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


class Dies(Exception):
    """The process ends here."""
