"""The one form of our APIs' errors: {"code", "reason", "message", "field"}.

`code` is the HTTP status, `reason` a word for programs, `message` a sentence in Chinese for the member or the merchant,
and `field` what is wrong, where one thing is.
"""

from collections.abc import Mapping


class HttpError(Exception):
    """The request ends here: HTTP status, reason code, a message in Chinese for the caller, and the field concerned."""

    def __init__(
        self, status: int, reason: str, message: str, field: str = "", *, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"{reason}: {message}")
        self.status, self.reason, self.message, self.field, self.headers = status, reason, message, field, headers or {}

    @property
    def content(self) -> dict[str, str | int]:
        """Return the reply's content."""
        content: dict[str, str | int] = {"code": self.status, "message": self.message, "reason": self.reason}
        return content | ({"field": self.field} if self.field else {})
