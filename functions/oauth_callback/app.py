"""OAuthCallback: logs members in (/oauth/login, /oauth/callback, /oauth/session) and unlinks them (/oauth/unlink)."""

from jiuwu.aws import cold_start  # first: it switches the collector off while the rest loads

# isort: split
from typing import Annotated, NamedTuple

import httpx
from aws_lambda_powertools.event_handler import Depends, Response
from aws_lambda_powertools.shared.cookies import Cookie, SameSite

from jiuwu.aws import clients
from jiuwu.aws.http.errors import HttpError
from jiuwu.aws.http.request import Request
from jiuwu.aws.http.router import HEADERS, Call, HttpApi, Next, Reply, current_call, json_response
from jiuwu.aws.settings import PlatformSettings, load
from jiuwu.bootstrap import MembersPlatform
from jiuwu.deadline import NO_DEADLINE
from jiuwu.members import login_errors, reporting
from jiuwu.members.accounts import Accounts
from jiuwu.members.login_flow import Callback, SignIn
from jiuwu.members.logins import STATE_SECONDS, Flow, Logins, Sessions, is_secret, new_secret
from jiuwu.members.return_to import ReturnOrigins, with_ticket
from jiuwu.members.session_request import read_ticket, redeem
from jiuwu.members.tokens import MemberUnknown, TokenBusy, Tokens

# Chromium keeps a __Host- cookie, and sends it, on http://127.0.0.1 and http://localhost too.
COOKIE = "__Host-jiuwu_login"
MINI_PROGRAM_HEADER = "x-jiuwu-login"


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
    public_url: str

    def base_url(self, request: Request) -> str:
        """Return where members reach this API."""
        return self.public_url or f"https://{request.host}"

    def redirect_uri(self, request: Request) -> str:
        """Return where the platform sends members back to."""
        return self.base_url(request) + "/oauth/callback"


def _with_pages(api: HttpApi, serve: Next) -> Response[str]:
    """Show a page to a browser whose login ends in an error; a mini program gets the error in JSON."""
    request, dependencies, _ = api.context["call"]
    if MINI_PROGRAM_HEADER in request.headers or "flow=mini_program" in request.raw_query:
        return serve(api)
    return login_errors.as_pages(lambda: serve(api), dependencies.origins, dependencies.base_url(request))


ApiCall = Annotated[Call[Dependencies], Depends(current_call)]
api = HttpApi("oauth", errors=login_errors.ERRORS, base_path="/oauth")


@api.get("/oauth/login", middlewares=[_with_pages])
def login(call: ApiCall) -> Response[str]:
    """Send a browser to the platform's consent page, or tell a mini program where that is."""
    # return_to as sent: ReturnOrigins checks its characters
    query = call.request.query("flow", "return_to", as_sent=("return_to",))
    if query["flow"] == "mini_program":
        return _login_of_mini_program(call, query["return_to"])
    if query["flow"] not in {"", "h5"}:
        raise HttpError(400, "flow_unknown", "flow 应为 h5 或 mini_program", "flow")
    dependencies, request = call.dependencies, call.request
    return_to = dependencies.origins.check(query["return_to"])
    # the same secret for all tabs of a browser, so that one login does not cut off another
    known = request.cookies.get(COOKIE, "")
    binding = known if is_secret(known) else new_secret()
    redirect_uri = dependencies.redirect_uri(request)
    _, url = dependencies.signin.begin("h5", return_to, binding=binding, redirect_uri=redirect_uri)
    reporting.served("/oauth/login", "begun")
    cookie = Cookie(COOKIE, binding, path="/", max_age=STATE_SECONDS, http_only=True, same_site=SameSite.LAX_MODE)
    return _redirect(url, cookie)


def _login_of_mini_program(call: Call[Dependencies], return_to: str) -> Response[str]:
    # A mini program keeps no cookies; it keeps login_secret and brings it in a header.
    dependencies, binding = call.dependencies, new_secret()
    return_to = dependencies.origins.check(return_to) if return_to else ""
    redirect_uri = dependencies.redirect_uri(call.request)
    state, url = dependencies.signin.begin("mini_program", return_to, binding=binding, redirect_uri=redirect_uri)
    reporting.served("/oauth/login", "begun")
    begun = {"authorize_url": url, "state": state, "login_secret": binding, "expires_in": STATE_SECONDS}
    return json_response(200, begun)


@api.get("/oauth/callback", middlewares=[_with_pages])
def callback(call: ApiCall) -> Response[str]:
    """Complete a login with what the platform sent: back to the shop with a ticket, or the ticket alone."""
    dependencies, request = call.dependencies, call.request
    query = request.query("state", "code", "error")
    secret = request.headers.get(MINI_PROGRAM_HEADER)
    flow: Flow = "h5" if secret is None else "mini_program"
    binding = request.cookies.get(COOKIE, "") if secret is None else secret
    brought = Callback(query["state"], query["code"], query["error"], flow, binding if is_secret(binding) else "")
    done = dependencies.signin.complete(brought, redirect_uri=dependencies.redirect_uri(request))
    reporting.served("/oauth/callback", "repeated" if done.repeated else "linked", done.member_id)
    if done.state.flow == "mini_program":
        return json_response(200, {"ticket": done.ticket})
    return _redirect(with_ticket(done.state.return_to, done.ticket))


@api.post("/oauth/session")
def open_session(call: ApiCall) -> Response[str]:
    """Open a session for a ticket, once."""
    ticket, dependencies = read_ticket(call.request), call.dependencies
    member, session = redeem(ticket, dependencies.logins, dependencies.accounts, dependencies.sessions)
    reporting.served("/oauth/session", "opened", member.member_id)
    opened = {"member_id": member.member_id, "session_token": session.token, "expires_in": session.expires_in}
    return json_response(200, opened | {"nickname": member.nickname, "avatar_url": member.avatar_url})


@api.post("/oauth/unlink")
def unlink(call: ApiCall) -> Response[str]:
    """End the member's link to the platform and every session; 202 while the platform has not revoked it yet."""
    dependencies, token = call.dependencies, call.request.bearer
    member_id = dependencies.sessions.member_id(token) if is_secret(token) else None
    if member_id is None:
        challenge = {"WWW-Authenticate": "Bearer"}
        raise HttpError(401, "session_refused", "请先登录", "Authorization", headers=challenge)
    try:
        finished = dependencies.tokens.unlink(member_id)
    except MemberUnknown:
        finished = True
    except TokenBusy:
        raise HttpError(503, "busy", "授权正在更新，请稍后再试", headers=login_errors.RETRY) from None
    dependencies.sessions.end_all(member_id)
    status = "unlinked" if finished else "unlinking"
    reporting.served("/oauth/unlink", status, member_id)
    return json_response(200 if finished else 202, {"status": status})


def _redirect(url: str, *cookies: Cookie) -> Response[str]:
    """Return a 302; the page that it leaves has no name for the one it leads to."""
    headers = {"Location": url, "Referrer-Policy": "no-referrer", **HEADERS}
    return Response(302, body="", headers=headers, cookies=[*cookies])


def build(settings: Settings, http: httpx.Client | None = None) -> Dependencies:
    """Return the dependencies for these settings; raise SettingsError, OriginMalformed or ProfileError."""
    dynamodb, table = clients.client("dynamodb"), settings.members_table
    platform = MembersPlatform(settings, members_table=table, token_key_id=settings.token_key_id, http=http)
    tokens, oauth = platform.tokens, platform.oauth
    logins = Logins(dynamodb, settings.logins_table)
    return Dependencies(
        signin=SignIn(settings.app_id, logins=logins, tokens=tokens, oauth=oauth, platform=platform.client),
        logins=logins,
        sessions=Sessions(dynamodb, settings.logins_table),
        accounts=Accounts(dynamodb, table),
        tokens=tokens,
        origins=ReturnOrigins(settings.return_origins),
        public_url=settings.public_url.rstrip("/"),
    )


def handle(dependencies: Dependencies, event: object) -> Reply:
    """Return the reply to an API Gateway HTTP API event (payload 2.0): a redirect, a page or JSON."""
    return api.serve(event, dependencies, NO_DEADLINE)


_dependencies = build(load(Settings))


def handler(event: object, _context: object) -> Reply:
    """Entry point for Lambda."""
    return handle(_dependencies, event)


cold_start.finish()
