"""A login that did not work out, as HTTP: a page for a browser, the usual error in JSON for a program."""

from dataclasses import replace
from urllib.parse import urlencode

from aws_lambda_powertools.event_handler import Response

from jiuwu.aws.http.request import HttpError

from . import pages
from .login_flow import LoginFailed
from .logins import State
from .return_to import ReturnOrigins, ReturnRefused

RETRY = {"Retry-After": "5"}


def as_error(failed: LoginFailed) -> HttpError:
    """Return what a program is told of a failed login."""
    message = pages.MESSAGES[failed.failure]
    return HttpError(message.status, failed.failure, f"{message.title}：{message.text}", headers=_retry(message))


def refused_page(refused: HttpError, origins: ReturnOrigins, base_url: str) -> Response[str]:
    """Return the page of a login link that is not as it must be."""
    message = pages.MESSAGES.get(refused.reason, pages.MESSAGES["malformed"])
    return _page(replace(message, status=refused.status), origins, base_url, None)


def failed_page(failed: LoginFailed, origins: ReturnOrigins, base_url: str) -> Response[str]:
    """Return the page of a failed login, with a button that begins another for the same return_to."""
    return _page(pages.MESSAGES[failed.failure], origins, base_url, failed.state)


def _page(message: pages.Message, origins: ReturnOrigins, base_url: str, state: State | None) -> Response[str]:
    try:
        query = {"return_to": origins.check(state.return_to if state else "")}
        href, action = f"{base_url}/oauth/login?{urlencode(query)}", "重新登录"
    except ReturnRefused:
        href, action = origins.home, "返回首页"
    body = pages.render(message, href=href, action=action)
    return Response(message.status, body=body, headers=pages.HEADERS | _retry(message))


def _retry(message: pages.Message) -> dict[str, str]:
    return RETRY if message.status == 503 else {}
