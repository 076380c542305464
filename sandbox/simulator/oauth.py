"""The platform's OAuth 2.0: consent page, token endpoint (RFC 6749, PKCE) and revocation (RFC 7009)."""

import hmac
from collections.abc import Mapping
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from sandbox.simulator.gateway import Gateway
from sandbox.simulator.grants import ACCESS_SECONDS, REFRESH_SECONDS, InvalidGrant, Issued
from sandbox.simulator.members import OPEN_ID, TEST_MEMBERS, member
from sandbox.simulator.rendering import form, page
from sandbox.simulator.replies import bad_gateway, odd_reply
from sandbox.simulator.serialization import render
from sandbox.simulator.state import PlatformState

_AUTHORIZATION_FIELDS = (
    "response_type",
    "client_id",
    "redirect_uri",
    "scope",
    "state",
    "code_challenge",
    "code_challenge_method",
)


class UnsafeRedirect(Exception):
    """Not even an error may be sent to that address: RFC 6749, 4.1.2.1."""


class OAuthError(Exception):
    """An error code of RFC 6749 with its description."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


class OAuth:
    def __init__(self, state: PlatformState, gateway: Gateway) -> None:
        self._state = state
        self._gateway = gateway

    async def consent(self, request: Request) -> Response:
        authorization = {name: request.query_params.get(name, "") for name in _AUTHORIZATION_FIELDS}
        return self._refusal(authorization) or self._page(authorization)

    async def decide(self, request: Request) -> Response:
        fields = await form(request)
        authorization = {name: fields.get(name, "") for name in _AUTHORIZATION_FIELDS}
        if refusal := self._refusal(authorization):
            return refusal
        if fields.get("decision") != "allow":
            self._gateway.note("oauth.authorize", fields.get("member", ""), "access_denied")
            return _back(authorization, error="access_denied")
        open_id = fields.get("other", "").strip() or fields.get("member", "")
        if not OPEN_ID.fullmatch(open_id):
            return self._page(authorization, 400, wrong=open_id)
        self._state.member(open_id)
        challenge, scope = authorization["code_challenge"], authorization["scope"] or self._all_scopes()
        code = self._state.grants.issue_code(
            open_id, scope, authorization["redirect_uri"], challenge, self._state.now()
        )
        self._gateway.note("oauth.authorize", open_id, "ok")
        return _back(authorization, code=code)

    async def token(self, request: Request) -> Response:
        fields = await form(request)
        about = self._about(fields)
        try:
            self._check_client(fields)
            reply, outcome = await self._answer(fields, about)
        except OAuthError as error:
            reply = JSONResponse(
                {"error": error.error, "error_description": error.description}, error.status, _NO_STORE
            )
            outcome = f"{error.error}: {error.description}"
        self._gateway.note(f"oauth.token {fields.get('grant_type', '')}", about, outcome)
        return reply

    async def revoke(self, request: Request) -> Response:
        """Revoke a token; 200 also for an unknown one (RFC 7009, 2.2)."""
        fields = await form(request)
        try:
            self._check_client(fields)
        except OAuthError as error:
            return JSONResponse({"error": error.error, "error_description": error.description}, error.status)
        about, done = (
            self._about({"refresh_token": fields.get("token", "")}),
            self._state.grants.revoke(fields.get("token", "")),
        )
        if done:
            self._state.activity.count("tokens", "revoked")
        self._gateway.note("oauth.revoke", about, "ok" if done else "ok (unknown token)")
        return JSONResponse({})

    def _refusal(self, authorization: Mapping[str, str]) -> Response | None:
        try:
            self._check(authorization)
        except UnsafeRedirect as unsafe:
            return page("problem.html", 400, title="无法授权", problem=str(unsafe))
        except OAuthError as error:
            return _back(authorization, error=error.error, error_description=error.description)
        return None

    def _check(self, authorization: Mapping[str, str]) -> None:
        """Raise UnsafeRedirect, or OAuthError if the address to return to is registered."""
        if authorization["client_id"] != self._state.app.app_id:
            raise UnsafeRedirect("client_id 不是已登记的应用。")
        if authorization["redirect_uri"] not in self._state.config.redirect_uris:
            raise UnsafeRedirect("redirect_uri 没有在平台登记。它必须与登记的地址完全一致。")
        if authorization["response_type"] != "code":
            raise OAuthError("unsupported_response_type", "response_type must be code")
        if not authorization["state"]:
            raise OAuthError("invalid_request", "state is missing")
        if self._state.profile.oauth.pkce and not _has_challenge(authorization):
            raise OAuthError("invalid_request", "a code_challenge with code_challenge_method=S256 is required")
        unknown = set(self._scopes(authorization["scope"])) - set(self._state.profile.oauth.scopes)
        if unknown:
            raise OAuthError("invalid_scope", f"unknown scope: {', '.join(sorted(unknown))}")

    def _page(self, authorization: Mapping[str, str], status: int = 200, wrong: str = "") -> Response:
        members = [member(open_id, 0) for open_id in TEST_MEMBERS]
        scopes = self._scopes(authorization["scope"]) or list(self._state.profile.oauth.scopes)
        path = self._state.profile.oauth.authorize_path
        return page(
            "consent.html", status, authorization=authorization, members=members, scopes=scopes, path=path, wrong=wrong
        )

    async def _answer(self, fields: Mapping[str, str], about: str) -> tuple[Response, str]:
        fault, how = self._gateway.fault("oauth.token", about)
        if fields.get("grant_type") == "authorization_code" and fault in {"timeout", "lost_reply"}:
            fault = ""  # only the member could repair it, by logging in again
        if fault in {"rate_limited", "server_error"}:
            return _turned_away(fault), f"injected {fault}: turned away"
        if fault == "timeout":
            await self._gateway.hold()
            if how == "never_done":
                return bad_gateway(504), "injected timeout: never done"
        reply: Response = JSONResponse(self._token_reply(self._issue(fields)), headers=_NO_STORE)
        if fault == "lost_reply":
            reply = await self._gateway.lose(how, reply)
        if fault == "odd_reply":
            reply = odd_reply(reply, how)
        return reply, f"injected {fault}: {how} (ok)" if fault else "ok"

    def _issue(self, fields: Mapping[str, str]) -> Issued:
        grants, now = self._state.grants, self._state.now()
        try:
            match fields.get("grant_type"):
                case "authorization_code":
                    issued = grants.exchange(
                        fields.get("code", ""), fields.get("redirect_uri", ""), fields.get("code_verifier", ""), now
                    )
                case "refresh_token":
                    issued = grants.renew(fields.get("refresh_token", ""), now)
                case _:
                    raise OAuthError("unsupported_grant_type", "grant_type: authorization_code or refresh_token")
        except InvalidGrant as invalid:
            raise OAuthError("invalid_grant", str(invalid)) from None
        self._state.activity.count("tokens", "issued" if fields["grant_type"] == "authorization_code" else "renewed")
        return issued

    def _token_reply(self, issued: Issued) -> dict[str, object]:
        values = {
            "access_token": issued.access_token,
            "refresh_token": issued.refresh_token,
            "expires_in": ACCESS_SECONDS,
            "refresh_expires_in": REFRESH_SECONDS,
            "scope": issued.grant.scope,
            "open_id": issued.grant.open_id,
        }
        return {"token_type": "Bearer"} | render(self._state.profile.fields.token, values)

    def _check_client(self, fields: Mapping[str, str]) -> None:
        app, given = self._state.app, fields.get("client_secret", "").encode()
        fits = [hmac.compare_digest(given, secret.encode()) for secret in app.secrets]
        if fields.get("client_id") != app.app_id or not any(fits):
            raise OAuthError("invalid_client", "client_id or client_secret is wrong", 401)

    def _about(self, fields: Mapping[str, str]) -> str:
        grants = self._state.grants
        code = grants.codes.get(fields.get("code", ""))
        token = fields.get("refresh_token", "")
        access = grants.access.get(token)
        grant = grants.grants.get(access.grant_id if access else grants.refresh.get(token, 0))
        return code.open_id if code else grant.open_id if grant else ""

    def _scopes(self, text: str) -> list[str]:
        return [scope for scope in text.split(self._state.profile.oauth.scope_joiner) if scope]

    def _all_scopes(self) -> str:
        return self._state.profile.oauth.scope_joiner.join(self._state.profile.oauth.scopes)


_S256_LENGTH = 43  # of a SHA-256 in Base64 without padding: RFC 7636, 4.2
_NO_STORE = {"Cache-Control": "no-store"}


def _has_challenge(authorization: Mapping[str, str]) -> bool:
    return authorization["code_challenge_method"] == "S256" and len(authorization["code_challenge"]) == _S256_LENGTH


def _turned_away(fault: str) -> Response:
    if fault == "rate_limited":
        return JSONResponse({"error": "temporarily_unavailable"}, 429, {"Retry-After": "1"})
    return JSONResponse({"error": "server_error"}, 503)


def _back(authorization: Mapping[str, str], **answer: str) -> Response:
    query = urlencode(answer | ({"state": authorization["state"]} if authorization["state"] else {}))
    joiner = "&" if "?" in authorization["redirect_uri"] else "?"
    return RedirectResponse(authorization["redirect_uri"] + joiner + query, 302, _NO_STORE)
