"""OAuthCallback: logs members in (/oauth/login, /oauth/callback, /oauth/session) and unlinks them (/oauth/unlink)."""

from jiuwu.aws import cold_start  # first: it switches the collector off while the rest loads

# isort: split
from typing import Annotated, NamedTuple

import httpx
from aws_lambda_powertools.event_handler import Depends, Response

from jiuwu.aws import clients
from jiuwu.aws.http.router import Call, HttpApi, Next, Reply, current_call, json_response, redirect_response
from jiuwu.aws.settings import PlatformSettings, load
from jiuwu.bootstrap import MembersPlatform
from jiuwu.deadline import NO_DEADLINE
from jiuwu.members import login_errors, login_request, reporting
from jiuwu.members.accounts import Accounts
from jiuwu.members.login_flow import SignIn
from jiuwu.members.logins import Logins, Sessions
from jiuwu.members.member_request import require_member
from jiuwu.members.return_to import ReturnOrigins, with_ticket
from jiuwu.members.session_request import end_link, opened, read_ticket, redeem
from jiuwu.members.tokens import Tokens


class Settings(PlatformSettings, frozen=True, kw_only=True):
    members_table: str
    logins_table: str
    token_key_id: str
    return_origins: str
    public_url: str = ""


class Dependencies(NamedTuple):
    """The dependencies of a request of a member."""

    signin: SignIn
    logins: Logins
    sessions: Sessions
    accounts: Accounts
    tokens: Tokens
    origins: ReturnOrigins
    address: login_request.PublicAddress


def _with_pages(api: HttpApi, serve: Next) -> Response[str]:
    """Show a page to a browser whose login ends in an error; a mini program gets the error in JSON."""
    request, dependencies, _ = api.context["call"]
    if not login_request.shows_pages(request):
        return serve(api)
    return login_errors.as_pages(lambda: serve(api), dependencies.origins, dependencies.address.of_api(request))


ApiCall = Annotated[Call[Dependencies], Depends(current_call)]
api = HttpApi("oauth", errors=login_errors.ERRORS, base_path="/oauth")


@api.get("/oauth/login", middlewares=[_with_pages])
def login(call: ApiCall) -> Response[str]:
    """Send a browser to the platform's consent page, or tell a mini program where that is."""
    dependencies, flow, return_to = call.dependencies, *login_request.read_login(call.request)
    signin, redirect_uri = dependencies.signin, dependencies.address.callback(call.request)
    if flow == "mini_program":
        return_to = dependencies.origins.check(return_to) if return_to else ""
        return json_response(200, login_request.begin_mini_program(signin, return_to, redirect_uri=redirect_uri))
    return_to, secret = dependencies.origins.check(return_to), login_request.browser_secret(call.request)
    _, url = signin.begin("h5", return_to, binding=secret, redirect_uri=redirect_uri)
    return redirect_response(url, login_request.browser_cookie(secret))


@api.get("/oauth/callback", middlewares=[_with_pages])
def callback(call: ApiCall) -> Response[str]:
    """Complete a login with what the platform sent: back to the shop with a ticket, or the ticket alone."""
    dependencies, brought = call.dependencies, login_request.read_callback(call.request)
    done = dependencies.signin.complete(brought, redirect_uri=dependencies.address.callback(call.request))
    reporting.served("/oauth/callback", "repeated" if done.repeated else "linked", done.member_id)
    if done.state.flow == "mini_program":
        return json_response(200, {"ticket": done.ticket})
    return redirect_response(with_ticket(done.state.return_to, done.ticket))


@api.post("/oauth/session")
def open_session(call: ApiCall) -> Response[str]:
    """Open a session for a ticket, once."""
    ticket, dependencies = read_ticket(call.request), call.dependencies
    member, session = redeem(ticket, dependencies.logins, dependencies.accounts, dependencies.sessions)
    reporting.served("/oauth/session", "opened", member.member_id)
    return json_response(200, opened(member, session))


@api.post("/oauth/unlink")
def unlink(call: ApiCall) -> Response[str]:
    """End the member's link to the platform and every session; 202 while the platform has not revoked it yet."""
    dependencies, member_id = call.dependencies, require_member(call.request, call.dependencies.sessions)
    finished = end_link(dependencies.tokens, dependencies.sessions, member_id)
    status = "unlinked" if finished else "unlinking"
    reporting.served("/oauth/unlink", status, member_id)
    return json_response(200 if finished else 202, {"status": status})


def build(settings: Settings, http: httpx.Client | None = None) -> Dependencies:
    """Return the dependencies for these settings; raise SettingsError, OriginMalformed or ProfileError."""
    dynamodb, table = clients.client("dynamodb"), settings.members_table
    platform = MembersPlatform(settings, members_table=table, token_key_id=settings.token_key_id, http=http)
    tokens, logins = platform.tokens, Logins(dynamodb, settings.logins_table)
    return Dependencies(
        signin=SignIn(settings.app_id, logins=logins, tokens=tokens, oauth=platform.oauth, platform=platform.client),
        logins=logins,
        sessions=Sessions(dynamodb, settings.logins_table),
        accounts=Accounts(dynamodb, table),
        tokens=tokens,
        origins=ReturnOrigins(settings.return_origins),
        address=login_request.PublicAddress(settings.public_url),
    )


def handle(dependencies: Dependencies, event: object) -> Reply:
    """Return the reply to an API Gateway HTTP API event (payload 2.0): a redirect, a page or JSON."""
    return api.serve(event, dependencies, NO_DEADLINE)


_dependencies = build(load(Settings))


def handler(event: object, _context: object) -> Reply:
    """Entry point for Lambda."""
    return handle(_dependencies, event)


cold_start.finish()
