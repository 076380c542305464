"""The body of POST /oauth/session."""

import msgspec

from jiuwu.aws.http import body
from jiuwu.aws.http.request import HttpError, Request

from .logins import is_secret


class NewSession(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The ticket of a login, which opens one session."""

    ticket: str


_DECODER = msgspec.json.Decoder(NewSession)


def read_ticket(request: Request) -> str:
    """Return the ticket of a request; raises HttpError for what cannot be one."""
    ticket = body.decode(request, _DECODER, lambda _: "ticket 应为 /oauth/callback 给出的文本").ticket
    if not is_secret(ticket):
        raise HttpError(400, "ticket_malformed", "ticket 不是 /oauth/callback 给出的", "ticket")
    return ticket
