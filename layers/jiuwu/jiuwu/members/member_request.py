"""A request of a member who is logged in.

Light, because the Storefront starts with it: nothing here imports httpx or pydantic.
"""

from typing import Annotated, Any, NamedTuple

from aws_lambda_powertools.event_handler import Depends

from jiuwu.aws.http.errors import HttpError
from jiuwu.aws.http.request import Request
from jiuwu.aws.http.router import Call, current_call
from jiuwu.deadline import Deadline

from .logins import Sessions, is_secret


class MemberCall[D](NamedTuple):
    """A request of a member who is logged in."""

    request: Request
    dependencies: D
    deadline: Deadline
    member_id: str


def require_member(request: Request, sessions: Sessions) -> str:
    """Return the id of the member whose session token the request brings; raise HttpError."""
    token = request.bearer
    member_id = sessions.member_id(token) if is_secret(token) else None
    if member_id is None:
        challenge = {"WWW-Authenticate": "Bearer"}
        raise HttpError(401, "session_required", "请先登录", "Authorization", headers=challenge)
    return member_id


def member_call(call: Annotated[Call[Any], Depends(current_call)]) -> MemberCall[Any]:
    """Return the call of a route for members only: `Annotated[MemberCall[Dependencies], Depends(member_call)]`."""
    return MemberCall(*call, require_member(call.request, call.dependencies.sessions))
