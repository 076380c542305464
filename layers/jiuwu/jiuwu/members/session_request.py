"""POST /oauth/session, which opens a session for a ticket, and POST /oauth/unlink, which ends them all."""

import msgspec

from jiuwu.aws.http import body
from jiuwu.aws.http.errors import HttpError
from jiuwu.aws.http.request import Request

from .accounts import Accounts, Member
from .login_errors import RETRY
from .logins import Logins, Session, Sessions, TicketRefused, is_secret
from .tokens import MemberUnknown, TokenBusy, Tokens


class NewSession(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The ticket of a login, which opens one session."""

    ticket: str


_DECODER = msgspec.json.Decoder(NewSession)


def read_ticket(request: Request) -> str:
    """Return the ticket of a request; raise HttpError for what cannot be one."""
    ticket = body.decode(request, _DECODER, lambda _: "ticket 应为 /oauth/callback 给出的文本").ticket
    if not is_secret(ticket):
        raise HttpError(400, "ticket_malformed", "ticket 不是 /oauth/callback 给出的", "ticket")
    return ticket


def redeem(ticket: str, logins: Logins, accounts: Accounts, sessions: Sessions) -> tuple[Member, Session]:
    """Return the ticket's member and the session that it opens, once; raise HttpError."""
    try:
        member = accounts.get(logins.redeem(ticket))
    except TicketRefused:
        member = None
    if member is None or not member.is_linked:
        raise HttpError(410, "ticket_refused", "登录凭证无效、已使用或已过期，请重新登录", "ticket")
    session = sessions.open(member.member_id)
    if not _still_linked(accounts, member.member_id):
        # unlinked while the session opened: that one was not among those that the unlinking ended
        sessions.end_all(member.member_id)
        raise HttpError(410, "ticket_refused", "账号已解除关联，请重新登录", "ticket")
    return member, session


def opened(member: Member, session: Session) -> dict[str, str | int]:
    """Return the reply's content."""
    about: dict[str, str | int] = {
        "member_id": member.member_id,
        "nickname": member.nickname,
        "avatar_url": member.avatar_url,
    }
    return about | {"session_token": session.token, "expires_in": session.expires_in}


def end_link(tokens: Tokens, sessions: Sessions, member_id: str) -> bool:
    """End the member's link and sessions; return whether the platform has revoked the link by now. Raise HttpError."""
    try:
        finished = tokens.unlink(member_id)
    except MemberUnknown:
        finished = True
    except TokenBusy:
        raise HttpError(503, "busy", "授权正在更新，请稍后再试", headers=RETRY) from None
    sessions.end_all(member_id)
    return finished


def _still_linked(accounts: Accounts, member_id: str) -> bool:
    member = accounts.get(member_id)
    return member is not None and member.is_linked
