"""OAuthCallback: members come in here: /oauth/login, /oauth/callback, /oauth/session, and out again: /oauth/unlink."""

from jiuwu.aws import cold_start  # first: it switches the collector off while the rest loads

# isort: split
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple
from urllib.parse import urlencode

import httpx
import msgspec
from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.aws import api, clients, settings, telemetry, web
from jiuwu.aws.web import Reply, Request, RequestRefused
from jiuwu.bootstrap import MembersPlatform
from jiuwu.members import pages
from jiuwu.members.accounts import Accounts
from jiuwu.members.login_flow import Callback, LoginFailed, SignIn
from jiuwu.members.logins import STATE_SECONDS, Flow, Logins, Sessions, State, TicketRefused, is_secret, new_secret
from jiuwu.members.return_to import ReturnOrigins, ReturnRefused, with_ticket
from jiuwu.members.tokens import MemberUnknown, TokenBusy, Tokens

# Chromium keeps a __Host- cookie, and sends it, on http://127.0.0.1 and http://localhost too.
COOKIE = "__Host-jiuwu_login"
MINI_PROGRAM_HEADER = "x-jiuwu-login"
_RETRY = {"Retry-After": "5"}


class Settings(settings.PlatformSettings, frozen=True, kw_only=True):
    members_table: str
    logins_table: str
    token_key_id: str
    return_origins: str
    public_url: str = ""


class Ticket(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The body of POST /oauth/session."""

    ticket: str


class Parts(NamedTuple):
    """What serving members needs."""

    signin: SignIn
    logins: Logins
    sessions: Sessions
    accounts: Accounts
    tokens: Tokens
    origins: ReturnOrigins
    public_url: str


def handle(parts: Parts, event: object) -> Reply:
    """The reply to an API Gateway HTTP API event (payload 2.0): a redirect, a page or JSON; whatever a stranger sends
    ends in a 4xx with its reason."""
    try:
        request = web.parse(event)
    except RequestRefused as refused:
        return _json_problem(refused)
    try:
        return _route(request)(parts, request)
    except RequestRefused as refused:
        return _refuse(parts, request, refused)
    except LoginFailed as failed:
        _log(request, failed.failure, cause=failed.__cause__)
        return _fail(parts, request, pages.MESSAGES[failed.failure], failed)
    except (ClientError, BotoCoreError) as fault:
        _log(request, "unavailable", cause=fault)
        return _fail(parts, request, pages.MESSAGES["unavailable"], LoginFailed("unavailable"))


def _route(request: Request) -> Callable[[Parts, Request], Reply]:
    known = _ROUTES.get(_route_path(request))
    if known is None:
        raise RequestRefused(404, "not_found", "没有这个地址，只有 /oauth/login、/callback、/session 和 /unlink")
    method, serve = known
    if request.method != method:
        raise RequestRefused(405, "method_not_allowed", f"请用 {method} 请求", {"Allow": method})
    return serve


def _login(parts: Parts, request: Request) -> Reply:
    # what return_to may consist of, ReturnOrigins says
    query = request.query("flow", "return_to", as_sent=("return_to",))
    if query["flow"] == "mini_program":
        return _login_of_mini_program(parts, request, query["return_to"])
    if query["flow"] not in {"", "h5"}:
        raise RequestRefused(400, "flow_unknown", "flow 应为 h5 或 mini_program")
    return_to = _allowed(parts, query["return_to"])
    # the same secret for all tabs of a browser, so that one login does not cut off another
    known = request.cookies.get(COOKIE, "")
    binding = known if is_secret(known) else new_secret()
    _, url = parts.signin.begin("h5", return_to, binding=binding, redirect_uri=_redirect_uri(parts, request))
    _log(request, "begun")
    cookie = f"{COOKIE}={binding}; Path=/; Max-Age={STATE_SECONDS}; Secure; HttpOnly; SameSite=Lax"
    return web.redirect(url, cookie)


def _login_of_mini_program(parts: Parts, request: Request, return_to: str) -> Reply:
    # A mini program keeps no cookies; it keeps login_secret and brings it in a header.
    binding, redirect_uri = new_secret(), _redirect_uri(parts, request)
    return_to = _allowed(parts, return_to) if return_to else ""
    state, url = parts.signin.begin("mini_program", return_to, binding=binding, redirect_uri=redirect_uri)
    _log(request, "begun")
    begun = {"authorize_url": url, "state": state, "login_secret": binding, "expires_in": STATE_SECONDS}
    return web.json_reply(200, begun)


def _callback(parts: Parts, request: Request) -> Reply:
    query = request.query("state", "code", "error")
    secret = request.headers.get(MINI_PROGRAM_HEADER)
    flow: Flow = "h5" if secret is None else "mini_program"
    binding = request.cookies.get(COOKIE, "") if secret is None else secret
    brought = Callback(query["state"], query["code"], query["error"], flow, binding if is_secret(binding) else "")
    done = parts.signin.complete(brought, redirect_uri=_redirect_uri(parts, request))
    _log(request, "repeated" if done.repeated else "linked", done.member_id)
    if done.state.flow == "mini_program":
        return web.json_reply(200, {"ticket": done.ticket})
    return web.redirect(with_ticket(done.state.return_to, done.ticket))


def _session(parts: Parts, request: Request) -> Reply:
    ticket = api.body(request, _TICKET, lambda _: "ticket 应为 /oauth/callback 给出的文本").ticket
    if not is_secret(ticket):
        raise RequestRefused(400, "ticket_malformed", "ticket 不是 /oauth/callback 给出的")
    try:
        member = parts.accounts.get(parts.logins.redeem(ticket))
    except TicketRefused:
        member = None
    if member is None or not member.is_linked:
        raise RequestRefused(410, "ticket_refused", "登录凭证无效、已使用或已过期，请重新登录")
    session = parts.sessions.open(member.member_id)
    if not _still_linked(parts, member.member_id):
        # unlinked while the session opened: that one was not among those that the unlinking ended
        parts.sessions.end_all(member.member_id)
        raise RequestRefused(410, "ticket_refused", "账号已解除关联，请重新登录")
    _log(request, "opened", member.member_id)
    opened = {"member_id": member.member_id, "session_token": session.token, "expires_in": session.expires_in}
    return web.json_reply(200, opened | {"nickname": member.nickname, "avatar_url": member.avatar_url})


def _still_linked(parts: Parts, member_id: str) -> bool:
    member = parts.accounts.get(member_id)
    return member is not None and member.is_linked


def _unlink(parts: Parts, request: Request) -> Reply:
    token = api.bearer(request)
    member_id = parts.sessions.member_id(token) if is_secret(token) else None
    if member_id is None:
        raise RequestRefused(401, "session_refused", "请先登录", {"WWW-Authenticate": "Bearer"})
    try:
        finished = parts.tokens.unlink(member_id)
    except MemberUnknown:
        finished = True
    except TokenBusy:
        raise RequestRefused(503, "busy", "授权正在更新，请稍后再试", _RETRY) from None
    parts.sessions.end_all(member_id)
    status = "unlinked" if finished else "unlinking"
    _log(request, status, member_id)
    return web.json_reply(200 if finished else 202, {"status": status})


_TICKET = msgspec.json.Decoder(Ticket)
_ROUTES: dict[str, tuple[str, Callable[[Parts, Request], Reply]]] = {
    "/oauth/login": ("GET", _login),
    "/oauth/callback": ("GET", _callback),
    "/oauth/session": ("POST", _session),
    "/oauth/unlink": ("POST", _unlink),
}


def _allowed(parts: Parts, return_to: str) -> str:
    try:
        return parts.origins.check(return_to)
    except ReturnRefused as refused:
        raise RequestRefused(400, refused.reason, refused.message) from None


def _base_url(parts: Parts, request: Request) -> str:
    return parts.public_url or f"https://{request.host}"


def _redirect_uri(parts: Parts, request: Request) -> str:
    return _base_url(parts, request) + "/oauth/callback"


def _route_path(request: Request) -> str:
    # a custom domain may put its own path in front
    return "/" + "/".join(request.path.split("/")[-2:])


def _wants_page(request: Request) -> bool:
    """Whether a person is looking: the mini program's calls and the two POSTs are answered in JSON."""
    by_program = MINI_PROGRAM_HEADER in request.headers or "flow=mini_program" in request.raw_query
    return _route_path(request) in {"/oauth/login", "/oauth/callback"} and not by_program


def _refuse(parts: Parts, request: Request, refused: RequestRefused) -> Reply:
    _log(request, refused.reason)
    if request.method == "GET" and _wants_page(request):
        message = pages.MESSAGES.get(refused.reason, pages.MESSAGES["malformed"])
        return _page(parts, request, replace(message, status=refused.status), None)
    return _json_problem(refused)


def _fail(parts: Parts, request: Request, message: pages.Message, failed: LoginFailed) -> Reply:
    if _wants_page(request):
        return _page(parts, request, message, failed.state)
    problem = f"{message.title}：{message.text}"
    return _json_problem(RequestRefused(message.status, failed.failure, problem, _retry(message)))


def _page(parts: Parts, request: Request, message: pages.Message, state: State | None) -> Reply:
    try:
        query = {"return_to": parts.origins.check(state.return_to if state else "")}
        href, action = f"{_base_url(parts, request)}/oauth/login?{urlencode(query)}", "重新登录"
    except ReturnRefused:
        href, action = parts.origins.home, "返回首页"
    body = pages.render(message, href=href, action=action)
    return {"statusCode": message.status, "headers": pages.HEADERS | _retry(message), "body": body}


def _json_problem(refused: RequestRefused) -> Reply:
    told = {"code": refused.status, "reason": refused.reason, "message": refused.message}
    return web.json_reply(refused.status, told, refused.headers)


def _retry(message: pages.Message) -> dict[str, str]:
    return _RETRY if message.status == 503 else {}


def _log(request: Request, outcome: str, member_id: str = "", cause: BaseException | None = None) -> None:
    path = _route_path(request)
    told = {"route": path if path in _ROUTES else "unknown", "outcome": outcome}
    # of the cause only its kind: its text may be about a person
    told |= ({"member_id": member_id} if member_id else {}) | (
        {"cause": clients.describe_error(cause)} if cause else {}
    )
    write = telemetry.logger.error if cause else telemetry.logger.info
    write("oauth", extra=told)


def build(environment: Settings, http: httpx.Client | None = None) -> Parts:
    """The parts for an environment; raises SettingsError, OriginMalformed or ProfileError."""
    dynamodb, table = clients.client("dynamodb"), environment.members_table
    platform = MembersPlatform(environment, members_table=table, token_key_id=environment.token_key_id, http=http)
    tokens, oauth = platform.tokens, platform.oauth
    logins = Logins(dynamodb, environment.logins_table)
    return Parts(
        signin=SignIn(environment.app_id, logins=logins, tokens=tokens, oauth=oauth, platform=platform.client),
        logins=logins,
        sessions=Sessions(dynamodb, environment.logins_table),
        accounts=Accounts(dynamodb, table),
        tokens=tokens,
        origins=ReturnOrigins(environment.return_origins),
        public_url=environment.public_url.rstrip("/"),
    )


_parts = build(settings.load(Settings))


def handler(event: object, _context: object) -> Reply:
    """Entry point for Lambda."""
    return handle(_parts, event)


cold_start.finish()
