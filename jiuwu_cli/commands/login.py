"""`jiuwu login`: log a member of the simulated platform in, for calls of your own to the running sandbox."""

from typing import Annotated
from urllib.parse import parse_qsl

import httpx
import msgspec
import typer

from jiuwu_cli.deployment import sandbox_state
from jiuwu_cli.terminal import urls
from jiuwu_cli.terminal.errors import CommandError
from jiuwu_cli.terminal.output import print_line, print_note

_SECONDS = 30.0


class Session(msgspec.Struct, frozen=True):
    """The part of the reply to POST /oauth/session that is shown."""

    member_id: str
    session_token: str
    expires_in: int


class _Begun(msgspec.Struct, frozen=True):
    authorize_url: str
    login_secret: str


class _Ticket(msgspec.Struct, frozen=True):
    ticket: str


def login(
    open_id: Annotated[str, typer.Argument(metavar="OPEN_ID", help="A member of the simulated platform: ou_yutong")],
) -> None:
    """Log a member in to the running sandbox, as a mini program does, and print the session token.

    A new open id makes a new member: `ou_` and letters, digits or underscores.

    Example:

    `curl -H "Authorization: Bearer $(jiuwu login ou_yutong)" http://127.0.0.1:8000/orders`
    """
    sandbox = sandbox_state.find()
    if sandbox is None:
        raise CommandError("no sandbox is running", sandbox_state.START_HINT)
    try:
        with urls.http_client(httpx.URL(sandbox.api_url), seconds=_SECONDS) as http:
            session = log_in(http, sandbox.api_url, open_id)
    except httpx.HTTPError as error:
        failed = f"the sandbox does not answer ({type(error).__name__})"
        raise CommandError(failed, f"is it still running? {sandbox_state.START_HINT}") from None
    print_line(session.session_token)
    print_note(f"{open_id} is member {session.member_id}; good for {session.expires_in // 3600} h at {sandbox.api_url}")


def log_in(http: httpx.Client, api_url: str, open_id: str) -> Session:
    """Log the member in, from the login button to a session. Raise CommandError for a step that fails."""
    begun = _read("/oauth/login", http.get(f"{api_url}/oauth/login", params={"flow": "mini_program"}), _Begun)
    consent_page = httpx.URL(begun.authorize_url)
    consent = dict(parse_qsl(consent_page.query.decode())) | {"member": open_id, "decision": "allow"}
    back = http.post(consent_page.copy_with(query=None), data=consent)
    if back.status_code not in (302, 303):
        raise CommandError(f"the platform does not take {open_id!r}", "expected an open id such as ou_yutong")
    reply = http.get(back.headers["location"], headers={"X-Jiuwu-Login": begun.login_secret})
    ticket = _read("/oauth/callback", reply, _Ticket).ticket
    return _read("/oauth/session", http.post(f"{api_url}/oauth/session", json={"ticket": ticket}), Session)


def _read[T](path: str, reply: httpx.Response, of: type[T]) -> T:
    try:
        return msgspec.json.decode(reply.content, type=of)
    except (msgspec.DecodeError, UnicodeDecodeError):
        problem = f"{path} answers {reply.status_code}: {reply.text[:200]}"
        raise CommandError(problem, "try again, or look at the sandbox's logs") from None
