"""The deployed API behind the front door, as a browser meets it."""

import httpx
import pytest

from sandbox.environment import Sandbox

pytestmark = [
    pytest.mark.sandbox,
    pytest.mark.xdist_group("sandbox"),
    pytest.mark.timeout(300, func_only=True),
]


def allowed(reply: httpx.Response) -> str:
    return str(reply.headers.get("access-control-allow-origin", ""))


def test_only_pages_of_return_origins_may_call(sandbox: Sandbox) -> None:
    own, foreign = sandbox.api_url, "https://evil.example"
    with httpx.Client(base_url=sandbox.api_url, timeout=30) as http:
        requested = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "authorization"}
        preflights = [http.options("/points", headers=requested | {"Origin": origin}) for origin in (own, foreign)]
        replies = [http.get("/points", headers={"Origin": origin}) for origin in (own, foreign)]

    assert [(204, own), (204, "")] == [(one.status_code, allowed(one)) for one in preflights]
    assert [(401, own), (401, "")] == [(one.status_code, allowed(one)) for one in replies]


def test_the_deployed_bucket_refuses_plain_http_by_its_policy(sandbox: Sandbox) -> None:
    policy = sandbox.aws("s3").get_bucket_policy(Bucket=sandbox.stack.outputs["StatementsBucket"])["Policy"]

    assert "aws:SecureTransport" in policy
