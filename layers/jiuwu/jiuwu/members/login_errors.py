"""A login that did not work out, as HTTP: a page for a browser, the usual error in JSON for a program."""

from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Response
from botocore.exceptions import BotoCoreError, ClientError

from jiuwu.aws.http.errors import HttpError
from jiuwu.aws.http.router import ErrorTable

from . import login_pages, reporting
from .login_flow import LoginFailed
from .logins import LoginState
from .return_to import ReturnOrigins, ReturnRefused

RETRY = {"Retry-After": "5"}


def as_pages(serve: Callable[[], Response[str]], origins: ReturnOrigins, base_url: str) -> Response[str]:
    """Return the reply of `serve`, or a page for the error that ended it; its button begins the login anew."""
    try:
        return serve()
    except (HttpError, ReturnRefused) as refused:
        reporting.refused(refused.reason)
        message = login_pages.MESSAGES.get(refused.reason, login_pages.MESSAGES["malformed"])
        status = refused.status if isinstance(refused, HttpError) else message.status
        return _page(replace(message, status=status), origins, base_url, None)
    except LoginFailed as failed:
        reporting.failed(failed)
        return _page(login_pages.MESSAGES[failed.failure], origins, base_url, failed.state)
    except (ClientError, BotoCoreError) as fault:
        reporting.failed(LoginFailed("unavailable"), fault)
        return _page(login_pages.MESSAGES["unavailable"], origins, base_url, None)


def _as_error(failed: LoginFailed) -> HttpError:
    reporting.failed(failed)
    message = login_pages.MESSAGES[failed.failure]
    return HttpError(message.status, failed.failure, f"{message.title}：{message.text}", headers=_retry(message))


def _page(
    message: login_pages.Message, origins: ReturnOrigins, base_url: str, state: LoginState | None
) -> Response[str]:
    try:
        query = {"return_to": origins.check(state.return_to if state else "")}
        href, action = f"{base_url}/oauth/login?{urlencode(query)}", "重新登录"
    except ReturnRefused:
        href, action = origins.home, "返回首页"
    body = login_pages.render(message, href=href, action=action)
    return Response(message.status, body=body, headers=login_pages.HEADERS | _retry(message))


def _retry(message: login_pages.Message) -> dict[str, str]:
    return RETRY if message.status == 503 else {}


ERRORS: ErrorTable = {
    LoginFailed: _as_error,
    ReturnRefused: lambda refused: HttpError(400, refused.reason, refused.message, "return_to"),
}
