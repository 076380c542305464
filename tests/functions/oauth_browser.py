"""A member's browser, or a mini program, in front of OAuthCallback: gateway events out, replies in, cookies kept."""

import copy
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from jiuwu.aws import settings
from tests.functions.community import Community

ROOT = Path(__file__).parents[2]
EVENT: dict[str, Any] = json.loads((ROOT / "events" / "oauth_callback.json").read_text("utf-8"))
API = "https://" + EVENT["requestContext"]["domainName"]
RETURN_TO = "https://shop.example.com/cart?from=login"
ENVIRONMENT = {
    "JIUWU_PROFILE": "jiuwu",
    "PLATFORM_URL": "https://platform.example.com",
    "LIMITS_TABLE": "lanes",
    "APP_ID": "sandbox-app",
    "RETURN_ORIGINS": "https://shop.example.com,http://127.0.0.1:8080",
    "PUBLIC_URL": "",
}

Reply = dict[str, Any]


@dataclass
class Browser:
    """Keeps cookies, unless a real browser does, and follows nothing."""

    serve: Callable[[object], Reply]
    cookies: dict[str, str] = field(default_factory=dict)
    keeps_cookies: bool = True

    def request(self, method: str, path: str, **changes: Any) -> Reply:
        event = copy.deepcopy(EVENT) | {"rawPath": path, "rawQueryString": ""} | changes
        event["requestContext"]["http"] |= {"method": method, "path": path}
        event["cookies"] = [f"{name}={value}" for name, value in self.cookies.items()]
        reply = self.serve(event)
        for cookie in reply.get("cookies", []) if self.keeps_cookies else []:
            name, _, value = cookie.partition(";")[0].partition("=")
            self.cookies[name] = value
        return reply

    def get(self, path: str, query: dict[str, str], **headers: str) -> Reply:
        return self.request("GET", path, rawQueryString=urlencode(query), headers=headers)

    def post(self, path: str, content: object = None, **headers: str) -> Reply:
        return self.request(
            "POST", path, body=json.dumps(content), headers={"content-type": "application/json"} | headers
        )

    def login(self, return_to: str = RETURN_TO) -> str:
        """The consent page's URL."""
        return str(self.get("/oauth/login", {"return_to": return_to})["headers"]["Location"])

    def callback(self, query: dict[str, str]) -> Reply:
        return self.get("/oauth/callback", query)

    def session(self, ticket: str) -> Reply:
        return self.post("/oauth/session", {"ticket": ticket})

    def unlink(self, session_token: str) -> Reply:
        return self.post("/oauth/unlink", authorization=f"Bearer {session_token}")


def browser_of(
    app: ModuleType, community: Community, environment: dict[str, str], *, keeps_cookies: bool = True
) -> Browser:
    """A browser in front of a function with this environment."""
    parts = app.build(settings.load(app.Settings, environment), community.http)
    return Browser(lambda event: app.handle(parts, event), keeps_cookies=keeps_cookies)


def ticket_in(reply: Reply) -> str:
    """The ticket of a redirect back to the shop."""
    return parse_qs(urlsplit(str(reply["headers"]["Location"])).query)["ticket"][0]


def link(browser: Browser, community: Community) -> dict[str, Any]:
    """The session of a member who logs in now."""
    back = browser.callback(community.consent(browser.login()))
    session: dict[str, Any] = json.loads(browser.session(ticket_in(back))["body"])
    return session


def button(reply: Reply) -> tuple[str, str]:
    """Where a page's one button leads, and its label."""
    found = re.findall(r'<a href="([^"]*)">([^<]*)</a>', reply["body"])
    assert len(found) == 1
    return found[0][0].replace("&amp;", "&"), found[0][1]
