"""A login's requests: what ties the callback to the one who began it.

A browser keeps a cookie. A mini program keeps no cookies: it keeps `login_secret` and brings it in a header.
"""

from aws_lambda_powertools.shared.cookies import Cookie, SameSite

from jiuwu.aws.http.errors import HttpError
from jiuwu.aws.http.request import Request

from .login_flow import Callback, SignIn
from .logins import STATE_SECONDS, Flow, is_secret, new_secret

# Chromium keeps a __Host- cookie, and sends it, on http://127.0.0.1 and http://localhost too.
COOKIE = "__Host-jiuwu_login"
MINI_PROGRAM_HEADER = "x-jiuwu-login"


class PublicAddress:
    """Where members reach this API: `public_url`, or (empty) where the request came."""

    def __init__(self, public_url: str) -> None:
        self._url = public_url.rstrip("/")

    def of_api(self, request: Request) -> str:
        """Return the URL of the API."""
        return self._url or f"https://{request.host}"

    def callback(self, request: Request) -> str:
        """Return where the platform sends members back to."""
        return self.of_api(request) + "/oauth/callback"


def shows_pages(request: Request) -> bool:
    """Return whether a browser reads the reply; a mini program takes JSON only."""
    return MINI_PROGRAM_HEADER not in request.headers and "flow=mini_program" not in request.raw_query


def read_login(request: Request) -> tuple[Flow, str]:
    """Return the flow, and return_to as sent: ReturnOrigins checks its characters. Raise HttpError."""
    query = request.query("flow", "return_to", as_sent=("return_to",))
    match query["flow"]:
        case "" | "h5":
            return "h5", query["return_to"]
        case "mini_program":
            return "mini_program", query["return_to"]
        case _:
            raise HttpError(400, "flow_unknown", "flow 应为 h5 或 mini_program", "flow")


def browser_secret(request: Request) -> str:
    """Return the secret of all tabs of this browser, so that one login does not cut off another."""
    known = request.cookies.get(COOKIE, "")
    return known if is_secret(known) else new_secret()


def browser_cookie(secret: str) -> Cookie:
    """Return the cookie that keeps the secret while the login lasts."""
    return Cookie(COOKIE, secret, path="/", max_age=STATE_SECONDS, http_only=True, same_site=SameSite.LAX_MODE)


def begin_mini_program(signin: SignIn, return_to: str, *, redirect_uri: str) -> dict[str, str | int]:
    """Begin a mini program's login; return what it needs for the next step."""
    secret = new_secret()
    state, url = signin.begin("mini_program", return_to, binding=secret, redirect_uri=redirect_uri)
    return {"authorize_url": url, "state": state, "login_secret": secret, "expires_in": STATE_SECONDS}


def read_callback(request: Request) -> Callback:
    """Return what the platform sent, with the secret of the one who began the login; raise HttpError."""
    query = request.query("state", "code", "error")
    brought = request.headers.get(MINI_PROGRAM_HEADER)
    flow: Flow = "h5" if brought is None else "mini_program"
    secret = request.cookies.get(COOKIE, "") if brought is None else brought
    return Callback(query["state"], query["code"], query["error"], flow, secret if is_secret(secret) else "")
